"""What is exposed: if the material of a key is, or if somebody had the credentials of a principal for a while.

Of a key     who could decrypt by the policies of the moment; who used it for what, as far back as the log goes; secrets and grants
Of a principal   what it could decrypt and read by the policies of each moment in between; what it did, by the index of events

Versions of keys are known by their material id, which each use has on the record.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import select

from keystead.explain import moments, now, then
from keystead.explain.contexts import Manner
from keystead.explain.findings import Finding
from keystead.explain.holders import Rows, account_of
from keystead.explain.lastuse import uses
from keystead.explain.room import Explain
from keystead.explain.rows import Row
from keystead.explain.subjects import Kept, Keyed, Subject, keyed, of_key, of_secret
from keystead.explain.whocan import rows_of
from keystead.keyholder.ciphertext import material_id_of
from keystead.keyholder.errors import CiphertextInvalid
from keystead.keys import records
from keystead.keys.key import Key, Manager
from keystead.keys.store import keys as key_table
from keystead.secrets import records as secret_records
from keystead.secrets.secret import CURRENT
from keystead.secrets.store import secrets, versions
from keystead.trail.uses import Touched

SEALING: Final = {"Encrypt": "ciphertexts", "ReEncrypt": "ciphertexts"}
DATA_KEYS: Final = "GenerateDataKey"
COULD: Final = "could-decrypt"


async def of_material(room: Explain, key: Key, material: str | None, at: float | None) -> list[Finding]:
    """`material`: its id, None for all of the key's. `at`: seconds since the epoch, None for now."""
    moment = room.clock() if at is None else at
    async with room.database.read() as connection:
        grants = await records.live_grants(connection, key.region, key.id)
        found = keyed(key, grants) if at is None else await moments.keyed_at(connection, key, moment)
        rows = await (now.rows(connection, key.account) if at is None else then.rows(connection, key.account, moment))
        used = await uses(connection, key.arn)
        sealed = await secrets_under(connection, key, material)
    who: list[Row] = []
    if found is not None:
        subject = of_key(found, Manner(moment, anyhow=True))
        who = await asyncio.to_thread(lambda: list(rows_of(account_of(rows), subject, moment)))
    told = [Finding(COULD, one.principal, one.path, one.conditions) for one in who]
    told += [of_use(one) for one in used if concerns(one, key, material) and one.first_at <= moment]
    told += sealed
    given = found.grants if found is not None else ()
    return told + [Finding("grant", one.grantee, f"grant {one.id}", first=one.created_at) for one in given]


def of_use(one: Touched) -> Finding:
    kind = "data-keys" if one.operation.startswith(DATA_KEYS) else SEALING.get(one.operation, "uses")
    detail = f"{one.operation} under material {one.material_id or 'of that time'}"
    return Finding(kind, one.principal or one.principal_id, detail, first=one.first_at, last=one.last_at)


def concerns(one: Touched, key: Key, material: str | None) -> bool:
    """Where the record does not name the material, by the time in which it was the newest."""
    if material is None or one.material_id == material:
        return True
    if one.material_id:
        return False
    made = [version.made_at for version in key.versions]
    places = [number for number, version in enumerate(key.versions) if version.id == material]
    if not places:
        return False
    ended = made[places[0] + 1] if places[0] + 1 < len(made) else float("inf")
    return one.first_at < ended and one.last_at >= made[places[0]]


async def secrets_under(connection: Any, key: Key, material: str | None) -> list[Finding]:
    """Versions of secrets that lie under the key: what must be sealed anew, or rotated."""
    joined = select(versions, secrets.c.account, secrets.c.region, secrets.c.name, secrets.c.suffix).join(
        secrets, secrets.c.id == versions.c.secret_id
    )
    found = []
    for row in await connection.execute(joined.where(versions.c.key_arn == key.arn, versions.c.data_key.is_not(None))):
        try:
            under = material_id_of(row.data_key)
        except CiphertextInvalid:
            continue
        if material in {None, under}:
            arn = f"arn:aws:secretsmanager:{row.region}:{row.account}:secret:{row.name}-{row.suffix}"
            found.append(Finding("secret", arn, f"version {row.id} under material {under}", first=row.created_at))
    return found


async def of_principal(room: Explain, account: str, arn: str, since: float, until: float) -> list[Finding]:
    """`arn` of a user or role of the account."""
    held = await keys_of(room, account)
    async with room.database.read() as connection:
        times = await moments.changes(connection, account, held, since, until)
    seen: dict[tuple[str, str, str, tuple[str, ...]], tuple[float, float]] = {}
    for number, moment in enumerate(times):
        end = times[number + 1] if number + 1 < len(times) else until
        rows, subjects = await as_of(room, account, held, moment)
        for kind, subject_arn, one in await asyncio.to_thread(could, rows, subjects, arn, moment):
            place = (kind, subject_arn, one.path, one.conditions)
            seen[place] = (seen.get(place, (moment, end))[0], end)
    told = [
        Finding(kind, subject, path, conditions, first=first, last=last)
        for (kind, subject, path, conditions), (first, last) in seen.items()
    ]
    return told + await did(room, account, arn, since, until)


Subjects = Sequence[tuple[str, str, Subject]]


async def as_of(room: Explain, account: str, held: Sequence[Key], moment: float) -> tuple[Rows, Subjects]:
    """Everybody, and everything that could be read, at a moment."""
    found: list[tuple[str, str, Subject]] = []
    by_arn: dict[str, Keyed] = {}
    async with room.database.read() as connection:
        for key in held:
            one = await moments.keyed_at(connection, key, moment)
            if one is not None:
                by_arn[key.arn] = one
                found.append((COULD, key.arn, of_key(one, Manner(moment, anyhow=True))))
        mine = select(secrets.c.id).where(secrets.c.account == account, secrets.c.created_at <= moment)
        for row in list(await connection.execute(mine)):
            secret = await secret_records.load(connection, row.id)
            if secret is None or CURRENT not in secret.labels:
                continue
            version = await secret_records.version(connection, secret.id, secret.labels[CURRENT])
            under = by_arn.get(version.sealed.key_arn) if version is not None and version.sealed is not None else None
            if version is not None and under is not None:
                policy = await moments.secret_policy_at(connection, secret, moment)
                kept = Kept(secret, policy, None, version.id)
                found.append(("could-read", secret.arn, of_secret(kept, under, moment)))
        return await then.rows(connection, account, moment), found


def could(rows: Rows, subjects: Subjects, arn: str, moment: float) -> list[tuple[str, str, Row]]:
    account = account_of(rows)
    return [
        (kind, subject_arn, one)
        for kind, subject_arn, subject in subjects
        for one in rows_of(account, subject, moment)
        if one.principal == arn
    ]


async def keys_of(room: Explain, account: str) -> list[Key]:
    """That are there today."""
    async with room.database.read() as connection:
        mine = select(key_table.c.region, key_table.c.id).where(
            key_table.c.account == account, key_table.c.manager != Manager.AWS_OWNED.value
        )
        places = list(await connection.execute(mine))
        loaded = [await records.load(connection, row.region, row.id) for row in places]
    return [key for key in loaded if key is not None]


async def did(room: Explain, account: str, arn: str, since: float, until: float) -> list[Finding]:
    """What it was answered, by operation and resource."""
    found = await room.lookup.done_by(account, arn, since, until)
    return list(told_done(found))


def told_done(found: Sequence[Any]) -> Iterator[Finding]:
    for row in found:
        yield Finding("did", row.resource, row.name, count=row.times, first=float(row.first), last=float(row.last))
