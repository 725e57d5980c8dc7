"""The log: records go in at the end, become leaves of the tree, and the tree is signed from time to time.

    DATA/trail/
      segments/  hashes/  state  durable  checkpoints      segments.py  hashes.py  state.py  mark.py  checkpoints.py
      checkpoint.key  checkpoint.vkeys                     the signing seeds, sealed; their public halves (setup.py)
      cuts/  reserve  lock  packing                        recovery.py  reserve.py  lock.py

One thread at a time. A failure ends it: whatever was not acknowledged is sorted out when the log is opened again.
"""

import errno
import os
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

from keystead.trail import checkpoints, disk, hashes, records, segments, state
from keystead.trail.errors import LogBroken
from keystead.trail.hashes import Hashes
from keystead.trail.lock import APPENDING, lock
from keystead.trail.mark import Mark
from keystead.trail.records import SALT_LENGTH, Stamp
from keystead.trail.recovery import Say, recover
from keystead.trail.reserve import Reserve
from keystead.trail.state import State
from keystead.trail.tail import Sync, Tail

T = TypeVar("T")

CLOCK_STEP: Final = 2_000_000_000
"""Nanoseconds by which wall and monotonic time may part between two records before it is put on the record."""
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

ITSELF: Final = 0
"""The source of what the log records about itself."""

Arrival = tuple[int, int, bytes]
"""source | number | event, of records.py."""
Sign = Callable[[int, bytes], bytes]
"""From size and root to the signed note."""


class Describe(Protocol):
    """Makes the event of something that happens to the log itself. `at` is seconds since 1970."""

    def __call__(self, name: str, *, at: float, details: Mapping[str, object]) -> bytes: ...


