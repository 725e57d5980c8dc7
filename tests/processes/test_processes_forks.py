"""Forked children: each is the supervisor's own, with its own name, descriptors and input, whatever becomes of the fork server."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest

from keystead.config import Settings
from keystead.database import schema
from keystead.forks import CAN_FORK, Forked, Forks, Order, asked
from keystead.part import Part

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="forks where the kernel is Linux")

MIGRATION = ("-m", "keystead.app", "migration")

# A fork server that has loaded nothing. Its children write what they are to the descriptor that they read of, and wait for the next line.
SERVER = """
import json, os, random, socket, sys
from keystead import fork_server

opened = os.open("/dev/zero", os.O_RDONLY)
life = fork_server.serve(socket.socket(fileno=int(sys.argv[1])))
if life is not None:
    fork_server.take_over(life)
    told = json.loads(sys.stdin.readline())
    found = {
        "process": os.getpid(), "parent": os.getppid(), "session": os.getsid(0), "random": random.random(),
        "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")),
        "shown": open("/proc/self/cmdline").read().rstrip("\\0").split("\\0"),
    }
    os.write(told, json.dumps(found).encode())
    sys.exit(int(sys.stdin.readline() or 7))
"""


@pytest.fixture
def server() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    with (
        ours,
        theirs,
        subprocess.Popen(
            [sys.executable, "-P", "-c", SERVER, str(theirs.fileno())], pass_fds=[theirs.fileno()]
        ) as process,
    ):
        theirs.close()
        yield ours
        ours.close()
        assert process.wait(30) == 0  # it ends when the supervisor has gone


async def forked(server: socket.socket, *descriptors: int) -> tuple[int, Forked]:
    reading, writing = os.pipe()
    process = await asked(server, Order(("-m", "shown", "as this"), descriptors), reading)
    os.close(reading)
    return process, Forked(process, writing)


def lived(server: socket.socket) -> tuple[int, int, int, dict]:
    """A child's process id, the descriptor it was given, its status, and what it says of itself."""

    async def live() -> tuple[int, int, int, dict]:
        hears, says = os.pipe()
        process, child = await forked(server, says)
        await child.tell(b"%d\n5\n" % says)
        status = await child.wait()
        found = json.loads(os.read(hears, 65536))
        os.close(hears)
        os.close(says)
        return process, says, status, found

    return asyncio.run(live())


def test_a_forked_child_is_the_supervisor_s_own_and_has_what_it_was_given(server):
    process, says, status, found = lived(server)

    assert found["process"] == found["session"] == process
    assert found["parent"] == os.getpid()
    assert found["descriptors"] == [0, 1, 2, says]  # nothing of the fork server's
    assert found["shown"][1:] == ["-P", "-m", "shown", "as this"]
    assert status == 5


def test_two_children_draw_different_random_numbers(server):
    assert lived(server)[3]["random"] != lived(server)[3]["random"]


def test_the_signal_that_ended_a_forked_child_is_its_status(server):
    async def killed() -> int:
        _, child = await forked(server)
        child.send_signal(signal.SIGKILL)
        status = await child.wait()
        await child.tell(b"to nobody")
        return status

    assert asyncio.run(killed()) == -signal.SIGKILL


@pytest.mark.slow
def test_a_fork_server_that_was_killed_is_made_anew_and_takes_nobody_with_it(tmp_path):
    told = [msgspec.json.encode(Part(settings=Settings(data=str(tmp_path / name)), runtime="")) for name in "ab"]

    async def migrated() -> list[int]:
        with Forks() as forks:
            forks.begin()
            (server,) = fork_servers()
            before = await forks.fork(MIGRATION, ())
            os.kill(server, signal.SIGKILL)
            after = await forks.fork(MIGRATION, ())
            await before.tell(told[0])
            await after.tell(told[1])
            return [await before.wait(), await after.wait()]

    for name in "ab":
        (tmp_path / name).mkdir()
    statuses = asyncio.run(migrated())

    assert statuses == [0, 0]
    for name in "ab":
        with closing(sqlite3.connect(tmp_path / name / "keystead.db")) as database:
            assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(schema.newest(),)]
    assert fork_servers() == []


def fork_servers() -> list[int]:
    """Of this process."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == os.getpid() and b"keystead.fork_server" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found
