"""Makes a backup, also while nodes serve: everything in the database at one moment, then the log, which is never behind it.

1. open the seal, and read the database in one snapshot
2. copy the log up to its durable mark: it has every record that the snapshot's index knows, and those of what came after
3. put the act on the record
4. give the file its name, once it is on the disk
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from keystead import __version__
from keystead.backup.format import (
    NONCE_LENGTH,
    PIECE,
    End,
    File,
    Head,
    Piece,
    Rows,
    Sum,
    Summing,
    Table,
    Writer,
    encode,
)
from keystead.backup.logs import Source, logs
from keystead.config import Settings
from keystead.database import archive
from keystead.database.archive import Tables
from keystead.keyholder.seals import FILE, SEAL_FILE, key_file, parsed
from keystead.trail import disk
from keystead.unsealed import Unsealed, unsealed

Progress = Callable[[str], None]


class Made(NamedTuple):
    """What was written, and what else must be kept for it to be of use.

    records  of the node's own log
    key      the file that opens the seal; None where there is none
    hsm      the token that opens it; empty where none does
    """

    id: str
    path: Path
    bytes: int
    sha256: str
    rows: int
    records: int
    key: Path | None
    hsm: str = ""


async def backup(settings: Settings, output: Path, say: Progress = lambda _: None) -> Made:
    """Raises FileExistsError, FileNotFoundError, SealNotOpened, TokenInvalid, DatabaseLost, Unfit, LogMissing, LogDamaged.

    `output` appears when the backup is whole; until then it lies beside it, for its owner alone.
    """
    refuse_existing(output)
    async with unsealed(settings) as node:  # 1
        with partial(output) as (file, finish):
            made = await _write(node, file, output, say)
            file.flush()
            os.fsync(file.fileno())
            details = {"backup": made.id, "sha256": made.sha256, "rows": made.rows, "records": made.records}
            await node.record("BackupMade", details)  # 3
            finish()  # 4
    return made


def refuse_existing(output: Path) -> None:
    if output.exists():
        raise FileExistsError(output)


async def _write(node: Unsealed, file: BinaryIO, output: Path, say: Progress) -> Made:
    async with archive.snapshot(node.database) as tables:
        head = Head(
            id=str(uuid.uuid4()),
            made=time.time(),
            keystead=__version__,
            schema=tables.revision,
            installation=node.installation,
            nonce=os.urandom(NONCE_LENGTH),
            seal=node.seal.content,
        )
        writer = Writer(file, head, node.seal)
        table_sums = {
            name: await _table(writer, tables, name, columns, say) for name, columns in tables.columns().items()
        }
    kept = logs(node.settings.folder, node.installation)  # 2
    say(f"the log, {kept.records} records")
    file_sums = {source.path: _file(writer, source) for source in kept.files}
    writer.write(End(table_sums, file_sums))
    writer.close()
    seal = parsed(node.seal.content, SEAL_FILE)
    return Made(
        head.id,
        output,
        writer.length,
        writer.digest,
        sum(one.count for one in table_sums.values()),
        kept.records,
        node.settings.folder / key_file(seal.id) if seal.kind == FILE else None,
        seal.hsm,
    )


async def _table(writer: Writer, tables: Tables, name: str, columns: list[str], say: Progress) -> Sum:
    writer.write(Table(name, columns))
    summing, waiting, size = Summing(), list[msgspec.Raw](), 0
    async for page in tables.pages(name):
        for row in page:
            encoded = msgspec.Raw(encode(row))
            summing.add(encoded, 1)
            waiting.append(encoded)
            size += len(bytes(encoded))
            if size >= PIECE:
                writer.write(Rows(waiting))
                waiting, size = [], 0
    if waiting:
        writer.write(Rows(waiting))
    made = summing.sum()
    say(f"{name}, {made.count} rows")
    return made


def _file(writer: Writer, source: Source) -> Sum:
    writer.write(File(source.path))
    summing = Summing()
    for piece in source.pieces():
        summing.add(piece, len(piece))
        writer.write(Piece(piece))
    return summing.sum()


@contextmanager
def partial(output: Path) -> Iterator[tuple[BinaryIO, Callable[[], None]]]:
    """A file that has no name of its own until it is finished; gone when the block fails."""
    beside = output.with_name(f"{output.name}.{os.urandom(4).hex()}.partial")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def finish() -> None:
        os.link(beside, output)  # unlike a rename it refuses to replace
        beside.unlink()
        disk.sync_folder(output.parent)

    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, finish
    finally:
        beside.unlink(missing_ok=True)
