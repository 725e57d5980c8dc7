"""The copy of the log that the index keeps: records by the hundred, deflated, and what each of them can be found by.

    block     seq of its first record | newest | oldest | records | content
    content   zlib (RFC 1950) of MessagePack: [[seq, record], …]            in the order of the log
    posting   term | newest | seq of the block | span | positions           newest and span are the block's: oldest = newest - span
    positions a byte for each record of the block that has the term: its place; none at all: too many to be told apart

However many records of a block have a term, it is one posting. A block holds the records of one node, of all accounts and Regions,
and of SPAN seconds at most: so whoever wants what is older than some time passes over no more than the blocks of one SPAN.
Where little happens they are small at first, and put together later (joining.py).
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from keystead.trail import attributes
from keystead.trail.attributes import Attributes
from keystead.trail.terms import terms

RECORDS: Final = 128
BYTES: Final = 256 * 1024
SPAN: Final = 300
LEVEL: Final = 1
"""Of zlib: records resemble each other so much that 6 saves a tenth more, at twice the cost."""
MANY: Final = 32
"""Records of a block from which on a term no longer says which: reading all of them finds one in four."""


class Entry(NamedTuple):
    """A record on its way into a block. `at` is its event's time, seconds since the epoch."""

    seq: int
    at: int
    record: bytes
    place: tuple[str, str]
    terms: Iterable[int]


class Block(NamedTuple):
    """A row of store.blocks, column by column, and its postings: positions by term."""

    seq: int
    newest: int
    oldest: int
    records: int
    content: bytes
    postings: Mapping[int, bytes]


def entry_of(seq: int, seen: Attributes, record: bytes) -> Entry:
    return Entry(seq, seen.at, record, (seen.recipient_account_id, seen.aws_region), terms(seen))


def cut(coming: Iterable[Entry]) -> Iterator[Block]:
    """Blocks of entries that come in the order of the log."""
    taken: list[Entry] = []
    size = newest = oldest = 0
    for entry in coming:
        if taken:
            newest, oldest = max(newest, entry.at), min(oldest, entry.at)
            if len(taken) == RECORDS or size >= BYTES or newest - oldest > SPAN:
                yield block(taken)
                taken, size = [], 0
        if not taken:
            newest = oldest = entry.at
        taken.append(entry)
        size += len(entry.record)
    if taken:
        yield block(taken)


def block(taken: Sequence[Entry]) -> Block:
    content = msgspec.msgpack.encode([(entry.seq, entry.record) for entry in taken])
    times = [entry.at for entry in taken]
    return Block(taken[0].seq, max(times), min(times), len(taken), zlib.compress(content, LEVEL), postings(taken))


def postings(taken: Sequence[Entry]) -> dict[int, bytes]:
    found: dict[int, bytearray] = {}
    for position, entry in enumerate(taken):
        for term in entry.terms:
            positions = found.get(term)
            if positions is None:
                found[term] = bytearray((position,))
            else:
                positions.append(position)
    return {term: bytes(positions) if len(positions) < MANY else b"" for term, positions in found.items()}


CONTENT: Final = msgspec.msgpack.Decoder(list[tuple[int, bytes]])


def opened(content: bytes) -> list[tuple[int, bytes]]:
    """(seq, record) of each. Raises zlib.error and msgspec.MsgspecError for what `block` did not make."""
    return CONTENT.decode(zlib.decompress(content))


def chosen(records: Sequence[tuple[int, bytes]], positions: Iterable[bytes]) -> Sequence[tuple[int, bytes]]:
    """Those that may have all of several terms."""
    told = [set(each) for each in positions if each]
    return [records[position] for position in sorted(set.intersection(*told))] if told else records


def entries(content: bytes) -> Iterator[Entry]:
    """As they were when the block was made."""
    for seq, record in opened(content):
        seen = attributes.read(record)
        if seen is not None:
            yield entry_of(seq, seen, record)


def terms_of(found: Iterable[Entry]) -> set[int]:
    return set().union(*(entry.terms for entry in found))
