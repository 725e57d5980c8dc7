"""GetFederationToken: credentials for somebody whom an IAM user vouches for, within what the user may do itself."""

from collections.abc import Mapping, Sequence

from keystead.access.errors import AccessDenied
from keystead.access.policy import Kind
from keystead.access.request import PrincipalKind
from keystead.identities import limits
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.identities.errors import EntityNotFound
from keystead.identities.issuing import check_policies, issue
from keystead.identities.names import federated_arn
from keystead.identities.room import Identities
from keystead.identities.sessions import Asked
from keystead.identities.store import entities, tags
from keystead.services.policy_warnings import warn
from keystead.services.service import Answer
from keystead.services.sts.operations import credentials, named

Given = Sequence[Mapping[str, str]]


async def get_federation_token(
    room: Identities,
    call: Call,
    *,
    name: str,
    policy: str | None = None,
    policy_arns: Given = (),
    duration_seconds: int = limits.TOKEN_SECONDS,
    tags: Given = (),
) -> Answer:
    """What the user may, as far as the policies given here allow it; without any, nothing (STS API reference)."""
    if call.caller.temporary or call.caller.principal.kind is not PrincipalKind.USER:
        raise AccessDenied("Cannot call GetFederationToken with session credentials")
    arn = federated_arn(call.account, name)
    pairs = pairs_of(tags)
    decide(call, arn, pairs)
    asked = Asked(duration_seconds, name=name, policy=policy, policy_arns=named(policy_arns), tags=dict(pairs))
    packed = check_policies(asked)
    async with room.database.read() as connection:
        user = await entities.by_id(connection, call.caller.principal.unique_id)
    if user is None:
        raise EntityNotFound("user", call.caller.user_name or "")
    issued = await issue(room, call, user, asked)
    warn(call, policy, Kind.SESSION)
    shown: dict[str, object] = {
        "Credentials": credentials(issued),
        "FederatedUser": {"FederatedUserId": f"{call.account}:{name}", "Arn": arn},
    }
    return shown | ({"PackedPolicySize": packed} if packed is not None else {})


def pairs_of(given: Given) -> tags.Pairs:
    return tags.checked((tag["Key"], tag["Value"]) for tag in given)


def decide(call: Call, arn: str, pairs: tags.Pairs) -> None:
    """Raises AccessDenied."""
    keys = tags.condition_keys("aws:requesttag", pairs)
    if pairs:
        keys["aws:tagkeys"] = tuple(key for key, _ in pairs)
    authorize(call, "sts:GetFederationToken", arn, extra=keys)
    if pairs:
        authorize(call, "sts:TagSession", arn, extra=keys)
