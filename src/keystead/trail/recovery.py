"""How a log is opened again, whatever ended the process that wrote it.

1. the state: what was signed last
2. the tree of that size, from its hashes; where they do not lead to the signed root, from the segments
3. the file of checkpoints: it ends before the state's checkpoint, or with it
4. every record since, added to the tree and to its hashes
5. no record that was acknowledged may be missing
6. what is not whole at the end is kept aside, and cut
7. what was written and not acknowledged is written again: nobody knows whether it is on the disk
"""

import os
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from keystead.trail import checkpoints, disk, segments, state
from keystead.trail.errors import LogDamaged
from keystead.trail.hashes import Hashes, HashesMissing
from keystead.trail.mark import Mark
from keystead.trail.merkle import Frontier
from keystead.trail.segments import HEADER_LENGTH, Walk
from keystead.trail.state import State
from keystead.trail.tail import Sync, Tail

CUTS: Final = "cuts"
BATCH: Final = 1024
"""Records between two writes of their hashes."""

Say = Callable[[str], None]


class Cut(msgspec.Struct, frozen=True):
    """What was not whole at the end of the log: where, how many bytes, and their SHA-256 in hexadecimal."""

    index: int
    size: int
    digest: str


class Recovered(msgspec.Struct, frozen=True):
    """All that the log needs to go on.

    wall     when the last record was appended, nanoseconds since 1970
    noted    size of the newest checkpoint
    notes    bytes in the file of checkpoints
    """

    frontier: Frontier
    tail: Tail
    wall: int
    noted: int
    notes: int
    cut: Cut | None


def recover(folder: Path, hashes: Hashes, mark: Mark, sync: Sync, say: Say) -> Recovered:
    """Raises LogMissing, LogDamaged, OSError."""
    signed = state.load(folder)  # 1
    frontier = _signed_tree(folder, hashes, signed, say)  # 2
    noted, notes = _checkpoints(folder, signed)  # 3
    walk = Walk(folder, signed.segment, signed.place, signed.size)
    try:
        acknowledged = max(mark.read(), signed.size)
        wall, unsure = _follow(walk, hashes, frontier, acknowledged)  # 4
        if walk.index < acknowledged:  # 5
            raise LogDamaged(f"{acknowledged} records were acknowledged, and record {walk.index} cannot be read")
        if walk.segment != segments.firsts(folder)[-1]:
            raise LogDamaged(f"segment {walk.segment} breaks off before the next one begins")
        tail = Tail(folder, walk.segment, walk.place, sync)
        cut = _cut(folder, tail, walk)  # 6
        tail.write_again(unsure if unsure is not None else walk.place)  # 7
    finally:
        walk.close()
    mark.set(frontier.size)
    return Recovered(frontier, tail, wall or signed.wall, noted, notes, cut)


def _signed_tree(folder: Path, hashes: Hashes, signed: State, say: Say) -> Frontier:
    try:
        frontier = Frontier.of(signed.size, hashes.subtree)
    except HashesMissing:
        frontier = Frontier()
    if frontier.size != signed.size or frontier.root() != signed.root_hash:
        say("the tree's hashes are not those of the last checkpoint; they are computed again")
        frontier = _computed_again(folder, hashes, signed)
    hashes.cut(signed.size)
    return frontier


def _computed_again(folder: Path, hashes: Hashes, signed: State) -> Frontier:
    frontier = Frontier()
    walk = Walk(folder, 0, HEADER_LENGTH, 0)
    try:
        _follow(walk, hashes, frontier, signed.size, signed.size)
    finally:
        walk.close()
    if frontier.root() != signed.root_hash or not signed.goes_on_at(walk.segment, walk.place):
        raise LogDamaged(f"the first {signed.size} records are not those that were signed")
    return frontier


def _follow(
    walk: Walk, hashes: Hashes, frontier: Frontier, acknowledged: int, end: int | None = None
) -> tuple[int, int | None]:
    """Add the records up to number `end` to the tree.

    The answer is when the last one was appended, and where in the walk's last segment the first one begins that was not
    acknowledged.
    """
    wall, unsure, segment = 0, None, walk.segment
    leaves: list[bytes] = []
    place = walk.place
    if walk.index == end:
        return 0, None
    for stored in walk:
        if walk.segment != segment:
            segment, place = walk.segment, HEADER_LENGTH
            unsure = None if unsure is None else HEADER_LENGTH
        if unsure is None and stored.stamp.index >= acknowledged:
            unsure = place
        leaves.append(stored.leaf(segment))
        wall, place = stored.stamp.wall, stored.end
        if len(leaves) == BATCH:
            _add(hashes, frontier, leaves)
        if walk.index == end:
            break
    _add(hashes, frontier, leaves)
    return wall, unsure


def _add(hashes: Hashes, frontier: Frontier, leaves: list[bytes]) -> None:
    first = frontier.size
    hashes.write(first, frontier.extend(leaves))
    leaves.clear()


def _checkpoints(folder: Path, signed: State) -> tuple[int, int]:
    """(size of the newest checkpoint, bytes that are kept); what is not whole after them is cut."""
    path = folder / checkpoints.NAME
    length = path.stat().st_size
    if length < signed.checkpoints:
        raise LogDamaged("checkpoints that were kept are missing")
    noted, end = 0, signed.checkpoints
    for kept in checkpoints.kept(folder, signed.checkpoints):
        if end != signed.checkpoints:
            raise LogDamaged("there are checkpoints after the one that was signed last")
        noted, end = _same(kept.note, signed), kept.end
    if length > end:
        os.truncate(path, end)
    disk.sync(path)
    return noted, end


def _same(note: bytes, signed: State) -> int:
    try:
        checkpoint = checkpoints.of_note(note)
    except ValueError:
        raise LogDamaged("the newest checkpoint cannot be read") from None
    if (checkpoint.size, b64encode(checkpoint.root).decode()) != (signed.size, signed.root):
        raise LogDamaged("the newest checkpoint is not the one that was signed last")
    return checkpoint.size


def _cut(folder: Path, tail: Tail, walk: Walk) -> Cut | None:
    """Nothing is thrown away: the bytes go to a file of their own before they are cut."""
    if not walk.rest():
        return None
    torn = tail.read(walk.place)
    digest = sha256(torn).hexdigest()
    (folder / CUTS).mkdir(mode=0o700, exist_ok=True)
    disk.replace(folder / CUTS / f"{walk.index:0{segments.DIGITS}}-{digest[:16]}", torn)
    disk.sync_folder(folder)
    tail.cut(walk.place)
    return Cut(walk.index, len(torn), digest)
