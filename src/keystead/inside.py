"""A client in the process of the house itself: the whole way of a request through the gateway, without a socket.

Keystead's own rotation functions come this way. They sign, are authenticated, authorised and recorded like every other client.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from keystead.gateway import Gateway, Peer
from keystead.rotation.api import Api, ApiRefused
from keystead.rotation.executors.work import Credentials
from keystead.wire import signing
from keystead.wire.http import Request

SERVICE: Final = "secretsmanager"
PEER: Final = Peer("secretsmanager.amazonaws.com", secure=True)
"""As AWS records what Secrets Manager does itself."""
AGENT: Final = "keystead-rotation"


@dataclass(frozen=True, slots=True)
class Inside:
    """rotation.attempt.Apis over a gateway. `clock`: seconds since the epoch."""

    gateway: Gateway
    clock: Any = field(repr=False)

    def __call__(self, credentials: Credentials, region: str) -> Api:
        return _Client(self, credentials, region)


@dataclass(frozen=True, slots=True)
class _Client:
    inside: Inside
    credentials: Credentials
    region: str

    async def __call__(self, operation: str, **members: Any) -> Mapping[str, Any]:
        body = json.dumps(members, default=lambda value: base64.b64encode(value).decode()).encode()
        headers = self._signed(f"{SERVICE}.{operation}", body) | {"user-agent": AGENT}
        request = Request("POST", b"/", b"", [(name.encode(), value.encode()) for name, value in headers.items()], body)
        response = await self.inside.gateway.answer(request, PEER)
        answer: dict[str, Any] = json.loads(response.body or b"{}")
        if response.status != 200:
            raise ApiRefused(operation, str(answer.get("__type", "InternalServiceError")).rpartition("#")[2])
        return answer

    def _signed(self, target: str, body: bytes) -> dict[str, str]:
        at, own = self.inside.clock(), self.credentials
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "host": "keystead",
            "x-amz-security-token": own.token,
            "x-amz-target": target,
        }
        key = signing.key_of(own.secret, signing.day(at), self.region, SERVICE)
        return signing.signed(
            "/",
            headers,
            body,
            at=at,
            access_key_id=own.access_key_id,
            signing_key=key,
            region=self.region,
            service=SERVICE,
        )
