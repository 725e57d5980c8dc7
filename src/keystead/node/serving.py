"""The life of a node: its data folder taken, its sockets bound, its schema made the newest, its processes kept alive."""

import asyncio
import fcntl
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from keystead import library_logs, logs
from keystead.config import Settings
from keystead.forks import Forks
from keystead.keyholder import seals
from keystead.keyholder.errors import SealNotOpened
from keystead.metrics import meters
from keystead.node.children import children, endpoint_url, migration, page
from keystead.node.refusals import check_certificate, refuse_bad_regions, refuse_unsafe, with_log_format
from keystead.processes import Runtime, StartFailed, Supervisor, bind, start

READY_SECONDS: Final = 60.0


def serve(settings: Settings, announce: Callable[[str], None], forks: Forks | None = None) -> None:
    """Run a node until SIGTERM; `announce` gets the endpoint URL once, when every worker serves. `forks` may have been begun.

    Raises StartFailed with a text for the operator.
    """
    settings = with_log_format(settings)
    logs.name_process("supervisor", settings.log_format)
    library_logs.configure()
    refuse_unsafe(settings)
    lock = take(settings.folder)
    try:
        refuse_bad_regions(settings)
        with forks or Forks() as begun:
            asyncio.run(_serve(settings, announce, begun))
    finally:
        os.close(lock)


def take(data: Path) -> int:
    """The data folder, for this supervisor alone: the descriptor that holds the lock."""
    if not (data / "keystead.json").exists():
        raise StartFailed(f"There is no installation in {data}. Make one with: keystead init --data {data}")
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StartFailed(f"{data} is in use by another Keystead.") from None
    mark_seal(descriptor, data)
    return descriptor


def mark_seal(descriptor: int, data: Path) -> None:
    """The lock says under which seal its holder started; `keystead root finish` asks."""
    try:
        started_under = str(seals.load(data).id)
    except SealNotOpened as error:
        os.close(descriptor)
        raise StartFailed(str(error)) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, started_under.encode(), 0)


async def _serve(settings: Settings, announce: Callable[[str], None], forks: Forks) -> None:
    runtime = Runtime()
    try:
        (runtime.path / meters.FOLDER).mkdir(mode=0o700)
        meters.attach(page(runtime, "supervisor"))
        listener = listen(settings)
        measured = listen_apart(settings.metrics_host, settings.metrics_port, "metrics")
        published = listen_apart(settings.trail_host, settings.trail_port, "the tree of the trail")
        heard, said = os.pipe()
        url = endpoint_url(settings, listener)

        async def ready() -> None:
            await asyncio.wait_for(hear(heard, settings.workers), READY_SECONDS)
            announce(url)

        parts = children(settings, runtime, listener, (measured, published), said)
        await Supervisor(parts, ready, prepare=partial(migrate, settings, runtime, forks), forks=forks).run()
    finally:
        runtime.close()


async def migrate(settings: Settings, runtime: Runtime, forks: Forks) -> None:
    """By a child: it loads SQL, which the supervisor never needs. Raises StartFailed."""
    child = migration(settings, runtime)
    process = await start(child, forks)
    try:
        await process.tell(child.stdin)
        status = await process.wait()
    except asyncio.CancelledError:
        process.send_signal(signal.SIGTERM)  # its one transaction is rolled back
        await process.wait()
        raise
    if status:
        raise StartFailed("The database could not be given the newest schema; the lines above say why.")


def listen(settings: Settings) -> socket.socket:
    if settings.tls_cert:
        check_certificate(settings)
    try:
        return bind(settings.host, settings.port)
    except OSError as error:
        raise StartFailed(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.") from error


def listen_apart(host: str, port: int, purpose: str) -> socket.socket | None:
    """A listener of the scheduler's; None when there is to be none. Raises StartFailed."""
    if not port:
        return None
    try:
        return bind(host, port)
    except OSError as error:
        raise StartFailed(f"Cannot listen on {host}:{port} for {purpose}: {error.strerror}.") from error


async def hear(descriptor: int, times: int) -> None:
    """Wait for so many bytes on a pipe."""
    loop = asyncio.get_running_loop()
    heard = 0
    while heard < times:
        readable = loop.create_future()
        loop.add_reader(descriptor, readable.set_result, None)
        try:
            await readable
        finally:
            loop.remove_reader(descriptor)
        heard += len(os.read(descriptor, 64))
