"""Private keys that are slow to make, made on threads of their own while everything else is answered.

The library lets go of the interpreter while it looks for primes, and the threads have the lowest priority, so nobody waits
for them. They are started before system calls are filtered, because none can be started afterwards.

    errand ──► waiting ──► thread: generate ──► done ──► a byte wakes the loop ──► finish, answer
"""

import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

THREADS: Final = 2
NICENESS: Final = 10
"""Of setpriority(2), which Linux keeps for each thread."""
STACK_BYTES: Final = 1024 * 1024
"""Stacks are locked in memory where that is allowed."""
WAITING_LIMIT: Final = 64
"""Errands that wait; a 4096-bit key takes about half a second."""


class Client(Protocol):
    """Whoever waits for the answer. What nobody waits for any more is not made."""

    closed: bool


C = TypeVar("C", bound=Client)


class Done(NamedTuple, Generic[C]):
    """made  None when it could not be made"""

    client: C
    number: int
    finish: Callable[[bytes], Any]
    made: bytes | None


class Errands(Generic[C]):
    """Watch `woken`: when it can be read, `finished` has something."""

    def __init__(self, threads: int = THREADS) -> None:
        self.woken, self._waking = socket.socketpair()
        self.woken.setblocking(False)
        self._waking.setblocking(False)
        self._waiting: SimpleQueue[tuple[C, int, Callable[[], bytes], Callable[[bytes], Any]]] = SimpleQueue()
        self._done: deque[Done[C]] = deque()
        before = threading.stack_size(STACK_BYTES)
        for _ in range(threads):
            threading.Thread(target=self._run, name="errands", daemon=True).start()
        threading.stack_size(before)

    def add(self, client: C, number: int, generate: Callable[[], bytes], finish: Callable[[bytes], Any]) -> bool:
        """False when too many wait already."""
        if self._waiting.qsize() >= WAITING_LIMIT:
            return False
        self._waiting.put((client, number, generate, finish))
        return True

    def finished(self) -> list[Done[C]]:
        with suppress(BlockingIOError):
            while self.woken.recv(4096):
                pass
        found = []
        while self._done:
            found.append(self._done.popleft())
        return found

    def close(self) -> None:
        self.woken.close()
        self._waking.close()

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        while True:
            client, number, generate, finish = self._waiting.get()
            if client.closed:
                continue
            try:
                made = generate()
            except Exception:  # noqa: BLE001  # the outermost door of this thread: it must live on, and tell nothing
                made = None
            self._done.append(Done(client, number, finish, made))
            with suppress(OSError):  # a full pipe wakes as well; a closed one has nobody to wake
                self._waking.send(b"x")
