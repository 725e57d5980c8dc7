"""`keystead encrypt`, `decrypt`, `inspect`, `rewrap`, `plan`: files, folders and pipes, sealed on this machine.

These verbs know nothing of the server and load nothing of it. They read their arguments with argparse, because typer alone
takes longer to load than they may take to start: a fifth of a second. Endpoint, Region and credentials come from the usual
AWS environment and profiles.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from keystead.cli.envelope_keys import cached, context_of, discovery, keyring
from keystead.cli.envelope_output import fail, say, show, told
from keystead.cli.envelope_work import PIPE, Work, folder, one, piped

Arguments = argparse.Namespace


def main(arguments: Sequence[str]) -> None:
    """Run a verb: its name, then what it was given. Exit status 0, 1 where something failed, 2 for arguments."""
    asked = _parser(arguments[0]).parse_args(arguments[1:])
    with told():
        VERBS[arguments[0]](asked)


def encrypt(asked: Arguments) -> None:
    """Seal a file, a folder or a pipe."""
    from keystead.envelope.envelope import Envelope
    from keystead.envelope.suites import COMMITTED, COMMITTED_SIGNED
    from keystead.envelope.trees import encrypted_name, sealer

    if not asked.key_id and not asked.custodian:
        fail("Name the key to seal with: --key-id, or --custodian.", 2)
    pairs, required = context_of(asked.context), asked.required
    envelope = Envelope(
        cached(keyring(asked.key_id, asked.custodian, asked.needed, asked.profile), asked.reuse_data_keys),
        suite=COMMITTED_SIGNED if asked.signed else COMMITTED,
        frame_length=asked.frame_length,
        threads=1 if asked.recursive else asked.jobs,
    )
    work = Work(asked, lambda advance: sealer(envelope, pairs, required, advance), encrypted_name, sealed=True)
    if asked.recursive:
        folder(work)
    elif PIPE in {asked.input, asked.output}:
        piped(asked, lambda source, sink: envelope.encrypt_stream(source, sink, pairs, required=required))
    else:
        one(work)


def decrypt(asked: Arguments) -> None:
    """Open messages. Without --key-id, the key that a message names is asked.

    A file appears when all of it is verified. A pipe gets verified parts: DISCARD THEM WHEN THE EXIT STATUS IS NOT 0.
    """
    from keystead.envelope.envelope import Envelope
    from keystead.envelope.suites import CommitmentPolicy
    from keystead.envelope.trees import decrypted_name, opener

    pairs = context_of(asked.context)
    named = asked.key_id or asked.custodian
    envelope = Envelope(
        keyring(asked.key_id, asked.custodian, asked.needed, asked.profile)
        if named
        else discovery(asked.account, asked.profile),
        policy=CommitmentPolicy(f"require-encrypt-{'allow' if asked.uncommitted else 'require'}-decrypt"),
        threads=1 if asked.recursive else asked.jobs,
    )
    work = Work(asked, lambda advance: opener(envelope, pairs, advance), decrypted_name, sealed=False)
    if asked.recursive:
        folder(work)
    elif PIPE in {asked.input, asked.output}:
        to_file = asked.output != PIPE  # which is not there before the signature is verified
        piped(asked, lambda source, sink: envelope.decrypt_stream(source, sink, pairs, before_signature=to_file))
    else:
        one(work)


def inspect(asked: Arguments) -> None:
    """What a message says of itself, without any key. NOTHING OF IT IS VERIFIED."""
    from keystead.envelope.inspection import facts

    show(facts(asked.input), asked.output)


def rewrap(asked: Arguments) -> None:
    """Move data keys to another key, or to new material of the same: those of records in place, messages by sealing anew."""
    from keystead.envelope.envelope import Envelope
    from keystead.envelope.reseal import WHY_NOT, reseal

    old = keyring(asked.old_key_id, None, None, asked.profile) if asked.old_key_id else discovery(None, asked.profile)
    new = keyring(asked.key_id, None, None, asked.profile)
    if asked.database is not None:
        from keystead.cli.envelope_work import rewrapped

        say(rewrapped(asked.database, old, new, asked.jobs))
    elif asked.input is None or asked.output is None or not asked.anew:
        fail(WHY_NOT, 2)
    else:
        reseal(Envelope(old), Envelope(new), Path(asked.input), Path(asked.output), context_of(asked.context))


def plan(asked: Arguments) -> None:
    """The arithmetic for so much data: objects, data keys, calls, time after a rotation, what each compromised key exposes."""
    from keystead.envelope.plan import Plan

    show(
        Plan(
            asked.bytes,
            asked.object_bytes,
            asked.frame_bytes,
            asked.bytes_per_year,
            asked.branches,
            asked.branch_seconds,
            asked.processes,
            asked.rotation_days,
            asked.key_calls_per_second,
            asked.core_bytes_per_second,
        ).facts(),
        asked.output,
    )


VERBS: Final[dict[str, Callable[[Arguments], None]]] = {
    "encrypt": encrypt,
    "decrypt": decrypt,
    "inspect": inspect,
    "rewrap": rewrap,
    "plan": plan,
}


# --- arguments --------------------------------------------------------------------------------------------------------


def _parser(verb: str) -> argparse.ArgumentParser:
    described = VERBS[verb].__doc__
    made = argparse.ArgumentParser(f"keystead {verb}", description=described, allow_abbrev=False)
    {"encrypt": _encrypt, "decrypt": _decrypt, "inspect": _inspect, "rewrap": _rewrap, "plan": _plan}[verb](made)
    return made


def _encrypt(to: argparse.ArgumentParser) -> None:
    _files(to)
    _keys(to)
    to.add_argument(
        "--required",
        metavar="NAME",
        action="append",
        default=[],
        help="a pair not to be stored: decrypt must be given it",
    )
    to.add_argument("--signed", action="store_true", help="sign, for readers who must not be able to write")
    to.add_argument("--frame-length", type=_between(1, 2**24), default=65_536, metavar="BYTES", help="default 65536")
    to.add_argument(
        "--reuse-data-keys",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="one data key for several files, for so long",
    )


def _decrypt(to: argparse.ArgumentParser) -> None:
    _files(to)
    _keys(to)
    to.add_argument(
        "--account", action="append", help="where no key is named, ask only keys of this account; repeatable"
    )
    to.add_argument("--uncommitted", action="store_true", help="open old suites, too, which do not commit to their key")


def _files(to: argparse.ArgumentParser) -> None:
    to.add_argument("input", metavar="INPUT", help="a file, a folder with --recursive, or - for a pipe")
    to.add_argument("-o", "--output", required=True, help="a file, a folder, or - for a pipe")
    to.add_argument("-r", "--recursive", action="store_true", help="every file of a folder, into a folder")
    to.add_argument(
        "--jobs", type=_between(1, 256), default=2, help="files, or parts of one file, at a time; default 2"
    )
    to.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    to.add_argument("--resume", action="store_true", help="skip what an earlier run finished, and redo the rest")
    to.add_argument("-q", "--quiet", action="store_true", help="no progress")


def _keys(to: argparse.ArgumentParser) -> None:
    to.add_argument("--key-id", action="append", metavar="ARN|ALIAS", help="a KMS key; repeated: any one opens")
    to.add_argument(
        "--context", action="append", metavar="NAME=VALUE", help="a pair of the encryption context; repeatable"
    )
    to.add_argument(
        "--custodian", action="append", metavar="PROFILE=ARN", help="a key service that keeps a share; repeated"
    )
    to.add_argument("--needed", type=int, help="how many custodians open it; default all")
    to.add_argument("--profile", help="of the AWS configuration")


def _inspect(to: argparse.ArgumentParser) -> None:
    to.add_argument("input", metavar="INPUT", help="a message, or - for a pipe")
    _format(to)


def _rewrap(to: argparse.ArgumentParser) -> None:
    to.add_argument("input", metavar="INPUT", nargs="?", help="a message, to be sealed anew")
    to.add_argument("-o", "--output", help="the message sealed anew")
    to.add_argument("--key-id", action="append", required=True, metavar="ARN|ALIAS", help="the key to move to")
    to.add_argument(
        "--old-key-id", action="append", metavar="ARN|ALIAS", help="what they are wrapped with; default as they name"
    )
    to.add_argument("--context", action="append", metavar="NAME=VALUE", help="a pair of the message's context")
    to.add_argument("--anew", action="store_true", help="open the message and seal it under --key-id")
    to.add_argument("--database", metavar="URL", help="with the data keys of records, which are moved in place")
    to.add_argument("--jobs", type=_between(1, 256), default=16, help="data keys at a time; default 16")
    to.add_argument("--profile", help="of the AWS configuration")


def _plan(to: argparse.ArgumentParser) -> None:
    from keystead.envelope.plan import size_of

    def size(name: str, default: str, text: str) -> None:
        to.add_argument(name, type=size_of, default=size_of(default), metavar="SIZE", help=f"{text}; default {default}")

    def number(name: str, default: int, text: str) -> None:
        to.add_argument(name, type=_between(1, 10**12), default=default, metavar="N", help=f"{text}; default {default}")

    size("--bytes", "750PB", "all data")
    size("--object-bytes", "4MB", "one object, on average")
    size("--frame-bytes", "64KiB", "one frame")
    size("--bytes-per-year", "150PB", "sealed anew each year")
    number("--branches", 1_000, "branch keys: tenants or prefixes")
    number("--branch-seconds", 86_400, "that an opened branch key is kept")
    number("--processes", 100, "that seal")
    number("--rotation-days", 90, "between two versions of a branch key")
    number("--key-calls-per-second", 10_000, "that the key service answers")
    size("--core-bytes-per-second", "2GB", "that one core seals")
    _format(to)


def _format(to: argparse.ArgumentParser) -> None:
    to.add_argument("--output", choices=("text", "json"), default="text", help="text for people, json for programs")


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        found = int(text)
        if not least <= found <= most:
            raise ValueError(text)
        return found

    return number
