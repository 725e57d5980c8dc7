"""The operations of STS: who am I, and temporary credentials."""

from collections.abc import Mapping, Sequence

from keystead.access.errors import AccessDenied
from keystead.access.policy import Kind
from keystead.identities import issuing, limits, new_keys, sessions, trust
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.identities.errors import ChainTooLong, EntityNotFound
from keystead.identities.issuing import check_policies, issue
from keystead.identities.names import TEMPORARY, session_arn
from keystead.identities.room import Identities
from keystead.identities.sessions import Asked, Issued
from keystead.identities.store import access_keys, entities
from keystead.identities.store import sessions as stored_sessions
from keystead.identities.store.entities import Entity
from keystead.services.policy_warnings import warn
from keystead.services.service import Answer
from keystead.services.sts.errors import AccessKeyUnknown, MessageInvalid


async def get_caller_identity(_room: Identities, call: Call) -> Answer:
    """Needs no permission and cannot be denied."""
    caller = call.caller
    return {"UserId": caller.userid, "Account": call.account, "Arn": caller.principal.arn}


async def get_access_key_info(room: Identities, call: Call, *, access_key_id: str) -> Answer:
    """The account of any access key. No ownership is asked for (STS API reference). Raises AccessKeyUnknown."""
    authorize(call, "sts:GetAccessKeyInfo")
    async with room.database.read() as connection:
        account = await access_keys.account_of(connection, access_key_id)
        session = await stored_sessions.find(connection, access_key_id) if account is None else None
    account = session.account if session is not None else account
    if account is None:
        raise AccessKeyUnknown
    return {"Account": account}


async def decode_authorization_message(room: Identities, call: Call, *, encoded_message: str) -> Answer:  # noqa: ARG001  # none is asked for
    """What a refusal said in code. Nothing here refuses so, as KMS and Secrets Manager of AWS do not: no message is one of ours.

    Raises MessageInvalid.
    """
    authorize(call, "sts:DecodeAuthorizationMessage")
    raise MessageInvalid


async def get_session_token(room: Identities, call: Call, *, duration_seconds: int = limits.TOKEN_SECONDS) -> Answer:
    """The caller's own permissions for a while, without IAM and most of STS. No policy governs it (STS reference)."""
    if call.caller.temporary or call.caller.user_name is None:
        raise AccessDenied("Cannot call GetSessionToken with session credentials")
    new = await new_keys.make(room.keyholder, TEMPORARY)
    async with room.write_session(call) as tx:
        user = await entities.by_id(tx.connection, call.caller.principal.unique_id)
        if user is None:
            raise EntityNotFound("user", call.caller.user_name)
        issued = await sessions.issue(tx, user, new, Asked(duration_seconds))
    return {"Credentials": credentials(issued)}


async def assume_role(
    room: Identities,
    call: Call,
    *,
    role_arn: str,
    role_session_name: str,
    policy_arns: Sequence[Mapping[str, str]] = (),
    policy: str | None = None,
    duration_seconds: int = limits.SESSION_SECONDS,
    tags: Sequence[Mapping[str, str]] = (),
    transitive_tag_keys: Sequence[str] = (),
    external_id: str | None = None,
    source_identity: str | None = None,
) -> Answer:
    """Temporary credentials of a role.

    1. find the role                             4. check the session's policies and size
    2. put together tags and source identity     5. issue it
    3. decide, by trust policy and the caller's own policies, and check the duration
    """
    async with room.database.read() as connection:
        found = await entities.by_arn(connection, role_arn)  # 1
        role_tags = await trust.tags_of(connection, found)
    asked = trust.Asked(  # 2
        call.caller,
        role_arn,
        role_session_name,
        tags,
        transitive_tag_keys,
        external_id,
        source_identity,
        duration_seconds,
    )
    role = trust.decide(call, asked, found, role_tags)  # 3
    check_duration(role, call, duration_seconds)
    arns = named(policy_arns)
    session = Asked(
        duration_seconds,
        name=role_session_name,
        policy=policy,
        policy_arns=arns,
        tags=asked.tags,
        transitive=asked.transitive,
        source_identity=asked.source_identity,
        chained=call.caller.principal.kind is trust.ROLE_SESSION,
    )
    packed = check_policies(session)  # 4
    issued = await issue(room, call, role, session)  # 5
    warn(call, policy, Kind.SESSION)
    call.notes.resource(role.account, "AWS::IAM::Role", role.arn)
    return answer(role, session, issued, packed)


def named(policy_arns: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """Each once; a member without an ARN is "", which is not attachable."""
    return tuple(dict.fromkeys(given.get("arn", "") for given in policy_arns))


def check_duration(role: Entity, call: Call, seconds: int) -> None:
    """Raises ChainTooLong, DurationTooLong."""
    if call.caller.principal.kind is trust.ROLE_SESSION and seconds > limits.CHAINED_SECONDS:
        raise ChainTooLong
    issuing.check_duration(role, seconds)


def answer(role: Entity, session: Asked, issued: Issued, packed: int | None) -> Answer:
    arn = session_arn(role.account, role.name, session.name or "")
    shown: dict[str, object] = {
        "Credentials": credentials(issued),
        "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{session.name}", "Arn": arn},
    }
    if packed is not None:
        shown["PackedPolicySize"] = packed
    if session.source_identity is not None:
        shown["SourceIdentity"] = session.source_identity
    return shown


def credentials(issued: Issued) -> Mapping[str, object]:
    return {
        "AccessKeyId": issued.access_key_id,
        "SecretAccessKey": issued.secret,
        "SessionToken": issued.token,
        "Expiration": issued.expires_at,
    }
