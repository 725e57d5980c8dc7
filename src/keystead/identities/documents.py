"""Policy documents of identities: checked before they are kept, compiled once per text."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from keystead.access.errors import PolicyMalformed
from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.database.engine import Connection
from keystead.identities import limits
from keystead.identities.errors import PrincipalUnknown, QuotaExceeded
from keystead.identities.store import entities

COMPILED: Final = 2048
"""Texts kept compiled."""


def check(text: str, kind: Kind = Kind.IDENTITY) -> None:
    """Raises PolicyMalformed."""
    parse(text, kind)


def check_managed(text: str) -> None:
    """Raises PolicyMalformed, QuotaExceeded."""
    if limits.size(text) > limits.MANAGED[1]:
        raise QuotaExceeded(*limits.MANAGED)
    check(text)


async def check_trust(connection: Connection, text: str) -> dict[str, str]:
    """The unique ids of the users and roles that it trusts. Raises PolicyMalformed, QuotaExceeded."""
    if limits.size(text) > limits.TRUST[1]:
        raise QuotaExceeded(*limits.TRUST)
    document = parse(text, Kind.TRUST)
    try:
        return await unique_ids(connection, document.principals())
    except PrincipalUnknown as unknown:
        raise PolicyMalformed(f'Invalid principal in policy: "AWS":"{unknown.arn}"') from None


async def unique_ids(connection: Connection, principals: Iterable[str]) -> dict[str, str]:
    """User and role ARNs to unique ids; an id stands for itself, as policies that were read back may hold it.

    Raises PrincipalUnknown for the first that names nobody alive.
    """
    found: dict[str, str] = {}
    for principal in sorted(principals):
        by_name = principal.startswith("arn:")
        entity = await (entities.by_arn if by_name else entities.by_id)(connection, principal)
        if entity is None:
            raise PrincipalUnknown(principal)
        found[principal] = entity.id
    return found


async def living(connection: Connection, ids: Mapping[str, str]) -> frozenset[str]:
    """Of principals and their unique ids, those that still belong together; both are in the answer."""
    return alive(ids, await entities.arns(connection, set(ids.values())))


def alive(ids: Mapping[str, str], arns: Mapping[str, str]) -> frozenset[str]:
    """Likewise, with the ARNs that the living have now, by unique id. Who was renamed is known by the id alone."""
    kept = {who for who, unique_id in ids.items() if unique_id in arns and who in (arns[unique_id], unique_id)}
    return frozenset(kept | {ids[who] for who in kept})


@lru_cache(COMPILED)
def compiled(text: str, kind: Kind = Kind.IDENTITY) -> Policy:
    """Raises PolicyMalformed, which for a text that was checked when it was kept is a defect."""
    return compile(parse(text, kind))


@lru_cache(COMPILED)
def compiled_trust(text: str, ids: tuple[tuple[str, str], ...]) -> Policy:
    """`ids`: user and role ARNs with their unique ids. Raises PolicyMalformed, likewise."""
    return compile(parse(text, Kind.TRUST), dict(ids))


NOTHING: Final = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
"""Stands in for a policy that should be there and is not: what is not known must not widen anything."""
