"""What unlocks the root key when a keyholder starts. A seal wraps the root key and leaves everything below it alone.

DATA/seal.json, mode 0600:

    {"version": 1, "id": UUID, "kind": "file" | "passphrase" | "pkcs11",
     "argon2": {"salt", "time_cost", "memory_cost", "parallelism"},        passphrase only; memory in KiB
     "hsm": name in the HSM file, "object": CKA_ID, "check": …,            pkcs11 only
     "iv": …, "sealed": …,                                                 bytes in base64; pkcs11: empty
     "former": [ … ]}                                                      absent = none; newest first

    sealed = AES-256-GCM(S, iv, root key, AAD = id (16) | version (4))

    S, file:        the 32 bytes of DATA/seal-ID.key, mode 0600
    S, passphrase:  argon2id(passphrase, salt, …), 32 bytes (RFC 9106)

    pkcs11:         there is no S: the root key is the token's own, and never leaves it
    check  = what the root key derives for label "keystead seal check" and nonce id (keyholder.sealing)

    former = 01 | nonce (16) | iv (12) | ciphertext | tag (16)             a root key that this one replaced, under this one
                                                                           label "keystead former root key", bound = id
             02 | …                                                        likewise, of a reference to one in a token

The tag, or the check, is the check value: a wrong passphrase or token is noticed, and nothing is changed. A file seal on
the disk that also holds the data protects a copy of the database, not a stolen machine.
"""

import hmac
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, cast

import msgspec
from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from argon2.profiles import RFC_9106_LOW_MEMORY
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.keyholder.errors import HsmKeyGone, SealNotOpened
from keystead.keyholder.hsm import OBJECT_LENGTH, MakeKey
from keystead.keyholder.reach import InHsm, Reach, ask
from keystead.keyholder.sealing import (
    FORMER_ROOT,
    IV_LENGTH,
    KEY_LENGTH,
    SEAL_CHECK,
    Altered,
    Key,
    derive,
    open_sealed,
    seal_verified,
    urandom,
    wipe,
)
from keystead.keyholder.secret_files import read, write

VERSION: Final = 1
FORMER_VERSION: Final = b"\x01"
FORMER_REFERENCE: Final = b"\x02"
FILE: Final = "file"
PASSPHRASE: Final = "passphrase"  # noqa: S105  # a kind's name
PKCS11: Final = "pkcs11"
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
    hsm: str = ""
    object: bytes = b""
    check: bytes = b""
    former: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"SealFile({self.id}, {self.kind})"


class Seal(Protocol):
    """One kind of seal, with whatever secret it takes. `id` is that of the seal file."""

    @property
    def kind(self) -> str: ...

    @property
    def reach(self) -> Reach:
        """For root keys in tokens: this seal's own, or one that it replaced."""

    def new_root(self) -> Key:
        """A new root key, where this seal keeps it. Raises HsmLost."""


class KeptSeal(Seal, Protocol):
    """A seal whose root key lies in the seal file, under S."""

    def new_secret(self, data: Path, id_: uuid.UUID) -> tuple[bytes, Argon2 | None]:
        """S of a new seal, and the parameters that go into its file."""

    def secret(self, data: Path, id_: uuid.UUID, argon2: Argon2 | None) -> bytes:
        """S of this seal. Raises SealNotOpened."""


def key_file(id_: uuid.UUID | str) -> str:
    return f"seal-{id_}.key"


@dataclass(frozen=True, slots=True)
class FileSeal:
    """S lies in a file of its own beside the seal file."""

    reach: Reach = field(default_factory=Reach, repr=False, compare=False)
    kind = FILE

    def new_root(self) -> bytes:
        return urandom(KEY_LENGTH)

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
    reach: Reach = field(default_factory=Reach, repr=False, compare=False)
    kind = PASSPHRASE

    def new_root(self) -> bytes:
        return urandom(KEY_LENGTH)

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


@dataclass(frozen=True, slots=True)
class Pkcs11Seal:
    """The root key is in a token. `hsm` is its name in the HSM file."""

    hsm: str
    reach: Reach = field(repr=False, compare=False)
    kind = PKCS11

    def new_root(self) -> InHsm:
        root = InHsm(self.hsm, urandom(OBJECT_LENGTH), self.reach)
        ask(self.reach.module, MakeKey(self.hsm, root.object, "keystead root key"))
        return root


WRONG: Final = {
    FILE: f"The key file does not open {SEAL_FILE}: one of them belongs to another installation, or was altered.",
    PASSPHRASE: f"The passphrase is wrong, or {SEAL_FILE} was altered.",
    PKCS11: f"The token does not have the root key of {SEAL_FILE}: it is another token, or was initialised anew.",
}


def given(data: Path, passphrase: bytes | None, reach: Reach | None = None) -> Seal:
    """The seal that this installation has. Raises SealNotOpened when it and what was given do not fit."""
    return fitting(load(data), passphrase, reach)


def fitting(file: SealFile, passphrase: bytes | None, reach: Reach | None = None) -> Seal:
    """The seal that this file is of. Raises SealNotOpened when it and what was given do not fit."""
    reach = reach or Reach()
    if file.kind not in {FILE, PASSPHRASE, PKCS11}:
        raise SealNotOpened(f"{SEAL_FILE} is of an unknown kind.")
    if file.kind != PASSPHRASE and passphrase is not None:
        raise SealNotOpened(f"This installation has a {file.kind} seal: a passphrase is of no use to it.")
    if file.kind == FILE:
        return FileSeal(reach)
    if file.kind == PKCS11 and (reach.module is None or file.hsm not in reach.module.names):
        raise SealNotOpened(f"The root key is in the token {file.hsm}: no HSM file says how to reach it.")
    if file.kind == PKCS11:
        return Pkcs11Seal(file.hsm, reach)
    if not passphrase:
        raise SealNotOpened("This installation is sealed by a passphrase: give one with --passphrase-file.")
    return PassphraseSeal(passphrase, reach)


