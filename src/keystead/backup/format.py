"""The file that a backup is.

    KSBACKUP (8) | length (4) | head (length) | chunk | chunk | …                    integers big-endian

    head    JSON, in the clear and authenticated: what is in the file, and the seal that opens it
    chunk   CHUNK bytes of the stream, the last one fewer, each sealed (keyholder.backups), each longer by its tag (16)
    stream  zlib (RFC 1950) of: length (4) | record | length (4) | record | …
    record  MessagePack, in this order:

        table   name, columns         then `rows` until the next record of another kind
        file    path                  then `piece` until the next record of another kind
        end     for each table, its rows and their SHA-256; for each file, its bytes and theirs; nothing follows

    SHA-256 of a table = of its rows as MessagePack arrays, in the order of the primary key

What is compressed was wrapped before: key material and secrets look random. A file opens with the root key that its seal
wraps, and says nothing else to anybody; the seal's key file or passphrase is not in it.
"""

import hashlib
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from keystead.config import Installation
from keystead.keyholder.backups import TAG_LENGTH, Altered, OpenedSeal, Stream

MAGIC: Final = b"KSBACKUP"
VERSION: Final = 1
LENGTH: Final = 4
NONCE_LENGTH: Final = 16
HEAD_LIMIT: Final = 256 * 1024
CHUNK: Final = 1024 * 1024
PIECE: Final = 256 * 1024
"""Bytes of rows or of a file in one record, if a single row is not larger."""
RECORD_LIMIT: Final = 64 * 1024 * 1024


class BackupDamaged(Exception):
    """Cut off, changed, or not a backup. The text is for the operator; nothing has been written."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """id       UUID
    made     when, seconds since the epoch
    version  of the format; `keystead` that of the program
    schema   revision of the database's schema
    nonce    makes the key of this one backup
    seal     seal.json as it was
    """

    id: str
    made: float
    keystead: str
    schema: str
    installation: Installation
    nonce: bytes
    seal: bytes
    version: int = VERSION
    chunk: int = CHUNK


class Part(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The base of all records."""


class Table(Part, frozen=True, array_like=True, tag=1):
    name: str
    columns: list[str]


class Rows(Part, frozen=True, array_like=True, tag=2):
    rows: list[msgspec.Raw]


class File(Part, frozen=True, array_like=True, tag=3):
    path: str


class Piece(Part, frozen=True, array_like=True, tag=4):
    data: bytes


class Sum(msgspec.Struct, frozen=True, array_like=True):
    """How many rows or bytes, and their SHA-256."""

    count: int
    digest: bytes


class End(Part, frozen=True, array_like=True, tag=5):
    tables: dict[str, Sum]
    files: dict[str, Sum]


class Summing:
    """A sum in the making."""

    def __init__(self) -> None:
        self._count = 0
        self._hash = hashlib.sha256()

    def add(self, data: bytes | msgspec.Raw, count: int) -> None:
        self._count += count
        self._hash.update(data)

    def sum(self) -> Sum:
        return Sum(self._count, self._hash.digest())


encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Table | Rows | File | Piece | End).decode
Record = Table | Rows | File | Piece | End


class Writer:
    """Puts records into a file. `digest` is that of the whole file, once `close` has returned."""

    def __init__(self, file: BinaryIO, head: Head, seal: OpenedSeal) -> None:
        encoded = msgspec.json.encode(head)
        clear = MAGIC + len(encoded).to_bytes(LENGTH, "big") + encoded
        self._file = file
        self._chunk = head.chunk
        self._stream = seal.sealing(head.nonce, clear)
        self._deflate = zlib.compressobj()
        self._waiting = bytearray()
        self._hash = hashlib.sha256()
        self.length = 0
        self._put(clear)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, record: Record) -> None:
        encoded = encode(record)
        self._waiting += self._deflate.compress(len(encoded).to_bytes(LENGTH, "big") + encoded)
        while len(self._waiting) > self._chunk:  # the last chunk has at least one byte
            self._put(self._stream.seal(bytes(self._waiting[: self._chunk]), last=False))
            del self._waiting[: self._chunk]

    def close(self) -> None:
        """Seal what is left as the last chunk. The file itself stays open."""
        self._waiting += self._deflate.flush()
        while len(self._waiting) > self._chunk:
            self._put(self._stream.seal(bytes(self._waiting[: self._chunk]), last=False))
            del self._waiting[: self._chunk]
        self._put(self._stream.seal(bytes(self._waiting), last=True))

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.length += len(data)


