"""Secrets Manager's condition keys, each computed when a policy asks for it (Service Authorization Reference)."""

from collections.abc import Callable, Mapping
from typing import Final

from keystead.access.request import Values
from keystead.secrets.secret import CURRENT, Secret

RESOURCE_TAGS: Final = ("aws:resourcetag/", "secretsmanager:resourcetag/")
REQUEST_TAG: Final = "aws:requesttag/"

Asked = Mapping[str, Values]
NOTHING: Final[Asked] = {}
CURRENT_ASKED: Final[Asked] = {"secretsmanager:versionstage": (CURRENT,)}


def one(value: str | None) -> Values | None:
    return None if value is None else (value,)


OF_SECRET: Final[Mapping[str, Callable[[Secret], Values | None]]] = {
    "secretsmanager:secretid": lambda secret: (secret.arn,),
    "secretsmanager:secretprimaryregion": lambda secret: one(secret.primary_region),
    "secretsmanager:resource/allowrotationlambdaarn": lambda secret: one(secret.rotation.function),
    "secretsmanager:resource/type": lambda secret: one(secret.type),
}
"""Present whenever the call is about a secret that is there, and the secret has it."""


class SecretContext:
    """The service's keys of one call. `asked` holds those that come from the request, in lower case."""

    __slots__ = ("_asked", "_secret")

    def __init__(self, secret: Secret | None, asked: Asked = NOTHING) -> None:
        self._secret = secret
        self._asked = asked

    def get(self, name: str, /) -> Values | None:
        if name in self._asked:
            return self._asked[name]
        if self._secret is None:
            return None
        known = OF_SECRET.get(name)
        if known is not None:
            return known(self._secret)
        for prefix in RESOURCE_TAGS:
            if name.startswith(prefix):
                return tag(self._secret, name[len(prefix) :])
        return None


def tag(secret: Secret, wanted: str) -> Values | None:
    return next(((value,) for name, value in (secret.tags or {}).items() if name.lower() == wanted), None)


def asking(**given: str | bool | int | None) -> dict[str, Values]:
    """Keys of the request by their names in AWS's reference; what was not given is absent."""
    return {f"secretsmanager:{name.lower()}": (text(value),) for name, value in given.items() if value is not None}


def text(value: str | bool | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def of_tags(tags: Mapping[str, str]) -> dict[str, Values]:
    """aws:RequestTag/… and aws:TagKeys of a request that carries tags; nothing for one that does not."""
    if not tags:
        return {}
    named: dict[str, Values] = {f"{REQUEST_TAG}{name.lower()}": (value,) for name, value in tags.items()}
    return named | {"aws:tagkeys": tuple(tags)}
