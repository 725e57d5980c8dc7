"""One node: which processes it is made of, and which sockets each is handed.

    hsm × N     one or more for each hardware security module, on a socket to the keyholder
    keyholder   listens on worker.sock, scheduler.sock, and recorder-key.sock for the recorder's signing seeds
    recorder    listens on recorder.sock, and on gate.sock where a sink is required
    sinks       where any are named: gives every record to each
    worker × N  share the TCP listener
    scheduler
    rotator     performs rotations; it may ask the keyholder what a worker may, and listens nowhere

All unix sockets lie in a folder of mode 0700 that lives as long as the supervisor.
"""

import asyncio
import fcntl
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from keystead import library_logs, logs
from keystead.config import Installation, Settings
from keystead.database.counter import ChangeCounter
from keystead.keyholder import hsm_file, seals
from keystead.keyholder.errors import SealNotOpened
from keystead.metrics import meters
from keystead.part import Part
from keystead.processes import LOG_REFUSED, SEAL_NOT_OPENED, Child, Runtime, StartFailed, Supervisor, bind
from keystead.sinks import configuration, standing
from keystead.trail import policy
from keystead.wire import model

READY_SECONDS: Final = 60.0


def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Run a node until SIGTERM; `announce` gets the endpoint URL once, when every worker serves.

    Raises StartFailed with a text for the operator.
    """
    settings = with_log_format(settings)
    logs.name_process("supervisor", settings.log_format)
    library_logs.configure()
    refuse_unsafe(settings)
    lock = take(settings.folder)
    try:
        refuse_bad_regions(settings)
        asyncio.run(_serve(settings, announce))
    finally:
        os.close(lock)


def with_log_format(settings: Settings) -> Settings:
    """Decided once, so that all processes log alike. Raises StartFailed."""
    if settings.log_format not in {"", "text", "json"}:
        raise StartFailed("The log format is text or json.")
    return msgspec.structs.replace(settings, log_format=logs.chosen(settings.log_format))


def refuse_unsafe(settings: Settings) -> None:
    """Plain HTTP leaves this machine only when the operator says so by name."""
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise StartFailed("--tls-cert and --tls-key go together.")
    if bool(settings.rotation_webhook) != bool(settings.rotation_webhook_key):
        raise StartFailed("--rotation-webhook and --rotation-webhook-key go together.")
    refuse_bad_policy(settings)
    refuse_bad_store(settings)
    refuse_bad_roots(settings)
    sinks_of(settings)
    if settings.tls_cert or settings.allow_plain_http or is_loopback(settings.host):
        return
    raise StartFailed(
        f"Plain HTTP on {settings.host} would show every secret to the network. "
        "Give --tls-cert and --tls-key, or say --allow-plain-http where something in front ends TLS."
    )


def refuse_bad_policy(settings: Settings) -> None:
    """A policy that cannot be read is better known now than in the scheduler, again and again."""
    try:
        if settings.trail_policy:
            policy.load(Path(settings.trail_policy))
    except OSError as error:
        raise StartFailed(f"The policy {settings.trail_policy} cannot be read: {error.strerror}.") from error
    except policy.PolicyInvalid as error:
        raise StartFailed(f"{settings.trail_policy} is not a policy: {error.text}.") from error


def refuse_bad_roots(settings: Settings) -> None:
    """Raises StartFailed."""
    if not settings.attestation_roots:
        return
    from keystead.attestation.verification import roots

    try:
        roots(Path(settings.attestation_roots).read_bytes())
    except OSError as error:
        raise StartFailed(f"The roots in {settings.attestation_roots} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise StartFailed(f"{settings.attestation_roots} holds no certificates in PEM.") from error


def refuse_bad_regions(settings: Settings) -> None:
    """Bad request rates too. Raises StartFailed."""
    from keystead.keys.quotas import read_rates

    try:
        settings.served_regions(model.regions(), Installation.load(settings.folder).region)
        read_rates(settings.kms_rates, settings.workers)
    except ValueError as error:
        raise StartFailed(str(error)) from error


def refuse_bad_store(settings: Settings) -> None:
    """Where the trail's files go. Raises StartFailed."""
    if settings.trail_days < 0:
        raise StartFailed("The trail's files are kept for some days, or 0 for ever.")
    if settings.trail_log_seconds <= 0 or settings.trail_digest_seconds < 1:
        raise StartFailed("The trail's log files and digests need a time of their own: some seconds each.")
    if not settings.trail_store.startswith("s3:"):
        return
    from keystead.trail import object_store

    try:
        endpoint = urlsplit(object_store.address(settings.trail_store, "").endpoint)
    except object_store.StoreAddressInvalid:
        raise StartFailed("KEYSTEAD_TRAIL_STORE is s3://BUCKET[/PREFIX][?endpoint=URL][&region=NAME].") from None
    if endpoint.scheme != "https" and not settings.allow_plain_http and not is_loopback(endpoint.hostname or ""):
        raise StartFailed("The trail's store is named with plain HTTP, which would show the trail to the network.")


