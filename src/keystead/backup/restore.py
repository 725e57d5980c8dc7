"""Makes an installation out of a backup, in an empty folder and an empty database of either kind.

1. open the seal that belongs to the backup
2. read the backup to its end: nothing is written before every chunk, row and file has been found authentic
3. in one transaction: fill the database, read it again, and compare
4. put back the logs and check them; begin a new one; then commit
5. index what the old log has beyond the snapshot
6. write keystead.json: from here on there is an installation

The log does not go on where the backup's ends. Whoever saw a later checkpoint of it would then see it fork: other records
under the same numbers, signed by the same keys. So the restored node is a new node.

    before           NODE's log    0 … M-1  M …  N-1        lost with the folder: what came after the backup, M to N-1
    after restoring  NODE's log    0 … M-1                  DATA/former/NODE, for reading; its signing keys are not in the backup
                     NEW's log     0: InstallationRestored  names NODE, M and the root of those M records
"""

import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

import msgspec

from keystead.backup.format import (
    BackupDamaged,
    End,
    File,
    Head,
    Piece,
    Record,
    Rows,
    Sum,
    Summing,
    Table,
    encode,
    opening,
    read_head,
)
from keystead.backup.logs import FORMER, TRAIL, durable, tree
from keystead.config import Installation, Settings, new_node
from keystead.database.archive import Tables
from keystead.database.engine import Database
from keystead.database.migrate import knows
from keystead.install import InstallationExists, emptied_on_failure
from keystead.keyholder.backups import Altered, OpenedSeal
from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.own_keys import CHECKPOINT
from keystead.keyholder.promise import SealedKey
from keystead.keyholder.reach import Reach
from keystead.keyholder.seals import SEAL_FILE
from keystead.keyholder.software import Software
from keystead.rooms import index_of
from keystead.trail import disk, outbox, setup, waiting_before
from keystead.trail.log import Log
from keystead.trail.signed_note import Signer
from keystead.trail.verify import Report, Verdict, verify
from keystead.unsealed import operators_event

Progress = Callable[[str], None]
SEALED_KEYS = ("sealed_keys", ("id", "purpose", "version", "blob"))


class Restored(NamedTuple):
    """records  of the old log that are in the backup; `former` is the folder that holds it"""

    installation: Installation
    made: float
    former: Path
    records: int
    rows: int


class Given(NamedTuple):
    """What the backup is opened with: a folder with the key file of a file seal, the passphrase, or the token's module."""

    folder: Path | None
    passphrase: bytes | None
    reach: Reach | None = None


async def restore(settings: Settings, source: Path, given: Given, say: Progress = lambda _: None) -> Restored:
    """Raises InstallationExists, DatabaseNotEmpty, BackupDamaged, SealNotOpened, DatabaseLost, OSError.

    What a failure leaves in the folder is removed. `source` is read twice: it must be a file.
    """
    refuse_full(settings.folder)
    with source.open("rb") as file:
        head, clear = read_head(file)
        seal = open_seal(file, head, clear, given)  # 1
        backup = Backup(file, head, clear, seal)
        if not knows(head.schema):
            raise BackupDamaged(f"The backup was made by a newer version of Keystead, {head.keystead}.")
        say("checking the backup")
        software, end = backup.check()  # 2
        os.umask(0o077)
        with emptied_on_failure(settings.folder):
            return await _restore(settings, backup, software, end, say)


