"""The fork server: loads once what the processes that hold a house share, and forks each of them (keystead.forks).

It has one thread, no event loop and no secret, and opens nothing. What a child needs of its own, such as its niceness, its hold on
its parent and its log's form, it gives itself in its main, as it would after an exec.
"""

import gc
import os
import socket
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from keystead.keyholder import hardening

ARGUMENTS_START: Final = 48
"""Field of /proc/PID/stat: the address of the arguments as others see them; the next is their end (proc(5))."""


class Life(NamedTuple):
    """What a child was forked for. `parent`: the process between, which it waits to be rid of."""

    arguments: tuple[str, ...]
    parent: int
    received: tuple[int, ...]
    wanted: tuple[int, ...]


def main(arguments: list[str]) -> None:
    """`python -m keystead.fork_server --fd N`, with one end of a pair of sockets."""
    hardening.die_with_parent()
    hardening.harden_memory()
    gc.disable()  # what is loaded stays: looking at it again and again took a fifth of the time
    load()
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208  # numbers, not paths
        return  # such as an agent that watches every Python program: a fork would copy its locks as they stand
    gc.freeze()
    life = serve(socket.socket(fileno=int(arguments[1])))
    if life is None:
        return
    gc.enable()
    take_over(life)
    from keystead import app

    app.main(list(life.arguments[2:]))


def load() -> None:
    """What every one of them would load before it serves."""
    sys.modules["rich"] = None  # type: ignore[assignment]  # structlog would take it for a console renderer, which no process uses
    from keystead import app  # noqa: F401  # loaded, so that the children find it
    from keystead.catalogue import SERVICES
    from keystead.database import sqlite  # noqa: F401  # likewise
    from keystead.wire import model

    del sys.modules["rich"]
    for name in SERVICES:
        model.load(name)
    model.regions()


def serve(connection: socket.socket) -> Life | None:
    """Returns in every child, and in the fork server when the supervisor has gone."""
    import msgspec

    from keystead.forks import DESCRIPTORS, ORDER_BYTES, Answer, Order

    while True:
        packet, descriptors, _, _ = socket.recv_fds(connection, ORDER_BYTES, DESCRIPTORS)
        if not packet:
            return None
        order = msgspec.json.decode(packet, type=Order)
        process, parent = fork_away()
        if process is None:
            return Life(order.arguments, parent, tuple(descriptors), (0, *order.descriptors))
        for descriptor in descriptors:
            os.close(descriptor)
        connection.send(msgspec.json.encode(Answer(process)))


def fork_away() -> tuple[int | None, int]:
    """In the fork server the child's process id, 0 where there is none; in the child None, and the process between."""
    reading, writing = os.pipe()
    try:
        between = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        return 0, 0
    if between == 0:
        parent = os.getpid()
        with suppress(OSError):
            if (process := os.fork()) == 0:
                return None, parent
            os.write(writing, b"%d" % process)
        os._exit(0)
    os.close(writing)
    said = os.read(reading, 32)
    os.close(reading)
    os.waitpid(between, 0)  # its child has another parent from here on
    return int(said or 0), 0


def take_over(life: Life) -> None:
    """A child's own descriptors, parent and name. Of those that the fork server had it keeps what it says its lines on."""
    high = max((*life.wanted, *life.received)) + 1
    moved = []
    for number, received in enumerate(life.received):
        os.dup2(received, high + number)
        moved.append(high + number)
    for wanted, held in zip(life.wanted, moved, strict=True):
        os.dup2(held, wanted)
    kept = sorted({0, 1, 2, *life.wanted})
    for low, following in pairwise((*kept, os.sysconf("SC_OPEN_MAX"))):
        os.closerange(low + 1, following)
    while os.getppid() == life.parent:
        time.sleep(0.0005)
    os.setsid()
    rename((sys.executable, "-P", *life.arguments))


def rename(arguments: tuple[str, ...]) -> None:
    """Show these as the command line, in the place of the fork server's own, which is no shorter (proc(5), /proc/PID/cmdline)."""
    import ctypes

    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()  # from the third on
    start, end = map(int, fields[ARGUMENTS_START - 3 :][:2])
    shown = b"".join(os.fsencode(one) + b"\0" for one in arguments)
    if start and len(shown) <= end - start:
        ctypes.memmove(start, shown.ljust(end - start, b"\0"), end - start)


if __name__ == "__main__":
    main(sys.argv[1:])
