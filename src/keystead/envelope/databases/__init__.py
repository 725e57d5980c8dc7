"""The same in a database: stores over SQLAlchemy, and a column type that seals. Needs SQLAlchemy."""

from keystead.envelope.databases.column import SealedBytes, SealedText
from keystead.envelope.databases.stores import SqlBranchRows, SqlRecordRows, metadata

__all__ = ["SealedBytes", "SealedText", "SqlBranchRows", "SqlRecordRows", "metadata"]
