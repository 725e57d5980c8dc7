"""The seal file: what lies on disk of a seal.

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
"""

import uuid
from pathlib import Path
from typing import Final

import msgspec

from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.sealing import IV_LENGTH
from keystead.keyholder.seals.argon2 import Argon2
from keystead.keyholder.secret_files import read

VERSION: Final = 1
FILE: Final = "file"
PASSPHRASE: Final = "passphrase"  # noqa: S105  # a kind's name
PKCS11: Final = "pkcs11"
SEAL_FILE: Final = "seal.json"


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
