"""Frames that several threads take in turns: the caller's own, and helpers that are kept from one message to the next.

Starting a thread takes as long as sealing two megabytes, and many times that on a busy machine (measured). So the caller
begins at once, and does not wait for a helper that comes when all is taken.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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


Work = Callable[[Turns], None]
"""Takes turns until there are none."""


class Crew:
    """The threads that do one work. Helpers know the crew only: with end() it lets go of the work, and the caller's buffers."""

    def __init__(self, work: Work, turns: Turns) -> None:
        self._work: Work | None = work
        self._turns = turns
        self._lock = threading.Lock()
        self._ended = False
        self._helping = 0
        self._left: SimpleQueue[None] = SimpleQueue()
        self._failure: BaseException | None = None

    def help(self) -> None:
        """Work too, unless all is done. Raises nothing."""
        with self._lock:
            if self._ended:
                return
            self._helping += 1
        self.run()
        with self._lock:
            self._helping -= 1
        self._left.put(None)

    def run(self, *before: Callable[[], None]) -> None:
        """The first error of any ends all; end() raises it."""
        try:
            for part in before:
                part()
            if self._work is not None:
                self._work(self._turns)
        except BaseException as error:  # noqa: BLE001  # raised by end, when nobody works any more
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._turns.stop()
        if self._failure is None:
            self._failure = error

    def end(self) -> None:
        """Nobody may join any more; who did is waited for, an interrupt of the caller or not. Raises the failure."""
        with self._lock:
            self._ended = True
        while self._helping:
            try:
                self._left.get()
            except BaseException as error:  # noqa: BLE001  # helpers write to the caller's buffers: they stop first
                self._fail(error)
        failure, self._work, self._failure = self._failure, None, None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # which holds this frame, and with it the caller's buffers


class Helpers:
    """The threads of this process, at most one to a processor; started when first wanted."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self._pool = ThreadPoolExecutor(os.cpu_count(), "keystead-envelope")

    def ask(self, task: Callable[[], None]) -> None:
        """Have it done when a thread is free; or never, as at the end of the process, when none begins any more."""
        with suppress(RuntimeError):
            self._pool.submit(task)


_helpers: Final = Helpers()
os.register_at_fork(after_in_child=_helpers.renew)  # threads do not survive a fork


def share(work: Work, last: Callable[[], None], layout: Layout, each: int, threads: int) -> None:
    """Let `work` take all full frames, `each` at a time, in at most so many threads, and fewer where more do not pay.

    The caller's thread does the `last` frame, before others: while the helpers are on their way. The first error of any ends
    all. When this returns or raises, no helper works any more, nor holds what `work` holds.
    """
    threads = min(threads, layout.full // each // 2) if layout.frame_length >= THREAD_FRAME else 1
    turns = Turns(layout.full, each, threads)
    if threads <= 1:
        last()
        work(turns)
        return
    crew = Crew(work, turns)
    for _ in range(threads - 1):
        _helpers.ask(crew.help)
    crew.run(last)
    crew.end()
