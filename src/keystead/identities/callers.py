"""From an access key id to the caller behind it: who it is, and every policy that speaks about it.

1. find the access key or session, and the user or role it belongs to
2. collect the texts: inline, attached, of groups, boundary, session
3. compile them; what should be there and is not counts as a denial of everything
4. write down the caller as the record will name it
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from keystead.access.decision import Labels, Standing
from keystead.access.policy import Kind, Policy
from keystead.access.request import Principal, PrincipalKind
from keystead.database.engine import Connection
from keystead.identities import documents
from keystead.identities.call import Caller
from keystead.identities.conditions import instant
from keystead.identities.names import LONG_TERM, federated_arn, fold, session_arn
from keystead.identities.signing_keys import SigningKeys
from keystead.identities.store import access_keys, groups, managed, permissions, sessions, tags
from keystead.identities.store.entities import Entity, by_id
from keystead.identities.store.sessions import Session

Limits = tuple[tuple[str, ...], tuple[Policy, ...]]
"""Session policies: what they are called, and they themselves."""


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key that may be used, with its caller. Immutable but for the signing keys it gathers.

    secret_token  the wrapped secret; opens only with `binding`, the access key id
    groups        unique ids of those whose policies count
    token_hash    of the session token; None for long-term keys
    """

    caller: Caller
    secret_token: bytes = field(repr=False)
    binding: str
    token_hash: bytes | None = field(repr=False)
    keys: SigningKeys = field(repr=False)
    groups: frozenset[str] = frozenset()

    def concerned(self, changed: str) -> bool:
        """Whether a change of this user, role, group or account may have changed it."""
        principal = self.caller.principal
        return changed in {principal.account, principal.unique_id} or changed in self.groups


async def load(connection: Connection, access_key_id: str) -> Credential | None:
    """None for a key that is unknown or not active. Expiry is for the asker: time passes while this is cached."""
    if access_key_id.startswith(LONG_TERM):
        held = await access_keys.held(connection, access_key_id)
        return await of_user(connection, access_key_id, *held) if held is not None else None
    session = await sessions.find(connection, access_key_id)
    return await of_session(connection, session) if session is not None else None


async def of_user(connection: Connection, access_key_id: str, user_id: str, secret_token: bytes) -> Credential | None:
    user = await by_id(connection, user_id)
    if user is None:
        return None
    member_of = await groups.of_user(connection, user)
    caller = Caller(
        principal=user_principal(user),
        standing=await standing(connection, user, member_of),
        access_key_id=access_key_id,
        userid=user.id,
        identity=user_identity(user, access_key_id),
        user_name=user.name,
        tags=folded(dict(await tags.of(connection, user.id))),
    )
    keys = SigningKeys(secret_token, access_key_id)
    return Credential(caller, secret_token, access_key_id, None, keys, ids(member_of))


async def of_session(connection: Connection, session: Session) -> Credential | None:
    entity = await by_id(connection, session.entity_id)
    if entity is None:
        return None
    limits = None
    if session.policy is not None or session.policy_arns:
        limits = await session_policies(connection, session.policy, session.policy_arns)
    member_of = await groups.of_user(connection, entity) if entity.kind == "user" else ()
    principal = session_principal(entity, session)
    federated = principal.kind is PrincipalKind.FEDERATED_USER
    own_tags = {} if federated else folded(dict(await tags.of(connection, entity.id)))
    caller = Caller(
        principal=principal,
        standing=await standing(connection, entity, member_of, limits),
        access_key_id=session.access_key_id,
        userid=session_userid(principal, session),
        identity=session_identity(entity, principal, session),
        user_name=entity.name if principal.kind is PrincipalKind.USER else None,
        tags=own_tags | folded(session.tags),
        transitive={key: session.tags[key] for key in session.transitive},
        issued_at=session.issued_at,
        expires_at=session.expires_at,
        source_identity=session.source_identity,
        chained=session.chained,
        provider=session.provider,
    )
    keys = SigningKeys(session.secret_token, session.access_key_id)
    return Credential(caller, session.secret_token, session.access_key_id, session.token_hash, keys, ids(member_of))


def ids(groups: Sequence[Entity]) -> frozenset[str]:
    return frozenset(group.id for group in groups)


async def standing(
    connection: Connection,
    entity: Entity,
    member_of: Sequence[Entity] = (),
    session: Limits | None = None,
) -> Standing:
    """Steps 2 and 3."""
    inline, attached = list[tuple[str, str]](), list[str]()
    for one in (entity, *member_of):
        inline += [(label(one, policy.name), policy.text) for policy in await permissions.inline(connection, one)]
        attached += await permissions.attached(connection, one)
    attached = list(dict.fromkeys(attached))
    bounds = [entity.boundary] if entity.boundary is not None else []
    found = await managed.texts(connection, [*attached, *bounds])
    own = [*(text for _, text in inline), *(found.get(arn, documents.NOTHING) for arn in attached)]
    boundary = [documents.compiled(found.get(arn, documents.NOTHING)) for arn in bounds]
    labels, limits = session or ((), None)
    return Standing(
        identity=tuple(documents.compiled(text) for text in own),
        boundary=boundary[0] if boundary else None,
        session=limits,
        labels=Labels((*(name for name, _ in inline), *attached), entity.boundary or "", labels),
    )


