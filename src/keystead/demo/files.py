"""A directory of files under envelope encryption: a data key each, sealed locally, the wrapped key beside it.

    NAME.sealed   nonce (12) | AES-256-GCM ciphertext | tag (16)      additional data: the file's relative path
    NAME.key      the CiphertextBlob that GenerateDataKey returned    encryption context: {"file": relative path}

Only the 32-byte data keys travel; the bytes of the files never do.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE: Final = 12
THREADS: Final = 4
SKIPPED: Final = {".git", ".venv", "__pycache__", "node_modules"}


@dataclass(frozen=True, slots=True)
class Sealed:
    """One file and where its two halves lie."""

    source: Path
    name: str
    sealed: Path
    key: Path

    @property
    def context(self) -> dict[str, str]:
        return {"file": self.name}


def find(source: Path, target: Path) -> list[Sealed]:
    """The regular files under `source`, in order, each with its place under `target`."""
    return [
        Sealed(path, name, target / f"{name}.sealed", target / f"{name}.key")
        for path in sorted(source.rglob("*"))
        if path.is_file() and not path.is_symlink() and not SKIPPED & set(path.relative_to(source).parts)
        for name in (str(path.relative_to(source)),)
    ]


def seal(kms: Any, key_id: str, file: Sealed) -> None:
    data_key = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=file.context)
    nonce = os.urandom(NONCE)
    ciphertext = AESGCM(data_key["Plaintext"]).encrypt(nonce, file.source.read_bytes(), file.name.encode())
    file.sealed.parent.mkdir(parents=True, exist_ok=True)
    file.sealed.write_bytes(nonce + ciphertext)
    file.key.write_bytes(data_key["CiphertextBlob"])


def matches(kms: Any, file: Sealed) -> bool:
    """Open the sealed file and compare it with its source, byte for byte."""
    data_key = kms.decrypt(CiphertextBlob=file.key.read_bytes(), EncryptionContext=file.context)["Plaintext"]
    sealed = file.sealed.read_bytes()
    return AESGCM(data_key).decrypt(sealed[:NONCE], sealed[NONCE:], file.name.encode()) == file.source.read_bytes()


def rewrap(kms: Any, key_id: str, file: Sealed) -> None:
    """Move the wrapped data key to the newest material. The sealed file is not touched."""
    moved = kms.re_encrypt(
        CiphertextBlob=file.key.read_bytes(),
        SourceEncryptionContext=file.context,
        DestinationKeyId=key_id,
        DestinationEncryptionContext=file.context,
    )
    file.key.write_bytes(moved["CiphertextBlob"])


def digest(files: Iterable[Sealed]) -> str:
    """SHA-256 over all sealed files, to show that they did not change."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(hashlib.sha256(file.sealed.read_bytes()).digest())
    return whole.hexdigest()


def each(files: Iterable[Sealed], do: Callable[[Sealed], Any], done: Callable[[], None]) -> list[Any]:
    """`do` for every file, a few at a time; `done` after each."""

    def one(file: Sealed) -> Any:
        result = do(file)
        done()
        return result

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, files))
