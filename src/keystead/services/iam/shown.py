"""Identities in IAM's words. Policy documents in answers are URL-encoded (RFC 3986), which SDKs undo."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from keystead.access.policy import shown
from keystead.database.engine import Connection
from keystead.identities import documents, lastuse
from keystead.identities.store import entities, tags
from keystead.identities.store.access_keys import AccessKey
from keystead.identities.store.entities import Entity
from keystead.identities.store.managed import Managed, Version
from keystead.trail.uses import Acted


def document(text: str) -> str:
    return quote(text, safe="")


def listed_user(user: Entity) -> dict[str, Any]:
    """Without tags and boundary, which lists leave out."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.created_at,
    }


async def user(connection: Connection, found: Entity) -> dict[str, Any]:
    return listed_user(found) | await more(connection, found)


def group(found: Entity) -> dict[str, Any]:
    return {
        "Path": found.path,
        "GroupName": found.name,
        "GroupId": found.id,
        "Arn": found.arn,
        "CreateDate": found.created_at,
    }


def listed_role(role: Entity, trust_policy: str) -> dict[str, Any]:
    """`trust_policy` as it is to be shown."""
    answer: dict[str, Any] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": document(trust_policy),
    }
    if role.role is not None:
        answer["MaxSessionDuration"] = role.role.max_session
        if role.role.description is not None:
            answer["Description"] = role.role.description
    return answer


async def role(connection: Connection, found: Entity) -> dict[str, Any]:
    answer = listed_role(found, await trust_of(connection, found)) | await more(connection, found)
    return answer | {"RoleLastUsed": await role_last_used(connection, found)}


async def role_last_used(connection: Connection, found: Entity) -> dict[str, Any]:
    """Empty for a role that was not used since records are kept."""
    used = await lastuse.last_use(connection, found.id)
    return {"LastUsedDate": used.at, "Region": used.region} if used is not None else {}


async def trust_of(connection: Connection, found: Entity) -> str:
    """The trust policy as it was given, with the unique ids of those who are gone in place of their ARNs."""
    ids = found.role.trust_ids if found.role is not None else {}
    return trust(found, await entities.arns(connection, ids.values()))


def trust(found: Entity, arns: Mapping[str, str]) -> str:
    """Likewise; `arns` of all that it may name and are alive, by unique id."""
    if found.role is None:
        return ""
    alive = documents.alive(found.role.trust_ids, arns)
    return shown(found.role.trust, found.role.trust_ids, alive.__contains__)


async def more(connection: Connection, found: Entity) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    if found.boundary is not None:
        answer["PermissionsBoundary"] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": found.boundary}
    pairs = await tags.of(connection, found.id)
    if pairs:
        answer["Tags"] = tag_list(pairs)
    return answer


def tag_list(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs]


def access_key(user: Entity, key: AccessKey) -> dict[str, Any]:
    return {"UserName": user.name, "AccessKeyId": key.id, "Status": key.status, "CreateDate": key.created_at}


def last_used(used: Acted | None) -> dict[str, Any]:
    """Of an access key."""
    if used is None:
        return {"ServiceName": "N/A", "Region": "N/A"}
    return {"LastUsedDate": used.at, "ServiceName": used.service, "Region": used.region}


def listed_policy(policy: Managed, uses: tuple[int, int]) -> dict[str, Any]:
    """`uses`: how many it is attached to, and how many it bounds. Lists leave the description out."""
    attached, bounding = uses
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default_version}",
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": bounding,
        "IsAttachable": True,
        "CreateDate": policy.created_at,
        "UpdateDate": policy.updated_at,
    }


def policy(found: Managed, uses: tuple[int, int], pairs: tags.Pairs) -> dict[str, Any]:
    answer = listed_policy(found, uses)
    if found.description is not None:
        answer["Description"] = found.description
    if pairs:
        answer["Tags"] = tag_list(pairs)
    return answer


def version(found: Version) -> dict[str, Any]:
    return {"VersionId": found.name, "IsDefaultVersion": found.default, "CreateDate": found.created_at}
