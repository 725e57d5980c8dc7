"""Asks the service, in threads: botocore's client waits. One client for each role that is asked through, at most twenty."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from keystead.agent.asked import Asked, TurnedAway

ROLES: Final = 20
CURRENT: Final = "AWSCURRENT"
SESSION: Final = "keystead-agent"
PASSING: Final = frozenset({"ThrottlingException", "InternalServiceError", "InternalFailure", "ServiceUnavailable"})
CONFIG: Final = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})


class Refused(Exception):
    """The service's own answer: its status, code and text, which hold no value."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(code)
        self.status = status
        self.body = json.dumps({"__type": code, "message": text}).encode()


class Unreachable(Refused):
    """Nobody answers just now, or with a failure that may pass."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One version, and the answer as clients get it."""

    version: str
    body: bytes = field(repr=False)


class Upstream:
    """Endpoint, Region and credentials come from the usual AWS environment."""

    def __init__(self) -> None:
        self._session = botocore.session.get_session()
        self._clients: dict[str | None, Any] = {None: self._session.create_client("secretsmanager", config=CONFIG)}

    async def fetch(self, asked: Asked) -> Fetched:
        return await asyncio.to_thread(self._fetch, asked)

    async def is_current(self, asked: Asked, version: str) -> bool:
        """Whether the label that was asked for is still on that version."""
        return await asyncio.to_thread(self._is_current, asked, version)

    def _fetch(self, asked: Asked) -> Fetched:
        named = {"SecretId": asked.secret, "VersionId": asked.version, "VersionStage": asked.stage}
        answer = self._call(asked.role, "get_secret_value", {name: one for name, one in named.items() if one})
        answer.pop("ResponseMetadata", None)
        return Fetched(answer["VersionId"], json.dumps(answer, default=plain).encode())

    def _is_current(self, asked: Asked, version: str) -> bool:
        answer = self._call(asked.role, "describe_secret", {"SecretId": asked.secret})
        labels = answer.get("VersionIdsToStages", {}).get(version)
        if asked.version is not None:
            return labels is not None and (asked.stage is None or asked.stage in labels)
        return (asked.stage or CURRENT) in (labels or ())

    def _call(self, role: str | None, operation: str, named: dict[str, str]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client(role), operation)(**named)
        except ClientError as error:
            raise refused(error) from None
        except (ConnectTimeoutError, ReadTimeoutError):
            raise Unreachable(
                HTTPStatus.GATEWAY_TIMEOUT, "TimeoutError", "The service did not answer in time."
            ) from None
        except BotoCoreError:
            raise Unreachable(HTTPStatus.BAD_GATEWAY, "ConnectionError", "The service cannot be reached.") from None
        return answer

    def _client(self, role: str | None) -> Any:
        if role not in self._clients:
            if len(self._clients) > ROLES:
                raise TurnedAway(HTTPStatus.BAD_REQUEST, f"more than {ROLES} roles")
            self._clients[role] = self._through(str(role))
        return self._clients[role]

    def _through(self, role: str) -> Any:
        fetcher = AssumeRoleCredentialFetcher(
            self._session.create_client, self._session.get_credentials(), role, {"RoleSessionName": SESSION}
        )
        session = botocore.session.get_session()
        session._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # noqa: SLF001  # botocore has no other way to give a session credentials that renew themselves
        return session.create_client("secretsmanager", config=CONFIG)


def refused(error: ClientError) -> Refused:
    status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if error.operation_name == "AssumeRole" and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Refused(HTTPStatus.FORBIDDEN, code, text)
    passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or code in PASSING
    return (Unreachable if passing else Refused)(status, code, text)


def plain(value: object) -> str:
    """AWS's agent gives times as seconds, in a string, and bytes as base64."""
    import base64

    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(stamp(value))


def stamp(value: object) -> float:
    if not isinstance(value, datetime):
        raise TypeError(type(value).__name__)
    return value.timestamp()
