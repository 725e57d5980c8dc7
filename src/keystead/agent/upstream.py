"""Asks the service, in threads: botocore's client waits. A session for each role that is asked through, at most twenty."""

import asyncio
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from keystead.agent.asked import Asked, AskedParameter, TurnedAway
from keystead.wire import model

MANAGER: Final = "secretsmanager"
STORE: Final = "ssm"
OWN: Final = "keystead"
SECRETS: Final = "Secrets"
PARAMETERS: Final = "Parameters"
OF_AWS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
MEMBERS: Final = ("ARN", "DataType", "LastModifiedDate", "Name", "Selector", "SourceResult", "Type", "Value", "Version")
REFERENCE: Final = "/aws/reference/"
ROLES: Final = 20
WAIT_SECONDS: Final = 240
"""Of one question about changes: long, because each is on the record of the service."""
CURRENT: Final = "AWSCURRENT"
SESSION: Final = "keystead-agent"
PASSING: Final = frozenset({"ThrottlingException", "InternalServiceError", "InternalFailure", "ServiceUnavailable"})
NAMED: Final = "keystead-agent"
"""In the userAgent, for the record and for who-holds."""
CONFIG: Final = Config(
    user_agent_extra=NAMED, connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3}
)
WAITING: Final = Config(
    user_agent_extra=NAMED,
    connect_timeout=5,
    read_timeout=WAIT_SECONDS + 20,
    retries={"mode": "standard", "total_max_attempts": 1},
    tcp_keepalive=True,
    max_pool_connections=64,
)


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
    """One version, and the answer as clients get it.

    watched  what ListChangedVersions is to be asked about, as one of its lists, `kind`; None for what it knows nothing of
    """

    version: str
    body: bytes = field(repr=False)
    kind: str = SECRETS
    watched: Mapping[str, Any] | None = None


class Upstream:
    """Endpoint, Region and credentials come from the usual AWS environment."""

    def __init__(self) -> None:
        self._session = session_of_models()
        self._sessions: dict[str | None, botocore.session.Session] = {None: self._session}
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._making = threading.Lock()
        self._endpoint: str = self._client(MANAGER, None).meta.endpoint_url

    async def fetch(self, asked: Asked | AskedParameter) -> Fetched:
        if isinstance(asked, AskedParameter):
            return await asyncio.to_thread(self._fetch_parameter, asked)
        return await asyncio.to_thread(self._fetch_secret, asked)

    async def is_current(self, asked: Asked | AskedParameter, version: str) -> bool:
        """Whether the label that was asked for is still on that version, and the secret not marked for deletion. Of a parameter
        only its value tells.
        """
        return isinstance(asked, Asked) and await asyncio.to_thread(self._is_current, asked, version)

    @property
    def tells_changes(self) -> bool:
        """Whether it is worth asking: AWS has no such operation."""
        return not (urlsplit(self._endpoint).hostname or "").endswith(OF_AWS)

    def changed(self, role: str | None, lists: Mapping[str, list[Mapping[str, Any]]], seconds: int) -> dict[str, Any]:
        """Waits in this thread for the first change, up to so many seconds. Raises Refused, Unreachable, TurnedAway."""
        return self._call(OWN, role, "list_changed_versions", {**lists, "WaitSeconds": seconds})

    def _fetch_secret(self, asked: Asked) -> Fetched:
        named = {"SecretId": asked.secret, "VersionId": asked.version, "VersionStage": asked.stage}
        answer = self._call(MANAGER, asked.role, "get_secret_value", {name: one for name, one in named.items() if one})
        answer.pop("ResponseMetadata", None)
        stage = asked.stage or (None if asked.version else CURRENT)
        watched = {"SecretId": answer["ARN"], "VersionId": answer["VersionId"]}
        return Fetched(
            answer["VersionId"],
            json.dumps(answer, default=plain).encode(),
            SECRETS,
            watched | ({"VersionStage": stage} if stage else {}),
        )

    def _fetch_parameter(self, asked: AskedParameter) -> Fetched:
        """The extension's answer is written by AWS's SDK for Go: members without a value are null, times RFC 3339."""
        answer = self._call(STORE, asked.role, "get_parameter", {"Name": asked.name, "WithDecryption": asked.decrypt})
        found = answer["Parameter"]
        at = found["LastModifiedDate"]
        shown = (
            dict.fromkeys(MEMBERS) | found | {"LastModifiedDate": at.astimezone(UTC).isoformat().replace("+00:00", "Z")}
        )
        watched = {"Name": asked.name, "Version": found["Version"], "LastModifiedDate": at}
        return Fetched(
            f"{found['Version']} {at.timestamp()}",
            json.dumps({"Parameter": shown, "ResultMetadata": {}}).encode(),
            PARAMETERS,
            None if asked.name.startswith(REFERENCE) else watched,
        )

    def _is_current(self, asked: Asked, version: str) -> bool:
        answer = self._call(MANAGER, asked.role, "describe_secret", {"SecretId": asked.secret})
        labels = answer.get("VersionIdsToStages", {}).get(version) if "DeletedDate" not in answer else None
        if asked.version is not None:
            return labels is not None and (asked.stage is None or asked.stage in labels)
        return (asked.stage or CURRENT) in (labels or ())

    def _call(self, service: str, role: str | None, operation: str, named: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client(service, role), operation)(**named)
        except ClientError as error:
            raise refused(error) from None
        except (ConnectTimeoutError, ReadTimeoutError):
            raise Unreachable(
                HTTPStatus.GATEWAY_TIMEOUT, "TimeoutError", "The service did not answer in time."
            ) from None
        except BotoCoreError:
            raise Unreachable(HTTPStatus.BAD_GATEWAY, "ConnectionError", "The service cannot be reached.") from None
        except OSError:  # of the token's file of a web identity; botocore lets it through
            raise Unreachable(HTTPStatus.BAD_GATEWAY, "CredentialsError", "The credentials cannot be read.") from None
        return answer

    def _client(self, service: str, role: str | None) -> Any:
        """Of the own service, where Secrets Manager is: the two may not be told apart by the environment."""
        with self._making:
            if (service, role) not in self._clients:
                own = {"config": WAITING, "endpoint_url": self._endpoint} if service == OWN else {"config": CONFIG}
                self._clients[service, role] = self._session_of(role).create_client(service, **own)
            return self._clients[service, role]

    def _session_of(self, role: str | None) -> botocore.session.Session:
        if role not in self._sessions:
            if len(self._sessions) > ROLES:
                raise TurnedAway(HTTPStatus.BAD_REQUEST, f"more than {ROLES} roles")
            self._sessions[role] = self._through(str(role))
        return self._sessions[role]

    def _through(self, role: str) -> botocore.session.Session:
        fetcher = AssumeRoleCredentialFetcher(
            self._session.create_client, self._session.get_credentials(), role, {"RoleSessionName": SESSION}
        )
        session = session_of_models()
        session._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # noqa: SLF001  # botocore has no other way to give a session credentials that renew themselves
        return session


def session_of_models() -> botocore.session.Session:
    """One that knows the own service besides AWS's."""
    session = botocore.session.get_session()
    session.get_component("data_loader").search_paths.insert(0, str(model.OWN))
    return session


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
