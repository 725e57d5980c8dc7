"""May this caller assume this role, with these tags and this source identity?

1. root does not assume roles
2. sts:AssumeRole          (or the action that is asked for) by the trust policy and, unless it names the caller itself, by the caller's own policies
3. sts:TagSession          likewise, when tags are given or come along the chain
4. sts:SetSourceIdentity   likewise, when a source identity is given or comes along the chain

A role that does not exist is refused in the same words. Source: IAM user guide, passing session tags, source identity.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from keystead.access.decision import Combine
from keystead.access.errors import AccessDenied
from keystead.access.request import PrincipalKind
from keystead.database.engine import Connection
from keystead.identities import documents
from keystead.identities.authorize import weigh
from keystead.identities.call import Call, Caller
from keystead.identities.errors import TagInherited, TagNotTransitive
from keystead.identities.names import fold
from keystead.identities.store import tags
from keystead.identities.store.entities import Entity

ROLE_SESSION: Final = PrincipalKind.ROLE_SESSION

Pairs = tags.Pairs
Given = Sequence[Mapping[str, str]]
Keys = dict[str, tuple[str, ...]]

NOTHING: Final[Mapping[str, tuple[str, ...]]] = {}


class Asked:
    """What AssumeRole was asked with, joined with what comes along from the caller's own session.

    Raises DuplicateTags, TagRefused, TagNotTransitive, TagInherited.
    """

    def __init__(
        self,
        caller: Caller,
        role_arn: str,
        session_name: str,
        given: Given,
        transitive: Sequence[str],
        external_id: str | None,
        source_identity: str | None,
        seconds: int,
        proven: Mapping[str, tuple[str, ...]] = NOTHING,
    ) -> None:
        """`proven`: condition keys of what the caller has shown of itself, such as the claims of a token."""
        self.role_arn = role_arn
        self.session_name = session_name
        self.given = tags.checked((tag["Key"], tag["Value"]) for tag in given)
        self.tags = dict(self.given) | inherited(caller, self.given)
        self.transitive = tuple(sorted({*marked(self.given, transitive), *caller.transitive}))
        self.external_id = external_id
        self.source_identity = source_identity or caller.source_identity
        self.seconds = seconds
        self.proven = proven

    def keys(self, role_tags: tags.Pairs) -> Keys:
        """Condition keys of the request (Service Authorization Reference, STS)."""
        pairs = tuple(self.tags.items())
        keys: Keys = dict(self.proven)
        keys |= {"sts:rolesessionname": (self.session_name,), "sts:durationseconds": (str(self.seconds),)}
        keys |= tags.condition_keys("aws:requesttag", pairs)
        keys |= tags.condition_keys("aws:resourcetag", role_tags)
        keys |= tags.condition_keys("iam:resourcetag", role_tags)
        if pairs:
            keys["aws:tagkeys"] = tuple(self.tags)
        if self.transitive:
            keys["sts:transitivetagkeys"] = self.transitive
        if self.external_id is not None:
            keys["sts:externalid"] = (self.external_id,)
        if self.source_identity is not None:
            keys["sts:sourceidentity"] = (self.source_identity,)
        return keys


def inherited(caller: Caller, given: tags.Pairs) -> dict[str, str]:
    """Transitive tags of the caller's session. Whoever got them cannot change them."""
    known = {fold(key) for key in caller.transitive}
    for key, _ in given:
        if fold(key) in known:
            raise TagInherited(key)
    return dict(caller.transitive)


def marked(given: tags.Pairs, transitive: Sequence[str]) -> Sequence[str]:
    """The keys to pass on, as the tags spell them."""
    spelled = {fold(key): key for key, _ in given}
    for key in transitive:
        if fold(key) not in spelled:
            raise TagNotTransitive(key)
    return [spelled[fold(key)] for key in transitive]


async def tags_of(connection: Connection, role: Entity | None) -> tags.Pairs:
    return await tags.of(connection, role.id) if role is not None else ()


def decide(
    call: Call, asked: Asked, found: Entity | None, role_tags: tags.Pairs, action: str = "sts:AssumeRole"
) -> Entity:
    """The role, if the caller may have it. Raises AccessDenied."""
    call.decided = True
    if call.caller.principal.kind is PrincipalKind.ROOT:  # 1
        raise AccessDenied("Roles may not be assumed by root accounts.")
    keys = asked.keys(role_tags)
    role = permit(call, action, asked.role_arn, found, keys)  # 2
    if asked.tags:
        permit(call, "sts:TagSession", asked.role_arn, found, keys)  # 3
    if asked.source_identity is not None:
        if call.caller.source_identity not in (None, asked.source_identity):
            raise denial(call, "sts:SetSourceIdentity", asked.role_arn)
        permit(call, "sts:SetSourceIdentity", asked.role_arn, found, keys)  # 4
    return role


def permit(call: Call, action: str, role_arn: str, found: Entity | None, keys: Keys) -> Entity:
    if found is None or found.role is None:
        raise denial(call, action, role_arn)
    decision = weigh(
        call,
        action,
        found.arn,
        combine=Combine.TRUST,
        resource_account=found.account,
        resource_policy=documents.compiled_trust(found.role.trust, tuple(sorted(found.role.trust_ids.items()))),
        extra=keys,
    )
    if not decision.allowed:
        raise denial(call, action, role_arn)
    return found


def denial(call: Call, action: str, role_arn: str) -> AccessDenied:
    """The words AWS uses here give no reason (recorded)."""
    who = call.caller.principal.arn
    return AccessDenied(f"User: {who} is not authorized to perform: {action} on resource: {role_arn}")
