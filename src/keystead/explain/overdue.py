"""What should have happened by now, or is older than it should be: an account's keys, secrets, grants and access keys.

kind                    what
rotation-due            an enabled key or a secret whose rotation should have run
pending-deletion-used   a key that is to be deleted and was used within UNUSED days
unused-key              a key that was not used for so long, or never
unread-secret           a secret that was not read for so long, or never
old-grant               a live grant older than GRANT days
old-access-key          an active access key older than ACCESS_KEY days
unused-access-key       one that was not used for so long
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from keystead.explain.findings import Finding
from keystead.explain.room import Explain
from keystead.identities.store.tables import access_keys, entities, identity_usage
from keystead.keys.key import DAY, Manager, State, arn_of
from keystead.keys.store import grants, keys, usage
from keystead.secrets.secret import arn_of as secret_arn
from keystead.secrets.store import secrets

USED: Final = "last used"


@dataclass(frozen=True, slots=True)
class Days:
    """Ages from which something is told (ours, after CIS and AWS's own advice for access keys)."""

    access_key: int = 90
    grant: int = 365
    unused: int = 90


async def overdue(room: Explain, account: str, days: Days) -> list[Finding]:
    """In all Regions, by kind and subject."""
    now = room.clock()
    async with room.database.read() as connection:
        of_keys = select(keys, usage.c.at.label("used_at")).select_from(keys)
        arn = "arn:aws:kms:" + keys.c.region + ":" + keys.c.account + ":key/" + keys.c.id
        joined = of_keys.join(usage, usage.c.key_arn == arn, isouter=True).where(keys.c.account == account)
        found = [one for row in await connection.execute(joined) for one in of_key(row, now, days)]
        mine = select(secrets).where(secrets.c.account == account, secrets.c.deletion_at.is_(None))
        found += [one for row in await connection.execute(mine) for one in of_secret(row, now, days)]
        live = (grants.c.key_account == account) & grants.c.ended_at.is_(None)
        old = select(grants).where(live, grants.c.created_at < now - days.grant * DAY)
        found += [of_grant(row) for row in await connection.execute(old)]
        used = access_keys.join(entities, entities.c.id == access_keys.c.user_id)
        held = select(access_keys, entities.c.name, identity_usage.c.at.label("used_at")).select_from(
            used.join(identity_usage, identity_usage.c.id == access_keys.c.id, isouter=True)
        )
        active = held.where(entities.c.account == account, access_keys.c.status == "Active")
        found += [one for row in await connection.execute(active) for one in of_access_key(row, now, days)]
    return sorted(found, key=lambda one: (one.kind, one.subject))


def of_key(row: Any, now: float, days: Days) -> Iterator[Finding]:
    arn = arn_of(row.account, row.region, row.id)
    if row.manager == Manager.AWS_OWNED.value:
        return
    enabled = row.state == State.ENABLED.value
    if enabled and row.rotation_next_at is not None and row.rotation_next_at < now:
        yield Finding("rotation-due", arn, f"every {row.rotation_period} days", first=row.rotation_next_at)
    since = now - days.unused * DAY
    if row.state == State.PENDING_DELETION.value and row.used_at is not None and row.used_at >= since:
        yield Finding("pending-deletion-used", arn, "deletion is scheduled", first=row.deletion_at, last=row.used_at)
    if enabled and (row.used_at or row.created_at) < since:
        yield Finding("unused-key", arn, USED if row.used_at else "never used", last=row.used_at)


def of_secret(row: Any, now: float, days: Days) -> Iterator[Finding]:
    arn = secret_arn(row.account, row.region, f"{row.name}-{row.suffix}")
    if row.rotation_enabled and row.rotation_next_at is not None and row.rotation_next_at < now:
        yield Finding("rotation-due", arn, "rotation of the secret", first=row.rotation_next_at, last=row.rotated_at)
    if (row.accessed_on or row.created_at) < now - days.unused * DAY:
        yield Finding("unread-secret", arn, "last read" if row.accessed_on else "never read", last=row.accessed_on)


def of_grant(row: Any) -> Finding:
    arn = arn_of(row.key_account, row.region, row.key_id)
    return Finding("old-grant", arn, f"grant {row.id} to {row.grantee}", first=row.created_at)


def of_access_key(row: Any, now: float, days: Days) -> Iterator[Finding]:
    told = f"of user {row.name}"
    if row.created_at < now - days.access_key * DAY:
        yield Finding("old-access-key", row.id, told, first=row.created_at, last=row.used_at)
    if (row.used_at or row.created_at) < now - days.unused * DAY:
        yield Finding("unused-access-key", row.id, told, first=row.created_at, last=row.used_at)
