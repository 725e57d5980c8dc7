"""Root keys into a seal file and out of it, each opened again before anybody relies on it."""

import hmac
import uuid
from pathlib import Path
from typing import Final, cast

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.keyholder.errors import HsmKeyGone, SealNotOpened
from keystead.keyholder.reach import InHsm, Reach
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
from keystead.keyholder.seals.pkcs11 import Pkcs11Seal
from keystead.keyholder.seals.seal import KeptSeal, Seal
from keystead.keyholder.seals.seal_file import FILE, PASSPHRASE, PKCS11, SEAL_FILE, VERSION, SealFile, load
from keystead.keyholder.secret_files import write

FORMER_VERSION: Final = b"\x01"
FORMER_REFERENCE: Final = b"\x02"
WRONG: Final = {
    FILE: f"The key file does not open {SEAL_FILE}: one of them belongs to another installation, or was altered.",
    PASSPHRASE: f"The passphrase is wrong, or {SEAL_FILE} was altered.",
    PKCS11: f"The token does not have the root key of {SEAL_FILE}: it is another token, or was initialised anew.",
}


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


def _bound(id_: uuid.UUID, version: int) -> bytes:
    return id_.bytes + version.to_bytes(4, "big")
