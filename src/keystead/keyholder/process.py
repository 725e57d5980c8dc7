"""The keyholder's process: unseals, locks itself in, and answers over the unix sockets it was handed.

1 no core dumps, no debugger, memory locked    4 exercise every algorithm, for Python imports lazily
2 read the passphrase, if there is one         5 forbid all system calls but a few
3 open the seal                                6 answer until SIGTERM
"""

import argparse
import gc
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from keystead import __version__, logs
from keystead.keyholder import seals, setup, system_calls
from keystead.keyholder.errors import HsmLost, SealNotOpened
from keystead.keyholder.hardening import die_with_parent, harden_memory, lock_memory
from keystead.keyholder.links import Blocking, Links
from keystead.keyholder.reach import Reach
from keystead.keyholder.requests import ROLES
from keystead.keyholder.sealing import wipe
from keystead.keyholder.seals import Seal
from keystead.keyholder.serving import Serving, say
from keystead.keyholder.software import Software
from keystead.keyholder.warming import warm_up
from keystead.metrics import meters

SEAL_NOT_OPENED: Final = 3
"""Exit status: starting again would not help."""
PASSPHRASE_LIMIT: Final = 4096
HSM_PAUSE_SECONDS: Final = 1.0


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m keystead.keyholder`, as the supervisor starts it. Exits with SEAL_NOT_OPENED, or 0 after SIGTERM."""
    options = parse(arguments)
    die_with_parent()
    logs.name_process("keyholder", options.log_format)
    if options.metrics is not None:
        meters.attach(options.metrics)
    attached = harden_memory()  # 1
    lock_memory()
    modules = modules_of(options.hsm)
    try:
        software = unsealed(options.data, options.passphrase_fd, Reach(Blocking(modules)))  # 2, 3
    except SealNotOpened as error:
        say(str(error))
        sys.exit(SEAL_NOT_OPENED)
    listeners = {role: socket.socket(fileno=getattr(options, f"{role}_fd")) for role in ROLES}
    software.reach.module = None  # from here on nobody waits for a module
    serving = Serving(software, listeners, links=Links(modules))
    warm_up()  # 4
    gc.collect()
    gc.freeze()
    locked = lock_memory()
    restricted = system_calls.restrict()  # 5
    say(f"ready; {attached.value}; {locked.value}; {restricted.value}")
    serving.run()  # 6


def modules_of(handed: Sequence[str]) -> dict[str, socket.socket]:
    """The sockets to hardware security modules, by their names in the HSM file."""
    pairs = (one.rsplit("=", 1) for one in handed)
    return {name: socket.socket(fileno=int(descriptor)) for name, descriptor in pairs}


def unsealed(data: Path, descriptor: int | None, reach: Reach) -> Software:
    """Waits for a token that is not there. Raises SealNotOpened."""
    passphrase = None if descriptor is None else read_passphrase(descriptor)
    try:
        seal = seals.given(data, passphrase, reach)
        meters.SEAL.set(1, __version__, seal.kind)
        return opened(data, seal)
    finally:
        wipe(passphrase or b"")


def opened(data: Path, seal: Seal) -> Software:
    while True:
        try:
            return setup.open(data, seal)
        except HsmLost:
            say("waiting for the token that has the root key")
            time.sleep(HSM_PAUSE_SECONDS)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m keystead.keyholder")
    options.add_argument("--data", type=Path, required=True)
    for role in ROLES:
        options.add_argument(f"--{role}-fd", type=int, required=True, help="a listening unix socket")
    options.add_argument("--passphrase-fd", type=int, help="holds the passphrase; a line end after it does not count")
    options.add_argument("--hsm", action="append", default=[], metavar="NAME=FD", help="a socket to a module's process")
    options.add_argument("--metrics", type=Path, help="the page for this process's numbers")
    options.add_argument("--log-format", choices=logs.FORMS, default="plain")
    return options.parse_args(arguments)


def read_passphrase(descriptor: int) -> bytes:
    """A file is read from its start: the supervisor hands out the same descriptor at each start. Raises SealNotOpened."""
    try:
        try:
            read = os.pread(descriptor, PASSPHRASE_LIMIT + 1, 0)
        except OSError:  # a pipe has no start
            with os.fdopen(os.dup(descriptor), "rb") as pipe:
                read = pipe.read(PASSPHRASE_LIMIT + 1)
        os.close(descriptor)
    except OSError as error:
        raise SealNotOpened(f"The passphrase cannot be read: {error.strerror}.") from None
    if len(read) > PASSPHRASE_LIMIT:
        raise SealNotOpened(f"A passphrase has at most {PASSPHRASE_LIMIT} bytes.")
    passphrase = read.rstrip(b"\r\n")
    if passphrase is not read:
        wipe(read)
    return passphrase
