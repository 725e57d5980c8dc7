"""The mains of the processes that hold a house, worker, scheduler and rotator; and of the one that migrates the database."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import structlog
import uvloop

from keystead import log_setup, server
from keystead.database.counter import ChangeCounter
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.gateway import Gateway
from keystead.house import House
from keystead.kept_keys import own_keys
from keystead.keyholder import hardening
from keystead.keyholder.client import SocketKeyholder
from keystead.keyholder.promise import Keyholder
from keystead.metrics import meters, page
from keystead.part import Part
from keystead.scheduler import follow
from keystead.server import accepting
from keystead.server.accepting import Shares
from keystead.trail import policy, waiting_before
from keystead.trail.client import SocketRecorder
from keystead.trail.policy import Policy

log = structlog.get_logger("keystead.app")


COLLECT_AFTER: Final = 50_000
"""Objects between collections; a call leaves some dozens until its answer is out."""
BACKGROUND: Final = 5
"""Niceness (setpriority(2)) of the scheduler: on a machine that is fully loaded the index waits, not those who ask."""

PATIENCE_SECONDS: Final = 3.0
"""How long a call waits for a database that is away: so a restart of it costs those who ask time, and no error."""


class Tracing(NamedTuple):
    """What a worker is built with so that its requests are traced; as it stands, they are not."""

    gateway: type[Gateway] = Gateway
    keyholder: Callable[[Keyholder], Keyholder] = lambda one: one
    stop: Callable[[], None] = lambda: None


async def open_house(part: Part, role: str, watched: Callable[[Keyholder], Keyholder] = lambda one: one) -> House:
    """The house of a worker or of the scheduler, on the sockets of its node; `watched` wraps its keyholder."""
    runtime = Path(part.runtime)
    counter = ChangeCounter(runtime / "changes", slots=part.slots, slot=part.slot)
    database = Database.open(part.settings.database_url, counter=counter, patience=PATIENCE_SECONDS)
    feed = Feed(database, counter, patience=PATIENCE_SECONDS)
    keyholder = watched(await SocketKeyholder.connect(runtime / f"{role}.sock", partial(own_keys, database)))
    recorder = await SocketRecorder.connect(runtime / "recorder.sock")
    counter.bump()
    await feed.start()
    return House.build(part.settings, database, feed, keyholder, recorder, time.time)


async def worker(part: Part) -> None:
    import signal
    import socket

    tracing = tracing_of(f"worker-{part.slot}")
    house = await open_house(part, "worker", tracing.keyholder)
    listener = socket.socket(fileno=part.listener)
    app = server.application(house.gateway(tracing.gateway), house.health)
    serving = server.server(
        app,
        tls_cert=part.settings.tls_cert,
        tls_key=part.settings.tls_key,
        stopping=house.stop_waiting,
        shares=shares_of(part),
    )
    spare_the_collector()
    announce(part)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what uvicorn leaves behind, and raises again when it has stopped
    try:
        await serving.serve(sockets=[listener])
    finally:
        await house.close()
        tracing.stop()


def shares_of(part: Part) -> Shares | None:
    """None for the only worker of a node. The first worker's slot is 1."""
    workers = part.settings.workers
    return Shares(Path(part.runtime) / accepting.NAME, slot=part.slot - 1, slots=workers) if workers > 1 else None


def tracing_of(process: str) -> Tracing:
    """As the environment asks, with what is installed (opentelemetry.io, OTLP exporter configuration)."""
    if not any(os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") for name in ("ENDPOINT", "TRACES_ENDPOINT")):
        return Tracing()
    try:
        from keystead import traced
    except ImportError:
        log.warning("traces are asked for, but the extra otel is not installed")
        return Tracing()
    return Tracing(traced.TracedGateway, traced.traced_keyholder, traced.start(process).shutdown)


def spare_the_collector() -> None:
    """What start-up made lives as long as the process: no collection need look at it again, and a call makes no circles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 10, 100)


async def scheduler(part: Part) -> None:
    import signal

    os.nice(BACKGROUND)
    house = await open_house(part, "scheduler")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    announce(part)
    try:
        async with asyncio.TaskGroup() as tasks:
            if part.listener >= 0:
                tasks.create_task(tell_numbers(part, stop))
            if part.published >= 0:
                tasks.create_task(publish(part, stop))
            await follow(house.jobs(part.settings), stop)
    finally:
        await house.close()


async def tell_numbers(part: Part, stop: asyncio.Event) -> None:
    import socket

    from keystead import measured

    await measured.serve(socket.socket(fileno=part.listener), Path(part.runtime), part.settings.folder, stop)


async def publish(part: Part, stop: asyncio.Event) -> None:
    import socket

    from keystead import published

    asked = policy.load(Path(part.settings.trail_policy)) if part.settings.trail_policy else Policy()
    await published.serve(socket.socket(fileno=part.published), part.settings.folder / "trail", asked, stop)


def announce(part: Part) -> None:
    if part.ready >= 0:
        os.write(part.ready, b".")
        os.close(part.ready)


async def rotator(part: Part) -> None:
    import signal

    from keystead.rotator import Rotator  # with it come the drivers of databases, which no other process needs

    house = await open_house(part, "worker")  # it opens and seals secrets, through a gateway of its own
    node = house.installation.node
    rotating = Rotator.build(house.rotation, house.gateway(), part.settings, node, part.endpoint)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        await follow(rotating.jobs(), stop)
    finally:
        await rotating.close()
        await house.close()


async def migration(part: Part) -> None:
    """The schema made the newest, before anybody reads it; then it ends."""
    async with Database.opened(part.settings.database_url) as database:
        await waiting_before.note(database, part.settings.folder / "trail")
        await database.migrate()


MAINS: Final = {"worker": worker, "scheduler": scheduler, "rotator": rotator, "migration": migration}


def main(arguments: list[str]) -> None:
    """`python -m keystead.app worker|scheduler|rotator|migration`, with a Part as JSON on standard input."""
    hardening.die_with_parent()
    hardening.harden_memory()
    part = msgspec.json.decode(sys.stdin.buffer.read(), type=Part)
    name = f"{arguments[0]}-{part.slot}" if arguments[0] == "worker" else arguments[0]
    log_setup.configure(name, part.settings.log_format or "plain")
    if part.slots:
        meters.attach(Path(part.runtime) / meters.FOLDER / name, page.LARGE if part.slot else page.SIZE)
    uvloop.run(MAINS[arguments[0]](part))


if __name__ == "__main__":
    main(sys.argv[1:])
