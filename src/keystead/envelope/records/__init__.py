"""Small values, each sealed on its own in under a microsecond: database fields, events."""

from keystead.envelope.records.keys import RecordKeys
from keystead.envelope.records.records import Records
from keystead.envelope.records.rows import MemoryRecordRows, RecordRow, RecordRows

__all__ = ["MemoryRecordRows", "RecordKeys", "RecordRow", "RecordRows", "Records"]
