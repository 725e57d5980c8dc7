"""What a witness keeps: its keys, the logs that it knows, and of each the checkpoint that it cosigned last.

    DATA/witness.json       its name
    DATA/witness.key        the seeds of its two keys (64), mode 0600
    DATA/witness.vkeys      the public halves, one a line: for policies
    DATA/logs/HEX/          HEX: SHA-256 of the log's origin
      keys                  verifier keys that the log signs with, one a line
      checkpoint            the note that was cosigned last, with the log's signatures and the witness's; empty before the first
      contradictions/       checkpoints that the log signed and that do not continue that one
    DATA/lock               held by the process that cosigns

A checkpoint is replaced as a whole and durable before its cosignature leaves. A witness whose folder was lost, or put back from
a copy, must not go on under its keys: it could cosign a tree that contradicts one that it cosigned before.
"""

import errno
import fcntl
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from keystead.trail import disk
from keystead.trail.checkpoints import Checkpoint, head
from keystead.trail.merkle import EMPTY
from keystead.trail.signed_note import COSIGNATURE, KeyInvalid, NoteInvalid, Signer, Verifier, opened

SEED_LENGTH: Final = 32
CONTRADICTIONS: Final = 100
"""As many are kept of each log."""


class BookInvalid(Exception):
    """What lies in the folder is not what was written there. `text` is for the operator."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """witness.json."""

    name: str
    version: int = 1


class Latest(NamedTuple):
    """The tree that was cosigned last. An empty note: none yet."""

    size: int
    root: bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class Log:
    """A log that the witness knows."""

    origin: str
    keys: tuple[Verifier, ...]
    folder: Path

    def latest(self, cosigners: Iterable[Verifier]) -> Latest:
        """Raises BookInvalid; a file that is missing is no empty one."""
        try:
            note = (self.folder / "checkpoint").read_bytes()
        except FileNotFoundError:
            raise BookInvalid(f"the last checkpoint of {self.origin} is missing") from None
        if not note:
            return Latest(0, EMPTY, b"")
        try:
            text, signed = opened(note, cosigners)
            checkpoint, _ = head(text)
        except (NoteInvalid, ValueError):
            raise BookInvalid(f"the last checkpoint of {self.origin} cannot be read") from None
        if not signed or checkpoint.origin != self.origin:
            raise BookInvalid(f"the last checkpoint of {self.origin} was not cosigned here")
        return Latest(checkpoint.size, checkpoint.root, note)

    def keep(self, note: bytes) -> None:
        """Durable when it returns. Raises OSError, after which nobody knows which one is on the disk."""
        disk.replace(self.folder / "checkpoint", note)

    def contradicted(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Keep what may be proof against the log. Raises OSError."""
        folder = self.folder / "contradictions"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{checkpoint.size}-{checkpoint.root.hex()[:16]}"
        if not path.exists() and sum(1 for _ in folder.iterdir()) < CONTRADICTIONS:
            disk.replace(path, note)


class Book:
    """The folder of one witness."""

    def __init__(self, data: Path) -> None:
        """Raises BookInvalid, FileNotFoundError where there is no witness."""
        self._data = data
        try:
            self.name = msgspec.json.decode((data / "witness.json").read_bytes(), type=Name).name
        except msgspec.DecodeError:
            raise BookInvalid("witness.json cannot be read") from None

    def seeds(self) -> tuple[bytes, bytes]:
        """Raises BookInvalid."""
        seeds = (self._data / "witness.key").read_bytes()
        if len(seeds) != 2 * SEED_LENGTH:
            raise BookInvalid("witness.key is not two seeds")
        return seeds[:SEED_LENGTH], seeds[SEED_LENGTH:]

    def lock(self) -> int:
        """The right to cosign, until the descriptor is closed. Raises BookInvalid."""
        descriptor = os.open(self._data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise BookInvalid(f"{self._data} is in use by another witness") from None
        return descriptor

    def log(self, origin: str) -> Log | None:
        """None for one that it does not know. Raises BookInvalid."""
        return self.at(hexadecimal(origin))

    def at(self, name: str) -> Log | None:
        """By the name of its folder. Raises BookInvalid."""
        folder = self._data / "logs" / name
        try:
            keys = tuple(Verifier.read(line) for line in (folder / "keys").read_text().splitlines())
        except FileNotFoundError:
            return None
        except (KeyInvalid, UnicodeDecodeError):
            raise BookInvalid(f"the keys in {folder} cannot be read") from None
        if not keys or hexadecimal(keys[0].name) != name:
            raise BookInvalid(f"the keys in {folder} are of another log")
        return Log(keys[0].name, keys, folder)

    def logs(self) -> list[Log]:
        """Raises BookInvalid."""
        names = sorted(entry.name for entry in (self._data / "logs").iterdir())
        return [log for name in names if (log := self.at(name)) is not None]

    def add(self, keys: Sequence[Verifier]) -> Log:
        """Know a log, or other keys of one that is known; what was cosigned stays. Raises ValueError, OSError."""
        origins = {key.name for key in keys}
        if len(origins) != 1 or any(key.kind == COSIGNATURE for key in keys):
            raise ValueError("the keys are not those of one log")
        folder = self._data / "logs" / hexadecimal(origins.pop())
        folder.mkdir(mode=0o700, exist_ok=True)
        disk.sync_folder(folder.parent)
        if not (folder / "keys").exists():
            disk.replace(folder / "checkpoint", b"")
        disk.replace(folder / "keys", "".join(f"{key}\n" for key in keys).encode())
        return Log(keys[0].name, tuple(keys), folder)


def create(data: Path, name: str) -> tuple[Verifier, ...]:
    """A witness with fresh keys in a new or empty folder. Raises FileExistsError, KeyInvalid for what cannot be a name."""
    seeds = os.urandom(SEED_LENGTH), os.urandom(SEED_LENGTH)
    cosigners = tuple(Signer(name, seeds).cosigners)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(data.iterdir()):
        raise FileExistsError(errno.EEXIST, "the folder is not empty", str(data))
    data.chmod(0o700)
    (data / "logs").mkdir(mode=0o700)
    disk.replace(data / "witness.key", b"".join(seeds))
    disk.replace(data / "witness.vkeys", "".join(f"{key}\n" for key in cosigners).encode())
    disk.replace(data / "witness.json", msgspec.json.encode(Name(name)))
    return cosigners


def hexadecimal(origin: str) -> str:
    """Of a log, in paths (C2SP tlog-witness 1.0.0, monitoring prefix)."""
    return sha256(origin.encode()).hexdigest()