def read_head(file: BinaryIO) -> tuple[Head, bytes]:
    """The head, and its bytes as they are authenticated. Nothing is verified yet. Raises BackupDamaged."""
    start = file.read(len(MAGIC) + LENGTH)
    if start[: len(MAGIC)] != MAGIC or len(start) < len(MAGIC) + LENGTH:
        raise BackupDamaged("This is not a backup of Keystead's.")
    length = int.from_bytes(start[len(MAGIC) :], "big")
    encoded = file.read(min(length, HEAD_LIMIT + 1))
    if len(encoded) != length:
        raise BackupDamaged("The backup ends within its head.")
    try:
        if msgspec.json.decode(encoded, type=Versioned).version != VERSION:
            raise BackupDamaged("The backup was made by another version of Keystead.")
        head = msgspec.json.decode(encoded, type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BackupDamaged("The head of the backup cannot be read.") from None
    if len(head.nonce) != NONCE_LENGTH or not 0 < head.chunk <= CHUNK:
        raise BackupDamaged("The head of the backup cannot be read.")
    return head, start + encoded


class Versioned(msgspec.Struct):
    """What every version has."""

    version: int


class Chunks:
    """The chunks that follow a head: as they lie in the file, and which is the last."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size + TAG_LENGTH
        self.next = file.read(self._size)
        self.last = False
        self._after = b""
        self._look()

    def advance(self) -> None:
        self.next = self._after
        self._look()

    def _look(self) -> None:
        self._after = self._file.read(self._size)
        self.last = not self._after


def opening(file: BinaryIO, head: Head, clear: bytes, seal: OpenedSeal) -> Iterator[Record]:
    """The records of a file that stands after its head; each is authentic, and the end is the end.

    Raises Altered at once when the seal is not the one, BackupDamaged while reading.
    """
    chunks = Chunks(file, head.chunk)
    stream = seal.opening(head.nonce, clear, chunks.next, last=chunks.last)
    return whole(checked(records(plain(chunks, stream))))


def plain(chunks: Chunks, stream: Stream) -> Iterator[bytes]:
    """The compressed stream. Raises BackupDamaged."""
    number = 0
    while True:
        try:
            yield stream.open(chunks.next, last=chunks.last)
        except Altered:
            where = "ends too early" if chunks.last else "was changed"
            raise BackupDamaged(f"The backup {where}: chunk {number} is not the one that was written.") from None
        if chunks.last:
            return
        chunks.advance()
        number += 1


def records(compressed: Iterator[bytes]) -> Iterator[Record]:
    """Raises BackupDamaged."""
    inflate = zlib.decompressobj()
    buffer = bytearray()
    for piece in compressed:
        left = piece
        while left:
            buffer += _inflated(inflate, left)
            left = inflate.unconsumed_tail
            yield from _cut(buffer)
    buffer += inflate.flush()
    yield from _cut(buffer)
    if buffer or not inflate.eof or inflate.unused_data:
        raise BackupDamaged("The backup does not end with a whole record.")


def _inflated(inflate: "zlib._Decompress", data: bytes) -> bytes:
    try:
        return inflate.decompress(data, CHUNK)
    except zlib.error:
        raise BackupDamaged("The backup cannot be decompressed.") from None


def _cut(buffer: bytearray) -> Iterator[Record]:
    """Take whole records off the front."""
    while len(buffer) >= LENGTH:
        end = LENGTH + int.from_bytes(buffer[:LENGTH], "big")
        if end > RECORD_LIMIT:
            raise BackupDamaged("The backup has a record that is too large.")
        if len(buffer) < end:
            return
        try:
            record = _decode(bytes(buffer[LENGTH:end]))
        except msgspec.DecodeError:
            raise BackupDamaged("The backup has a record that cannot be read.") from None
        del buffer[:end]
        yield record


def checked(read: Iterator[Record]) -> Iterator[Record]:
    """The same records, once their sums have been found to be those of the end. Raises BackupDamaged."""
    tables: dict[str, Summing] = {}
    files: dict[str, Summing] = {}
    current = Summing()
    for record in read:
        match record:
            case Table(name):
                current = tables[name] = Summing()
            case File(path):
                current = files[path] = Summing()
            case Rows(rows):
                for row in rows:
                    current.add(row, 1)
            case Piece(data):
                current.add(data, len(data))
            case End():
                found = End(_sums(tables), _sums(files))
                if found != record:
                    raise BackupDamaged("What the backup holds is not what its end says.")
        yield record


def _sums(made: dict[str, Summing]) -> dict[str, Sum]:
    return {name: summing.sum() for name, summing in made.items()}


def whole(read: Iterator[Record]) -> Iterator[Record]:
    """The same records, of which the last and only the last is the end. Raises BackupDamaged."""
    ended = False
    for record in read:
        if ended:
            raise BackupDamaged("The backup goes on after its end.")
        ended = isinstance(record, End)
        yield record
    if not ended:
        raise BackupDamaged("The backup has no end.")
