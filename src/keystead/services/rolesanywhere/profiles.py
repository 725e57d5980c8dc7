"""Profiles: which roles a certificate may be exchanged for, and what limits the session."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keystead.access.policy import Kind
from keystead.identities import documents, limits
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.identities.errors import EntityNotFound, PolicyNotAttachable, TooManyPolicies
from keystead.identities.names import parse_entity
from keystead.identities.room import Identities
from keystead.identities.store import entities, permissions
from keystead.identities.store.anywhere import PROFILE, Kept
from keystead.services.policy_warnings import warn
from keystead.services.rolesanywhere import door
from keystead.services.rolesanywhere.errors import InputRefused
from keystead.services.service import Answer

Content = dict[str, Any]
PASSED: Final[door.Keys] = {"iam:passedtoservice": (door.SERVICE,)}


async def create_profile(
    room: Identities,
    call: Call,
    *,
    name: str,
    role_arns: Sequence[str],
    session_policy: str | None = None,
    managed_policy_arns: Sequence[str] = (),
    duration_seconds: int = limits.SESSION_SECONDS,
    enabled: bool = False,
    accept_role_session_name: bool = False,
    tags: Sequence[door.Tag] = (),
) -> Answer:
    door.permit(call, "*", door.tag_keys(door.pairs_of(tags)))
    content = {
        "roles": list(role_arns),
        "policies": list(managed_policy_arns),
        "policy": session_policy,
        "seconds": duration_seconds,
        "accepts_names": accept_role_session_name,
        "by": call.caller.principal.arn,
    }
    await check(room, call, content)
    return {"profile": shown(await door.create(room, call, PROFILE, name, content, tags, enabled=enabled))}


async def check(room: Identities, call: Call, content: Content) -> None:
    """Whoever puts a role into a profile hands it on, and must have leave to (iam:PassRole).

    Raises AccessDenied, EntityNotFound, InputRefused, PolicyMalformed, PolicyNotAttachable, TooManyPolicies.
    """
    for arn in content["roles"]:
        parsed = parse_entity(arn)
        if parsed is None or parsed.kind != "role" or parsed.account != call.account:
            raise InputRefused(f"{arn[:256]} is not a role of this account.")
        authorize(call, "iam:PassRole", arn, extra=PASSED)
        async with room.database.read() as connection:
            if await entities.by_arn(connection, arn) is None:
                raise EntityNotFound("role", parsed.name)
    if content["policy"]:
        documents.check(content["policy"], Kind.SESSION)
        warn(call, content["policy"], Kind.SESSION)
    if len(content["policies"]) > limits.SESSION_POLICIES:
        raise TooManyPolicies
    async with room.database.read() as connection:
        for arn in content["policies"]:
            await permissions.known(connection, call.account, arn, PolicyNotAttachable)


async def get_profile(room: Identities, call: Call, *, profile_id: str) -> Answer:
    return {"profile": shown(await door.own(room, call, PROFILE, profile_id))}


async def list_profiles(
    room: Identities, call: Call, *, next_token: str | None = None, page_size: int | None = None
) -> Answer:
    return await door.page(room, call, PROFILE, "profiles", shown, next_token, page_size)


async def update_profile(
    room: Identities,
    call: Call,
    *,
    profile_id: str,
    name: str | None = None,
    session_policy: str | None = None,
    role_arns: Sequence[str] | None = None,
    managed_policy_arns: Sequence[str] | None = None,
    duration_seconds: int | None = None,
    accept_role_session_name: bool | None = None,
) -> Answer:
    """What is not given stays. An empty session policy takes it away."""
    found = await door.own(room, call, PROFILE, profile_id)
    given: Mapping[str, Any] = {
        "roles": role_arns,
        "policies": managed_policy_arns,
        "policy": session_policy,
        "seconds": duration_seconds,
        "accepts_names": accept_role_session_name,
    }
    content = {**found.content, **{key: value for key, value in given.items() if value is not None}}
    await check(room, call, content)
    return {"profile": shown(await door.change(room, call, found, name=name or found.name, content=content))}


async def enable_profile(room: Identities, call: Call, *, profile_id: str) -> Answer:
    found = await door.own(room, call, PROFILE, profile_id)
    return {"profile": shown(await door.change(room, call, found, enabled=True))}


async def disable_profile(room: Identities, call: Call, *, profile_id: str) -> Answer:
    found = await door.own(room, call, PROFILE, profile_id)
    return {"profile": shown(await door.change(room, call, found, enabled=False))}


async def delete_profile(room: Identities, call: Call, *, profile_id: str) -> Answer:
    found = await door.own(room, call, PROFILE, profile_id)
    await door.remove(room, call, found)
    return {"profile": shown(found)}


def shown(kept: Kept) -> Content:
    content = kept.content
    answer: Content = {
        "profileId": kept.uuid,
        "profileArn": kept.arn,
        "name": kept.name,
        "enabled": kept.enabled,
        "createdBy": content["by"],
        "roleArns": content["roles"],
        "managedPolicyArns": content["policies"],
        "durationSeconds": content["seconds"],
        "acceptRoleSessionName": content["accepts_names"],
        "createdAt": kept.created_at,
        "updatedAt": kept.updated_at,
    }
    return answer | ({"sessionPolicy": content["policy"]} if content["policy"] else {})
