"""Rows of a secret: versions, labels, tags, and what of them is collected. Each function is a part of somebody's transaction."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update

from keystead.database.engine import Transaction
from keystead.secrets.errors import LimitReached
from keystead.secrets.labels import Labels
from keystead.secrets.secret import DAY, Sealed, Secret
from keystead.secrets.store import KIND, labels, secrets, tags, versions

VERSIONS: Final = 100
"""Of a secret (Secrets Manager user guide, quotas)."""


async def insert_version(
    tx: Transaction, secret_id: int, version_id: str, sealed: Sealed | None, *, created_at: float | None = None
) -> None:
    """With None: an empty one, for a rotation to fill. The label that keeps it is the caller's to store."""
    row = {"secret_id": secret_id, "id": version_id, "created_at": tx.at if created_at is None else created_at}
    await tx.execute(insert(versions).values(**row, **columns(sealed)))


async def fill_version(tx: Transaction, secret_id: int, version_id: str, sealed: Sealed) -> None:
    empty = versions.c.kind.is_(None)
    this = update(versions).where(versions.c.secret_id == secret_id, versions.c.id == version_id, empty)
    await tx.execute(this.values(**columns(sealed)))


def columns(sealed: Sealed | None) -> dict[str, Any]:
    if sealed is None:
        return {}
    return {
        "kind": sealed.kind,
        "sealed": sealed.content,
        "data_key": sealed.data_key,
        "key_arn": sealed.key_arn,
        "default_key": sealed.default,
    }


async def store_labels(tx: Transaction, secret_id: int, before: Labels, after: Labels) -> None:
    """Only what differs."""
    gone = [label for label, version in before.items() if after.get(label) != version]
    come = [label for label, version in after.items() if before.get(label) != version]
    if gone:
        await tx.execute(delete(labels).where(labels.c.secret_id == secret_id, labels.c.label.in_(gone)))
    if come:
        rows = [{"secret_id": secret_id, "label": label, "version_id": after[label]} for label in come]
        await tx.execute(insert(labels), rows)
    tx.changed(KIND, str(secret_id))


async def collect(tx: Transaction, secret_id: int, labelled: Labels) -> None:
    """Drop versions without a label beyond the newest hundred, but none younger than a day. Raises LimitReached."""
    counted = select(func.count()).select_from(versions).where(versions.c.secret_id == secret_id)
    too_many = (await tx.execute(counted)).scalar_one() - VERSIONS
    if too_many <= 0:
        return
    old = versions.c.created_at < tx.at - DAY
    unlabelled = versions.c.id.not_in(set(labelled.values()))
    query = select(versions.c.id).where(versions.c.secret_id == secret_id, old, unlabelled)
    found = await tx.execute(query.order_by(versions.c.created_at, versions.c.id).limit(too_many))
    gone = [row.id for row in found]
    if len(gone) < too_many:
        raise LimitReached(f"You've exceeded the quota of {VERSIONS} versions of a secret.")
    await tx.execute(delete(versions).where(versions.c.secret_id == secret_id, versions.c.id.in_(gone)))


async def touch(tx: Transaction, secret: Secret, **values: Any) -> None:
    """Change columns of the secret, and its LastChangedDate."""
    await tx.execute(update(secrets).where(secrets.c.id == secret.id).values(changed_at=tx.at, **values))
    tx.changed(KIND, str(secret.id))


async def version_ids(tx: Transaction, secret_id: int) -> Mapping[str, bool]:
    """Every version of a secret, and whether it has a value."""
    query = select(versions.c.id, versions.c.kind).where(versions.c.secret_id == secret_id)
    return {row.id: row.kind is not None for row in await tx.execute(query)}


async def insert_tags(tx: Transaction, secret_id: int, given: Mapping[str, str], first: int = 0) -> None:
    if given:
        rows = [
            {"secret_id": secret_id, "name": name, "value": value, "place": first + place}
            for place, (name, value) in enumerate(given.items())
        ]
        await tx.execute(insert(tags), rows)


async def replace_tags(tx: Transaction, secret_id: int, given: Mapping[str, str] | None) -> None:
    await tx.execute(delete(tags).where(tags.c.secret_id == secret_id))
    await insert_tags(tx, secret_id, given or {})
    tx.changed(KIND, str(secret_id))