def refuse_full(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise InstallationExists(folder)


def open_seal(file: BinaryIO, head: Head, clear: bytes, given: Given) -> OpenedSeal:
    """The seal in the given folder, if it has one and that opens the backup; else the backup's own.

    A seal that was replaced opens older backups for as long as it keeps their root key. Raises SealNotOpened.
    """
    place = file.tell()
    failed: SealNotOpened | None = None
    for candidate in candidates(head, given):
        file.seek(place)
        try:
            seal = candidate()
            opening(file, head, clear, seal)
        except Altered:
            failed = failed or SealNotOpened(
                "The seal opens, and not to the root key of this backup; or its head was changed."
            )
        except SealNotOpened as error:
            failed = failed or error
        else:
            return seal
    raise failed or SealNotOpened("There is no seal to open.")


def candidates(head: Head, given: Given) -> Iterator[Callable[[], OpenedSeal]]:
    yield partial(OpenedSeal.from_parts, head.seal, given.folder, given.passphrase, given.reach)
    if given.folder is not None and (given.folder / SEAL_FILE).exists():
        yield partial(OpenedSeal.of, given.folder, given.passphrase, given.reach)


class Backup(NamedTuple):
    """A file whose seal has been opened."""

    file: BinaryIO
    head: Head
    clear: bytes
    seal: OpenedSeal

    def records(self) -> Iterator[Record]:
        """From the beginning. Raises BackupDamaged."""
        self.file.seek(len(self.clear))
        try:
            return opening(self.file, self.head, self.clear, self.seal)
        except Altered:
            raise BackupDamaged("The backup was changed while it was read.") from None

    def check(self) -> tuple[Software, End]:
        """Read everything: the keyholder with the keys that were found, and the sums. Raises BackupDamaged."""
        software, keys, end = self.seal.software(), False, None
        for record in self.records():
            match record:
                case Table(name, columns):
                    keys = name == SEALED_KEYS[0]
                    places = [columns.index(column) for column in SEALED_KEYS[1]] if keys else []
                case Rows(rows) if keys:
                    found = (msgspec.msgpack.decode(row) for row in rows)
                    software.load(tuple(SealedKey(*(row[place] for place in places)) for row in found))
                case File(path):
                    safe(path)
                case End():
                    end = record
        if end is None or f"{FORMER}/{self.head.installation.node}/keystead.json" not in end.files:
            raise BackupDamaged("The backup has no log.")
        return software, end


def safe(path: str) -> PurePosixPath:
    """Nothing outside the folder of former logs. Raises BackupDamaged."""
    pure = PurePosixPath(path)
    if pure.parts[:1] != (FORMER,) or ".." in pure.parts or str(pure) != path:
        raise BackupDamaged("The backup has a file that belongs nowhere.")
    return pure


async def _restore(settings: Settings, backup: Backup, software: Software, end: End, say: Progress) -> Restored:
    data, old = settings.folder, backup.head.installation
    installation = msgspec.structs.replace(old, node=new_node())
    former = data / FORMER / old.node
    backup.seal.write(data)
    database = Database.open(settings.database_url)
    try:
        async with database.found(backup.head.schema) as connection:  # 3
            tables = await Tables.of(connection)
            await fill(tables, backup, data, say)
            say("comparing the database with the backup")
            for name, expected in end.tables.items():
                await compare(tables, name, expected)
            await tables.go_on_counting()
            say("verifying the logs")  # 4
            check_logs(data / FORMER)
            begin_log(data / TRAIL, installation, software, link(backup.head, former / TRAIL))
        await index(database, former / TRAIL, old.node)  # 5
        if backup.head.schema < waiting_before.FIRST:
            async with database.read() as connection:
                waiting_before.keep(data / TRAIL, [row.event for row in await outbox.waiting(connection)])
    finally:
        await database.close()
    installation.save(data)  # 6
    disk.sync_folder(data)
    rows = sum(one.count for one in end.tables.values())
    return Restored(installation, backup.head.made, former, durable(former / TRAIL), rows)


async def fill(tables: Tables, backup: Backup, data: Path, say: Progress) -> None:
    """Raises BackupDamaged when the backup has other tables than its schema."""
    await tables.clear()
    left = tables.columns()
    table, file = "", Placed(data)
    with file:
        for record in backup.records():
            match record:
                case Table(table, columns):
                    say(f"filling {table}")
                    if left.pop(table, None) != columns:
                        raise BackupDamaged(f"The table {table} of the backup is not one of its schema.")
                case Rows(rows):
                    await tables.add(table, [msgspec.msgpack.decode(row) for row in rows])
                case File(path):
                    file.begin(safe(path))
                case Piece(piece):
                    file.write(piece)
    if left:
        raise BackupDamaged(f"The backup lacks the table {next(iter(left))}.")


class Placed:
    """Writes files one after another; each is read-only and on the disk before the next is begun."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._file: BinaryIO | None = None

    def begin(self, path: PurePosixPath) -> None:
        self._finish()
        placed = self._data / path
        for folder in reversed(path.parents[:-1]):
            (self._data / folder).mkdir(mode=0o700, exist_ok=True)
        self._file = os.fdopen(os.open(placed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400), "wb")

    def write(self, data: bytes) -> None:
        if self._file is None:
            raise BackupDamaged("The backup has a piece of no file.")
        self._file.write(data)

    def _finish(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def __enter__(self) -> None:
        """Nothing is open yet."""

    def __exit__(self, *_: object) -> None:
        self._finish()
        for folder in (self._data / FORMER, *(self._data / FORMER).rglob("*/")):
            disk.sync_folder(folder)


async def compare(tables: Tables, name: str, expected: Sum) -> None:
    """Raises BackupDamaged when the database does not hold what it was given."""
    summing = Summing()
    async for page in tables.pages(name):
        for row in page:
            summing.add(encode(row), 1)
    if summing.sum() != expected:
        raise BackupDamaged(f"The database does not give back the table {name} as it was given.")


def check_logs(folder: Path) -> None:
    """Raises BackupDamaged."""
    for former in sorted(folder.iterdir()):
        check_log(former / TRAIL)


def check_log(folder: Path) -> None:
    """Raises BackupDamaged unless the log is proven, or has nothing that could be."""
    report = verify(folder)
    if report.verdict is Verdict.PROVEN or (report.verdict is Verdict.UNCHECKED and never_signed(report)):
        return
    raise BackupDamaged(f"The log in {folder} does not verify: {'; '.join(report.findings)}")


def never_signed(report: Report) -> bool:
    """A node that was not served for as long as its first checkpoint takes."""
    return report.checkpoints == 0 and len(report.findings) == 1 and bool(report.keys)


def link(head: Head, former: Path) -> dict[str, object]:
    """What ties the new log to the one before: whoever holds a later checkpoint of that one sees what is missing."""
    size = durable(former)
    return {
        "backup": head.id,
        "backupMade": head.made,
        "formerLog": head.installation.origin,
        "formerSize": size,
        "formerRoot": b64encode(tree(former, size)).decode(),
    }


def begin_log(folder: Path, installation: Installation, software: Software, details: Mapping[str, object]) -> None:
    """A log with keys of its own, whose first record is signed: where it comes from."""
    checkpoint = software.make(CHECKPOINT, 1)
    seeds = software.checkpoint_seeds(checkpoint)
    setup.create(folder, installation.origin, checkpoint, seeds)
    log = Log(folder, partial(operators_event, installation))
    try:
        log.note("InstallationRestored", details)
        log.checkpoint(Signer(installation.origin, seeds).sign)
    finally:
        log.close()
    check_log(folder)


async def index(database: Database, folder: Path, node: str) -> None:
    """What was recorded between the last indexing before the snapshot and the end of the log in the backup."""
    following = index_of(database, folder, node)
    try:
        await following.follow()
    finally:
        following.close()
