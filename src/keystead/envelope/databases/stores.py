"""Branch keys and the data keys of records in tables of the user's own database. Everything in them is wrapped.

Each method is one transaction. `metadata.create_all(engine)` makes the tables, or a migration that copies them.
"""

import json
from collections.abc import Sequence
from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool

from keystead.envelope.branch.rows import ACTIVE, BranchRow, BranchTaken
from keystead.envelope.records.rows import RecordRow

metadata: Final = MetaData()
branch_keys: Final = Table(
    "keystead_branch_keys",
    metadata,
    Column("branch_key_id", String(512), primary_key=True),
    Column("type", String(128), primary_key=True),
    Column("version", String(128)),
    Column("sealed", LargeBinary, nullable=False),
    Column("created", String(32), nullable=False),
    Column("key_arn", String(2048), nullable=False),
    Column("custom", Text, nullable=False),
)
record_keys: Final = Table(
    "keystead_record_keys",
    metadata,
    Column("ref", LargeBinary(16), primary_key=True),
    Column("name", String(512), nullable=False, index=True),
    Column("wrapped", Text, nullable=False),
    Column("commitment", LargeBinary(32), nullable=False),
    Column("writers", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
)


class SqlBranchRows:
    """The promise of BranchRows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, branch_key_id: str, kind: str) -> BranchRow | None:
        with self._engine.connect() as connection:
            found = connection.execute(select(branch_keys).filter_by(branch_key_id=branch_key_id, type=kind)).first()
        if found is None:
            return None
        custom = dict(json.loads(found.custom))
        return BranchRow(
            found.branch_key_id, found.type, found.sealed, found.created, found.key_arn, found.version, custom
        )

    def put(self, rows: Sequence[BranchRow], instead_of: str | None) -> None:
        """An update that finds the version it expects, or an insert that finds none, decides between two writers."""
        try:
            with self._engine.begin() as transaction:
                for row in rows:
                    values = {
                        "version": row.version,
                        "sealed": row.sealed,
                        "created": row.created,
                        "key_arn": row.key_arn,
                        "custom": json.dumps(row.custom),
                    }
                    if row.type == ACTIVE and instead_of is not None:
                        old = update(branch_keys).filter_by(branch_key_id=row.id, type=ACTIVE, version=instead_of)
                        if transaction.execute(old.values(values)).rowcount != 1:
                            raise BranchTaken(row.id)
                    else:
                        transaction.execute(insert(branch_keys).values(branch_key_id=row.id, type=row.type, **values))
        except IntegrityError:
            raise BranchTaken(rows[0].id) from None


class SqlRecordRows:
    """The promise of RecordRows. Raises ValueError for an engine whose threads share one connection."""

    def __init__(self, engine: Engine) -> None:
        if isinstance(engine.pool, StaticPool):  # one thread's rollback would give another's number out again
            raise ValueError("Threads that share a connection share its transactions, and writer numbers.")  # noqa: TRY004  # a setting
        self._engine = engine

    def add(self, row: RecordRow) -> None:
        with self._engine.begin() as transaction:
            transaction.execute(update(record_keys).filter_by(name=row.name, active=True).values(active=False))
            transaction.execute(
                insert(record_keys).values(
                    ref=row.ref, name=row.name, wrapped=row.wrapped, commitment=row.commitment, writers=0, active=True
                )
            )

    def get(self, ref: bytes) -> RecordRow | None:
        return self._first(ref=ref)

    def active(self, name: str) -> RecordRow | None:
        """Two that were made at the same moment are both good; one is enough."""
        return self._first(name=name, active=True)

    def _first(self, **where: object) -> RecordRow | None:
        with self._engine.connect() as connection:
            found = connection.execute(select(record_keys).filter_by(**where).order_by(record_keys.c.ref)).first()
        return RecordRow(found.ref, found.name, found.wrapped, found.commitment) if found is not None else None

    def take_writer(self, ref: bytes, most: int) -> int | None:
        """Compare and set: of those who read the same number, one changes it. Any engine does that right."""
        while True:
            with self._engine.begin() as transaction:
                number: int | None = transaction.execute(select(record_keys.c.writers).filter_by(ref=ref)).scalar()
                if number is None or number >= most:
                    return None
                mine = update(record_keys).filter_by(ref=ref, writers=number).values(writers=number + 1)
                taken = transaction.execute(mine).rowcount == 1
            if taken:  # and committed
                return number

    def refs(self) -> Sequence[bytes]:
        with self._engine.connect() as connection:
            return list(connection.execute(select(record_keys.c.ref)).scalars())

    def rewrap(self, ref: bytes, old: str, new: str) -> bool:
        with self._engine.begin() as transaction:
            mine = update(record_keys).filter_by(ref=ref, wrapped=old).values(wrapped=new)
            return transaction.execute(mine).rowcount == 1
