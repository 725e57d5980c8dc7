"""What waits in the database is recorded when this installation made it, whoever else writes to the database."""

import asyncio
import hashlib
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, select, text
from structlog.testing import capture_logs

from keystead.database import sealed_keys
from keystead.database.engine import Database
from keystead.database.errors import Unvouched
from keystead.database.migrate import upgrade
from keystead.keyholder import setup
from keystead.keyholder.errors import KeyholderLost
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.own_keys import CHECKPOINT
from keystead.keyholder.promise import SealedKey
from keystead.keyholder.seals import FileSeal
from keystead.keyholder.software import Software
from keystead.keyholder.succession import replace_seal
from keystead.metrics import meters
from keystead.trail import outbox, waiting_before
from keystead.trail.delivering import Delivering
from keystead.trail.local import LocalRecorder
from keystead.trail.outbox import outbox as table
from keystead.trail.segments import Reader

GENUINE, LATER = b'{"eventName":"RotateKey"}', b'{"eventName":"DeleteKey"}'
FORGED = b'{"eventName":"CreateGrant"}'


class Node:
    """The seal, the database and the log of an installation. `folder` is what only its operator writes to."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        folder.mkdir(mode=0o700)
        fresh = setup.create(folder, FileSeal())
        self.sealed = [key for key in fresh.sealed if key.purpose != CHECKPOINT]

    async def begin(self) -> None:
        async with Database.opened(self.url) as database:
            await database.migrate()
            async with database.write("init") as tx:
                for key in self.sealed:
                    await sealed_keys.add(tx, key)

    async def software(self) -> Software:
        """Opened anew, with what the database has."""
        software = setup.open(self.folder, FileSeal())
        async with Database.opened(self.url) as database, database.read() as connection:
            software.load(tuple(SealedKey(*row) for row in await sealed_keys.load(connection)))
        return software

    @asynccontextmanager
    async def serving(self, keyholder: LocalKeyholder | None = None) -> AsyncIterator["Serving"]:
        keyholder = keyholder or LocalKeyholder(await self.software())
        async with Database.opened(self.url) as database:
            outbox.vouched_by(database, keyholder)
            recorder = LocalRecorder(self.folder / "trail")
            try:
                yield Serving(self, database, keyholder, recorder)
            finally:
                await recorder.close()


class Serving:
    """What a scheduler has of a node."""

    def __init__(self, node: Node, database: Database, keyholder: LocalKeyholder, recorder: LocalRecorder) -> None:
        self.node = node
        self.database = database
        self.keyholder = keyholder
        self.delivering = Delivering(database, keyholder, recorder, node.folder / "trail")

    async def put(self, *events: bytes) -> None:
        async with self.database.write("test", announced=False) as tx:
            for event in events:
                await outbox.put(tx, event)

    async def by_sql(self, statement: str, **values: Any) -> None:
        """As whoever has the database's credential, and nothing else."""
        async with self.database.write("thief", announced=False) as tx:
            await tx.execute(text(statement), values)

    async def forge(self, event: bytes, proof: bytes | None = None) -> None:
        async with self.database.write("thief", announced=False) as tx:
            await tx.execute(insert(table).values(event=event, proof=proof))

    async def deliver(self) -> list[bytes]:
        """What the log has then."""
        await self.delivering.run()
        return recorded(self.node.folder / "trail")

    async def left(self) -> list[tuple[bytes, bool]]:
        async with self.database.read() as connection:
            return [(row.event, row.refused) for row in await outbox.waiting(connection)]

    async def proofs(self) -> list[bytes]:
        async with self.database.read() as connection:
            return [row.proof for row in await connection.execute(select(table.c.proof).order_by(table.c.seq))]


def recorded(folder: Path) -> list[bytes]:
    reader = Reader(folder)
    try:
        return [one.event for one in reader.after(-1, 1000) if not one.event.startswith(b'{"eventVersion')]
    finally:
        reader.close()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = Node(tmp_path / "data", f"sqlite+aiosqlite:///{tmp_path / 'keystead.db'}")
    asyncio.run(made.begin())
    return made


@pytest.fixture
def on_postgresql(tmp_path: Path, postgresql_url: str) -> Node:
    made = Node(tmp_path / "data", postgresql_url)
    asyncio.run(made.begin())
    return made


