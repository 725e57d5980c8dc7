"""The credentials with which a rotation's steps are performed: a session of a role, for one secret, for minutes.

A function that was registered with a role has that one. All others have the account's KeysteadRotation, which comes into being when it
is first needed, trusts nobody, and may do with secrets what rotation takes, where the secret's key allows it too. A policy of the
session's own narrows it down to the secret, its administrator's secret, and the actions of rotation.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from keystead.database.engine import Connection, Database, Transaction
from keystead.identities import new_keys, sessions
from keystead.identities.names import TEMPORARY
from keystead.identities.room import REGION
from keystead.identities.sessions import Asked
from keystead.identities.store import entities, permissions
from keystead.identities.store import sessions as stored
from keystead.identities.store.entities import Entity, Role
from keystead.keyholder.promise import Keyholder
from keystead.rotation.errors import RoleMissing
from keystead.rotation.executors.work import Credentials
from keystead.trail import outbox
from keystead.trail.event import internal_event
from keystead.trail.redaction import moment

ROLE: Final = "KeysteadRotation"
PATH: Final = "/aws-service-role/rotation.keystead/"
POLICY: Final = "rotation"
MADE: Final = "CreateServiceLinkedRole"
"""Its event: AWS's name, and from nobody's call."""
ISSUED: Final = "IssueRotationSession"
"""Likewise: each of these sessions is on the record."""
PREFIX: Final = "keystead-rotation-"
"""How the names of these sessions begin. Whoever calls under such a name may move labels only as a rotation's step does."""
TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}

ACTIONS: Final = (
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:ListSecretVersionIds",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
)
READING: Final = ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue")
KEYS: Final = ("kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt")
"""kms:Encrypt is for a replica in another account, whose key must allow it too."""


def allowed(actions: Sequence[str], resource: str | Sequence[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def through_secrets_manager(region: str) -> dict[str, Any]:
    return {"Condition": {"StringLike": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}}}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))


OF_ROLE: Final = policy(
    allowed(ACTIONS, "*"),
    allowed(["secretsmanager:GetRandomPassword"], "*"),
    allowed(KEYS, "*", **through_secrets_manager("*")),
)


def of_session(secret: str, region: str, readable: Sequence[str] = ()) -> str:
    """`readable`: ARNs of secrets that are read besides, such as the administrator's."""
    statements = [
        allowed(ACTIONS, secret),
        allowed(["secretsmanager:GetRandomPassword"], "*"),
        allowed(KEYS, "*", **through_secrets_manager(region)),
    ]
    if readable:
        statements.append(allowed(READING, list(readable)))
    return policy(*statements)


def of_reader(secret: str, region: str) -> str:
    return policy(allowed(READING, secret), allowed(["kms:Decrypt"], "*", **through_secrets_manager(region)))


async def issue(
    database: Database,
    keyholder: Keyholder,
    account: str,
    role: str | None,
    name: str,
    session_policy: str,
    seconds: int,
) -> Credentials:
    """A session of the role of this ARN, or of KeysteadRotation. Raises RoleMissing, KeyholderLost."""
    new = await new_keys.make(keyholder, TEMPORARY)
    async with database.read() as connection:
        known = await held(connection, account, role)
    async with database.write("rotation", announced=False) as tx:
        holder = known or await made(tx, account, role)
        asked = Asked(seconds, name=f"{PREFIX}{name}"[:64], policy=session_policy)
        issued = await sessions.issue(tx, holder, new, asked)
        details = {
            "accessKeyId": issued.access_key_id, "roleId": holder.id, "sessionName": asked.name, "policy": session_policy,
            "expiration": moment(issued.expires_at),
        }  # fmt: skip  # a table
        await outbox.put(tx, internal_event(ISSUED, account=account, region=REGION, at=tx.at, details=details))
    return Credentials(issued.access_key_id, issued.secret, issued.token, issued.expires_at)


async def held(connection: Connection, account: str, role: str | None) -> Entity | None:
    """The role, of this account."""
    if role is None:
        return await entities.named(connection, account, "role", ROLE)
    found = await entities.by_arn(connection, role)
    return found if found is not None and found.role is not None and found.account == account else None


async def made(tx: Transaction, account: str, role: str | None) -> Entity:
    """KeysteadRotation, new unless somebody was faster. Raises RoleMissing where another role is wanted, and is not there."""
    if role is not None:
        raise RoleMissing
    known = await entities.named(tx.connection, account, "role", ROLE)
    if known is not None:
        return known
    trust = Role(json.dumps(TRUST), {}, 3600, "Rotates secrets, for Keystead itself.")
    entity = await entities.create(tx, account, "role", ROLE, PATH, boundary=None, role=trust)
    await permissions.put_inline(tx, entity, POLICY, OF_ROLE)
    details = {
        "roleName": ROLE, "roleId": entity.id, "path": PATH, "assumeRolePolicyDocument": trust.trust,
        "policyName": POLICY, "policyDocument": OF_ROLE,
    }  # fmt: skip  # a table
    await outbox.put(tx, internal_event(MADE, account=account, region=REGION, at=tx.at, details=details))
    return entity


async def revoke(database: Database, access_key_id: str) -> None:
    """It ends now, everywhere within a second."""
    async with database.write("rotation") as tx:
        await stored.revoke(tx, [access_key_id])
