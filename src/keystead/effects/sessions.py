"""Temporary credentials: the records that issued them, and those that the database has and that have not expired.

kind            owner              value
session         its access key id  unique id of the role or user
session end                        when it expires, as records write times
session limits                     its policy and the managed policies that narrow it

CreateSession of Roles Anywhere does not say what narrows a session: that is the profile's. Not looked at: tags, source identities. A
session that is missing was revoked, or has expired.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from sqlalchemy import select

from keystead.database.engine import Connection
from keystead.effects.event import Event
from keystead.effects.ledger import Ledger
from keystead.effects.slots import UNKNOWN, Fact, Slot, canonical
from keystead.identities.store import tables as t
from keystead.trail.redaction import moment


def limits(policy: str | None, arns: Any) -> str:
    return canonical([policy or None, sorted(arns)])


def issued(event: Event, ledger: Ledger) -> None:
    credentials = event.response.get("credentials", {})
    role = event.response.get("assumedRoleUser", {}).get("assumedRoleId", "").partition(":")[0]
    told = event.parameters
    narrowed = limits(told.get("policy"), [one.get("arn", "") for one in told.get("policyArns") or ()])
    put(ledger, credentials, role or event.who.get("principalId", ""), UNKNOWN if "omitted" in told else narrowed)


def exchanged(event: Event, ledger: Ledger) -> None:
    for one in event.response.get("credentialSet") or ():
        role = one.get("assumedRoleUser", {}).get("assumedRoleId", "").partition(":")[0]
        put(ledger, {**one.get("credentials", {}), "expiration": UNKNOWN}, role, UNKNOWN)


def for_rotation(event: Event, ledger: Ledger) -> None:
    """Keystead's own (rotation/leave.py)."""
    told = event.details
    put(ledger, told, told.get("roleId", ""), limits(told.get("policy"), ()))


def put(ledger: Ledger, credentials: Mapping[str, Any], entity: str, narrowed: str) -> None:
    key = credentials.get("accessKeyId", "")
    ledger.put("session", key, value=entity)
    ledger.put("session end", key, value=credentials.get("expiration", UNKNOWN))
    ledger.put("session limits", key, value=narrowed)


TOLD: Final = {
    ("sts", "AssumeRole"): issued,
    ("sts", "AssumeRoleWithWebIdentity"): issued,
    ("sts", "GetSessionToken"): issued,
    ("sts", "GetFederationToken"): issued,
    ("rolesanywhere", "CreateSession"): exchanged,
    ("keystead", "IssueRotationSession"): for_rotation,
}


async def shown(connection: Connection, now: float) -> AsyncIterator[Fact]:
    for row in await connection.execute(select(t.sessions).where(t.sessions.c.expires_at > now)):
        key, what = row.access_key_id, f"session {row.access_key_id} of {row.entity_id}"
        yield Fact(Slot("session", key), row.entity_id, what, row.issued_at)
        yield Fact(Slot("session end", key), moment(row.expires_at), f"the end of {what}")
        yield Fact(Slot("session limits", key), limits(row.policy, row.policy_arns), f"what narrows {what}")