def label(entity: Entity, policy: str) -> str:
    """What an inline policy is called where a decision is explained."""
    return f"inline policy {policy} of {entity.kind} {entity.name}"


async def session_policies(connection: Connection, policy: str | None, arns: list[str]) -> Limits:
    found = await managed.texts(connection, arns)
    labels, texts = [*arns], [found.get(arn, documents.NOTHING) for arn in arns]
    if policy is not None:
        labels.append("session policy")
        texts.append(policy)
    return tuple(labels), tuple(documents.compiled(text, Kind.SESSION) for text in texts)


def folded(pairs: Mapping[str, str]) -> dict[str, str]:
    return {fold(key): value for key, value in pairs.items()}


def user_principal(user: Entity) -> Principal:
    return Principal(PrincipalKind.USER, user.arn, user.account, user.id, user.arn)


def role_principal(role: Entity, session: str) -> Principal:
    arn = session_arn(role.account, role.name, session)
    return Principal(PrincipalKind.ROLE_SESSION, arn, role.account, role.id, role.arn)


def user_identity(user: Entity, access_key_id: str) -> dict[str, object]:
    """CloudTrail's userIdentity (CloudTrail user guide, userIdentity element)."""
    return {
        "type": "IAMUser",
        "principalId": user.id,
        "arn": user.arn,
        "accountId": user.account,
        "accessKeyId": access_key_id,
        "userName": user.name,
    }


def federated_principal(user: Entity, name: str) -> Principal:
    """Policies that name the user behind it mean it, too, and are limited by its session (access.principals)."""
    arn = federated_arn(user.account, name)
    return Principal(PrincipalKind.FEDERATED_USER, arn, user.account, user.id, arn)


def session_principal(entity: Entity, session: Session) -> Principal:
    if entity.kind == "role":
        return role_principal(entity, session.name or "")
    return user_principal(entity) if session.name is None else federated_principal(entity, session.name)


def session_userid(principal: Principal, session: Session) -> str:
    if principal.kind is PrincipalKind.USER:
        return principal.unique_id
    before = principal.account if principal.kind is PrincipalKind.FEDERATED_USER else principal.unique_id
    return f"{before}:{session.name}"


ISSUER_TYPES: Final = {"role": "Role", "user": "IAMUser"}
TYPES: Final = {PrincipalKind.ROLE_SESSION: "AssumedRole", PrincipalKind.FEDERATED_USER: "FederatedUser"}


def session_identity(entity: Entity, principal: Principal, session: Session) -> dict[str, object]:
    attributes = {"creationDate": instant(session.issued_at), "mfaAuthenticated": "false"}
    if principal.kind is PrincipalKind.USER:
        return user_identity(entity, session.access_key_id) | {"sessionContext": {"attributes": attributes}}
    issuer = {
        "type": ISSUER_TYPES[entity.kind],
        "principalId": entity.id,
        "arn": entity.arn,
        "accountId": entity.account,
        "userName": entity.name,
    }
    context: dict[str, object] = {"sessionIssuer": issuer, "attributes": attributes}
    if session.source_identity is not None:
        context["sourceIdentity"] = session.source_identity
    if session.provider is not None:
        context["webIdFederationData"] = {"federatedProvider": session.provider, "attributes": {}}
    return {
        "type": TYPES[principal.kind],
        "principalId": session_userid(principal, session),
        "arn": principal.arn,
        "accountId": entity.account,
        "accessKeyId": session.access_key_id,
        "sessionContext": context,
    }


def web_identity(account: str, provider: str, subject: str, audience: str) -> Caller:
    """Who comes with a verified token, and has nothing but what a role's trust policy gives it."""
    principal = Principal(PrincipalKind.WEB_IDENTITY, provider, account, provider, provider)
    userid = f"{provider}:{audience}:{subject}"
    identity = {
        "type": "WebIdentityUser",
        "principalId": userid,
        "userName": subject,
        "identityProvider": provider,
    }
    return Caller(principal, Standing(), "", userid, identity)


def certified(account: str, service: str, subject: str, tags: Mapping[str, str]) -> Caller:
    """Whom a service vouches for after it has verified a certificate; roles trust the service, and look at the tags."""
    principal = Principal(PrincipalKind.SERVICE, service, account, service, service)
    identity = {"type": "Unknown", "principalId": subject, "accountId": account}
    return Caller(principal, Standing(), "", subject, identity, tags=folded(tags))


def service(account: str, name: str) -> Caller:
    """A service that asks for itself, on behalf of this account."""
    principal = Principal(PrincipalKind.SERVICE, name, account, name, name)
    return Caller(principal, Standing(), "", name, {"type": "AWSService", "invokedBy": name})


def anonymous(account: str) -> Caller:
    """Who has not shown yet who it is, as `account` records it."""
    principal = Principal(PrincipalKind.ANONYMOUS, "anonymous", account, "anonymous", "anonymous")
    return Caller(principal, Standing(), "", "anonymous", {"type": "Unknown", "accountId": account})