class Log:
    """Open for appending, by one process only.

    sync          os.fdatasync
    segment_size  bytes after which the next segment is begun
    """

    def __init__(
        self,
        folder: Path,
        describe: Describe,
        *,
        reserve: Reserve | None = None,
        say: Say = lambda _: None,
        sync: Sync = os.fdatasync,
        segment_size: int = segments.SIZE,
    ) -> None:
        """Raises LogMissing, LogInUse, LogDamaged; LogBroken when the disk fails."""
        self._folder = folder
        self._describe = describe
        self._reserve = reserve
        self._say = say
        self._sync = sync
        self._segment_size = segment_size
        self._broken = False
        self._own_number = 0
        self._happened: list[Arrival] = []
        self._lock = lock(folder, APPENDING)
        try:
            self._recover()
        except BaseException:
            os.close(self._lock)
            raise
        if self._reserve is not None and not self._reserve.keep():
            say("there is no room for the disk reserve")

    @property
    def size(self) -> int:
        return self._frontier.size

    @property
    def root(self) -> bytes:
        return self._frontier.root()

    def append(self, arrivals: Sequence[Arrival]) -> int:
        """The index of the first; the rest follow it without a gap. All are durable when it returns.

        Raises LogBroken, and then on every later call: nobody knows which are.
        """
        return self._unbroken(lambda: self._append(arrivals))

    def note(self, name: str, details: Mapping[str, object]) -> None:
        """Put something on the record that happened to the log itself. Raises LogBroken."""
        self._happen(name, details)
        self.append(())

    def checkpoint(self, sign: Sign) -> None:
        """Sign the tree, unless it has been. Raises LogBroken."""
        self._unbroken(lambda: self._while_there_is_room(lambda: self._checkpoint(sign)))

    def close(self) -> None:
        self._tail.close()
        self._hashes.close()
        self._mark.close()
        os.close(self._notes)
        os.close(self._lock)

    def _recover(self) -> None:
        try:
            self._hashes = Hashes(self._folder)
            self._mark = Mark.open(self._folder)
            found = self._while_there_is_room(
                lambda: recover(self._folder, self._hashes, self._mark, self._sync, self._say)
            )
            self._notes = os.open(self._folder / checkpoints.NAME, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise LogBroken(f"the log cannot be opened: {error.strerror}") from error
        self._frontier, self._tail = found.frontier, found.tail
        self._noted, self._notes_end = found.noted, found.notes
        self._wall, self._monotonic = found.wall, 0
        if found.cut is not None:
            details = {"index": found.cut.index, "bytes": found.cut.size, "sha256": found.cut.digest}
            self._say(f"cut {found.cut.size} bytes that were not a whole record before record {found.cut.index}")
            self.note("LogTailCut", details)

    def _append(self, arrivals: Sequence[Arrival]) -> int:
        wall, monotonic = time.time_ns(), time.monotonic_ns()
        self._watch_clock(wall, monotonic)
        if self._tail.end >= self._segment_size:
            self._next_segment()
        self._while_there_is_room(lambda: self._write([*self._happened, *arrivals], wall, monotonic))
        self._happened.clear()
        self._wall, self._monotonic = wall, monotonic
        return self.size - len(arrivals)

    def _write(self, arrivals: Sequence[Arrival], wall: int, monotonic: int) -> None:
        """Durable first, then the tree, then the mark that readers and receipts go by."""
        first, segment = self.size, self._tail.first
        salts = os.urandom(SALT_LENGTH * len(arrivals))
        written, leaves = [], []
        for place, (source, number, event) in enumerate(arrivals):
            stamp = Stamp(first + place, wall, monotonic, source, number)
            salted = salts[place * SALT_LENGTH : (place + 1) * SALT_LENGTH] + event
            written.append(records.encode(stamp, salted))
            leaves.append(records.leaf_hash(stamp, segment, salted))
        self._tail.append(b"".join(written))
        levels = self._frontier.extend(leaves)
        self._write_hashes(first, levels)
        self._mark.set(self.size)

    def _write_hashes(self, first: int, levels: Sequence[Sequence[bytes]]) -> None:
        try:
            self._while_there_is_room(lambda: self._hashes.write(first, levels))
        except OSError as error:  # the records are durable: they must not be written a second time
            raise LogBroken(f"the tree's hashes were not written: {error.strerror}") from error

    def _checkpoint(self, sign: Sign) -> None:
        """The state first: should this process end now, the next one signs this tree, or one that begins with it."""
        size, root = self.size, self.root
        if size == self._noted:
            return
        self._mark.flush()
        self._hashes.sync()
        where = (self._tail.first, self._tail.end)
        state.save(self._folder, State(size, b64encode(root).decode(), self._wall, *where, self._notes_end))
        note = sign(size, root) + b"\n"
        if os.pwrite(self._notes, note, self._notes_end) != len(note):
            raise OSError(errno.ENOSPC, "a checkpoint was not written as a whole")
        os.fdatasync(self._notes)
        self._noted, self._notes_end = size, self._notes_end + len(note)

    def _next_segment(self) -> None:
        following = self._while_there_is_room(lambda: Tail.create(self._folder, self.size, self._sync))
        self._tail.close()
        self._tail = following

    def _watch_clock(self, wall: int, monotonic: int) -> None:
        """The wall clock went back, or went another way than the monotonic one: put it on the record."""
        step = wall - self._wall
        parted = step - (monotonic - self._monotonic) if self._monotonic else 0
        if step < 0 or abs(parted) > CLOCK_STEP:
            details = {"before": self._wall / 1e9, "after": wall / 1e9, "step": (parted or step) / 1e9}
            self._happen("ClockStepped", details)

    def _while_there_is_room(self, step: Callable[[], T]) -> T:
        """Do it; when the disk is full, once more in the room of the reserve. `step` takes back what it did not finish."""
        try:
            return step()
        except OSError as error:
            if error.errno not in NO_ROOM or self._reserve is None or not self._reserve.release():
                raise
        self._say("THE DISK IS FULL: the reserve has been released; make room now")
        self._happen("DiskReserveReleased", {})
        return step()

    def _unbroken(self, step: Callable[[], T]) -> T:
        if self._broken:
            raise LogBroken("the log has failed before")
        self._broken = True
        try:
            done = step()
        except OSError as error:
            raise LogBroken(f"writing the log failed: {error.strerror}") from error
        self._broken = False
        return done

    def _happen(self, name: str, details: Mapping[str, object]) -> None:
        """To be recorded with whatever is recorded next."""
        self._own_number += 1
        event = self._describe(name, at=time.time(), details=details)
        self._happened.append((ITSELF, self._own_number, event))


def create(folder: Path) -> None:
    """An empty log in a new or empty folder. Raises FileExistsError when it is neither."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(errno.EEXIST, "the folder is not empty", str(folder))
    for name in (segments.FOLDER, hashes.FOLDER):
        (folder / name).mkdir(mode=0o700)
    disk.replace(segments.path(folder, 0), segments.header(0))
    for level in range(hashes.LEVELS):
        disk.replace(folder / hashes.FOLDER / str(level), b"")
    disk.replace(folder / checkpoints.NAME, b"")
    Mark.open(folder).close()
    state.save(folder, state.BEGINNING)
    disk.sync_folder(folder.parent)
