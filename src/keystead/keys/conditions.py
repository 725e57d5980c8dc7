"""KMS's condition keys, each computed when a policy asks for it (KMS developer guide, condition keys)."""

from collections.abc import Callable, Mapping
from typing import Final

from keystead.access.request import Values
from keystead.identities.call import Call
from keystead.keys.key import Key

CONTEXT: Final = "kms:encryptioncontext:"
RESOURCE_TAG: Final = "aws:resourcetag/"
REQUEST_TAG: Final = "aws:requesttag/"


def truth(value: bool) -> Values:
    return ("true",) if value else ("false",)


OF_KEY: Final[Mapping[str, Callable[[Key], Values | None]]] = {
    "kms:keyspec": lambda key: (key.spec,),
    "kms:customermasterkeyspec": lambda key: (key.spec,),
    "kms:keyusage": lambda key: (key.usage,),
    "kms:customermasterkeyusage": lambda key: (key.usage,),
    "kms:keyorigin": lambda key: (key.origin,),
    "kms:multiregion": lambda key: truth(key.multi_region),
    "kms:multiregionkeytype": lambda key: (key.multi_region_type,) if key.multi_region_type else None,
    "kms:resourcealiases": lambda key: key.aliases,
}
"""Present whenever the call is about a key."""


class KeyContext:
    """The service's keys of one call. `asked` holds those that come from the request, in lower case."""

    __slots__ = ("_asked", "_call", "_context", "_key")

    def __init__(
        self,
        call: Call,
        key: Key | None,
        context: Mapping[str, str] | None = None,
        asked: Mapping[str, Values] | None = None,
    ) -> None:
        self._call = call
        self._key = key
        self._context = context
        self._asked = asked

    def get(self, name: str, /) -> Values | None:
        if self._asked is not None and name in self._asked:
            return self._asked[name]
        if name == "kms:calleraccount":
            return (self._call.account,)
        if name == "kms:viaservice":
            return None if self._call.via is None else (self._call.via,)
        if name.startswith("kms:encryptioncontext"):
            return self._of_context(name)
        if self._key is None:
            return None
        known = OF_KEY.get(name)
        if known is not None:
            return known(self._key)
        if name.startswith(RESOURCE_TAG):
            return self._tag(name[len(RESOURCE_TAG) :])
        return None

    def _of_context(self, name: str) -> Values | None:
        """Keys fold their case; several that fold together give all their values."""
        if self._context is None:
            return None
        if name == "kms:encryptioncontextkeys":
            return tuple(self._context) or None
        wanted = name[len(CONTEXT) :]
        return tuple(value for key, value in self._context.items() if key.lower() == wanted) or None

    def _tag(self, wanted: str) -> Values | None:
        if self._key is None:
            return None
        return next(((value,) for name, value in self._key.tags.items() if name.lower() == wanted), None)


def of_tags(tags: Mapping[str, str]) -> dict[str, Values]:
    """aws:RequestTag/… and aws:TagKeys of a request that carries tags; nothing for one that does not."""
    if not tags:
        return {}
    named: dict[str, Values] = {f"{REQUEST_TAG}{name.lower()}": (value,) for name, value in tags.items()}
    return named | {"aws:tagkeys": tuple(tags)}
