"""Logs as a backup keeps them: the node's own as it was at one moment, and those it was restored with before.

    trail/            →  former/NODE/trail/        up to its durable mark, and what was signed of that; closed segments as they
                                                   lie there, packed or not, the last one plain
    keystead.json     →  former/NODE/keystead.json
    former/…          →  former/…                  as they are: nobody appends to them any more

The signing seeds stay behind, sealed as they are: who restores a backup can prove the old log, and cannot sign for it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from keystead.backup.format import PIECE
from keystead.config import Installation
from keystead.trail import checkpoints, hashes, segments, setup, state
from keystead.trail.errors import LogDamaged, LogMissing
from keystead.trail.hashes import LEVELS
from keystead.trail.mark import LENGTH, Mark
from keystead.trail.mark import NAME as MARK
from keystead.trail.merkle import HASH_LENGTH, TILE_HEIGHT, Frontier
from keystead.trail.recovery import CUTS
from keystead.trail.segments import Segment, Walk
from keystead.trail.state import State

FORMER: Final = "former"
TRAIL: Final = "trail"
WHOLE: Final = -1


class Source(NamedTuple):
    """A file of the backup: its path there, and what is in it.

    here     so many bytes from the beginning of a file; `length` WHOLE: all that is in it when its turn comes
    content  these bytes; `segment`: and after them what lies behind them in it, though it be packed meanwhile
    """

    path: str
    here: Path | None
    length: int
    content: bytes = b""
    segment: Segment | None = None

    def pieces(self) -> Iterator[bytes]:
        """Raises OSError; EOFError when the file is shorter than it was."""
        if self.here is None:
            yield self.content
            yield from () if self.segment is None else self._of_segment(self.segment)
            return
        if self.length == WHOLE:
            with self.here.open("rb") as file:
                yield from iter(lambda: file.read(PIECE), b"")
            return
        with self.here.open("rb") as file:
            left = self.length
            while left:
                piece = file.read(min(PIECE, left))
                if not piece:
                    raise EOFError(self.here)
                left -= len(piece)
                yield piece

    def _of_segment(self, segment: Segment) -> Iterator[bytes]:
        place = len(self.content)
        try:
            while place < self.length:
                piece = segment.read(min(PIECE, self.length - place), place)
                if not piece:
                    raise EOFError(self.path)
                place += len(piece)
                yield piece
        finally:
            segment.close()


class Logs(NamedTuple):
    """files; how many records the node's own log has in them"""

    files: list[Source]
    records: int


def logs(data: Path, installation: Installation) -> Logs:
    """What to keep of the logs in a data folder, also while a recorder appends. Raises LogMissing, LogDamaged, OSError."""
    own = f"{FORMER}/{installation.node}"
    described = msgspec.json.format(msgspec.json.encode(installation))
    records, files = own_log(data / TRAIL, f"{own}/{TRAIL}")
    kept = [Source(f"{own}/keystead.json", None, len(described), described), *files]
    former = sorted(path for path in (data / FORMER).rglob("*") if path.is_file())
    kept += [whole_file(path.relative_to(data).as_posix(), path) for path in former]
    return Logs(kept, records)


def own_log(folder: Path, to: str) -> tuple[int, list[Source]]:
    """The state first, then the mark, then what they count: a recorder only ever adds to that."""
    signed = state.load(folder)
    count = max(durable(folder), signed.size)
    walk = Walk.at(folder, count)
    walk.close()
    encoded = msgspec.json.encode(signed)
    files = [
        Source(f"{to}/{state.NAME}", None, len(encoded), encoded),
        Source(f"{to}/{MARK}", None, LENGTH, count.to_bytes(LENGTH, sys.byteorder)),
        Source(f"{to}/{checkpoints.NAME}", folder / checkpoints.NAME, notes_end(folder, signed)),
        whole_file(f"{to}/{setup.VERIFIERS}", folder / setup.VERIFIERS),
    ]
    for first in segments.firsts(folder):
        if first <= walk.segment:
            path = segments.path(folder, first)
            name = f"{to}/{segments.FOLDER}/{path.name}"
            if first < walk.segment:
                files.append(Source(name, path, WHOLE))
            else:
                opened = segments.open_segment(folder, first)
                files.append(Source(name, None, walk.place, segments.header(first), opened))
    for level in range(LEVELS):
        path = folder / hashes.FOLDER / str(level)
        length = min((count >> TILE_HEIGHT * level) * HASH_LENGTH, path.stat().st_size)
        files.append(Source(f"{to}/{hashes.FOLDER}/{level}", path, length))
    files += [whole_file(f"{to}/{CUTS}/{path.name}", path) for path in sorted((folder / CUTS).glob("*"))]
    return count, files


def whole_file(path: str, here: Path) -> Source:
    return Source(path, here, here.stat().st_size)


def durable(folder: Path) -> int:
    """Raises LogMissing, LogDamaged."""
    try:
        mark = Mark.read_only(folder)
    except FileNotFoundError:
        raise LogMissing from None
    except ValueError:
        raise LogDamaged("the mark of what is acknowledged is too short") from None
    try:
        return mark.read()
    finally:
        mark.close()


def notes_end(folder: Path, signed: State) -> int:
    """Where the checkpoint that the state names ends; where it would begin, if it has not been written yet."""
    for kept in checkpoints.kept(folder, signed.checkpoints):
        return kept.end if checkpoints.of_note(kept.note).size == signed.size else signed.checkpoints
    return signed.checkpoints


def tree(folder: Path, size: int) -> bytes:
    """The root of the tree of a log's first records, computed from them."""
    frontier = Frontier()
    walk = Walk.at(folder, 0)
    try:
        if size:
            for stored in walk:
                frontier.extend([stored.leaf(walk.segment)])
                if walk.index == size:
                    break
    finally:
        walk.close()
    return frontier.root()
