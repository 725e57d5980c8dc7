"""What lies in the index, record by record, and by what postings lead to it."""

from typing import NamedTuple

from sqlalchemy import select

from keystead.trail import attributes, blocks, store
from keystead.trail.attributes import Attributes


class Row(NamedTuple):
    node: str
    seq: int
    record: str
    seen: Attributes
    terms: tuple[int, ...]


async def contents(connection):
    """Every record in order, with the terms whose postings lead to it. Fails where a posting leads to nothing."""
    nodes = await store.ordinals(connection)
    posted = {}
    for row in await connection.execute(select(store.postings)):
        posted.setdefault(row.block, []).append(row)
    found = []
    for block in await connection.execute(select(store.blocks).order_by(store.blocks.c.seq)):
        postings = posted.pop(block.seq)
        assert {(row.newest, row.newest - row.span) for row in postings} == {(block.newest, block.oldest)}
        records = blocks.opened(block.content)
        assert len(records) == block.records
        for place, (seq, record) in enumerate(records):
            terms = sorted(row.term for row in postings if not row.positions or place in row.positions)
            node = nodes[seq >> store.NUMBER_BITS]
            found.append(Row(node, seq, record.decode(), attributes.read(record), tuple(terms)))
    assert posted == {}
    return found
