"""What a client asks of the agent, and in which order it is turned away (public behaviour of AWS's Secrets Manager Agent, and of
its Parameters and Secrets Lambda extension, Systems Manager user guide).

GET /secretsmanager/get?secretId=…&versionId=…&versionStage=…&refreshNow=true&roleArn=…
GET /v1/SECRET-ID?…                                     the same, with the id in the path
GET /systemsmanager/parameters/get?name=…&version=…|label=…&withDecryption=true&refreshNow=true&roleArn=…
GET /ping                                               healthy, without a token

1 too many at once   429      4 method    405
2 forwarded          400      5 path      404
3 token              403      6 members   400

The extension knows neither refreshNow nor roleArn; that parameters have them too is ours.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote

SECRET: Final = "/secretsmanager/get"  # noqa: S105  # a path
BY_PATH: Final = "/v1/"
PARAMETER: Final = "/systemsmanager/parameters/get"
PING: Final = "/ping"
TOKEN_HEADERS: Final = (b"x-aws-parameters-secrets-token", b"x-vault-token")
FORWARDED: Final = b"x-forwarded-for"
OF_BOTH: Final = frozenset({"refreshNow", "roleArn"})
OF_SECRETS: Final = frozenset({"secretId", "versionId", "versionStage"}) | OF_BOTH
OF_PARAMETERS: Final = frozenset({"name", "version", "label", "withDecryption"}) | OF_BOTH
TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}
Members = Mapping[str, str]


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
    def key(self) -> tuple[object, ...]:
        """What is cached under the same name."""
        return self.secret, self.version, self.stage, self.role


@dataclass(frozen=True, slots=True)
class AskedParameter:
    """Which parameter, with its selector in the name, and through which role."""

    name: str
    decrypt: bool = False
    role: str | None = None
    refresh: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        return PARAMETER, self.name, self.decrypt, self.role


def check(headers: Mapping[bytes, bytes], token: bytes) -> None:
    """2 and 3. A request that came through somebody else's server is none of a process of this machine."""
    if FORWARDED in headers:
        raise TurnedAway(HTTPStatus.BAD_REQUEST, "Forwarded")
    if not any(hmac.compare_digest(headers.get(name, b""), token) for name in TOKEN_HEADERS):
        raise TurnedAway(HTTPStatus.FORBIDDEN, "Bad Token")


def check_method(method: str) -> None:
    """4."""
    if method != "GET":
        raise TurnedAway(HTTPStatus.METHOD_NOT_ALLOWED, "Not allowed")


def read(path: str, query: bytes) -> Asked | AskedParameter:
    """5 and 6. `path` is not decoded."""
    if path not in {SECRET, PARAMETER} and not path.startswith(BY_PATH):
        raise TurnedAway(HTTPStatus.NOT_FOUND, "Not found")
    members = dict(parse_qsl(query.decode("ascii", "replace"), keep_blank_values=True))
    if path == PARAMETER:
        return parameter(members)
    if path == SECRET:
        return secret(members, members.get("secretId"), OF_SECRETS, "missing parameter secretId")
    return secret(members, unquote(path.removeprefix(BY_PATH)), OF_SECRETS - {"secretId"}, "missing secret ID")


def secret(members: Members, named: str | None, known: frozenset[str], missing: str) -> Asked:
    check_known(members, known)
    if not named:
        raise TurnedAway(HTTPStatus.BAD_REQUEST, missing)
    return Asked(
        named,
        members.get("versionId") or None,
        members.get("versionStage") or None,
        members.get("roleArn") or None,
        truth(members, "refreshNow"),
    )


def parameter(members: Members) -> AskedParameter:
    check_known(members, OF_PARAMETERS)
    name, version, label = (members.get(one) or "" for one in ("name", "version", "label"))
    if not name:
        raise TurnedAway(HTTPStatus.BAD_REQUEST, "missing parameter name")
    if version and label:
        raise TurnedAway(HTTPStatus.BAD_REQUEST, "either version or label")
    selector = version or label
    return AskedParameter(
        f"{name}:{selector}" if selector else name,
        truth(members, "withDecryption"),
        members.get("roleArn") or None,
        truth(members, "refreshNow"),
    )


def check_known(members: Members, known: frozenset[str]) -> None:
    if unknown := sorted(set(members) - known):
        raise TurnedAway(HTTPStatus.BAD_REQUEST, f"unknown parameter: {unknown[0]}")


def truth(members: Members, name: str) -> bool:
    found = TRUTHS.get(members.get(name, "false").lower())
    if found is None:
        raise TurnedAway(HTTPStatus.BAD_REQUEST, f"invalid {name} value")
    return found
