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
from keystead.wire.signing import signed

SERVICE: Final = "secretsmanager"
PEER: Final = Peer("secretsmanager.amazonaws.com", secure=True)
"""As AWS records what Secrets Manager does itself."""
AGENT: Final = b"keystead-rotation"


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
        request = signed(
            f"{SERVICE}.{operation}".encode(),
            json.dumps(members, default=lambda value: base64.b64encode(value).decode()).encode(),
            access_key_id=self.credentials.access_key_id,
            secret=self.credentials.secret,
            token=self.credentials.token,
            region=self.region,
            service=SERVICE,
            host=b"keystead",
            agent=AGENT,
            now=self.inside.clock(),
        )
        response = await self.inside.gateway.answer(request, PEER)
        answer: dict[str, Any] = json.loads(response.body or b"{}")
        if response.status != 200:
            raise ApiRefused(operation, str(answer.get("__type", "InternalServiceError")).rpartition("#")[2])
        return answer
