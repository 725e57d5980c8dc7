"""The gateway over the world of tests/world.py, a recorder whose failures tests choose, and servers on loopback."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from keystead.gateway import Gateway, Peer
from keystead.services.service import Service
from keystead.trail.client import RecorderLost
from keystead.trail.promise import Receipt
from keystead.wire import model
from keystead.wire.http import Request, Response
from world import ACCOUNT, REGION, World

PEER = Peer("192.0.2.7", secure=False)
URL = "http://keystead.invalid"
TYPES = {"json": "application/x-amz-json-1.1", "query": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.now = time.time()  # botocore signs with the machine's clock
    return made


class Memory:
    """A recorder that keeps what it is given, until a test says that it is lost."""

    def __init__(self) -> None:
        self.healthy = True
        self.lost = False
        self.events: list[dict[str, Any]] = []

    async def ready(self) -> None:
        """A recorder that is not healthy does not come back here."""
        if not self.healthy:
            raise RecorderLost

    async def record(self, event: bytes) -> Receipt:
        if self.lost:
            raise RecorderLost
        self.events.append(json.loads(event))
        return Receipt(len(self.events))

    async def record_all(self, events: Sequence[bytes]) -> None:
        for event in events:
            await self.record(event)

    async def close(self) -> None: ...


class House:
    """A gateway, and requests to it signed by botocore."""

    def __init__(self, world: World, services: list[Service] | None = None) -> None:
        self.world = world
        self.recorder = Memory()
        self.gateway = Gateway(
            services or list(world.rooms.values()),
            identities=world.identities,
            recorder=self.recorder,
            feed=world.feed,
            clock=world.clock,
            regions=model.regions(),
            account=ACCOUNT,
            region=REGION,
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.recorder.events

    def request(
        self,
        service: str,
        operation: str,
        document: Mapping[str, Any] | bytes | None = None,
        *,
        credentials: Credentials | None = None,
        region: str = REGION,
        scope: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        spoken = model.load(service).protocol
        given = {"Host": urlsplit(URL).netloc, "Content-Type": TYPES[spoken], **(headers or {})}
        if spoken == "json":
            given["X-Amz-Target"] = f"{model.load(service).target_prefixes[0]}.{operation}"
            body = document if isinstance(document, bytes) else json.dumps(document or {}).encode()
        else:
            form = {"Action": operation, "Version": model.load(service).api_version, **(document or {})}
            body = document if isinstance(document, bytes) else urlencode(form).encode()
        asked = AWSRequest("POST", URL + "/", headers=given, data=body)
        SigV4Auth(credentials or self.credentials(), scope or service, region).add_auth(asked)
        return arrived(asked, body)

    def presigned(self, expires: int = 60, credentials: Credentials | None = None) -> Request:
        asked = AWSRequest("GET", f"{URL}/?Action=GetCallerIdentity&Version=2011-06-15")
        SigV4QueryAuth(credentials or self.credentials(), "sts", REGION, expires=expires).add_auth(asked)
        asked.headers["Host"] = urlsplit(URL).netloc
        return arrived(asked, b"")

    def credentials(
        self, key_id: str | None = None, secret: str | None = None, token: str | None = None
    ) -> Credentials:
        return Credentials(key_id or self.world.key_id, secret or self.world.secret, token)

    async def send(self, request: Request, peer: Peer = PEER) -> Response:
        return await self.gateway.answer(request, peer)

    async def call(self, service: str, operation: str, document: Any = None, **named: Any) -> Response:
        return await self.send(self.request(service, operation, document, **named))


def arrived(asked: AWSRequest, body: bytes) -> Request:
    parts = urlsplit(asked.url)
    headers = tuple((name.lower().encode(), str(value).encode()) for name, value in asked.headers.items())
    return Request(asked.method, (parts.path or "/").encode(), parts.query.encode(), headers, body)


@pytest.fixture
def house(world: World) -> House:
    return House(world)


@pytest.fixture
def served(world: World) -> Callable[..., House]:
    """A house with one service of the test's own functions, bound to KMS's model unless the test says otherwise."""

    def make(*functions: Any, name: str = "kms", **named: Any) -> House:
        asked = {"errors": {}, "unforeseen": "KMSInternalException", **named}
        return House(world, [Service(name=name, room=None, operations=functions, **asked)])

    return make


def code_of(response: Response) -> str:
    text = response.body.decode()
    return str(json.loads(text)["__type"]) if text.startswith("{") else text.split("<Code>")[1].split("<")[0]


@pytest.fixture(name="code_of")
def code_of_fixture() -> Callable[[Response], str]:
    return code_of
