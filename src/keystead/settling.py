"""An operator answers for what no record made, on the record: what a process that was killed did and could not record any more.

It says so and no more: whoever checks the log sees who answered for what, and may ask why.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

from keystead.config import Settings
from keystead.effects.accounts import SETTLED, called
from keystead.effects.ledger import Finding
from keystead.trail import outbox
from keystead.trail.outbox import Waiting
from keystead.unsealed import unsealed

T = TypeVar("T")

AT_ONCE: Final = 100
"""Findings of one event, which is bounded (trail/event.py)."""
TEXT: Final = 512


async def settle(settings: Settings, found: Sequence[Finding], forged: Sequence[Waiting] = ()) -> None:
    """A node that serves records it; a stopped one when it starts. What was forged goes. Raises what unsealed raises."""
    async with unsealed(settings) as opened, opened.database.write("operator", announced=False) as tx:
        for some in batches(found):
            await opened.note(tx, SETTLED, {"settled": [[*one.slot, one.value, one.text[:TEXT]] for one in some]})
        for rows in batches(forged):
            named = [[one.seq, called(one), outbox.digest(one.event).hex()] for one in rows]
            await opened.note(tx, SETTLED, {"notRecorded": named})
            await outbox.drop(tx, rows)


def batches(found: Sequence[T]) -> list[Sequence[T]]:
    return [found[first : first + AT_ONCE] for first in range(0, len(found), AT_ONCE)]
