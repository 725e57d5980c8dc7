"""What is known of the condition keys of a request that nobody has made yet: who would make it, of what, and when.

    known      who the principal is, its tags, the resource and its tags, the moment, what no request has
    a few      what credentials of a principal may differ in: Bool keys, aliases that the request may name
    open       where the caller would be, over what, and what it would send along

Tags that a session may bring are open. There is no MFA, so nobody has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from keystead.access.condition_keys import is_known
from keystead.access.possible import MAYBE, THERE, Look, Unknown
from keystead.access.request import Principal, Values
from keystead.explain.holders import Holder, Tags
from keystead.identities.conditions import ABSENT, PRINCIPAL_TAG, given, instant, truth

Known = Values | Unknown | None

OF_PRINCIPAL: Final = frozenset(
    {
        "aws:principalarn", "aws:principaltype", "aws:userid", "aws:username", "aws:sourceidentity",
        "aws:tokenissuetime", "aws:multifactorauthpresent", "aws:federatedprovider",
    }
)  # fmt: skip
"""Keys that differ between principals, beside their tags."""
EITHER: Final = Unknown(there=True, among=(("true",), ("false",)))
NO_MFA: Final = Unknown(among=(None, ("false",)))
"""Absent with long-term keys, false with temporary ones."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What a request would be about.

    tags      None: not known
    asked     keys that the request may have, beyond the global ones; of others it has none
    """

    account: str
    region: str
    tags: Tags | None
    keys: Callable[[str], Known]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a request would come.

    at        seconds since the epoch
    via       DNS name of the service that forwards it; None: the caller itself asks
    anyhow    the caller itself, or through whatever service
    """

    at: float
    via: str | None = None
    anyhow: bool = False


def look(holder: Holder, resource: Resource, manner: Manner) -> Look:
    """Answers for one principal. What the resource's service knows goes by `resource.keys`."""
    known = {**of_manner(manner), **of_principal(holder, manner)}
    return finding(known, resource, lambda tag: principal_tag(holder, tag))


def look_at_stranger(principal: Principal, resource: Resource, manner: Manner) -> Look:
    """Likewise, of somebody of whom no more is known than its name."""
    known: dict[str, Known] = {**of_manner(manner), **dict.fromkeys(OF_PRINCIPAL, MAYBE)}
    account: Known = MAYBE if principal.account == "*" else (principal.account,)
    known |= {"aws:principalaccount": account, "kms:calleraccount": account}
    if principal.entity_arn:
        known["aws:principalarn"] = (principal.entity_arn,)
    return finding(known, resource, lambda _: MAYBE)


def finding(known: dict[str, Known], resource: Resource, tag: Callable[[str], Known]) -> Look:
    known["aws:requestedregion"] = (resource.region,)
    known["aws:resourceaccount"] = (resource.account,)

    def find(key: str) -> Known:
        if key in known:
            return known[key]
        if key.startswith(PRINCIPAL_TAG):
            return tag(key[len(PRINCIPAL_TAG) :])
        if key in ABSENT or not is_known(key):
            return None
        if key.startswith("aws:resourcetag/"):
            return of_tags(resource.tags, key.partition("/")[2])
        return resource.keys(key)

    return find


def of_manner(manner: Manner) -> dict[str, Known]:
    known: dict[str, Known] = {
        "aws:currenttime": (instant(manner.at),),
        "aws:epochtime": (str(int(manner.at)),),
        "aws:securetransport": EITHER,
        "aws:principalisawsservice": truth(False),
        "aws:viaawsservice": EITHER if manner.anyhow else truth(manner.via is not None),
        "kms:viaservice": MAYBE if manner.anyhow else given(manner.via),
        "aws:sourceip": THERE,
        "aws:useragent": THERE,
    }
    if manner.via is not None:  # identities.call.forward
        through = f"{manner.via.partition('.')[0]}.amazonaws.com"
        known |= {"aws:sourceip": (through,), "aws:useragent": (through,)}
    return known


def of_principal(holder: Holder, manner: Manner) -> dict[str, Known]:
    principal = holder.principal
    known: dict[str, Known] = {
        "aws:principalarn": (principal.entity_arn,),
        "aws:principalaccount": (principal.account,),
        "aws:principaltype": (principal.kind.value,),
        "kms:calleraccount": (principal.account,),
        "aws:multifactorauthpresent": ("false",) if manner.via is not None or holder.is_role else NO_MFA,
    }
    if holder.is_role:
        return known | {
            "aws:userid": THERE,
            "aws:username": None,
            "aws:sourceidentity": MAYBE,
            "aws:tokenissuetime": THERE,
            "aws:federatedprovider": MAYBE,
        }
    return known | {
        "aws:userid": (principal.unique_id,),
        "aws:username": (holder.entity.name,),
        "aws:sourceidentity": None,
        "aws:tokenissuetime": MAYBE,
        "aws:federatedprovider": None,
    }


def principal_tag(holder: Holder, key: str) -> Known:
    """A session's own tags stand over the role's."""
    if holder.tags is None:
        return MAYBE
    if holder.is_role:
        return THERE if key in holder.tags else MAYBE
    return of_tags(holder.tags, key)


def of_tags(tags: Tags | None, key: str) -> Known:
    """Expects the key folded, and folded keys."""
    if tags is None:
        return MAYBE
    found = tags.get(key)
    return None if found is None else (found,)


def folded(tags: Mapping[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in tags.items()}


def nothing(_: str) -> Known:
    """Of a request with no keys but the global ones."""
    return None


def anything(_: str) -> Known:
    """Of a request that may have any."""
    return MAYBE
