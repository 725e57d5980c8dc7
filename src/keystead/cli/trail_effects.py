"""What `keystead trail verify` compares with the database: its moment, and the logs that there are of its nodes."""

import asyncio
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from keystead.backup.logs import FORMER, TRAIL
from keystead.cli.output import fail
from keystead.config import Installation, Settings
from keystead.database.engine import Database
from keystead.database.errors import DatabaseLost
from keystead.effects.accounts import Accounts, Shown, Told, settle, show
from keystead.keyholder.errors import HsmLost, SealNotOpened, TokenInvalid
from keystead.keyholder.local import LocalKeyholder
from keystead.trail import outbox, waiting_before
from keystead.trail.outbox import Waiting
from keystead.trail.records import Stored
from keystead.trail.verify import Verdict
from keystead.unsealed import unsealed

LogOption = Annotated[
    list[Path] | None,
    typer.Option(help="Data folder of another node of this installation, or a copy: what its log tells counts too."),
]
UNREADABLE: Final = "the database could not be read: what it shows was not held against the records"


class Unread(NamedTuple):
    """Where there should be a database."""

    def see(self, stored: Stored) -> None:
        """To no avail."""

    def told(self, folder: Path) -> Told:  # noqa: ARG002  # as Effects has it
        return Told(0, 0, (), (), (), (UNREADABLE,))


def effects(settings: Settings, elsewhere: Sequence[Path]) -> Accounts | Unread | None:
    """None where this is no installation with a database, but a log alone, or that of a former node in a restored folder."""
    try:
        own = Installation.load(settings.folder).node
    except FileNotFoundError:
        return None
    if not there_is_a_database(settings):
        return None
    former = settings.folder / FORMER
    folders = [*(sorted(former.iterdir()) if former.is_dir() else ()), *elsewhere]
    others = {node_of(folder): folder / TRAIL for folder in folders}
    shown = asyncio.run(from_database(settings, own, others))
    if shown is None:
        return Unread()
    whole = settings.folder.parent.name != FORMER
    return Accounts(shown, [*others.items()], settle(settings.folder / TRAIL), whole=whole)


def node_of(folder: Path) -> str:
    try:
        return Installation.load(folder).node
    except FileNotFoundError:
        fail(f"{folder} is no data folder: it has no keystead.json.", Verdict.UNCHECKED)


def there_is_a_database(settings: Settings) -> bool:
    """A file that is missing would be made."""
    kind, _, path = settings.database_url.partition(":///")
    return not kind.startswith("sqlite") or Path(path).exists()


async def judged(settings: Settings, rows: Sequence[Waiting]) -> list[bool] | None:
    """None where the seal cannot be opened from here."""
    before = waiting_before.load(settings.folder / TRAIL)
    try:
        async with unsealed(settings) as opened:
            keyholder = LocalKeyholder(opened.software)
            return [
                await outbox.is_vouched(keyholder, row.event, row.proof)
                or (row.proof is None and outbox.digest(row.event) in before)
                for row in rows
            ]
    except (SealNotOpened, HsmLost, TokenInvalid, FileNotFoundError):
        return None


async def from_database(settings: Settings, own: str, here: Collection[str]) -> Shown | None:
    """None where it cannot be asked."""
    try:
        async with Database.opened(settings.database_url) as database:
            return await show(database, own, here, partial(judged, settings))
    except DatabaseLost:
        return None
