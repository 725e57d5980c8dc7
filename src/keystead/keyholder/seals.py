"""What unlocks the root key when a keyholder starts. A seal wraps the root key and leaves everything below it alone.

DATA/seal.json, mode 0600:

    {"version": 1, "id": UUID, "kind": "file" | "passphrase",
     "argon2": {"salt", "time_cost", "memory_cost", "parallelism"},        passphrase only; memory in KiB
     "iv": …, "sealed": …}                                                 bytes in base64

    sealed = AES-256-GCM(S, iv, root key, AAD = id (16) | version (4))

    S, file:        the 32 bytes of DATA/seal.key, mode 0600
    S, passphrase:  argon2id(passphrase, salt, …), 32 bytes (RFC 9106)

The tag is the check value: a wrong passphrase is noticed, and nothing is changed. A file seal on the disk that also holds
the data protects a copy of the database, not a stolen machine.
"""

import hmac
import os
import stat
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import msgspec
from argon2.low_level import Type, hash_secret_raw
from argon2.profiles import RFC_9106_LOW_MEMORY
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.keyholder.sealing import IV_LENGTH, KEY_LENGTH, urandom, wipe

VERSION: Final = 1
FILE: Final = "file"
PASSPHRASE: Final = "passphrase"  # noqa: S105  # a kind's name
SEAL_FILE: Final = "seal.json"
KEY_FILE: Final = "seal.key"
SALT_LENGTH: Final = 16
"""RFC 9106 section 3.1 recommends it."""
MEMORY_LIMIT: Final = 4 * 1024 * 1024
"""KiB that a seal file may ask of argon2: the high-memory profile of RFC 9106 has 2 GiB."""
TIME_LIMIT: Final = 1024
PARALLELISM_LIMIT: Final = 64


class SealNotOpened(Exception):
    """The root key stays locked. The text is for the operator and says what to do; nothing was changed."""