def write_new(data: Path, seal: Seal) -> Key:
    """Make a root key and seal it; verified before it is written.

    Raises FileExistsError where there is a seal, SealNotOpened, HsmLost.
    """
    if (data / SEAL_FILE).exists():
        raise FileExistsError(data / SEAL_FILE)
    root = seal.new_root()
    write(data / SEAL_FILE, made(data, seal, (root,)))
    return root


def made(data: Path, seal: Seal, roots: tuple[Key, ...]) -> bytes:
    """The content of a seal file for these root keys, newest first; opened again and compared.

    Raises SealNotOpened, HsmLost.
    """
    file = holding(data, seal, uuid.uuid4(), roots[0])
    file = msgspec.structs.replace(file, former=tuple(former(roots[0], file.id, root) for root in roots[1:]))
    if not all(map(same, opened(data, seal, file), roots)):
        raise SealNotOpened(
            "The new seal does not open again: this machine's memory or processor is not to be trusted."
        )
    return msgspec.json.format(msgspec.json.encode(file)) + b"\n"


def holding(data: Path, seal: Seal, id_: uuid.UUID, root: Key) -> SealFile:
    if isinstance(root, InHsm) and seal.kind == PKCS11:
        return SealFile(VERSION, id_, PKCS11, b"", b"", hsm=root.hsm, object=root.object, check=check(root, id_))
    iv = urandom(IV_LENGTH)
    secret, argon2 = kept(seal).new_secret(data, id_)
    try:
        return SealFile(
            VERSION, id_, seal.kind, iv, AESGCM(secret).encrypt(iv, raw(root), _bound(id_, VERSION)), argon2
        )
    finally:
        wipe(secret)


def former(root: Key, id_: uuid.UUID, replaced: Key) -> bytes:
    if isinstance(replaced, InHsm):
        return seal_verified(root, FORMER_ROOT, FORMER_REFERENCE, id_.bytes, replaced.reference())
    return seal_verified(root, FORMER_ROOT, FORMER_VERSION, id_.bytes, raw(replaced))


def unseal(data: Path, seal: Seal) -> tuple[Key, ...]:
    """The root key, and after it those it replaced, newest first. Raises SealNotOpened, HsmLost; changes nothing."""
    return opened(data, seal, load(data))


def opened(data: Path, seal: Seal, file: SealFile) -> tuple[Key, ...]:
    """Raises SealNotOpened, HsmLost."""
    if file.kind != seal.kind:
        raise SealNotOpened(f"This installation has a {file.kind} seal, not a {seal.kind} seal.")
    try:
        root = in_token(seal, file) if file.kind == PKCS11 else in_file(data, seal, file)
        return root, *(former_opened(root, file.id, one, seal.reach) for one in file.former)
    except (InvalidTag, Altered, ValueError, HsmKeyGone):
        raise SealNotOpened(WRONG[seal.kind]) from None


def in_file(data: Path, seal: Seal, file: SealFile) -> bytes:
    secret = kept(seal).secret(data, file.id, file.argon2)
    try:
        root = AESGCM(secret).decrypt(file.iv, file.sealed, _bound(file.id, file.version))
    finally:
        wipe(secret)
    if len(root) != KEY_LENGTH:
        raise SealNotOpened(f"{data / SEAL_FILE} does not hold a root key.")
    return root


def in_token(seal: Seal, file: SealFile) -> InHsm:
    """Raises HsmLost, HsmKeyGone, Altered."""
    root = InHsm(file.hsm, file.object, seal.reach)
    if not hmac.compare_digest(check(root, file.id), file.check):
        raise Altered
    return root


def former_opened(root: Key, id_: uuid.UUID, sealed: bytes, reach: Reach) -> Key:
    """Raises Altered, ValueError."""
    found = open_sealed(root, FORMER_ROOT, 1, sealed, id_.bytes)
    if sealed[:1] == FORMER_REFERENCE:
        return InHsm.from_reference(found, reach)
    if sealed[:1] != FORMER_VERSION or len(found) != KEY_LENGTH:
        raise Altered
    return found


def check(root: InHsm, id_: uuid.UUID) -> bytes:
    return derive(root, SEAL_CHECK, id_.bytes)


def same(one: Key, other: Key) -> bool:
    if isinstance(one, bytes) and isinstance(other, bytes):
        return hmac.compare_digest(one, other)
    return one == other


def raw(root: Key) -> bytes:
    """A root key that may lie in a file. Raises SealNotOpened for one in a token, which cannot."""
    if not isinstance(root, bytes):
        raise SealNotOpened("A root key that is in a token never leaves it.")
    return root


def kept(seal: Seal) -> KeptSeal:
    """Raises SealNotOpened for a seal that keeps no root key outside of a token."""
    if isinstance(seal, Pkcs11Seal):
        raise SealNotOpened("A root key that was outside a token is not put into one: there must be a new root key.")
    return cast(KeptSeal, seal)


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
    if found.kind != PKCS11 and len(found.iv) != IV_LENGTH:  # the library would take 8 to 128 bytes
        raise SealNotOpened(f"{where} is not a seal file.")
    return found


def _bound(id_: uuid.UUID, version: int) -> bytes:
    return id_.bytes + version.to_bytes(4, "big")
