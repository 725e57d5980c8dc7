"""The recorder's process: opens the log, and appends to it what comes over the unix socket it was handed.

1 no core dumps, no debugger, memory locked    4 sign what there is, if a crash has left it unsigned
2 fetch the signing seeds from the keyholder   5 record and sign until SIGTERM
3 open the log, and compare it with what was signed last
"""

import argparse
import asyncio
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from keystead import __version__, logs
from keystead.keyholder.client import SocketKeyholder
from keystead.keyholder.errors import KeyholderError
from keystead.keyholder.hardening import die_with_parent, harden_memory, lock_memory
from keystead.metrics import meters
from keystead.trail import setup
from keystead.trail.errors import LogBroken, LogDamaged, LogInUse, LogMissing
from keystead.trail.gate import Gate
from keystead.trail.log import Log
from keystead.trail.own_events import describing
from keystead.trail.reserve import Reserve
from keystead.trail.serving import Serving
from keystead.trail.signed_note import Signer

FAILED: Final = 1
"""Exit status when something failed that may be well at the next start."""
REFUSED: Final = 4
"""Exit status when the log must not be written to: somebody has to look at it first."""


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m keystead.trail`, as the supervisor starts it. Exits with FAILED, REFUSED, or 0 after SIGTERM."""
    options = parse(arguments)
    die_with_parent()
    logs.name_process("recorder", options.log_format)
    if options.metrics is not None:
        meters.attach(options.metrics)
    harden_memory()  # 1
    locked = lock_memory()
    os.umask(0o077)
    try:
        run(options, locked.value)
    except LogDamaged as error:
        say(
            f"REFUSED: {error.text}. Nothing is recorded and nothing served until that is understood: keystead trail verify"
        )
        sys.exit(REFUSED)
    except LogMissing:
        say("REFUSED: there is no log, or not all of it")
        sys.exit(REFUSED)
    except (LogBroken, LogInUse, KeyholderError) as error:
        say(f"{type(error).__name__}: {error}")
        sys.exit(FAILED)


def run(options: argparse.Namespace, locked: str) -> None:
    folder = options.data / "trail"
    signer = Signer(options.origin, asyncio.run(seeds(options.keyholder_socket, folder)))  # 2
    if tuple(signer.verifiers) != setup.verifiers(folder):
        raise LogDamaged("the verifier keys are not those of the signing keys")
    log = Log(folder, describing(options.data), reserve=Reserve(folder), say=say)  # 3
    listener = socket.socket(fileno=options.fd)
    log.checkpoint(signer.sign)  # 4
    meters.CHECKPOINT_AT.set(time.time())
    log.note("RecorderStarted", {"version": __version__, "size": log.size})
    gate = None if options.gate_fd is None else Gate(socket.socket(fileno=options.gate_fd))
    serving = Serving(log, listener, signer.sign, options.checkpoint_seconds, say, gate)
    say(f"ready; {log.size} records; {locked}")
    serving.run()  # 5
    log.close()


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m keystead.trail")
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--fd", type=int, required=True, help="a listening unix socket")
    options.add_argument("--gate-fd", type=int, help="a listening unix socket, where sinks are required")
    options.add_argument("--keyholder-socket", type=Path, required=True)
    options.add_argument("--origin", required=True, help="the log's name in its checkpoints")
    options.add_argument("--checkpoint-seconds", type=float, required=True)
    options.add_argument("--metrics", type=Path, help="the page for this process's numbers")
    options.add_argument("--log-format", choices=logs.FORMS, default="plain")
    return options.parse_args(arguments)


async def seeds(path: Path, folder: Path) -> tuple[bytes, bytes]:
    """Of Ed25519 and ML-DSA-44. Raises KeyholderError, LogMissing, LogDamaged."""
    keyholder = await SocketKeyholder.connect(path)
    try:
        return await keyholder.checkpoint_seeds(setup.sealed_key(folder))
    finally:
        await keyholder.close()


def say(text: str) -> None:
    """One line on standard error, for the operator; never anything that was recorded."""
    logs.say("recorder", text)
