"""What unlocks the root key when a keyholder starts. A seal wraps the root key and leaves everything below it alone.

DATA/seal.json, mode 0600:

    {"version": 1, "id": UUID, "kind": "file" | "passphrase",
     "argon2": {"salt", "time_cost", "memory_cost", "parallelism"},        passphrase only; memory in KiB
     "iv": …, "sealed": …,                                                 bytes in base64
     "former": [ … ]}                                                      absent = none; newest first

    sealed = AES-256-GCM(S, iv, root key, AAD = id (16) | version (4))

    S, file:        the 32 bytes of DATA/seal-ID.key, mode 0600
    S, passphrase:  argon2id(passphrase, salt, …), 32 bytes (RFC 9106)

    former = 01 | nonce (16) | iv (12) | ciphertext | tag (16)             a root key that this one replaced, under this one
                                                                           label "keystead former root key", bound = id

The tag is the check value: a wrong passphrase is noticed, and nothing is changed. A file seal on the disk that also holds
the data protects a copy of the database, not a stolen machine.
"""

import hmac
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import msgspec
from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from argon2.profiles import RFC_9106_LOW_MEMORY
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.sealing import (
    FORMER_ROOT,
    IV_LENGTH,
    KEY_LENGTH,
    Altered,
    open_sealed,
    seal_verified,
    urandom,
    wipe,
)
from keystead.keyholder.secret_files import read, write

VERSION: Final = 1
FORMER_VERSION: Final = b"\x01"
FILE: Final = "file"
PASSPHRASE: Final = "passphrase"  # noqa: S105  # a kind's name
SEAL_FILE: Final = "seal.json"
SALT_LENGTH: Final = 16
"""RFC 9106 section 3.1 recommends it."""
MEMORY_LIMIT: Final = 4 * 1024 * 1024
"""KiB that a seal file may ask of argon2: the high-memory profile of RFC 9106 has 2 GiB."""
TIME_LIMIT: Final = 1024
PARALLELISM_LIMIT: Final = 64


