"""CreateSession: credentials of a role for the holder of a certificate. The request is signed with the certificate's key."""

import base64
import uuid
from typing import Any, Final

from keystead.access.errors import AccessDenied
from keystead.identities import callers, trust
from keystead.identities.call import Call
from keystead.identities.certificates import CertificateRefused, Holder, verify
from keystead.identities.issuing import check_duration, check_policies, issue
from keystead.identities.names import session_arn
from keystead.identities.presented import Presented
from keystead.identities.room import Identities
from keystead.identities.sessions import Asked, Issued
from keystead.identities.store import accounts, anywhere, entities
from keystead.identities.store.anywhere import ANCHOR, PROFILE, REVOCATIONS, Kept
from keystead.identities.store.entities import Entity
from keystead.services.rolesanywhere import door
from keystead.services.rolesanywhere.errors import InputRefused, SignInRefused
from keystead.services.service import Answer

SUBJECTS: Final = uuid.UUID("5f0c7c0e-6c4e-5d52-9a51-6f1f0f1f4f67")
"""Of names that subjects' ids are made from (RFC 9562, 5.5)."""


async def create_session(
    room: Identities,
    call: Call,
    *,
    profile_arn: str,
    role_arn: str,
    trust_anchor_arn: str,
    duration_seconds: int | None = None,
    role_session_name: str | None = None,
) -> Answer:
    """Temporary credentials of a role.

    1. find anchor and profile, of one account, enabled, in this Region; the profile lists the role
    2. verify the certificate, its chain and the signature; from here on the caller is known by its subject
    3. decide, by the trust policy alone: it must trust the service, and may look at the certificate's attributes
    4. check duration, name, policies and size
    5. issue
    """
    presented = call.presented
    if presented is None:
        call.decided = True
        raise SignInRefused("CreateSession is signed with the key of a certificate.")
    anchor, profile = await found(room, call, trust_anchor_arn, profile_arn, role_arn)  # 1
    holder = await verified(room, call, presented, anchor)  # 2
    call.caller = callers.certified(anchor.account, door.SERVICE, holder.subject, dict(holder.tags))
    call.notes.additional["certificateSerialNumber"] = holder.serial
    name = named(profile, holder, role_session_name)
    seconds = duration_seconds or profile.content["seconds"]
    role, asked = await decided(room, call, anchor, holder, role_arn, name, seconds)  # 3
    session = Asked(
        seconds,
        name=name,
        policy=profile.content["policy"] or None,
        policy_arns=tuple(profile.content["policies"]),
        tags=asked.tags,
        source_identity=asked.source_identity,
    )
    if seconds > profile.content["seconds"]:  # 4
        raise InputRefused("The requested durationSeconds exceeds that of the profile.")
    check_duration(role, seconds)
    packed = check_policies(session)
    issued = await issue(room, call, role, session)  # 5
    call.notes.resource(role.account, "AWS::IAM::Role", role.arn)
    return {
        "credentialSet": [credential(role, session, issued, packed)],
        "subjectArn": f"arn:aws:rolesanywhere:{call.region}:{role.account}:subject/{subject_id(role, holder)}",
    }


async def found(room: Identities, call: Call, anchor_arn: str, profile_arn: str, role_arn: str) -> tuple[Kept, Kept]:
    """Step 1. What is missing, disabled or elsewhere is refused in the same words. Raises SignInRefused."""
    anchor, profile = await kept(room, call, ANCHOR, anchor_arn), await kept(room, call, PROFILE, profile_arn)
    account = anchor.account if anchor is not None else await account_of(room, anchor_arn)
    call.caller = callers.anonymous(account or call.account)
    if anchor is None or not anchor.enabled or profile is None or not profile.enabled:
        raise SignInRefused(f"Unable to assume role for {role_arn[:256]}")
    if profile.account != anchor.account or role_arn not in profile.content["roles"]:
        raise SignInRefused(f"Unable to assume role for {role_arn[:256]}")
    return anchor, profile


async def kept(room: Identities, call: Call, kind: str, arn: str) -> Kept | None:
    parsed = door.ARN.fullmatch(arn)
    if parsed is None or parsed["kind"] != kind or parsed["region"] != call.region:
        return None
    async with room.read_for_strangers() as connection:
        return await anywhere.find(connection, kind, parsed["account"], call.region, parsed["uuid"])


async def account_of(room: Identities, arn: str) -> str | None:
    """For the record of a failure: None for an account that is not of this deployment."""
    parsed = door.ARN.fullmatch(arn)
    if parsed is None:
        return None
    async with room.read_for_strangers() as connection:
        return parsed["account"] if await accounts.exists(connection, parsed["account"]) else None


async def verified(room: Identities, call: Call, presented: Presented, anchor: Kept) -> Holder:
    """Step 2. Raises SignInRefused."""
    async with room.read_for_strangers() as connection:
        lists = await anywhere.listed(connection, REVOCATIONS, anchor.account, anchor.region)
    wanted = [one for one in lists if one.enabled and one.content["anchor"] == anchor.uuid]
    raw = [base64.b64decode(one.content["data"]) for one in wanted]
    try:
        return verify(presented, anchor.content["bundle"], raw, call.at)
    except CertificateRefused as refused:
        raise SignInRefused(refused.text) from None


async def decided(
    room: Identities, call: Call, anchor: Kept, holder: Holder, role_arn: str, name: str, seconds: int
) -> tuple[Entity, trust.Asked]:
    """Step 3. Raises SignInRefused."""
    async with room.database.read() as connection:
        role = await entities.by_arn(connection, role_arn)
        role_tags = await trust.tags_of(connection, role)
    asked = trust.Asked(
        call.caller,
        role_arn,
        name,
        [{"Key": key, "Value": value} for key, value in holder.tags],
        (),
        None,
        holder.source_identity,
        seconds,
        proven={"aws:sourcearn": (anchor.arn,), "aws:sourceaccount": (anchor.account,)},
    )
    try:
        return trust.decide(call, asked, role, role_tags), asked
    except AccessDenied:
        raise SignInRefused(f"Unable to assume role for {role_arn[:256]}") from None


def named(profile: Kept, holder: Holder, given: str | None) -> str:
    """The serial number, unless the profile lets holders choose. Raises SignInRefused."""
    if given is None:
        return holder.serial
    if not profile.content["accepts_names"]:
        raise SignInRefused("The profile does not accept a role session name.")
    return given


def subject_id(role: Entity, holder: Holder) -> uuid.UUID:
    return uuid.uuid5(SUBJECTS, f"{role.account}/{holder.subject}")


def credential(role: Entity, session: Asked, issued: Issued, packed: int | None) -> dict[str, Any]:
    name = session.name or ""
    shown: dict[str, Any] = {
        "assumedRoleUser": {
            "arn": session_arn(role.account, role.name, name),
            "assumedRoleId": f"{role.id}:{name}",
        },
        "credentials": {
            "accessKeyId": issued.access_key_id,
            "secretAccessKey": issued.secret,
            "sessionToken": issued.token,
            "expiration": issued.expires_at,
        },
        "packedPolicySize": packed or 0,
        "roleArn": role.arn,
    }
    return shown | ({"sourceIdentity": session.source_identity} if session.source_identity is not None else {})
