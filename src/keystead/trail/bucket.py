"""Where the trail's files are kept for others to read: what every such place promises, and the one on this node's disk.

    ROOT/bucket.id                           says which bucket this is, wherever it is mounted or copied to
    ROOT/AWSLogs/ACCOUNT/…/NAME.json.gz      objects, by their keys
    ROOT/.metadata/AWSLogs/…/NAME.json.gz    JSON, of those that have metadata: written before the object
    ROOT/.incoming/                          what is being written

An object never changes: putting another content under its key is refused, putting the same again does nothing.
"""

import gzip
import os
import re
import secrets
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

import msgspec

from keystead.trail import disk

IDENTITY: Final = "bucket.id"
METADATA: Final = ".metadata"
INCOMING: Final = ".incoming"
KEY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
"""Narrower than S3's: no key can lead out of the folder, or to what lies beside the objects."""
KEY_LIMIT: Final = 1024
NONE: Final[Mapping[str, str]] = {}


class BucketError(Exception):
    """The base; never raised itself."""


class BucketLost(BucketError):
    """The place cannot be reached or written to just now. Retryable. `text` says why, for the operator."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class ObjectMissing(BucketError):
    """There is no object of that key."""


class ObjectDiffers(BucketError):
    """Under that key there is something else already: somebody has been at the bucket, or at what is to be put into it."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Entry(msgspec.Struct, frozen=True):
    """An object as a listing shows it. `modified` in seconds since the epoch; `tag` changes when the object does."""

    key: str
    size: int
    modified: float
    tag: str


class Object(msgspec.Struct, frozen=True):
    """An object with its content."""

    entry: Entry
    content: bytes
    metadata: Mapping[str, str]


class Bucket(Protocol):
    """Every method blocks, and may raise BucketLost."""

    def identity(self) -> str | None:
        """Which bucket it is; None for one that nobody has used yet, or that is not there, as an unmounted disk."""

    def establish(self) -> str:
        """Its identity; made where there is none."""

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] = NONE) -> None:
        """Durable when it returns. Raises ObjectDiffers."""

    def get(self, key: str) -> Object:
        """Raises ObjectMissing."""

    def head(self, key: str) -> tuple[Entry, Mapping[str, str]]:
        """Raises ObjectMissing."""

    def list(self, prefix: str, after: str, limit: int) -> list[Entry]:
        """At most `limit`, in the order of their keys' bytes, each beginning with `prefix` and greater than `after`."""

    def remove(self, key: str) -> None:
        """Nothing happens when it is gone already."""


def same(one: bytes, other: bytes) -> bool:
    """Equal, or equal once unpacked: another release of zlib may pack the same content otherwise."""
    return one == other or unpacked(one) == unpacked(other)


def unpacked(content: bytes) -> bytes:
    """What is not gzip, as it is."""
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return content


class FolderBucket:
    """On this node's disk, or on one that several nodes share."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def identity(self) -> str | None:
        try:
            return (self._root / IDENTITY).read_text("ascii")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise lost(error) from error

    def establish(self) -> str:
        known = self.identity()
        if known is not None:
            return known
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(ObjectDiffers):  # somebody else was faster
                self._write(self._root / IDENTITY, secrets.token_hex(16).encode())
            return (self._root / IDENTITY).read_text("ascii")
        except OSError as error:
            raise lost(error) from error

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] = NONE) -> None:
        path = self._root / checked(key)
        try:
            if metadata and not path.exists():
                self._write(self._root / METADATA / key, msgspec.json.encode(metadata), replace=True)
            self._write(path, content)
        except OSError as error:
            raise lost(error) from error
        if metadata != self.head(key)[1]:
            raise ObjectDiffers(key)

    def get(self, key: str) -> Object:
        entry, metadata = self.head(key)
        try:
            return Object(entry, (self._root / key).read_bytes(), metadata)
        except FileNotFoundError:
            raise ObjectMissing from None
        except OSError as error:
            raise lost(error) from error

    def head(self, key: str) -> tuple[Entry, Mapping[str, str]]:
        path = self._root / checked(key)
        try:
            if not path.is_file():
                raise ObjectMissing
            metadata: Mapping[str, str] = NONE
            with suppress(FileNotFoundError):
                read = (self._root / METADATA / key).read_bytes()
                metadata = msgspec.json.decode(read, type=dict[str, str])
            return entry_of(key, path), metadata
        except FileNotFoundError:
            raise ObjectMissing from None
        except OSError as error:
            raise lost(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BucketLost(f"the metadata of {key} cannot be read") from None

    def list(self, prefix: str, after: str, limit: int) -> list[Entry]:
        try:
            return list(islice(walk(self._root, "", prefix, after), limit))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise lost(error) from error

    def remove(self, key: str) -> None:
        try:
            for path in (self._root / checked(key), self._root / METADATA / key):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise lost(error) from error

    def _write(self, path: Path, content: bytes, *, replace: bool = False) -> None:
        """Whole and durable, or not at all. Raises OSError, ObjectDiffers."""
        made = make_folders(path.parent)
        (self._root / INCOMING).mkdir(mode=0o700, exist_ok=True)
        fresh = self._root / INCOMING / secrets.token_hex(8)
        try:
            disk.replace(fresh, content)
            if replace:
                fresh.replace(path)
            else:
                os.link(fresh, path)
        except FileExistsError:
            if not same(path.read_bytes(), content):
                raise ObjectDiffers(str(path.relative_to(self._root))) from None
        finally:  # what a full disk left of it would fill the disk further
            for left in (fresh, fresh.with_name(f"{fresh.name}.new")):
                left.unlink(missing_ok=True)
        for folder in (path.parent, *made):
            disk.sync_folder(folder)


def checked(key: str) -> str:
    """Raises ObjectMissing: there can be none of such a key."""
    if len(key) > KEY_LIMIT or not KEY.fullmatch(key):
        raise ObjectMissing
    return key


def make_folders(folder: Path) -> list[Path]:
    """The folders in which names were made."""
    missing = [folder, *folder.parents]
    missing = missing[: next(number for number, one in enumerate(missing) if one.exists())]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
    return [one.parent for one in missing]


def walk(folder: Path, within: str, prefix: str, after: str) -> Iterator[Entry]:
    """In the order of keys, which a folder's name enters with its slash."""
    with os.scandir(folder) as listed:
        names = [f"{one.name}/" if one.is_dir() else one.name for one in listed]
    for name in sorted(names):
        key = within + name
        if not name.endswith("/"):
            if key.startswith(prefix) and key > after and KEY.fullmatch(key) and key != IDENTITY:
                yield entry_of(key, folder / name)
        elif not name.startswith(".") and leads_to(key, prefix) and (key > after or after.startswith(key)):
            yield from walk(folder / name[:-1], key, prefix, after)


def leads_to(folder: str, prefix: str) -> bool:
    return folder.startswith(prefix) or prefix.startswith(folder)


def entry_of(key: str, path: Path) -> Entry:
    """Raises OSError."""
    found = path.stat()
    return Entry(key, found.st_size, found.st_mtime, f"{found.st_mtime_ns:x}-{found.st_ino:x}-{found.st_size:x}")


def lost(error: OSError) -> BucketLost:
    return BucketLost(f"the bucket: {error.strerror or type(error).__name__}")