def sinks_of(settings: Settings) -> Mapping[str, configuration.Settings]:
    """Where else every record goes. Raises StartFailed."""
    try:
        return configuration.read(configuration.path_of(settings.folder, settings.sinks))
    except configuration.ConfigurationInvalid as error:
        raise StartFailed(error.text) from error


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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


async def _serve(settings: Settings, announce: Callable[[str], None]) -> None:
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
        await Supervisor(parts, ready, prepare=partial(asyncio.to_thread, migrate, settings)).run()
    finally:
        runtime.close()


def migrate(settings: Settings) -> None:
    """In a thread: while it loads SQL and its migrations, the children load their programs."""
    from keystead.database.engine import Database  # SQL: half a second that the children need not wait for

    async def upgrade() -> None:
        database = Database.open(settings.database_url)
        try:
            await database.migrate()
        finally:
            await database.close()

    asyncio.run(upgrade())


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


def page(runtime: Runtime, name: str) -> Path:
    return runtime.path / meters.FOLDER / name


def check_certificate(settings: Settings) -> None:
    """A certificate that does not load is better known now than in every worker."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise StartFailed(f"The TLS certificate or key cannot be loaded: {error.strerror or error}.") from error


def endpoint_url(settings: Settings, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"{settings.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def children(
    settings: Settings,
    runtime: Runtime,
    listener: socket.socket,
    apart: tuple[socket.socket | None, socket.socket | None],
    said: int,
) -> list[Child]:
    """In the order of starting; stopping goes the other way, so that no answer is left without its record."""
    installation = Installation.load(settings.folder)
    slots = settings.workers + 2
    counter = ChangeCounter(runtime.path / "changes", slots=slots, slot=0)
    counter.close()

    def part(slot: int, **more: Any) -> bytes:
        return msgspec.json.encode(Part(settings=settings, runtime=str(runtime.path), slot=slot, slots=slots, **more))

    measured, published = (-1 if one is None else one.fileno() for one in apart)
    scheduler = part(0, listener=measured, published=published)
    entries = modules(settings)
    links = {name: runtime.pair() for name in entries}
    return [
        *hsm_processes(settings, runtime, entries, links),
        keyholder(settings, runtime, {name: keyholders for name, (keyholders, _) in links.items()}),
        *sinks(settings, installation, runtime),
        recorder(settings, installation, runtime),
        Child(
            "scheduler",
            ("-m", "keystead.app", "scheduler"),
            scheduler,
            tuple(one for one in (measured, published) if one >= 0),
            last=True,
        ),
        Child(
            "rotator",
            ("-m", "keystead.app", "rotator"),
            part(slots - 1, endpoint=endpoint_url(settings, listener)),
            last=True,
        ),
        *(
            Child(
                f"worker {number}",
                ("-m", "keystead.app", "worker"),
                part(number, listener=listener.fileno(), ready=said),
                (said, listener.fileno()),
            )
            for number in range(1, settings.workers + 1)
        ),
    ]


def modules(settings: Settings) -> hsm_file.Entries:
    """Raises StartFailed."""
    try:
        return hsm_file.read(settings.hsms)
    except hsm_file.HsmFileWrong as error:
        raise StartFailed(str(error)) from None


def hsm_processes(
    settings: Settings, runtime: Runtime, entries: hsm_file.Entries, links: Mapping[str, tuple[int, int]]
) -> Iterator[Child]:
    """Those of one module share its socket, and each takes from it what it can do."""
    each = [name for name, entry in entries.items() for _ in range(entry.processes)]
    for number, name in enumerate(each, 1):
        _, descriptor = links[name]
        command = (
            "-m", "keystead.keyholder.hsm_process",
            "--hsm-file", settings.hsms,
            "--name", name,
            "--fd", str(descriptor),
            "--process", f"hsm-{number}",
            "--metrics", str(page(runtime, f"hsm-{number}")),
            "--log-format", settings.log_format,
        )  # fmt: skip  # an option and its value stand together
        yield Child(f"hsm {number}", command, descriptors=(descriptor,))


def keyholder(settings: Settings, runtime: Runtime, links: Mapping[str, int]) -> Child:
    sockets = {
        role: runtime.listen(name)
        for role, name in (
            ("worker", "worker.sock"),
            ("scheduler", "scheduler.sock"),
            ("recorder", "recorder-key.sock"),
        )
    }
    command = ["-m", "keystead.keyholder", "--data", settings.data, "--log-format", settings.log_format]
    command += ["--metrics", str(page(runtime, "keyholder"))]
    for role, descriptor in sockets.items():
        command += [f"--{role}-fd", str(descriptor)]
    for name, descriptor in links.items():
        command += ["--hsm", f"{name}={descriptor}"]
    descriptors = [*sockets.values(), *links.values()]
    if settings.passphrase_file:
        passphrase = os.open(settings.passphrase_file, os.O_RDONLY | os.O_CLOEXEC)
        command += ["--passphrase-fd", str(passphrase)]
        descriptors.append(passphrase)
    final = {SEAL_NOT_OPENED: "The seal could not be opened."}
    return Child("keyholder", tuple(command), descriptors=tuple(descriptors), final=final)


def sinks(settings: Settings, installation: Installation, runtime: Runtime) -> Iterator[Child]:
    """Before the recorder, so that it is stopped after it: it is to have what the recorder recorded last."""
    known = sinks_of(settings)
    if not known:
        standing.forget(settings.folder / "trail")
        return
    command: tuple[str, ...] = (
        "-m", "keystead.sinks",
        "--data", settings.data,
        "--sinks-file", str(configuration.path_of(settings.folder, settings.sinks)),
        "--node", installation.node,
        "--recorder-socket", str(runtime.path / "recorder.sock"),
        "--metrics", str(page(runtime, "sinks")),
        "--log-format", settings.log_format,
    )  # fmt: skip  # an option and its value stand together
    if any(one.required for one in known.values()):
        command = (*command, "--gate-socket", str(runtime.path / "gate.sock"))
    yield Child("sinks", command)


def recorder(settings: Settings, installation: Installation, runtime: Runtime) -> Child:
    descriptors = [runtime.listen("recorder.sock")]
    gate: tuple[str, ...] = ()
    if any(one.required for one in sinks_of(settings).values()):
        descriptors.append(runtime.listen("gate.sock"))
        gate = ("--gate-fd", str(descriptors[1]))
    command = (
        "-m", "keystead.trail",
        "--data", settings.data,
        "--fd", str(descriptors[0]), *gate,
        "--keyholder-socket", str(runtime.path / "recorder-key.sock"),
        "--origin", installation.origin,
        "--checkpoint-seconds", str(settings.checkpoint_seconds),
        "--metrics", str(page(runtime, "recorder")),
        "--log-format", settings.log_format,
    )  # fmt: skip  # an option and its value stand together
    final = {LOG_REFUSED: "The trail must not be written to until somebody has looked at it; the lines above say why."}
    return Child("recorder", command, descriptors=tuple(descriptors), final=final)


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
