"""Who can decrypt under a key, or read a secret: every principal, with each way by which it may.

1. ask every user and role of the account                          4. who may become a role that can (chains.py)
2. ask whomever policy or grants name besides (strangers.py)       5. who could give itself what it lacks (escalation.py)
3. those who can without a condition are done                      6. when each was last seen doing it

It is about permissions: a key that is disabled today may be enabled tomorrow. Steps 4 and 5 are for those who cannot do it
without a condition already. Times in policies are taken at the moment that is asked about.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from keystead.access.paths import Way
from keystead.explain import now, strangers
from keystead.explain.chains import Chains
from keystead.explain.contexts import Manner, folded
from keystead.explain.errors import NothingToRead
from keystead.explain.escalation import Escalation
from keystead.explain.holders import Account, Holder, Rows, account_of
from keystead.explain.lastuse import last_uses
from keystead.explain.room import Explain
from keystead.explain.rows import Row, row, unconditional
from keystead.explain.subjects import Kept, Keyed, Subject, keyed, of_key, of_secret
from keystead.keys import records
from keystead.keys.key import Key
from keystead.secrets.secret import CURRENT, Secret
from keystead.trail.lookup import Lookup


async def who_can_decrypt(room: Explain, key: Key) -> list[Row]:
    """Of the key's account, and whom its policy names."""
    manner = Manner(room.clock(), anyhow=True)
    async with room.database.read() as connection:
        rows = await now.rows(connection, key.account)
        found = keyed(key, await records.live_grants(connection, key.region, key.id))
        used = await last_uses(connection, key.arn)
    return await asyncio.to_thread(answer, rows, of_key(found, manner), manner.at, used)


async def who_can_read(room: Explain, secret: Secret) -> list[Row]:
    """The current version. Of the secret's account, and whom its policy and the key's name. Raises NothingToRead."""
    at = room.clock()
    kept, found = await current(room, secret)
    async with room.database.read() as connection:
        rows = await now.rows(connection, secret.account)
    used = await readers(room.lookup, secret)
    return await asyncio.to_thread(answer, rows, of_secret(kept, found, at), at, used)


async def current(room: Explain, secret: Secret) -> tuple[Kept, Keyed]:
    """The secret with its current version, and the key that it lies under. Raises NothingToRead."""
    version = secret.labels.get(CURRENT, "")
    value = await room.secrets.known.version(secret, version)
    if value is None or value.sealed is None:
        raise NothingToRead(secret.arn)
    region, key_id = value.sealed.key_arn.split(":")[3], value.sealed.key_arn.rpartition("/")[2]
    key = await room.keys.known.key(region, key_id)
    if key is None:
        raise NothingToRead(secret.arn)
    async with room.database.read() as connection:
        grants = await records.live_grants(connection, region, key_id)
    return Kept(secret, secret.policy, folded(secret.tags or {}), version), keyed(key, grants)


async def readers(lookup: Lookup, secret: Secret) -> dict[str, float]:
    """When each principal last read it, as far as the index of events reaches: roles by ARN, users by name."""
    return await lookup.last_by_principal(
        secret.account, secret.region, secret.arn, ("GetSecretValue", "BatchGetSecretValue")
    )


def answer(rows: Rows, subject: Subject, at: float, used: Mapping[str, float]) -> list[Row]:
    """Pure, and slow for thousands: not for the event loop. `used`: by unique id, name of a user or ARN of a role."""
    account = account_of(rows)
    found = list(rows_of(account, subject, at))
    names = {holder.arn: (holder.entity.id, holder.entity.name) for holder in account.holders if not holder.is_role}
    names |= {holder.arn: (holder.entity.id, holder.arn) for holder in account.holders if holder.is_role}
    return [replace(one, last_used=last(used, names.get(one.principal, (one.principal,)))) for one in found]


def last(used: Mapping[str, float], names: Iterable[str]) -> float | None:
    return next((used[name] for name in names if name in used), None)


def rows_of(account: Account, subject: Subject, at: float) -> Iterator[Row]:
    can: dict[str, list[Way]] = {}
    able: list[Holder] = []
    for holder in account.holders:  # 1
        ways = subject.question.ways(holder)
        if ways:
            can[holder.entity.id] = ways
            able.append(holder)
            yield from (row(holder.arn, way) for way in ways)
    yield from strangers.rows(subject.question, account, subject.policies, subject.grantees)  # 2
    free = {unique_id for unique_id, ways in can.items() if unconditional(ways)}  # 3
    itself = Manner(at)
    yield from Chains(account, subject.region, itself).rows(can, free)  # 4
    escalation = Escalation(account, subject.question, subject.levers, subject.region, itself)
    for holder in account.holders:  # 5
        if holder.entity.id not in free:
            yield from escalation.rows(holder, able)
