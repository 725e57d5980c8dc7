"""The tree as anybody may read it (C2SP tlog-tiles 0.1.0): hashes and entries up to the published checkpoint, and no event.

    checkpoint                 the newest checkpoint that the policy accepts, with its cosignatures
    tile/L/N                   256 hashes of level L, from number N × 256: the bytes of hashes/L from N × 8192
    tile/L/N.p/W               the first W of them, where there are not yet more
    tile/entries/N[.p/W]       length (2) | entry (72) | length (2) | entry (72) | …                     records.py
    N                          in groups of three digits, all but the last after an x: 1234067 is x001/x234/067

An entry says when something was recorded, by which process, and the salted hash of what. The hashes of a tree never change, so
nothing is kept twice: every resource is made from the log when it is asked for. `export` writes them as files.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from keystead.trail import disk
from keystead.trail.checkpoints import of_note
from keystead.trail.hashes import LEVELS, Hashes
from keystead.trail.merkle import TILE_HEIGHT
from keystead.trail.records import ENTRY_LENGTH
from keystead.trail.segments import HEADER_LENGTH, Walk, is_packed

WIDTH: Final = 1 << TILE_HEIGHT
CHECKPOINT: Final = "checkpoint"
ENTRIES: Final = "entries"
TEXT: Final = "text/plain; charset=utf-8"
OCTETS: Final = "application/octet-stream"
PATH: Final = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
GROUP: Final = 1000
SEGMENTS_KNOWN: Final = 16
"""Segments of which it is remembered where each bundle begins: 240 numbers each."""


class Tile(NamedTuple):
    """`level` -1 for entries."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        level = ENTRIES if self.level < 0 else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{grouped(self.number)}{partial}"

    def within(self, size: int) -> bool:
        """Whether a tree of `size` leaves has all of it."""
        return (self.number * WIDTH + self.width) << TILE_HEIGHT * max(0, self.level) <= size


class Resource(NamedTuple):
    """`lasting`: it never changes."""

    content: bytes
    type: str
    lasting: bool


def grouped(number: int) -> str:
    """Without a leading group of zeros, so that each number has one spelling."""
    groups = [f"{number % GROUP:03}"]
    while number := number // GROUP:
        groups.append(f"x{number % GROUP:03}")
    return "/".join(reversed(groups))


def parse(path: str) -> Tile | None:
    """None for anything that is not a tile's path in its only spelling."""
    matched = PATH.fullmatch(path)
    if matched is None:
        return None
    level, number, width = matched.groups()
    tile = Tile(-1 if level == ENTRIES else int(level), int(re.sub("[x/]", "", number)), int(width) if width else WIDTH)
    return tile if tile.path == path and tile.level < LEVELS else None


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """All tiles of a tree of `size` leaves but the full ones that a tree of `since` leaves had."""
    for level in range(-1, LEVELS):
        height = TILE_HEIGHT * max(0, level)
        full, width = divmod(size >> height, WIDTH)
        for number in range((since >> height) // WIDTH, full):
            yield Tile(level, number)
        if width:
            yield Tile(level, full, width)


class Published:
    """One log as others see it. `note` is the checkpoint to publish, None before there is one. For one thread at a time."""

    def __init__(self, folder: Path, note: Callable[[], bytes | None]) -> None:
        self._folder = folder
        self._note = note
        self._hashes: Hashes | None = None
        self._entries = Entries(folder)

    def get(self, path: str) -> Resource | None:
        """None for what there is not. Raises LogDamaged, HashesMissing, OSError."""
        note = self._note()
        if note is None:
            return None
        if path == CHECKPOINT:
            return Resource(note, TEXT, lasting=False)
        tile = parse(path)
        if tile is None or not tile.within(of_note(note).size):
            return None
        return Resource(self.tile(tile), OCTETS, lasting=True)

    def close(self) -> None:
        if self._hashes is not None:
            self._hashes.close()
            self._hashes = None

    def tile(self, tile: Tile) -> bytes:
        """Raises LogDamaged, HashesMissing, OSError."""
        if tile.level < 0:
            return self._entries.bundle(tile.number * WIDTH, tile.width)
        if self._hashes is None:
            self._hashes = Hashes.read_only(self._folder)
        return b"".join(self._hashes.read(tile.level, tile.number * WIDTH, tile.width))


class Entries:
    """Entries in bundles, read from the segments."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: OrderedDict[int, list[int]] = OrderedDict()

    def bundle(self, first: int, count: int) -> bytes:
        """Raises LogDamaged, OSError."""
        walk = self.walk_to(first)
        try:
            return b"".join(ENTRY_LENGTH.to_bytes(2, "big") + stored.entry(walk.segment) for stored in walk.take(count))
        finally:
            walk.close()

    def walk_to(self, index: int) -> Walk:
        """Standing before that record; in one that is closed and plain, found by where every 256th begins."""
        segment, following = Walk.segment_of(self._folder, index)
        if following is None or is_packed(self._folder, segment):
            places = [HEADER_LENGTH]
        else:
            places = self._places_of(segment, following)
        number = min((index - segment) // WIDTH, len(places) - 1)
        walk = Walk(self._folder, segment, places[number], segment + number * WIDTH)
        walk.skip_to(index)
        return walk

    def _places_of(self, segment: int, following: int) -> list[int]:
        if segment not in self._places:
            self._places[segment] = places_of(self._folder, segment, following)
            while len(self._places) > SEGMENTS_KNOWN:
                self._places.popitem(last=False)
        self._places.move_to_end(segment)
        return self._places[segment]


def places_of(folder: Path, segment: int, following: int) -> list[int]:
    """Where every 256th record of a segment begins."""
    places = []
    walk = Walk(folder, segment, HEADER_LENGTH, segment)
    try:
        for index in range(segment, following, WIDTH):
            walk.skip_to(index)
            places.append(walk.place)
    finally:
        walk.close()
    return places


def export(published: Published, target: Path) -> int:
    """Write what `target` has not yet, the checkpoint last; the answer is the size. Full tiles replace partial ones.

    Raises what Published.get raises. Can be stopped at any moment and run again.
    """
    note = published.get(CHECKPOINT)
    if note is None:
        return 0
    size, before = of_note(note.content).size, _exported(target)
    if before > size:
        raise FileExistsError(f"{target} holds {before} records, more than this log has signed")
    for tile in tiles_of(size, before):
        _write(target / tile.path, published.tile(tile))
        if tile.width == WIDTH:
            _remove_partial(target / tile.path)
    _write(target / CHECKPOINT, note.content)
    return size


def _exported(target: Path) -> int:
    try:
        return of_note((target / CHECKPOINT).read_bytes()).size
    except (FileNotFoundError, ValueError):
        return 0


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.replace(path, content, mode=0o644)


def _remove_partial(full: Path) -> None:
    partial = full.with_name(f"{full.name}.p")
    if partial.is_dir():
        for file in partial.iterdir():
            file.unlink()
        partial.rmdir()
