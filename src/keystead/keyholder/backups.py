"""Seals a backup under the root key, chunk by chunk, and opens one again with the seal that belongs to it.

    head | chunk 0 | chunk 1 | … | last chunk        chunk = AES-256-GCM ciphertext | tag (16)

    K   = SP 800-108 from the root key, label "keystead backup", nonce (16) out of the head     a key for one backup
    iv  = 000000 | number (8) | 00; 01 at the end marks the last chunk                          integers big-endian
    AAD = head

The number and the mark make it one stream: chunks that were cut off, exchanged, repeated or added do not open (the
STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption", 2015). K serves one stream
only, so numbers can be IVs.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.keyholder import seals
from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.reach import Reach
from keystead.keyholder.sealing import BACKUP, TAG_LENGTH, Altered, Key, derive
from keystead.keyholder.seals import FILE, SEAL_FILE, Seal, key_file
from keystead.keyholder.secret_files import read, write
from keystead.keyholder.software import Software

__all__ = ["TAG_LENGTH", "Altered", "OpenedSeal", "Stream"]

NUMBER_LENGTH: Final = 8
MARKS: Final = {False: b"\x00", True: b"\x01"}


class Stream:
    """One direction of one backup: chunks in order, from the first to the last. Holds a secret."""

    def __init__(self, root: Key, nonce: bytes, head: bytes) -> None:
        self._cipher = AESGCM(derive(root, BACKUP, nonce))
        self._head = head
        self._number = 0

    def __repr__(self) -> str:
        return "Stream()"

    def seal(self, chunk: bytes, *, last: bool) -> bytes:
        """A chunk longer by TAG_LENGTH. After the last one the stream is of no more use."""
        return self._cipher.encrypt(self._iv(last=last), chunk, self._head)

    def open(self, chunk: bytes, *, last: bool) -> bytes:
        """Raises Altered for anything but the next chunk, or when the last one is not the last."""
        try:
            return self._cipher.decrypt(self._iv(last=last), chunk, self._head)
        except InvalidTag:
            raise Altered from None

    def _iv(self, *, last: bool) -> bytes:
        if self._number < 0:
            raise Altered
        iv = b"\x00\x00\x00" + self._number.to_bytes(NUMBER_LENGTH, "big") + MARKS[last]
        self._number = -1 if last else self._number + 1
        return iv


@dataclass(frozen=True, slots=True)
class OpenedSeal:
    """A seal that has been opened, from wherever its parts were kept: its root keys, newest first. Holds secrets."""

    content: bytes = field(repr=False)
    key: bytes | None = field(repr=False)
    _roots: tuple[Key, ...] = field(repr=False)
    _reach: Reach = field(repr=False)

    @classmethod
    def of(cls, folder: Path, passphrase: bytes | None, reach: Reach | None = None) -> Self:
        """Of a folder with a seal file. Raises SealNotOpened, HsmLost."""
        return cls.from_parts(read(folder / SEAL_FILE), folder, passphrase, reach)

    @classmethod
    def from_parts(
        cls, content: bytes, folder: Path | None, passphrase: bytes | None, reach: Reach | None = None
    ) -> Self:
        """`content` is that of a seal file; its key file, if it has one, is in `folder`. Raises SealNotOpened, HsmLost."""
        file = seals.parsed(content, SEAL_FILE)
        seal: Seal = seals.fitting(file, passphrase, reach)
        if file.kind == FILE and folder is None:
            raise SealNotOpened(f"This backup needs {key_file(file.id)}: name the folder that holds it.")
        where = folder or Path()
        roots = seals.opened(where, seal, file)
        return cls(content, read(where / key_file(file.id)) if file.kind == FILE else None, roots, seal.reach)

    @property
    def formers(self) -> int:
        """How many root keys were replaced and not yet dropped."""
        return len(self._roots) - 1

    def software(self) -> Software:
        """A keyholder under this seal; sealed keys are still to be loaded."""
        return Software(*self._roots, reach=self._reach)

    def sealing(self, nonce: bytes, head: bytes) -> Stream:
        """A new backup, under the newest root key."""
        return Stream(self._roots[0], nonce, head)

    def opening(self, nonce: bytes, head: bytes, first: bytes, *, last: bool) -> Stream:
        """The backup whose first chunk is `first`, under whichever root key opens it. Raises Altered."""
        for root in self._roots:
            try:
                Stream(root, nonce, head).open(first, last=last)
            except Altered:
                continue
            return Stream(root, nonce, head)
        raise Altered

    def write(self, data: Path) -> None:
        """Put the seal into a new folder. Raises FileExistsError."""
        if self.key is not None:
            write(data / key_file(seals.parsed(self.content, SEAL_FILE).id), self.key)
        write(data / SEAL_FILE, self.content)
