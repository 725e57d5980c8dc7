"""Keystead in a thread of the calling process, on a free loopback port."""

import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
import uvicorn
import uvloop

from keystead import server
from keystead.config import Installation, Settings
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.house import House
from keystead.install import Administrator, install, reach_of
from keystead.kept_keys import own_keys
from keystead.keyholder import setup
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.seals import FileSeal
from keystead.processes import bind
from keystead.rotator import Rotator
from keystead.scheduler import follow
from keystead.trail import setup as trail
from keystead.trail.client import LocalRecorder
from keystead.trail.signed_note import Signer

T = TypeVar("T")

START_SECONDS = 30.0


@dataclass(slots=True)
class Keystead:
    """A running Keystead, and the credentials of its first administrator.

    data  the folder with everything; deleted at the end
    """

    data: Path
    endpoint_url: str
    region: str
    account: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    _call: Callable[[Callable[[House], Coroutine[Any, Any, Any]]], Any] = field(repr=False)
    _rotator: Callable[[], Rotator] = field(repr=False)

    def client(self, service: str, credentials: Mapping[str, str] | None = None, **named: Any) -> Any:
        """A boto3 client; `credentials` as STS returns them, else the administrator's."""
        import boto3

        given = credentials or {"AccessKeyId": self.access_key_id, "SecretAccessKey": self.secret_access_key}
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=named.pop("region_name", self.region),
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
            **named,
        )

    @property
    def environment(self) -> dict[str, str]:
        """What makes the AWS CLI and any SDK come here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }

    def create_account(self) -> Administrator:
        """A further account in the same deployment."""

        async def create(house: House) -> Administrator:
            from keystead.install import new_account

            account = new_account()
            key_id, secret = await house.identities.create_account(account)
            return Administrator(account, key_id, secret)

        made: Administrator = self._call(create)
        return made

    def do_what_falls_due(self, at: float | None = None) -> None:
        """Rotations and deletions due by `at`, seconds since the epoch, as though that time had come."""

        async def due(house: House) -> None:
            await house.do_what_falls_due(at)
            await self._rotator().look(at)
            await self._rotator().dispatcher.finish()

        self._call(due)


@contextmanager
def running(region: str = "us-east-1", *, oidc_ca: str = "", **settings: Any) -> Iterator[Keystead]:
    """Install and serve until the block ends. `oidc_ca`: a file of authorities that OIDC providers may have.

    What it logs goes to standard error, unless structlog has been told otherwise: standard output is for a program's answers.
    """
    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    with tempfile.TemporaryDirectory(prefix="keystead-testing-") as folder:
        settings = {"rotations_per_second": 0, **settings}  # do_what_falls_due does all of it
        thread = _Thread(Settings(data=folder, port=0, oidc_ca=oidc_ca, **settings), region)
        thread.start()
        try:
            yield thread.started()
        finally:
            thread.stop()


class _Thread(threading.Thread):
    """The event loop of one house."""

    def __init__(self, settings: Settings, region: str) -> None:
        super().__init__(name="keystead", daemon=True)
        self._settings = settings
        self._region = region
        self._up: Future[Keystead] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._house: House | None = None
        self._serving: uvicorn.Server | None = None

    def started(self) -> Keystead:
        return self._up.result(START_SECONDS)

    def stop(self) -> None:
        if self._serving is not None:
            self._serving.should_exit = True
        self.join(START_SECONDS)

    def run(self) -> None:
        try:
            uvloop.run(self._serve())
        except BaseException as error:
            if self._up.done():
                raise
            self._up.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        folder = self._settings.folder
        administrator = await install(self._settings, region=self._region, seal=FileSeal())
        opened = setup.open(folder, FileSeal(reach_of(self._settings)))
        seeds = opened.checkpoint_seeds(trail.sealed_key(folder / "trail"))
        signer = Signer(Installation.load(folder).origin, seeds)
        database = Database.open(self._settings.database_url)
        feed = Feed(database)
        await feed.start()
        house = House.build(
            self._settings,
            database,
            feed,
            LocalKeyholder(opened, partial(own_keys, database)),
            LocalRecorder(folder / "trail", signer.sign),
            time.time,
        )
        self._house = house
        listener = bind("127.0.0.1", 0)
        self._serving = server.server(server.application(house.gateway(), house.health), stopping=house.stop_waiting)
        stop = asyncio.Event()
        port = listener.getsockname()[1]
        endpoint = f"http://127.0.0.1:{port}"
        rotator = Rotator.build(house.rotation, house.gateway(), self._settings, house.installation.node, endpoint)
        jobs = asyncio.create_task(follow((*house.jobs(self._settings), *rotator.jobs()), stop))
        self._up.set_result(
            Keystead(
                folder,
                endpoint,
                self._region,
                administrator.account,
                administrator.access_key_id,
                administrator.secret_access_key,
                self._call,
                lambda: rotator,
            )
        )
        try:
            await self._serving.serve(sockets=[listener])
        finally:
            stop.set()
            await jobs
            await rotator.close()
            await house.close()

    def _call(self, what: Callable[[House], Coroutine[Any, Any, T]]) -> T:
        if self._loop is None or self._house is None:
            raise RuntimeError("Keystead is not running")
        return asyncio.run_coroutine_threadsafe(what(self._house), self._loop).result(START_SECONDS)