async def test_on_postgresql_too_what_is_genuine_is_recorded_and_what_is_forged_is_kept(on_postgresql: Node) -> None:
    async with on_postgresql.serving() as serving:
        await serving.put(GENUINE)
        await serving.forge(FORGED, b"\x01" * 61)
        await serving.put(LATER)

        assert await serving.deliver() == [GENUINE, LATER]
        assert await serving.left() == [(FORGED, True)]


async def test_a_row_that_is_committed_late_under_an_earlier_number_is_not_lost(on_postgresql: Node) -> None:
    """Numbers are given out when a row is written, and rows are seen when they are committed."""
    async with on_postgresql.serving() as serving:
        await serving.put(GENUINE, LATER)
        await serving.by_sql("UPDATE trail_outbox SET seq = 100 WHERE seq = 2")
        batch = await serving.delivering._next()
        await serving.put(LATER)

        await serving.delivering._done(batch, [])

        assert await serving.left() == [(LATER, False)]


async def test_what_was_put_is_recorded_in_order_and_gone(node: Node) -> None:
    async with node.serving() as serving:
        await serving.put(GENUINE, LATER)

        assert await serving.deliver() == [GENUINE, LATER]
        assert await serving.left() == []
        assert await serving.deliver() == [GENUINE, LATER]


async def test_a_forged_row_is_kept_and_told_of_and_holds_up_nothing(node: Node) -> None:
    async with node.serving() as serving:
        await serving.put(GENUINE)
        (proof,) = await serving.proofs()
        for given in (None, b"", b"\x01" * 61, proof, bytes([proof[0], proof[1] ^ 1]) + proof[2:], proof * 8):
            await serving.forge(FORGED, given)
        await serving.put(LATER)

        with capture_logs() as logs:
            found = await serving.deliver()

        assert found == [GENUINE, LATER]
        assert await serving.left() == [(FORGED, True)] * 6
        assert [(one["log_level"], one["row"], one["sha256"]) for one in logs] == [
            ("error", row, hashlib.sha256(FORGED).hexdigest()) for row in range(2, 8)
        ]
        assert meters.OUTBOX_REFUSED._numbers[meters.OUTBOX_REFUSED._places[()]] == 6


async def test_what_lies_there_in_another_form_than_bytes_holds_up_nothing(node: Node) -> None:
    async with node.serving() as serving:
        await serving.by_sql("INSERT INTO trail_outbox (seq, event, proof) VALUES (-5, 'text', 'ä'), (0, 7, 1.5)")
        await serving.put(GENUINE)

        assert await serving.deliver() == [GENUINE]
        assert [is_refused for _, is_refused in await serving.left()] == [True, True]


async def test_a_row_that_was_changed_is_not_recorded(node: Node) -> None:
    async with node.serving() as serving:
        await serving.put(GENUINE, LATER)
        await serving.by_sql("UPDATE trail_outbox SET event = :event WHERE seq = 1", event=FORGED)

        assert await serving.deliver() == [LATER]
        assert await serving.left() == [(FORGED, True)]


async def test_a_copied_row_says_nothing_but_what_was_said(node: Node) -> None:
    """The comparison of verify takes it once: tests/effects."""
    async with node.serving() as serving:
        await serving.put(GENUINE)
        await serving.by_sql("INSERT INTO trail_outbox (seq, event, proof) SELECT 99, event, proof FROM trail_outbox")

        assert await serving.deliver() == [GENUINE, GENUINE]


async def test_more_forged_rows_than_are_read_at_once_hold_up_nothing(node: Node) -> None:
    async with node.serving() as serving:
        await serving.by_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
            " INSERT INTO trail_outbox (event) SELECT CAST(i AS BLOB) FROM n"
        )
        await serving.put(GENUINE)

        assert await serving.deliver() == [GENUINE]
        assert len(await serving.left()) == 1200


async def test_a_mark_that_somebody_set_is_looked_at_anew_by_the_next_process(node: Node) -> None:
    async with node.serving() as serving:
        await serving.put(GENUINE)
        await serving.by_sql("UPDATE trail_outbox SET refused_at = 1")

    async with node.serving() as serving:
        assert await serving.deliver() == [GENUINE]


