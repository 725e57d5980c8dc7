"""An operator answers for what no record made, on the record: what a process that was killed did and could not record any more.

It says so and no more: whoever checks the log sees who answered for what, and may ask why.
"""

from collections.abc import Sequence
from typing import Final

from keystead.config import Installation, Settings
from keystead.database.engine import Database
from keystead.effects.accounts import SETTLED
from keystead.effects.ledger import Finding
from keystead.trail import outbox
from keystead.unsealed import operators_event

AT_ONCE: Final = 100
"""Findings of one event, which is bounded (trail/event.py)."""
TEXT: Final = 512


async def settle(settings: Settings, found: Sequence[Finding]) -> None:
    """A node that serves records it; a stopped one when it starts. Raises FileNotFoundError, DatabaseLost."""
    installation = Installation.load(settings.folder)
    database = Database.open(settings.database_url)
    try:
        async with database.write("operator", announced=False) as tx:
            for some in batches(found):
                details = {"settled": [[*one.slot, one.value, one.text[:TEXT]] for one in some]}
                await outbox.put(tx, operators_event(installation, SETTLED, details, at=tx.at))
    finally:
        await database.close()


def batches(found: Sequence[Finding]) -> list[Sequence[Finding]]:
    return [found[first : first + AT_ONCE] for first in range(0, len(found), AT_ONCE)]
