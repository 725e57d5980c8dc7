"""What a client asks of the agent, and in which order it is turned away (public behaviour of AWS's Secrets Manager Agent).

GET /secretsmanager/get?secretId=…&versionId=…&versionStage=…&refreshNow=true&roleArn=…
GET /v1/SECRET-ID?…           the same, with the id in the path
GET /ping                     healthy, without a token

1 too many at once   429      4 method    405
2 forwarded          400      5 path      404
3 token              403      6 members   400
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote

PATH: Final = "/secretsmanager/get"
BY_PATH: Final = "/v1/"
PING: Final = "/ping"
TOKEN_HEADERS: Final = (b"x-aws-parameters-secrets-token", b"x-vault-token")
FORWARDED: Final = b"x-forwarded-for"
MEMBERS: Final = frozenset({"secretId", "versionId", "versionStage", "refreshNow", "roleArn"})
TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}


class TurnedAway(Exception):
    """An answer that is no secret."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Asked:
    """Which version of which secret, and through which role."""

    secret: str
    version: str | None = None
    stage: str | None = None
    role: str | None = None
    refresh: bool = False

    @property
    def key(self) -> tuple[str, str | None, str | None, str | None]:
        """What is cached under the same name."""
        return self.secret, self.version, self.stage, self.role


def check(headers: Mapping[bytes, bytes], token: bytes) -> None:
    """2 and 3. A request that came through somebody else's server is none of a process of this machine."""
    if FORWARDED in headers:
        raise TurnedAway(HTTPStatus.BAD_REQUEST, "Forwarded")
    given = next((headers[name] for name in TOKEN_HEADERS if name in headers), b"")
    if not hmac.compare_digest(given, token):
        raise TurnedAway(HTTPStatus.FORBIDDEN, "Bad Token")


def read(method: str, path: str, query: bytes) -> Asked:
    """4 to 6. `path` is not decoded."""
    if method != "GET":
        raise TurnedAway(HTTPStatus.METHOD_NOT_ALLOWED, "Not allowed")
    if path != PATH and not path.startswith(BY_PATH):
        raise TurnedAway(HTTPStatus.NOT_FOUND, "Not found")
    members = dict(parse_qsl(query.decode("ascii", "replace"), keep_blank_values=True))
    if unknown := sorted(set(members) - MEMBERS):
        raise TurnedAway(HTTPStatus.BAD_REQUEST, f"unknown parameter: {unknown[0]}")
    secret = members.get("secretId") if path == PATH else unquote(path.removeprefix(BY_PATH))
    if not secret:
        raise TurnedAway(HTTPStatus.BAD_REQUEST, "missing parameter secretId")
    refresh = TRUTHS.get(members.get("refreshNow", "false").lower())
    if refresh is None:
        raise TurnedAway(HTTPStatus.BAD_REQUEST, "invalid refreshNow value")
    return Asked(
        secret,
        members.get("versionId") or None,
        members.get("versionStage") or None,
        members.get("roleArn") or None,
        refresh,
    )
