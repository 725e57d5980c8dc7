"""From file to file, at the speed at which the system moves pages: read at, seal in place, write at.

The output is written under a temporary name beside the final one, and takes that name when it is whole, verified and on
disk. Until then there is nothing under the final name, or what was there before. Threads take batches of frames in turn; a
batch's place in both files follows from its number.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from keystead.envelope import frames, streams
from keystead.envelope.errors import SourceChanged, Truncated
from keystead.envelope.frames import FRAME_OVERHEAD, Layout
from keystead.envelope.opening import Reading
from keystead.envelope.ranges import StoredFile
from keystead.envelope.sealing import Writing
from keystead.envelope.signing import FOOTER_MAX, Digest, signature_of, verify
from keystead.envelope.turns import Turns, share

Progress = Callable[[int], None]
"""Called with the bytes of plaintext done since the last time, from whichever thread did them."""

DIGEST_BYTES: Final = 1024 * 1024
EARLY_BYTES: Final = 8 * 1024 * 1024
"""Handed to the disk at a time, while the next are sealed: at least a third faster than all of it at the end (measured)."""
PARTIAL: Final = ".keystead-partial"
"""The end of temporary names. What bears it after a crash may be deleted."""


def no_progress(_: int) -> None:
    """For callers who do not ask."""


class Source(StoredFile):
    """A file to read, which must not change meanwhile."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.stat = os.fstat(self._descriptor)
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)  # a tenth, if on disk

    def read_into(self, offset: int, view: memoryview) -> None:
        """All of the view. Raises SourceChanged."""
        while view:
            got = os.preadv(self._descriptor, [view], offset)
            if got == 0:
                raise SourceChanged("The file became shorter while it was read.")
            view = view[got:]
            offset += got

    def check_unchanged(self) -> None:
        """Raises SourceChanged."""
        now = os.fstat(self._descriptor)
        if (now.st_size, now.st_mtime_ns) != (self.stat.st_size, self.stat.st_mtime_ns):
            raise SourceChanged("The file was changed while it was read.")


class Target:
    """A file in the making. It takes its name by commit(), and leaves nothing behind without."""

    def __init__(self, path: Path, like: Source | None = None) -> None:
        self._path = path
        self._like = like
        self._partial = path.with_name(f".{path.name[:128]}.{secrets.token_hex(6)}{PARTIAL}")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self._partial, flags, 0o600)
        self._committed = False

    def write_at(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            view = view[written:]
            offset += written

    def write_out(self, offset: int, data: memoryview) -> None:
        """As write_at; and the disk begins with every few megabytes at once, so that commit() has little to wait for."""
        self.write_at(offset, data)
        first, end = offset // EARLY_BYTES * EARLY_BYTES, (offset + len(data)) // EARLY_BYTES * EARLY_BYTES
        if first < end:  # what is not on disk yet stays in memory, for all that the advice says
            os.posix_fadvise(self._descriptor, first, end - first, os.POSIX_FADV_DONTNEED)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """At the end, as streams do."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        return len(data)

    def read_into(self, offset: int, view: memoryview) -> None:
        while view:
            got = os.preadv(self._descriptor, [view], offset)
            view = view[got:]
            offset += got

    def commit(self) -> None:
        """On disk, with mode and times of what it was made from, and then under its name."""
        if self._like is not None:
            stat = self._like.stat
            os.fchmod(self._descriptor, stat.st_mode & 0o777)
            os.utime(self._descriptor, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        os.fsync(self._descriptor)
        self._partial.rename(self._path)
        self._committed = True
        _sync_folder(self._path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if not self._committed:
            with suppress(FileNotFoundError):
                self._partial.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _buffers(layout: Layout) -> tuple[memoryview, memoryview]:
    """Plaintext and frames of one batch."""
    count = max(1, min(streams.batch(layout.frame_length), layout.full))
    plain = bytearray(count * layout.frame_length)
    return memoryview(plain), memoryview(bytearray(count * (layout.frame_length + FRAME_OVERHEAD)))


def seal(writing: Writing, source: Source, target: Target, threads: int, progress: Progress) -> int:
    """Steps 5 and 6 of writing. Raises SourceChanged."""
    length = writing.frame_length
    layout = frames.layout_to_write(len(writing.header), length, source.stat.st_size)
    target.write_at(0, writing.header)

    def work(turns: Turns) -> None:
        plain, sealed = _buffers(layout)
        for first, count in turns:
            data, out = plain[: count * length], sealed[: count * (length + FRAME_OVERHEAD)]
            source.read_into(first * length, data)
            frames.seal_full(writing.cipher, writing.message_id, length, first + 1, data, out)
            target.write_out(layout.frame_at(first), out)
            progress(len(data))

    def last() -> None:
        data, out = memoryview(bytearray(layout.last)), memoryview(bytearray(layout.end - layout.frame_at(layout.full)))
        source.read_into(layout.full * length, data)
        frames.seal_last(writing.cipher, writing.message_id, layout.full + 1, data, out)
        target.write_at(layout.frame_at(layout.full), out)
        progress(layout.last)

    share(work, last, layout, streams.batch(length), threads)
    source.check_unchanged()
    if writing.signing_key is not None:
        digest = Digest.of(writing.suite)
        _digest_of(target.read_into, layout.end, digest)
        target.write_at(layout.end, writing.signing_key.footer(digest))
    return layout.size


def _digest_of(read_into: Callable[[int, memoryview], None], end: int, digest: Digest) -> None:
    view = memoryview(bytearray(DIGEST_BYTES))
    for at in range(0, end, DIGEST_BYTES):
        part = view[: min(DIGEST_BYTES, end - at)]
        read_into(at, part)
        digest.update(part)


def open_(reading: Reading, layout: Layout, source: Source, target: Target, threads: int, progress: Progress) -> None:
    """Steps 6 and 7 of reading; nothing has its final name yet. Raises Malformed, NotAuthentic, SourceChanged."""
    header, length = reading.header, layout.frame_length
    if reading.verification_key is not None:
        _verify_signature(reading, layout, source)

    def work(turns: Turns) -> None:
        plain, sealed = _buffers(layout)
        for first, count in turns:
            out, data = plain[: count * length], sealed[: count * (length + FRAME_OVERHEAD)]
            source.read_into(layout.frame_at(first), data)
            frames.open_full(reading.cipher, header.message_id, length, first + 1, data, out)
            target.write_out(first * length, out)
            progress(len(out))
        frames.clear(plain)

    def last() -> None:
        out, data = memoryview(bytearray(layout.last)), memoryview(bytearray(layout.end - layout.frame_at(layout.full)))
        source.read_into(layout.frame_at(layout.full), data)
        frames.open_last(reading.cipher, header.message_id, layout.full + 1, data, out)
        target.write_at(layout.full * length, out)
        frames.clear(out)
        progress(layout.last)

    share(work, last, layout, streams.batch(length), threads)
    source.check_unchanged()


def _verify_signature(reading: Reading, layout: Layout, source: Source) -> None:
    if reading.verification_key is None or source.size < layout.end:
        raise Truncated("frames")
    digest = Digest.of(reading.header.suite)
    _digest_of(source.read_into, layout.end, digest)
    verify(reading.verification_key, digest, signature_of(source.read_at(layout.end, FOOTER_MAX + 1)))
