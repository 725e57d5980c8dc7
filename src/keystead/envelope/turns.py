"""Frames that several threads take in turns: the caller's own, and helpers that are kept from one message to the next.

Starting a thread takes as long as sealing two megabytes, and many times that on a busy machine (measured). So the caller
begins at once, and does not wait for a helper that comes when all is taken.
"""

import os
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Final

from keystead.envelope.frames import Layout

THREAD_FRAME: Final = 16 * 1024
"""The cipher lets other threads run from 2 KiB up, but they get in each other's way below this (measured)."""


class Turns:
    """Hands out frames, each once, some at a time to whichever thread asks next; fewer towards the end, for several.

    With even turns the last of them is waited for: at 16 MiB an eighth of the time (measured).
    """

    def __init__(self, count: int, each: int, threads: int = 1) -> None:
        self._count = count
        self._each = each
        self._parts = 2 * threads if threads > 1 else 1
        self._next = 0
        self._lock = threading.Lock()
        self._stopped = False
        self._ended = False
        self._helpers = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Of each turn the index of the first frame, and how many."""
        return iter(self._take, None)

    def _take(self) -> tuple[int, int] | None:
        with self._lock:
            first = self._next
            count = min(self._each, -(-(self._count - first) // self._parts))
            if count <= 0 or self._stopped:
                return None
            self._next += count
            return first, count

    def stop(self) -> None:
        self._stopped = True

    def join(self) -> bool:
        """Whether a helper that comes now is still wanted."""
        with self._lock:
            if not self._ended:
                self._helpers += 1
            return not self._ended

    def end(self) -> int:
        """Nobody may join any more; how many did."""
        with self._lock:
            self._ended = True
            return self._helpers


class Helpers:
    """The threads of this process, at most one to a processor; started when first wanted.

    A queue to them and one back wake fewer threads than futures do: 4 % of the time at 16 MiB, a tenth under load (measured).
    """

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = threading.Lock()
        self._asked = self._started = 0

    def ask(self, task: Callable[[], None]) -> None:
        """Have it done when a thread is free. It must not raise."""
        with self._lock:
            self._asked += 1
            if self._started < min(self._asked, os.cpu_count() or 1):
                self._started += 1
                threading.Thread(target=self._serve, name="keystead-envelope", daemon=True).start()
        self._tasks.put(task)

    def _serve(self) -> None:
        while True:
            self._tasks.get()()
            with self._lock:
                self._asked -= 1


_helpers: Final = Helpers()
os.register_at_fork(after_in_child=_helpers.renew)  # threads do not survive a fork


def share(work: Callable[[Turns], None], last: Callable[[], None], layout: Layout, each: int, threads: int) -> None:
    """Let `work` take all full frames, `each` at a time, in at most so many threads, and fewer where more do not pay.

    The caller's thread does the `last` frame, before others: while the helpers are on their way. The first error of any ends
    all. When this returns or raises, no helper works any more.
    """
    threads = min(threads, layout.full // each // 2) if layout.frame_length >= THREAD_FRAME else 1
    turns = Turns(layout.full, each, threads)
    if threads <= 1:
        last()
        work(turns)
        return
    done: SimpleQueue[BaseException | None] = SimpleQueue()

    def helping() -> None:
        if turns.join():
            done.put(_failure(turns, lambda: work(turns)))

    for _ in range(threads - 1):
        _helpers.ask(helping)
    failure = _failure(turns, last, lambda: work(turns))
    for _ in range(turns.end()):
        failure = done.get() or failure
    if failure is not None:
        try:
            raise failure
        finally:
            del failure  # which holds this frame, and with it the caller's buffers


def _failure(turns: Turns, *parts: Callable[[], None]) -> BaseException | None:
    """What one of the parts raised; then all threads stop."""
    try:
        for part in parts:
            part()
    except BaseException as error:  # noqa: BLE001  # raised by share, when nobody works any more
        turns.stop()
        return error
    return None
