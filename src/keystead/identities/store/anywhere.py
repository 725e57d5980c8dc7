"""What IAM Roles Anywhere keeps: trust anchors, profiles and revocation lists, each of one account and Region.

kind           content
trust-anchor   {"bundle": PEM}
profile        {"roles": [ARN], "policies": [ARN], "policy": text or null, "seconds": N, "accepts_names": bool, "by": ARN}
crl            {"anchor": uuid, "data": base64 of DER or PEM}
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.identities.errors import ObjectNotFound, QuotaExceeded
from keystead.identities.names import new_unique_id
from keystead.identities.store.tables import KIND, tags
from keystead.identities.store.tables import anywhere as table

ANCHOR: Final = "trust-anchor"
PROFILE: Final = "profile"
REVOCATIONS: Final = "crl"
QUOTAS: Final = {
    #  kind        name                      of one account and Region   source: IAM Roles Anywhere user guide, quotas
    ANCHOR:      ("TrustAnchors",           50),
    PROFILE:     ("Profiles",               250),
    REVOCATIONS: ("CertificateRevocationLists", 100),
}  # fmt: skip  # a table


@dataclass(frozen=True, slots=True)
class Kept:
    """id    ours, for its tags
    uuid  as everybody else knows it
    """

    id: str
    uuid: str
    kind: str
    account: str
    region: str
    name: str
    enabled: bool
    created_at: float
    updated_at: float
    content: Mapping[str, Any] = field(repr=False)

    @property
    def arn(self) -> str:
        return arn_of(self.kind, self.account, self.region, self.uuid)


def arn_of(kind: str, account: str, region: str, uuid_: str) -> str:
    return f"arn:aws:rolesanywhere:{region}:{account}:{kind}/{uuid_}"


def from_row(row: Row[Any]) -> Kept:
    return Kept(
        row.id,
        row.uuid,
        row.kind,
        row.account,
        row.region,
        row.name,
        row.enabled,
        row.created_at,
        row.updated_at,
        row.content,
    )


async def find(connection: Connection, kind: str, account: str, region: str, uuid_: str) -> Kept | None:
    wanted = select(table).filter_by(kind=kind, account=account, region=region, uuid=uuid_)
    row = (await connection.execute(wanted)).first()
    return from_row(row) if row is not None else None


async def listed(connection: Connection, kind: str, account: str, region: str) -> Sequence[Kept]:
    rows = await connection.execute(select(table).filter_by(kind=kind, account=account, region=region))
    return [from_row(row) for row in rows]


async def create(
    tx: Transaction, kind: str, account: str, region: str, name: str, content: Mapping[str, Any], *, enabled: bool
) -> Kept:
    """Raises QuotaExceeded."""
    mine = select(func.count()).select_from(table).filter_by(kind=kind, account=account, region=region)
    if (await tx.execute(mine)).scalar_one() >= QUOTAS[kind][1]:
        raise QuotaExceeded(*QUOTAS[kind])
    at = float(int(tx.at))
    made = Kept(new_unique_id("RA"), str(uuid.uuid4()), kind, account, region, name, enabled, at, at, dict(content))
    row = {column: getattr(made, column) for column in table.columns.keys()}  # noqa: SIM118  # not a mapping
    await tx.execute(insert(table).values(row))
    tx.changed(KIND, made.id)
    return made


async def change(tx: Transaction, kept: Kept, **columns: object) -> Kept:
    """Raises ObjectNotFound when it has gone meanwhile."""
    values = {**columns, "updated_at": float(int(tx.at))}
    await tx.execute(update(table).where(table.c.id == kept.id).values(values))
    changed = await find(tx.connection, kept.kind, kept.account, kept.region, kept.uuid)
    if changed is None:
        raise ObjectNotFound(kept.arn)
    tx.changed(KIND, kept.id)
    return changed


async def remove(tx: Transaction, kept: Kept) -> None:
    """Its tags go with it."""
    await tx.execute(delete(table).where(table.c.id == kept.id))
    await tx.execute(delete(tags).where(tags.c.subject == kept.id))
    tx.changed(KIND, kept.id)
