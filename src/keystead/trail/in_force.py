"""The policies and grants of the keys and secrets that some records name: the records that made them, up to the last of those.

A policy is in force from the record that put it until the next. That none is left out is as little shown as of the records asked for.
Identity policies are not among them: they hang on users and roles, and `keystead why` explains them.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from keystead.database.engine import Database
from keystead.trail.search import Found, Sought, scan, search

CHANGES: Final = (
    "CreateKey", "ReplicateKey", "PutKeyPolicy", "CreateGrant", "RetireGrant", "RevokeGrant",       # facts/trail.md 3
    "CreateSecret", "PutResourcePolicy", "DeleteResourcePolicy",
)  # fmt: skip  # a table
NAMED: Final = frozenset({"AWS::KMS::Key", "AWS::SecretsManager::Secret"})


def resources(found: Collection[Found]) -> set[str]:
    return {name for one in found for kind, name in one.seen.named() if kind in NAMED}


async def indexed(database: Database, found: Collection[Found]) -> list[Found]:
    """Raises DatabaseLost."""
    names, until = resources(found), max((one.at for one in found), default=0)
    return [
        one
        for change in (CHANGES if names else ())
        async for one in search(database, Sought(name=change, until=until))
        if names.intersection(name for _, name in one.seen.named())
    ]


def scanned(folder: Path, found: Collection[Found], node: str) -> list[Found]:
    """Raises LogDamaged."""
    names, until = resources(found), max((one.at for one in found), default=0)
    if not names:
        return []
    return [
        one
        for one in scan(folder, Sought(until=until), node)
        if one.seen.event_name in CHANGES and names.intersection(name for _, name in one.seen.named())
    ]
