"""What a sink promises: records that it has taken are where it takes them."""

from collections.abc import Sequence
from typing import Protocol

from keystead.trail.segments import Record


class SinkFailed(Exception):
    """It did not take the records, or not all of them: they are given again. `text` is for the operator, without secrets."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Sink(Protocol):
    """One at a time, in the log's order. A record may come twice, after a failure or a crash, under the same eventID."""

    async def deliver(self, records: Sequence[Record]) -> None:
        """Returns when they have been taken. May be cancelled, and then has to be ready for the next. Raises SinkFailed."""

    async def close(self) -> None: ...
