"""The face of the room: one object that seals and opens, with the keys, policy and limits it was made with."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from keystead.envelope import files, memory, opening, ranges, sealing, streams
from keystead.envelope.context import NO_CONTEXT, Context
from keystead.envelope.frames import Buffer, clear
from keystead.envelope.fresh import fresh
from keystead.envelope.header import Header
from keystead.envelope.limits import LIMITS, Limits
from keystead.envelope.materials import Fresh, Keyring, Materials
from keystead.envelope.ranges import Stored
from keystead.envelope.source import Readable, Source, Writable
from keystead.envelope.suites import COMMITTED, CommitmentPolicy, Suite, check_write

FRAME_LENGTH: Final = 64 * 1024
"""AWS's default is 4 KiB. 64 KiB has a tenth of the overhead and lets several threads work; every SDK reads it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A plaintext, all of it verified, and the encryption context it was sealed with. DECIDE BY THE CONTEXT."""

    plaintext: bytes = field(repr=False)
    context: dict[str, str]
    header: Header = field(repr=False)


class Envelope:
    """Seals and opens messages of the AWS Encryption SDK.

    keys          a keyring, for a data key per message; or a cache before one (`CachedMaterials`)
    suite         to write with: COMMITTED, or COMMITTED_SIGNED
    frame_length  to write with, in bytes
    policy        which suites are opened
    threads       that one call may use

    May be used by several threads. Every method raises what errors.py names, and nothing else but the OSError of a file.
    """

    def __init__(
        self,
        keys: Keyring | Materials,
        *,
        suite: Suite = COMMITTED,
        frame_length: int = FRAME_LENGTH,
        policy: CommitmentPolicy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
        limits: Limits = LIMITS,
        threads: int = 1,
    ) -> None:
        check_write(suite)
        self._materials = keys if isinstance(keys, Materials) else Fresh(keys)
        self._suite = suite
        self._frame_length = frame_length
        self._policy = policy
        self._limits = limits
        self._threads = threads

    # --- in memory ----------------------------------------------------------------------------------------------------

    def encrypt(self, data: Buffer, context: Context = NO_CONTEXT, *, required: Collection[str] = ()) -> bytes:
        """One message. Pairs named in `required` are authenticated but not stored: `decrypt` must be given them."""
        data = memoryview(data).cast("B")
        writing = self._writing(context, required, len(data))
        out = fresh(memory.sealed_size(writing, len(data)))
        with out.getbuffer() as into:
            length = memory.seal(writing, data, into, self._threads)
        out.truncate(length)
        return out.getvalue()

    def encrypt_into(
        self,
        data: Buffer,
        out: bytearray | memoryview,
        context: Context = NO_CONTEXT,
        *,
        required: Collection[str] = (),
    ) -> int:
        """As encrypt, to the beginning of a buffer of the caller's; the message's length. Nothing is copied.

        Raises LimitExceeded where the buffer is too small; `encrypted_size` says the most that is needed.
        """
        data = memoryview(data).cast("B")
        writing = self._writing(context, required, len(data))
        into = memory.exact(out, memory.sealed_size(writing, len(data)))
        return memory.seal(writing, data, into, self._threads)

    def decrypt(self, message: Buffer, context: Context = NO_CONTEXT) -> Opened:
        """The plaintext, once all of the message is verified. Every pair of `context` must be the message's."""
        view = memoryview(message).cast("B")
        header, shape = memory.parsed(view, self._limits)
        reading = opening.begin(self._materials, self._policy, header, context)
        out = fresh(shape.size)
        with out.getbuffer() as into:
            memory.open_into(reading, shape, view, into, self._threads)
        return Opened(out.getvalue(), reading.context, header)

    def decrypt_into(self, message: Buffer, out: bytearray | memoryview, context: Context = NO_CONTEXT) -> int:
        """As decrypt, to the beginning of a buffer of the caller's; the plaintext's length. On failure it holds zeros."""
        view = memoryview(message).cast("B")
        header, shape = memory.parsed(view, self._limits)
        into = memory.exact(out, shape.size)
        reading = opening.begin(self._materials, self._policy, header, context)
        memory.open_into(reading, shape, view, into, self._threads)
        return shape.size

    # --- streams ------------------------------------------------------------------------------------------------------

    def encrypt_stream(
        self, source: Readable, sink: Writable, context: Context = NO_CONTEXT, *, required: Collection[str] = ()
    ) -> int:
        """All of `source` as one message, in bounded memory; the bytes of plaintext."""
        return streams.seal(self._writing(context, required, None), Source(source), sink)

    def decrypt_stream(
        self, source: Readable, sink: Writable, context: Context = NO_CONTEXT, *, before_signature: bool = False
    ) -> int:
        """One message, frame by verified frame, in bounded memory; the bytes of plaintext.

        When an error is raised, what was written is no message: DISCARD IT. Signed messages are refused unless the caller
        takes frames `before_signature` is verified.
        """
        ahead = Source(source)
        header = ahead.header(self._limits)
        streams.check_streamable(header, before_signature=before_signature)
        reading = opening.begin(self._materials, self._policy, header, context)
        return streams.open_(reading, ahead, sink, self._limits)

    def read_range(
        self,
        stored: Stored,
        offset: int,
        length: int,
        context: Context = NO_CONTEXT,
        *,
        without_signature: bool = False,
    ) -> bytes:
        """A part of the plaintext; only its frames, the header and the last frame are read."""
        if offset < 0 or length < 0:
            raise ValueError("A range begins and ends within the plaintext.")
        header = ranges.header_of(stored, self._limits)
        ranges.check_readable(header, without_signature=without_signature)
        layout = ranges.layout_of(stored, header)
        reading = opening.begin(self._materials, self._policy, header, context)
        return ranges.read(reading, stored, layout, offset, length)

    # --- files --------------------------------------------------------------------------------------------------------

    def encrypt_file(
        self,
        source: Path,
        target: Path,
        context: Context = NO_CONTEXT,
        *,
        required: Collection[str] = (),
        progress: files.Progress = files.no_progress,
    ) -> int:
        """A file as one message under another name, which appears when it is whole; the bytes of plaintext."""
        with files.Source(source) as opened, files.Target(target, like=opened) as output:
            writing = self._writing(context, required, opened.size)
            size = files.seal(writing, opened, output, self._threads, progress)
            output.commit()
            return size

    def decrypt_file(
        self, source: Path, target: Path, context: Context = NO_CONTEXT, *, progress: files.Progress = files.no_progress
    ) -> int:
        """A message to a file that appears when all of it is verified, signature included; the bytes of plaintext."""
        with files.Source(source) as opened:
            header = ranges.header_of(opened, self._limits)
            if not header.framed:
                return self._decrypt_small_file(opened, target, context)
            layout = ranges.layout_of(opened, header)
            reading = opening.begin(self._materials, self._policy, header, context)
            with files.Target(target, like=opened) as output:
                files.open_(reading, layout, opened, output, self._threads, progress)
                output.commit()
            return layout.size

    def _decrypt_small_file(self, opened: files.Source, target: Path, context: Context) -> int:
        most = self._limits.header + self._limits.unframed
        message = opened.read_at(0, min(opened.size, most + 1))
        found = memoryview(bytearray(len(message)))
        size = self.decrypt_into(message, found, context)
        with files.Target(target, like=opened) as output:
            output.write_at(0, found[:size])
            output.commit()
        clear(found)
        return size

    def _writing(self, context: Context, required: Collection[str], size: int | None) -> sealing.Writing:
        return sealing.begin(self._materials, self._suite, self._frame_length, context, required, size)


def encrypted_size(size: int, header: int = 256 * 1024, frame_length: int = FRAME_LENGTH) -> int:
    """The most that a message of `size` bytes takes, with a header of so many."""
    from keystead.envelope.frames import layout_to_write
    from keystead.envelope.signing import FOOTER_MAX

    return layout_to_write(header, frame_length, size).end + FOOTER_MAX
