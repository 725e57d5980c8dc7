"""What the recorder promises: a record that it has acknowledged is in the log and stays there."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """The record is durable. `index` is its number in the log."""

    index: int


class Recorder(Protocol):
    """The one way into the log."""

    @property
    def healthy(self) -> bool:
        """Whether a record would be taken now."""

    async def ready(self) -> None:
        """Returns when a record would be taken; waits a little where it would not. Raises RecorderLost."""

    async def record(self, event: bytes) -> Receipt:
        """Returns when the record is durable. `event` is the finished JSON of one record.

        Raises RecorderLost, after which nobody knows whether it is; RecordRefused, and it is not.
        """

    async def record_all(self, events: Sequence[bytes]) -> None:
        """Likewise of several, in their order; returns when all are durable. Where it raises, some of them may be."""

    async def close(self) -> None: ...