async def test_another_node_records_what_one_has_left(node: Node, tmp_path: Path) -> None:
    async with node.serving() as serving:
        await serving.put(GENUINE)
    shutil.copytree(node.folder, tmp_path / "other", ignore=shutil.ignore_patterns("trail"))
    node.folder = tmp_path / "other"

    async with node.serving() as serving:
        assert await serving.deliver() == [GENUINE]


async def test_what_waits_outlives_the_rotation_of_domain_and_root_key(node: Node) -> None:
    async with node.serving() as serving:
        await serving.put(GENUINE)
        software = await node.software()
        async with serving.database.write("rotation") as tx:
            await sealed_keys.add(tx, software.new_domain_key())
    replace_seal(node.folder, FileSeal(), FileSeal(), same_root=False)

    async with node.serving() as serving:
        await serving.put(LATER)

        assert len({proof[1:17] for proof in await serving.proofs()}) == 2
        assert await serving.deliver() == [GENUINE, LATER]


async def test_what_an_operator_put_under_a_domain_key_that_the_keyholder_has_not_loaded_is_recorded(
    node: Node,
) -> None:
    keyholder = LocalKeyholder(await node.software())
    async with node.serving(keyholder) as serving:
        operators = await node.software()
        made = operators.new_domain_key()
        async with serving.database.write("rotation") as tx:
            await sealed_keys.add(tx, made)
        operators.load((made,))
        async with Database.opened(node.url) as database, database.write("operator", announced=False) as tx:
            proof = await outbox.vouched(LocalKeyholder(operators), GENUINE)
            await tx.execute(insert(table).values(event=GENUINE, proof=proof))

        assert await serving.deliver() == [GENUINE]


async def test_a_key_of_somebody_elses_in_the_database_holds_up_nothing(node: Node) -> None:
    async with node.serving() as serving:
        await serving.by_sql(
            "INSERT INTO sealed_keys (id, purpose, version, blob, created_at) VALUES ('his', 'domain', 9, x'01', 1)"
        )
        await serving.forge(FORGED)
        await serving.put(GENUINE)

        assert await serving.deliver() == [GENUINE]


class Away(LocalKeyholder):
    async def open_marker(self, context: bytes, marker: bytes) -> bytes:
        raise KeyholderLost


async def test_without_a_keyholder_nothing_is_taken_for_forged(node: Node) -> None:
    async with node.serving() as serving:
        await serving.put(GENUINE)
    async with node.serving(Away(await node.software())) as serving:
        with pytest.raises(KeyholderLost):
            await serving.deliver()

        assert await serving.left() == [(GENUINE, False)]


async def test_a_process_that_nobody_vouches_for_puts_nothing(node: Node) -> None:
    async with Database.opened(node.url) as database:
        with pytest.raises(Unvouched):
            async with database.write("test", announced=False) as tx:
                await outbox.put(tx, GENUINE)


async def test_what_waited_before_there_were_proofs_is_recorded_and_nothing_put_there_since(tmp_path: Path) -> None:
    path = tmp_path / "keystead.db"
    node = Node(tmp_path / "data", f"sqlite+aiosqlite:///{path}")
    (node.folder / "trail").mkdir()
    await asyncio.to_thread(of_before, path)
    async with Database.opened(node.url) as database:
        await waiting_before.note(database, node.folder / "trail")
    await node.begin()
    (node.folder / "trail" / waiting_before.NAME).rename(tmp_path / waiting_before.NAME)
    (node.folder / "trail").rmdir()

    async with node.serving() as serving:
        (tmp_path / waiting_before.NAME).rename(node.folder / "trail" / waiting_before.NAME)
        await serving.forge(FORGED)

        assert await serving.deliver() == [GENUINE]
        assert await serving.left() == [(FORGED, True)]
        assert not (node.folder / "trail" / waiting_before.NAME).exists()

        await serving.forge(GENUINE)
        assert await serving.deliver() == [GENUINE]


def of_before(path: Path) -> None:
    """A database of the schema before, in which something waits."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection, "0100")
    engine.dispose()
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO trail_outbox (event) VALUES (?)", (GENUINE,))
    database.close()


async def test_of_a_schema_with_proofs_nothing_is_taken_without_one(node: Node) -> None:
    async with node.serving() as serving:
        await serving.forge(FORGED)

        await waiting_before.note(serving.database, node.folder / "trail")

        assert waiting_before.load(node.folder / "trail") == frozenset()
