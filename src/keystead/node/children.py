"""One node: which processes it is made of, and which sockets each is handed.

    hsm × N     one or more for each hardware security module, on a socket to the keyholder
    keyholder   listens on worker.sock, scheduler.sock, and recorder-key.sock for the recorder's signing seeds
    recorder    listens on recorder.sock, and on gate.sock where a sink is required
    sinks       where any are named: gives every record to each
    worker × N  share the TCP listener
    scheduler
    rotator     performs rotations; it may ask the keyholder what a worker may, and listens nowhere
    fork server  has loaded what worker, scheduler and rotator share, and forks them (keystead.forks); knows nothing else
    migration   before all of them, and only until the schema is the newest

All unix sockets lie in a folder of mode 0700 that lives as long as the supervisor.
"""

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from keystead.config import Installation, Settings
from keystead.database.counter import ChangeCounter
from keystead.keyholder import hsm_file
from keystead.metrics import meters
from keystead.node.refusals import modules, sinks_of
from keystead.part import Part
from keystead.processes import LOG_REFUSED, SEAL_NOT_OPENED, Child, Runtime
from keystead.sinks import configuration, standing


def page(runtime: Runtime, name: str) -> Path:
    return runtime.path / meters.FOLDER / name


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
            forked=True,
        ),
        Child(
            "rotator",
            ("-m", "keystead.app", "rotator"),
            part(slots - 1, endpoint=endpoint_url(settings, listener)),
            last=True,
            forked=True,
        ),
        *(
            Child(
                f"worker {number}",
                ("-m", "keystead.app", "worker"),
                part(number, listener=listener.fileno(), ready=said),
                (said, listener.fileno()),
                forked=True,
            )
            for number in range(1, settings.workers + 1)
        ),
    ]


def migration(settings: Settings, runtime: Runtime) -> Child:
    """Ends when the schema is the newest, and the others have not read from it before."""
    told = msgspec.json.encode(Part(settings=settings, runtime=str(runtime.path)))
    return Child("migration", ("-m", "keystead.app", "migration"), told, forked=True)


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
