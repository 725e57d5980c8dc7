"""How events get into the log: the recorder's promise, and the recorder process at the other end of a unix socket."""

from pathlib import Path
from typing import Protocol, Self

import msgspec

from keystead.trail.errors import RecorderLost


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """The record is durable. `index` is its number in the log."""

    index: int


class Recorder(Protocol):
    """The one way into the log."""

    @property
    def healthy(self) -> bool:
        """Whether a record would be taken now."""

    async def record(self, event: bytes) -> Receipt:
        """Returns when the record is durable. `event` is the JSON of one record.

        Raises RecorderLost, after which nobody knows; RecordRefused.
        """

    async def close(self) -> None: ...


class SocketRecorder:
    """Recorder over one pipelined connection. Belongs to the event loop it was connected in."""

    healthy = False

    @classmethod
    async def connect(cls, path: Path) -> Self:
        raise NotImplementedError

    async def record(self, event: bytes) -> Receipt:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


class LocalRecorder:
    """Recorder over the log itself, in the calling process: for tests and `keystead.testing`."""

    healthy = False

    def __init__(self, folder: Path) -> None:
        raise NotImplementedError

    async def record(self, event: bytes) -> Receipt:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


__all__ = ["LocalRecorder", "Receipt", "Recorder", "RecorderLost", "SocketRecorder"]
