"""AssumeRoleWithWebIdentity: credentials of a role for the bearer of an OIDC token. The request itself is not signed."""

from collections.abc import Mapping, Sequence

from keystead.access.errors import AccessDenied
from keystead.access.policy import Kind
from keystead.identities import callers, limits, trust, web_identity
from keystead.identities.call import Call
from keystead.identities.issuing import check_policies, issue
from keystead.identities.names import parse_entity
from keystead.identities.room import Identities
from keystead.identities.sessions import Asked
from keystead.identities.store import accounts, entities, providers
from keystead.identities.store.entities import Entity
from keystead.identities.web_identity import Unverified, WebIdentity
from keystead.services.policy_warnings import warn
from keystead.services.service import Answer
from keystead.services.sts.operations import answer, check_duration, named

ACTION = "sts:AssumeRoleWithWebIdentity"


async def assume_role_with_web_identity(
    room: Identities,
    call: Call,
    *,
    role_arn: str,
    role_session_name: str,
    web_identity_token: str,
    policy_arns: Sequence[Mapping[str, str]] = (),
    policy: str | None = None,
    duration_seconds: int = limits.SESSION_SECONDS,
) -> Answer:
    """Temporary credentials of a role.

    1. whose account the role is in, for the record     4. decide, by the trust policy alone
    2. read the token, and find its provider there      5. check duration, policies and size
    3. verify the token; from here on the caller is     6. issue
       known by its subject
    """
    account = await account_of(room, role_arn)  # 1
    call.caller = callers.anonymous(account or call.account)
    identity = await verified(room, call, account, web_identity.read(web_identity_token))  # 2, 3
    call.caller = callers.web_identity(call.account, identity.provider.arn, identity.subject, identity.audience)
    async with room.database.read() as connection:
        found = await entities.by_arn(connection, role_arn)
        role_tags = await trust.tags_of(connection, found)
    asked = trust.Asked(
        call.caller,
        role_arn,
        role_session_name,
        [{"Key": key, "Value": value} for key, value in identity.tags],
        identity.transitive,
        None,
        identity.source_identity,
        duration_seconds,
        proven=identity.keys,
    )
    role = decide(call, asked, found, role_tags)  # 4
    session = Asked(
        duration_seconds,
        name=role_session_name,
        policy=policy,
        policy_arns=named(policy_arns),
        tags=asked.tags,
        transitive=asked.transitive,
        source_identity=asked.source_identity,
        provider=identity.provider.arn,
    )
    check_duration(role, call, duration_seconds)  # 5
    packed = check_policies(session)
    issued = await issue(room, call, role, session)  # 6
    warn(call, policy, Kind.SESSION)
    call.notes.resource(role.account, "AWS::IAM::Role", role.arn)
    return {
        **answer(role, session, issued, packed),
        "SubjectFromWebIdentityToken": identity.subject,
        "Provider": identity.provider.url,
        "Audience": identity.audience,
    }


async def account_of(room: Identities, role_arn: str) -> str | None:
    """None for an account that is not of this deployment, or no role's ARN at all."""
    parsed = parse_entity(role_arn)
    if parsed is None or parsed.kind != "role":
        return None
    async with room.read_for_strangers() as connection:
        return parsed.account if await accounts.exists(connection, parsed.account) else None


async def verified(room: Identities, call: Call, account: str | None, unverified: Unverified) -> WebIdentity:
    """Raises what web_identity.verify raises."""
    provider = None
    issuer = unverified.issuer.removeprefix("https://")
    if account is not None and unverified.issuer != issuer:
        async with room.read_for_strangers() as connection:
            provider = await providers.of_issuer(connection, account, issuer)
    return await web_identity.verify(unverified, provider, room.issuers, call.at)


def decide(call: Call, asked: trust.Asked, found: Entity | None, role_tags: trust.Pairs) -> Entity:
    """The role. Whatever is missing, the answer is the same (recorded). Raises AccessDenied."""
    try:
        return trust.decide(call, asked, found, role_tags, ACTION)
    except AccessDenied:
        raise AccessDenied(f"Not authorized to perform {ACTION}") from None