class Argon2(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of RFC 9106: memory in KiB."""

    salt: bytes
    time_cost: int
    memory_cost: int
    parallelism: int

    def derive(self, passphrase: bytes) -> bytes:
        """Raises SealNotOpened when this machine has not the memory for it."""
        try:
            return hash_secret_raw(
                passphrase, self.salt, self.time_cost, self.memory_cost, self.parallelism, KEY_LENGTH, Type.ID
            )
        except HashingError:
            raise SealNotOpened(f"The passphrase needs {self.memory_cost} KiB of memory to be tried.") from None

    def reasonable(self) -> bool:
        return (
            len(self.salt) == SALT_LENGTH
            and 1 <= self.time_cost <= TIME_LIMIT
            and 1 <= self.parallelism <= PARALLELISM_LIMIT
            and 8 * self.parallelism <= self.memory_cost <= MEMORY_LIMIT
        )


class SealFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """DATA/seal.json."""

    version: int
    id: uuid.UUID
    kind: str
    iv: bytes
    sealed: bytes
    argon2: Argon2 | None = None
    former: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"SealFile({self.id}, {self.kind})"


class Seal(Protocol):
    """One kind of seal, with whatever secret it takes. `id` is that of the seal file."""

    @property
    def kind(self) -> str: ...

    def new_secret(self, data: Path, id_: uuid.UUID) -> tuple[bytes, Argon2 | None]:
        """S of a new seal, and the parameters that go into its file."""

    def secret(self, data: Path, id_: uuid.UUID, argon2: Argon2 | None) -> bytes:
        """S of this seal. Raises SealNotOpened."""


def key_file(id_: uuid.UUID | str) -> str:
    return f"seal-{id_}.key"


@dataclass(frozen=True, slots=True)
class FileSeal:
    """S lies in a file of its own beside the seal file."""

    kind = FILE

    def new_secret(self, data: Path, id_: uuid.UUID) -> tuple[bytes, Argon2 | None]:
        secret = urandom(KEY_LENGTH)
        write(data / key_file(id_), secret)
        return secret, None

    def secret(self, data: Path, id_: uuid.UUID, argon2: Argon2 | None) -> bytes:
        del argon2  # a file seal has no parameters
        secret = read(data / key_file(id_))
        if len(secret) != KEY_LENGTH:
            raise SealNotOpened(f"{data / key_file(id_)} does not hold {KEY_LENGTH} bytes.")
        return secret


@dataclass(frozen=True, slots=True)
class PassphraseSeal:
    """S comes from a passphrase, taken as it is: no trimming, no Unicode normalisation."""

    passphrase: bytes = field(repr=False)
    kind = PASSPHRASE

    def new_secret(self, data: Path, id_: uuid.UUID) -> tuple[bytes, Argon2 | None]:
        del data, id_  # nothing of it is kept
        if not self.passphrase:
            raise SealNotOpened("An empty passphrase seals nothing.")
        profile = RFC_9106_LOW_MEMORY
        argon2 = Argon2(urandom(SALT_LENGTH), profile.time_cost, profile.memory_cost, profile.parallelism)
        return argon2.derive(self.passphrase), argon2

    def secret(self, data: Path, id_: uuid.UUID, argon2: Argon2 | None) -> bytes:
        del id_
        if argon2 is None or not argon2.reasonable():
            raise SealNotOpened(f"{data / SEAL_FILE} has no usable argon2 parameters.")
        return argon2.derive(self.passphrase)


WRONG: Final = {
    FILE: f"The key file does not open {SEAL_FILE}: one of them belongs to another installation, or was altered.",
    PASSPHRASE: f"The passphrase is wrong, or {SEAL_FILE} was altered.",
}


def given(data: Path, passphrase: bytes | None) -> Seal:
    """The seal that this installation has. Raises SealNotOpened when it and what was given do not fit."""
    return fitting(load(data), passphrase)


def fitting(file: SealFile, passphrase: bytes | None) -> Seal:
    """The seal that this file is of. Raises SealNotOpened when it and what was given do not fit."""
    if file.kind == FILE and passphrase is not None:
        raise SealNotOpened("This installation has a file seal: a passphrase is of no use to it.")
    if file.kind == FILE:
        return FileSeal()
    if file.kind != PASSPHRASE:
        raise SealNotOpened(f"{SEAL_FILE} is of an unknown kind.")
    if not passphrase:
        raise SealNotOpened("This installation is sealed by a passphrase: give one with --passphrase-file.")
    return PassphraseSeal(passphrase)


def write_new(data: Path, seal: Seal) -> bytes:
    """Make a root key and seal it; verified before it is written. Raises FileExistsError where there is a seal."""
    if (data / SEAL_FILE).exists():
        raise FileExistsError(data / SEAL_FILE)
    root = urandom(KEY_LENGTH)
    write(data / SEAL_FILE, made(data, seal, (root,)))
    return root


def made(data: Path, seal: Seal, roots: tuple[bytes, ...]) -> bytes:
    """The content of a seal file for these root keys, newest first; opened again and compared. Raises SealNotOpened."""
    id_, iv = uuid.uuid4(), urandom(IV_LENGTH)
    secret, argon2 = seal.new_secret(data, id_)
    try:
        sealed = AESGCM(secret).encrypt(iv, roots[0], _bound(id_, VERSION))
    finally:
        wipe(secret)
    former = tuple(seal_verified(roots[0], FORMER_ROOT, FORMER_VERSION, id_.bytes, root) for root in roots[1:])
    file = SealFile(VERSION, id_, seal.kind, iv, sealed, argon2, former)
    if not all(map(hmac.compare_digest, opened(data, seal, file), roots)):
        raise SealNotOpened(
            "The new seal does not open again: this machine's memory or processor is not to be trusted."
        )
    return msgspec.json.format(msgspec.json.encode(file)) + b"\n"


def unseal(data: Path, seal: Seal) -> tuple[bytes, ...]:
    """The root key, and after it those it replaced, newest first. Raises SealNotOpened; changes nothing."""
    return opened(data, seal, load(data))


def opened(data: Path, seal: Seal, file: SealFile) -> tuple[bytes, ...]:
    """Raises SealNotOpened."""
    if file.kind != seal.kind:
        raise SealNotOpened(f"This installation has a {file.kind} seal, not a {seal.kind} seal.")
    secret = seal.secret(data, file.id, file.argon2)
    try:
        root = AESGCM(secret).decrypt(file.iv, file.sealed, _bound(file.id, file.version))
        former = tuple(open_sealed(root, FORMER_ROOT, 1, one, file.id.bytes) for one in file.former)
    except (InvalidTag, Altered, ValueError):
        raise SealNotOpened(WRONG[seal.kind]) from None
    finally:
        wipe(secret)
    if {len(one) for one in (root, *former)} != {KEY_LENGTH}:
        raise SealNotOpened(f"{data / SEAL_FILE} does not hold a root key.")
    return root, *former


def load(data: Path) -> SealFile:
    """Raises SealNotOpened."""
    return parsed(read(data / SEAL_FILE), str(data / SEAL_FILE))


def parsed(content: bytes, where: str) -> SealFile:
    """`where` is for the operator. Raises SealNotOpened."""
    try:
        found = msgspec.json.decode(content, type=SealFile)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SealNotOpened(f"{where} is not a seal file.") from None
    if found.version != VERSION:
        raise SealNotOpened(f"{where} was made by another version of Keystead.")
    if len(found.iv) != IV_LENGTH:  # the library would take 8 to 128 bytes
        raise SealNotOpened(f"{where} is not a seal file.")
    return found


def _bound(id_: uuid.UUID, version: int) -> bytes:
    return id_.bytes + version.to_bytes(4, "big")
