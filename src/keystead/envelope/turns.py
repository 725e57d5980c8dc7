"""Frames that several threads take in turns: the caller's own, and helpers that are kept from one message to the next.

Starting a thread takes as long as sealing two megabytes, and many times that on a busy machine (measured). So the caller
begins at once, and does not wait for a helper that comes when all is taken.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
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


class Helpers:
    """The threads of this process, at most one to a processor; started when first wanted."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.pool = ThreadPoolExecutor(os.cpu_count() or 1, "keystead-envelope")


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

    def guarded(*parts: Callable[[], None]) -> None:
        try:
            for part in parts:
                part()
            work(turns)
        except BaseException:
            turns.stop()
            raise

    asked = [_helpers.pool.submit(guarded) for _ in range(threads - 1)]
    try:
        guarded(last)
    finally:
        came = [helper for helper in asked if not helper.cancel()]
        wait(came)
    for helper in came:
        helper.result()