class Argon2(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of RFC 9106: memory in KiB."""

    salt: bytes
    time_cost: int
    memory_cost: int
    parallelism: int

    def derive(self, passphrase: bytes) -> bytes:
        return hash_secret_raw(
            passphrase, self.salt, self.time_cost, self.memory_cost, self.parallelism, KEY_LENGTH, Type.ID
        )


class SealFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """DATA/seal.json."""

    version: int
    id: uuid.UUID
    kind: str
    iv: bytes
    sealed: bytes
    argon2: Argon2 | None = None

    def __repr__(self) -> str:
        return f"SealFile({self.id}, {self.kind})"


class Seal(Protocol):
    """One kind of seal, with whatever secret it takes."""

    @property
    def kind(self) -> str: ...

    def new_secret(self, data: Path) -> tuple[bytes, Argon2 | None]:
        """S of a new installation, and the parameters that go into its seal file."""

    def secret(self, data: Path, argon2: Argon2 | None) -> bytes:
        """S of this installation. Raises SealNotOpened."""


@dataclass(frozen=True, slots=True)
class FileSeal:
    """S lies in DATA/seal.key."""

    kind = FILE

    def new_secret(self, data: Path) -> tuple[bytes, Argon2 | None]:
        secret = urandom(KEY_LENGTH)
        write(data / KEY_FILE, secret)
        return secret, None

    def secret(self, data: Path, argon2: Argon2 | None) -> bytes:
        del argon2  # a file seal has no parameters
        secret = read(data / KEY_FILE)
        if len(secret) != KEY_LENGTH:
            raise SealNotOpened(f"{data / KEY_FILE} does not hold {KEY_LENGTH} bytes.")
        return secret


@dataclass(frozen=True, slots=True)
class PassphraseSeal:
    """S comes from a passphrase, taken as it is: no trimming, no Unicode normalisation."""

    passphrase: bytes = field(repr=False)
    kind = PASSPHRASE

    def new_secret(self, data: Path) -> tuple[bytes, Argon2 | None]:
        del data  # nothing of it is kept
        if not self.passphrase:
            raise SealNotOpened("An empty passphrase seals nothing.")
        profile = RFC_9106_LOW_MEMORY
        argon2 = Argon2(urandom(SALT_LENGTH), profile.time_cost, profile.memory_cost, profile.parallelism)
        return argon2.derive(self.passphrase), argon2

    def secret(self, data: Path, argon2: Argon2 | None) -> bytes:
        if argon2 is None or not _reasonable(argon2):
            raise SealNotOpened(f"{data / SEAL_FILE} has no usable argon2 parameters.")
        return argon2.derive(self.passphrase)


def given(data: Path, passphrase: bytes | None) -> Seal:
    """The seal that this installation has. Raises SealNotOpened when it and what was given do not fit."""
    kind = load(data).kind
    if kind == FILE and passphrase is not None:
        raise SealNotOpened("This installation has a file seal: a passphrase is of no use to it.")
    if kind == FILE:
        return FileSeal()
    if kind != PASSPHRASE:
        raise SealNotOpened(f"{data / SEAL_FILE} is of an unknown kind.")
    if not passphrase:
        raise SealNotOpened("This installation is sealed by a passphrase: give one with --passphrase-file.")
    return PassphraseSeal(passphrase)


def write_new(data: Path, seal: Seal) -> bytes:
    """Make a root key and seal it; verified before it is written. Raises FileExistsError where there is a seal."""
    if (data / SEAL_FILE).exists():
        raise FileExistsError(data / SEAL_FILE)
    secret, argon2 = seal.new_secret(data)
    root, id_, iv = urandom(KEY_LENGTH), uuid.uuid4(), urandom(IV_LENGTH)
    cipher = AESGCM(secret)
    sealed = cipher.encrypt(iv, root, _bound(id_, VERSION))
    opened = cipher.decrypt(iv, sealed, _bound(id_, VERSION))
    if not hmac.compare_digest(opened, root):
        raise SealNotOpened(
            "The new seal does not open again: this machine's memory or processor is not to be trusted."
        )
    wipe(opened)
    wipe(secret)
    made = SealFile(VERSION, id_, seal.kind, iv, sealed, argon2)
    write(data / SEAL_FILE, msgspec.json.format(msgspec.json.encode(made)) + b"\n")
    return root


def unseal(data: Path, seal: Seal) -> bytes:
    """The root key. Raises SealNotOpened; changes nothing."""
    found = load(data)
    if found.kind != seal.kind:
        raise SealNotOpened(f"This installation has a {found.kind} seal, not a {seal.kind} seal.")
    secret = seal.secret(data, found.argon2)
    try:
        root = AESGCM(secret).decrypt(found.iv, found.sealed, _bound(found.id, found.version))
    except (InvalidTag, ValueError):
        raise SealNotOpened(WRONG[seal.kind]) from None
    finally:
        wipe(secret)
    if len(root) != KEY_LENGTH:
        raise SealNotOpened(f"{data / SEAL_FILE} does not hold a root key.")
    return root


WRONG: Final = {
    FILE: f"{KEY_FILE} does not open {SEAL_FILE}: one of them belongs to another installation, or was altered.",
    PASSPHRASE: f"The passphrase is wrong, or {SEAL_FILE} was altered.",
}


def load(data: Path) -> SealFile:
    """Raises SealNotOpened."""
    try:
        found = msgspec.json.decode(read(data / SEAL_FILE), type=SealFile)
    except msgspec.DecodeError:
        raise SealNotOpened(f"{data / SEAL_FILE} is not a seal file.") from None
    if found.version != VERSION:
        raise SealNotOpened(f"{data / SEAL_FILE} was made by another version of Keystead.")
    if len(found.iv) != IV_LENGTH:  # the library would take 8 to 128 bytes
        raise SealNotOpened(f"{data / SEAL_FILE} is not a seal file.")
    return found


def read(path: Path) -> bytes:
    """Raises SealNotOpened when it is missing, or when others may read it."""
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise SealNotOpened(f"{path} may be read by others: chmod 600 {path}")
            return file.read()
    except OSError as error:
        raise SealNotOpened(f"{path} cannot be read: {error.strerror}.") from None


def write(path: Path, content: bytes) -> None:
    """All or nothing, and on disk when it returns. Raises FileExistsError rather than replace anything."""
    if path.exists():
        raise FileExistsError(path)
    partial = path.with_name(path.name + ".new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _reasonable(argon2: Argon2) -> bool:
    return (
        len(argon2.salt) == SALT_LENGTH
        and 1 <= argon2.time_cost <= TIME_LIMIT
        and 1 <= argon2.parallelism <= PARALLELISM_LIMIT
        and 8 * argon2.parallelism <= argon2.memory_cost <= MEMORY_LIMIT
    )


def _bound(id_: uuid.UUID, version: int) -> bytes:
    return id_.bytes + version.to_bytes(4, "big")
