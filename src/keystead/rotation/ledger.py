"""The read ledger: who was shown which version of which secret, and when last. Folded in from the trail, by its index.

    read   secret | version | principal with session | address | client | value_at | described_at

A reader of the value holds it. A reader of DescribeSecret has been told which version is current: caches that poll ask for nothing
more while that stays the same, so it counts as a sign of life with that version. No answer leaves before its record is durable, so the
ledger knows of every reader once the index has read what was durable then; `folded` says until when that is so, for each node.
Nothing is written while a call waits. Rotation's own sessions are no readers.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import delete, func, insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.identities.names import SESSION
from keystead.identities.store import entities, tags
from keystead.identities.store.entities import Entity
from keystead.rotation import leave, wishes
from keystead.rotation.consumers import Read, Reader
from keystead.rotation.store import folded, overlaps, reads
from keystead.rotation.wishes import Wishes
from keystead.trail.store import ordinals
from keystead.trail.uses import DESCRIBED
from keystead.trail.uses import Read as Seen

KEPT_SECONDS: Final = 400 * 86_400.0
"""A row nobody has added to for so long is dropped; the trail keeps everything."""


MARGIN: Final = 10.0
"""Seconds after the switch for which it is worth knowing; more than draining.SETTLED."""


def row_id(seen: Seen) -> bytes:
    facts = (seen.secret_arn, seen.version_id, seen.arn or "", seen.address, seen.agent)
    return hashlib.sha256("\0".join(facts).encode(errors="surrogatepass")).digest()


async def fold(tx: Transaction, found: Sequence[Seen]) -> None:
    """For trail.index.Index. Being told twice changes nothing."""
    for seen in found:
        if seen.arn is None or f"/{leave.PREFIX}" in seen.arn:
            continue
        await note(tx, seen)


async def note(tx: Transaction, seen: Seen) -> None:
    column, at = reads.c.described_at if seen.operation == DESCRIBED else reads.c.value_at, seen.instant
    this = reads.c.id == row_id(seen)
    known = (await tx.execute(select(column).where(this))).first()
    if known is None:
        facts = {"secret_arn": seen.secret_arn, "version": seen.version_id, "arn": seen.arn}
        facts |= {"address": seen.address[:256], "agent": seen.agent[:1024]}
        await tx.execute(insert(reads).values(id=row_id(seen), first_at=at, last_at=at, **{column.name: at}, **facts))
    elif known[0] is None or known[0] < at:
        await tx.execute(update(reads).where(this).values({column.name: at}))
        await tx.execute(update(reads).where(this, reads.c.last_at < at).values(last_at=at))


async def of_secret(connection: Connection, arns: Sequence[str], versions: Sequence[str]) -> list[Read]:
    """What each reader was shown of these versions, the newest of both kinds. `arns`: the secret's, and those of its copies."""
    these = select(reads).where(reads.c.secret_arn.in_(arns), reads.c.version.in_(versions))
    return [
        Read(Reader(row.arn, row.address, row.agent), row.version, row.last_at, row.value_at is not None)
        for row in await connection.execute(these)
    ]


async def wishes_of(connection: Connection, arns: Iterable[str]) -> Mapping[str, Wishes]:
    """What the users and roles behind these readers are tagged with, for those that say something about how they read."""
    found: dict[str, Wishes] = {}
    for arn in set(arns):
        entity = await behind(connection, arn)
        if entity is not None:
            said = wishes.read(dict(await tags.of(connection, entity.id)))
            if said.refresh is not None or said.cache is not None:
                found[arn] = said
    return found


async def behind(connection: Connection, arn: str) -> Entity | None:
    """The user, or the role of a session."""
    session = SESSION.fullmatch(arn)
    if session is not None:
        return await entities.named(connection, session["account"], "role", session["role"])
    return await entities.by_arn(connection, arn)


async def is_folded(tx: Transaction, node: str, until: float) -> None:
    """Every answer that this node gave until then is in the ledger."""
    done = await tx.execute(update(folded).where(folded.c.node == node).values(until=until))
    if done.rowcount == 0:
        await tx.execute(insert(folded).values(node=node, until=until))


async def waited_for(connection: Connection, node: str) -> bool:
    """Whether an overlap is open that began after what is known of this node."""
    known = select(folded.c.until).where(folded.c.node == node).scalar_subquery()
    newest = select(func.max(overlaps.c.began_at)).where(overlaps.c.ended_at.is_(None)).scalar_subquery()
    row = (await connection.execute(select(known.label("until"), newest.label("began_at")))).one()
    return row.began_at is not None and (row.until is None or row.until <= row.began_at + MARGIN)


async def behind_since(connection: Connection, at: float) -> list[str]:
    """Nodes whose answers until `at` may not all be in the ledger."""
    known = {row.node: row.until for row in await connection.execute(select(folded))}
    return sorted(node for node in (await ordinals(connection)).values() if known.get(node, 0.0) <= at)


async def prune(tx: Transaction, now: float) -> None:
    await tx.execute(delete(reads).where(reads.c.last_at < now - KEPT_SECONDS))
