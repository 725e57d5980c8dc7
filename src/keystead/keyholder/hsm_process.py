"""A process that calls one module's PKCS#11 library, for the keyholder alone.

The library is a vendor's: it opens files and sockets, and nobody knows what else. So it is in no process that holds keys.
This one holds a PIN, and sees the keys of single messages on their way to the keyholder. Several share the socket.
"""

import argparse
import socket
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from keystead import logs
from keystead.keyholder import hsm, hsm_file
from keystead.keyholder.errors import KeyholderError, RequestRefused
from keystead.keyholder.hardening import die_with_parent, harden_memory, lock_memory
from keystead.keyholder.pkcs11 import Token
from keystead.metrics import meters


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m keystead.keyholder.hsm_process`, as the supervisor starts it. Ends with SIGTERM."""
    options = parse(arguments)
    die_with_parent()
    logs.name_process(options.process, options.log_format)
    if options.metrics is not None:
        meters.attach(options.metrics)
    harden_memory()
    try:
        entry = hsm_file.read(options.hsm_file)[options.name]
    except (hsm_file.HsmFileWrong, KeyError) as error:
        sys.exit(f"{options.process}: {error}")
    token = Token(options.name, entry, lambda text: logs.say(options.process, f"{options.name}: {text}"))
    lock_memory()
    serve(socket.socket(fileno=options.fd), token)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m keystead.keyholder.hsm_process")
    options.add_argument("--hsm-file", required=True)
    options.add_argument("--name", required=True, help="in the HSM file")
    options.add_argument("--fd", type=int, required=True, help="a SOCK_SEQPACKET socket to the keyholder")
    options.add_argument("--process", default="hsm", help="the name of this process")
    options.add_argument("--metrics", type=Path, help="the page for this process's numbers")
    options.add_argument("--log-format", choices=logs.FORMS, default="plain")
    return options.parse_args(arguments)


def serve(link: socket.socket, token: Token) -> None:
    """For ever. What has expired is nobody's any more; what cannot be read was not the keyholder's."""
    while True:
        message = link.recv(hsm.MESSAGE_LIMIT)
        try:
            number, expires = hsm.ASKED_HEAD.unpack_from(message)
            asked = hsm.decode(memoryview(message)[hsm.ASKED_HEAD.size :])
        except (struct.error, msgspec.DecodeError, UnicodeDecodeError):
            continue
        if time.monotonic() < expires:
            link.send(hsm.NUMBER.pack(number) + answered(token, asked))


def answered(token: Token, asked: hsm.Asked) -> bytes:
    """Status (1) | bytes"""
    try:
        return bytes([hsm.OK]) + token.ask(asked)
    except KeyholderError as error:
        return bytes([hsm.STATUSES.get(type(error), hsm.STATUSES[RequestRefused])])


if __name__ == "__main__":
    main()
