"""Column types that seal what is stored and open what is read.

    class Customer(Base):
        iban: Mapped[str] = mapped_column(SealedText(Records(keys, "customers", {"table": "customers", "column": "iban"})))

A column type does not learn the row's primary key: records are bound to table and column by the context of their `Records`,
and could be exchanged between rows of one column by somebody who writes to the database. Where that matters, call
Records.seal with the key. Values cannot be searched for: equal ones look different.
"""

from typing import Any

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from keystead.envelope.records.records import Records


class SealedBytes(TypeDecorator[bytes]):
    """Bytes, sealed. NULL stays NULL."""

    impl = LargeBinary
    cache_ok = False  # two columns of one type may have different keys

    def __init__(self, records: Records) -> None:
        super().__init__()
        self._records = records

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else self._records.seal(bytes(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else self._records.open(bytes(value))


class SealedText(TypeDecorator[str]):
    """Text, sealed as UTF-8. NULL stays NULL."""

    impl = LargeBinary
    cache_ok = False  # as above

    def __init__(self, records: Records) -> None:
        super().__init__()
        self._records = records

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else self._records.seal(str(value).encode())

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else self._records.open(bytes(value)).decode()
