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
    """Hands out frames, each once, some at a time to whichever thread asks next."""

    def __init__(self, count: int, each: int) -> None:
        self._count = count
        self._each = each
        self._next = 0
        self._lock = threading.Lock()
        self._stopped = False

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Of each turn the index of the first frame, and how many."""
        return iter(self._take, None)

    def _take(self) -> tuple[int, int] | None:
        with self._lock:
            first = self._next
            count = min(self._each, self._count - first)
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


def share(work: Callable[[Turns], None], layout: Layout, each: int, threads: int) -> None:
    """Let `work` take all full frames, `each` at a time, in at most so many threads, and fewer where more do not pay.

    The first error of any ends all. When this returns or raises, no helper works any more.
    """
    turns = Turns(layout.full, each)
    threads = min(threads, layout.full // each // 2) if layout.frame_length >= THREAD_FRAME else 1
    if threads <= 1:
        work(turns)
        return

    def guarded() -> None:
        try:
            work(turns)
        except BaseException:
            turns.stop()
            raise

    asked = [_helpers.pool.submit(guarded) for _ in range(threads - 1)]
    try:
        guarded()
    finally:
        came = [helper for helper in asked if not helper.cancel()]
        wait(came)
    for helper in came:
        helper.result()
