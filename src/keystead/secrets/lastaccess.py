"""The day a secret, and each version of it, was last read: folded in from the trail, never written on a call's way.

AWS keeps the day and not the time (Secrets Manager API reference, LastAccessedDate), so that most reads change nothing here.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import or_, select, update

from keystead.database.engine import Transaction
from keystead.secrets.names import ARN, WHOLE
from keystead.secrets.secret import DAY
from keystead.secrets.store import KIND, secrets, versions
from keystead.trail.uses import DESCRIBED, Read

REMEMBERED: Final = 100_000

Day = tuple[str, str, float]
"""Secret's ARN, version, start of the UTC day."""


class LastAccess:
    """Of one process, which remembers what it has found in the database already: a day is looked at twice at most."""

    def __init__(self) -> None:
        self._known: set[Day] = set()

    async def fold(self, tx: Transaction, reads: Sequence[Read]) -> None:
        """The newest day wins, whatever the order they come in. What is gone meanwhile is not missed."""
        days = {
            (read.secret_arn, read.version_id, read.at // DAY * DAY) for read in reads if read.operation != DESCRIBED
        }
        for day in sorted(days - self._known):
            if not await moved(tx, day):
                self._remember(day)

    def _remember(self, day: Day) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known.add(day)


async def moved(tx: Transaction, day: Day) -> bool:
    """Whether there was something to write, which counts only once it is committed."""
    arn, version, at = day
    found = ARN.fullmatch(arn)
    whole = WHOLE.fullmatch(found[4]) if found else None
    if found is None or whole is None:
        return False
    place = {"account": found[3], "region": found[2], "name": whole[1], "suffix": whole[2]}
    secret_id: int | None = (await tx.execute(select(secrets.c.id).filter_by(**place))).scalar()
    if secret_id is None:
        return False
    this = (versions.c.secret_id == secret_id) & (versions.c.id == version)
    older = or_(versions.c.accessed_on.is_(None), versions.c.accessed_on < at)
    if (await tx.execute(update(versions).where(this, older).values(accessed_on=at))).rowcount == 0:
        return False
    earlier = secrets.c.accessed_on < at
    if (await tx.execute(update(secrets).where(secrets.c.id == secret_id, earlier).values(accessed_on=at))).rowcount:
        tx.changed(KIND, str(secret_id))
    return True
