"""What was in force when some records were made: the records that put it, up to the last of those.

1. of the keys and secrets that they name: policies and grants
2. of the users and roles whose calls they are, or that were asked for: identity and trust policies, boundaries, the groups that they were
   put into and those groups' policies, and every version of the managed policies that were attached    whose_policies.py

A policy is in force from the record that put it until the next. That none is left out is as little shown as of the records asked for.
Policies that are shipped with Keystead have no record: they are the same everywhere (identities/aws_managed.py).
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from keystead.database.engine import Database
from keystead.trail import whose_policies
from keystead.trail.search import LATEST, Found, Sought, scan, search

CHANGES: Final = (
    "CreateKey", "ReplicateKey", "PutKeyPolicy", "CreateGrant", "RetireGrant", "RevokeGrant",       # facts/trail.md 3
    "CreateSecret", "PutResourcePolicy", "DeleteResourcePolicy",
)  # fmt: skip  # a table
NAMED: Final = frozenset({"AWS::KMS::Key", "AWS::SecretsManager::Secret"})


def resources(found: Collection[Found]) -> set[str]:
    return {name for one in found for kind, name in one.seen.named() if kind in NAMED}


def last(found: Collection[Found], asked: Sought) -> int:
    """Seconds since the epoch. Where nothing was found of a principal, what it might have done is asked up to the end."""
    return max((one.at for one in found), default=min(asked.until, LATEST))


async def indexed(database: Database, found: Collection[Found], asked: Sought = Sought()) -> list[Found]:  # noqa: B008  # frozen
    """`asked`: what the records were found by. Raises DatabaseLost."""
    names, people, until = resources(found), whose_policies.people(found, asked.principal), last(found, asked)
    changes = [*(CHANGES if names else ()), *(whose_policies.CHANGES if people else ())]
    every = [one for change in changes async for one in search(database, Sought(name=change, until=until))]
    return picked(every, names, people)


def scanned(folder: Path, found: Collection[Found], node: str, asked: Sought = Sought()) -> list[Found]:  # noqa: B008  # frozen
    """Raises LogDamaged."""
    names, people, until = resources(found), whose_policies.people(found, asked.principal), last(found, asked)
    if not names and not people:
        return []
    wanted = {*CHANGES, *whose_policies.CHANGES}
    return picked(
        [one for one in scan(folder, Sought(until=until), node) if one.seen.event_name in wanted], names, people
    )


def picked(every: Collection[Found], names: Collection[str], people: Collection[whose_policies.Subject]) -> list[Found]:
    of_resources = [
        one
        for one in every
        if one.seen.event_name in CHANGES and not {name for _, name in one.seen.named()}.isdisjoint(names)
    ]
    return [*of_resources, *whose_policies.of(every, people)]
