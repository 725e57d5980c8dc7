"""In the rotator of a node under test, or in what it is forked from: at one write of a rotation somebody is killed, with SIGKILL.

    ROTATION_DEATH   a file; while it exists it is the order     {"write": 7, "when": "before", "victim": "/folder"}
    ….writes         every write of rotations, one a line, in their order

Counted are transactions of Keystead's own store, and statements that change something on the target. `victim` is the folder that
a server's processes run in; "" is this process itself. The order is gone once it has been carried out.
Its folder is in PYTHONPATH (Python documentation, site, sitecustomize). Time goes faster too: what waits does so for tenths of seconds.
"""

import os
import sys

if "ROTATION_DEATH" in os.environ and {"rotator", "keystead.fork_server"} & set(sys.orig_argv):
    import json
    import signal
    import time
    from contextlib import asynccontextmanager, suppress
    from contextvars import ContextVar
    from pathlib import Path

    import asyncpg
    import pymysql
    import redis.asyncio

    from keystead import rotator
    from keystead.database import leases
    from keystead.database.engine import Database
    from keystead.rotation import attempt, dispatch, run

    ORDER = Path(os.environ["ROTATION_DEATH"])
    CHANGES = ("ALTER", "CREATE", "GRANT", "COMMIT", "SET PASSWORD", "ACL SETUSER", "ACL SAVE", "CONFIG REWRITE")
    COUNTS = ContextVar("COUNTS", default=False)
    IN_STORE = ContextVar("IN_STORE", default=False)
    COUNTED = {"order": None, "writes": 0}

    attempt.HEARTBEAT = 0.3
    attempt.REUSED_SECONDS = 0.0  # each time a session of its own: as many writes as there can be
    run.FIRST_PAUSE = 0.2
    run.LONGEST_PAUSE = 1.0
    run.ATTEMPTS = 10_000  # a loaded machine may take long to start a server again
    dispatch.LEASE_SECONDS = 2.0
    rotator.LOOK_SECONDS = 0.1

    def begins(label):
        """The order, if it is about this write."""
        with suppress(OSError):
            made = (ORDER.stat().st_ino, ORDER.stat().st_mtime_ns)
            order = json.loads(ORDER.read_text())
            if COUNTED["order"] != made:
                COUNTED.update(order=made, writes=0)
            COUNTED["writes"] += 1
            with ORDER.with_suffix(".writes").open("a") as writes:
                writes.write(label + "\n")
            return order if order["write"] == COUNTED["writes"] else None
        return None

    def carry_out(order, when):
        if order is None or order["when"] != when:
            return
        if not order["victim"]:
            ORDER.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        while found := running_in(order["victim"]):
            for number in found:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            time.sleep(0.005)
        ORDER.unlink()

    def running_in(folder):
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if str((entry / "cwd").readlink()).startswith(folder):
                    found.append(int(entry.name))
        return found

    def counted(function):
        """A method whose first argument, or first words, are a statement for the target."""

        def execute(self, statement, *rest, **named):
            if not COUNTS.get() or IN_STORE.get() or not statement.startswith(CHANGES):
                return function(self, statement, *rest, **named)
            return at_target(function, self, statement, *rest, **named)

        return execute

    def blocking(function, self, statement, *rest, **named):
        order = begins(label_of(statement))
        carry_out(order, "before")
        done = function(self, statement, *rest, **named)
        carry_out(order, "after")
        return done

    async def awaited(function, self, statement, *rest, **named):
        order = begins(label_of(statement))
        carry_out(order, "before")
        done = await function(self, statement, *rest, **named)
        carry_out(order, "after")
        return done

    def at_target(function, *rest, **named):
        return (blocking if function is CURSOR else awaited)(function, *rest, **named)

    def label_of(statement):
        return next(words for words in CHANGES if statement.startswith(words))

    CURSOR = pymysql.cursors.Cursor.execute
    pymysql.cursors.Cursor.execute = counted(CURSOR)
    asyncpg.Connection.execute = counted(asyncpg.Connection.execute)
    redis.asyncio.Redis.execute_command = counted(redis.asyncio.Redis.execute_command)

    WRITE = Database.write

    @asynccontextmanager
    async def write(self, because="", **named):
        if not COUNTS.get():
            async with WRITE(self, because, **named) as tx:
                yield tx
            return
        order = begins({"": "lease", "rotation": "run", "overlap": "overlap"}.get(because, "call"))
        before = IN_STORE.set(True)
        try:
            async with WRITE(self, because, **named) as tx:
                yield tx
                carry_out(order, "before")
        finally:
            IN_STORE.reset(before)
        carry_out(order, "after")

    Database.write = write

    WORK = dispatch.Dispatcher._work

    async def work(self, *rest):
        COUNTS.set(True)
        await WORK(self, *rest)

    dispatch.Dispatcher._work = work

    RENEW = leases.renew

    async def renew(*rest):
        """As often as time has it: it is not counted."""
        before = COUNTS.set(False)
        try:
            await RENEW(*rest)
        finally:
            COUNTS.reset(before)

    leases.renew = renew
