"""Which seal an installation has, held against what its operator has given to open it."""

from pathlib import Path

from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.reach import Reach
from keystead.keyholder.seals.file import FileSeal
from keystead.keyholder.seals.passphrase import PassphraseSeal
from keystead.keyholder.seals.pkcs11 import Pkcs11Seal
from keystead.keyholder.seals.seal import Seal
from keystead.keyholder.seals.seal_file import FILE, PASSPHRASE, PKCS11, SEAL_FILE, SealFile, load


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
