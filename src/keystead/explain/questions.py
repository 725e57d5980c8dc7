"""One question about many principals: in which ways may each do this, by its policies and the resource's.

use a key         kms:Decrypt …                       key policy, IAM, grants         open: how the caller comes, its context
change a key      kms:PutKeyPolicy, kms:CreateGrant   likewise
read a secret     secretsmanager:GetSecretValue       resource policy, IAM
assume a role     sts:AssumeRole                      trust policy, IAM
change IAM        iam:…                               IAM
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from keystead.access.decision import Combine, Standing
from keystead.access.paths import Asked, Granted, Reader, Step, Way, both
from keystead.access.policy import Policy
from keystead.access.possible import MAYBE, THERE, Need, Unknown
from keystead.access.request import Principal, Values
from keystead.explain.contexts import OF_PRINCIPAL, Known, Manner, Resource, look, look_at_stranger
from keystead.explain.holders import Holder, Tags
from keystead.identities.conditions import PRINCIPAL_TAG
from keystead.keys.conditions import CONTEXT, OF_KEY
from keystead.keys.grants import Constraint, Grant, is_principal, satisfied
from keystead.keys.key import Key
from keystead.secrets.conditions import OF_SECRET
from keystead.secrets.secret import Secret

FAMILIES: Final = (PRINCIPAL_TAG,)
GrantsTo = Callable[[Principal], Sequence[Granted]]
Context = Mapping[str, str]

CHOSEN: Final[dict[str, dict[str, Known]]] = {
    # what whoever gives itself access would ask
    "PutKeyPolicy": {"kms:policyname": ("default",), "kms:bypasspolicylockoutsafetycheck": MAYBE},
    "CreateGrant": {"kms:grantoperations": ("Decrypt",), "kms:grantisforawsresource": ("false",)},
    "TagResource": {"aws:tagkeys": THERE},
    "CreateAlias": {},
    "UpdateAlias": {},
}
CRYPTOGRAPHIC: Final = ("kms:encryptioncontext", "kms:recipientattestation:")
"""Beginnings of keys that a use of a key may have, by what its caller sends."""


def no_grants(_: Principal) -> Sequence[Granted]:
    return ()


class Asking(Protocol):
    """What may be asked of one principal after another."""

    def ways(self, holder: Holder, standing: Standing | None = None) -> list[Way]: ...
    def ways_of(self, principal: Principal, standing: Standing) -> list[Way]: ...


class Both:
    """Two permissions that are both needed: to read a secret, and to open it under its key."""

    def __init__(self, first: Asking, second: Asking, between: Step) -> None:
        self._first = first
        self._second = second
        self._between = between

    def ways(self, holder: Holder, standing: Standing | None = None) -> list[Way]:
        first = self._first.ways(holder, standing)
        return self._joined(first, self._second.ways(holder, standing) if first else [])

    def ways_of(self, principal: Principal, standing: Standing) -> list[Way]:
        return self._joined(self._first.ways_of(principal, standing), self._second.ways_of(principal, standing))

    def _joined(self, first: Sequence[Way], second: Sequence[Way]) -> list[Way]:
        made = (both(replace(one, steps=(*one.steps, self._between)), other) for one in first for other in second)
        return [way for way in made if way is not None]


class Question:
    """Asked of one principal after another."""

    def __init__(self, asked: Asked, resource: Resource, manner: Manner, grants: GrantsTo = no_grants) -> None:
        self.asked = asked
        self._resource = resource
        self._manner = manner
        self._grants = grants
        self._reader = Reader(asked, OF_PRINCIPAL, FAMILIES)

    def ways(self, holder: Holder, standing: Standing | None = None) -> list[Way]:
        """Of a holder; or under other policies than it has."""
        known = look(holder, self._resource, self._manner)
        principal = holder.principal
        return self._reader.ways(principal, standing or holder.standing, known, self._grants(principal))

    def ways_of(self, principal: Principal, standing: Standing) -> list[Way]:
        """Of somebody of whom no more is known than its name."""
        known = look_at_stranger(principal, self._resource, self._manner)
        return self._reader.ways(principal, standing, known, self._grants(principal))

    def granted(self, grant: Granted) -> "Question":
        """The same, of whoever is asked about having this grant."""
        return Question(self.asked, self._resource, self._manner, lambda _: (grant,))


def use_of_key(
    key: Key,
    policy: Policy,
    manner: Manner,
    *,
    operation: str = "Decrypt",
    grants: Sequence[Grant] = (),
    context: Context | None = None,
    tags: Tags | None = None,
) -> Question:
    """`context`: the encryption context, where it is known. `tags`, folded: those of the key, None where they are not known."""
    resource = Resource(key.account, key.region, tags, lambda name: of_use(key, name, context))
    return about_key(key, policy, operation, resource, manner, grants_to(grants, operation, context))


def change_of_key(
    key: Key, policy: Policy, manner: Manner, operation: str, *, grants: Sequence[Grant] = (), tags: Tags | None = None
) -> Question:
    """As whoever gives itself access would ask for it."""
    chosen = CHOSEN[operation]
    resource = Resource(
        key.account, key.region, tags, lambda name: chosen[name] if name in chosen else of_key(key, name)
    )
    return about_key(key, policy, operation, resource, manner, grants_to(grants, operation, None))


def about_key(
    key: Key, policy: Policy, operation: str, resource: Resource, manner: Manner, grants: GrantsTo
) -> Question:
    asked = Asked(f"kms:{operation}", key.arn, Combine.KEY, key.account, policy)
    return Question(asked, resource, manner, grants)


def of_key(key: Key, name: str) -> Known:
    known = OF_KEY.get(name)
    return (known(key) or None) if known is not None else None


def of_use(key: Key, name: str, context: Context | None) -> Known:
    if name == "kms:encryptionalgorithm":
        return Unknown(there=True, among=tuple((one,) for one in key.algorithms))
    if name == "kms:requestalias":
        return Unknown(among=(None, *((alias,) for alias in key.aliases)))
    if context is not None and name.startswith(CONTEXT[:-1]):
        return of_context(context, name)
    return MAYBE if name.startswith(CRYPTOGRAPHIC) else of_key(key, name)


def of_context(context: Context, name: str) -> Values | None:
    if name == f"{CONTEXT[:-1]}keys":
        return tuple(context) or None
    return tuple(value for key, value in context.items() if key.lower() == name[len(CONTEXT) :]) or None


def grants_to(grants: Sequence[Grant], operation: str, context: Context | None) -> GrantsTo:
    """Grants of an operation. One for a source is nobody's here: no service calls with a source yet."""
    fitting = [grant for grant in grants if operation in grant.operations and grant.source_arn is None]

    def find(principal: Principal) -> Sequence[Granted]:
        mine = [grant for grant in fitting if is_principal(principal, grant.grantee, grant.grantee_id)]
        if context is not None:
            return [Granted(grant.id) for grant in mine if satisfied(grant.constraints, context)]
        return [Granted(grant.id, constrained(grant)) for grant in mine]

    return find if fitting else no_grants


WORDS: Final = {Constraint.EQUALS: "is exactly", Constraint.SUBSET: "contains"}


def constrained(grant: Grant) -> tuple[Need, ...]:
    return tuple(
        Need(f"encryption context {WORDS[kind]} {', '.join(f'{key}={value}' for key, value in sorted(pairs.items()))}")
        for kind, pairs in grant.constraints.items()
    )


OF_READING: Final = ("secretsmanager:versionid", "secretsmanager:versionstage", "secretsmanager:blockpublicpolicy")


def about_secret(
    secret: Secret, policy: Policy | None, manner: Manner, tags: Tags | None, operation: str = "GetSecretValue"
) -> Question:
    """`tags`, folded, None where they are not known."""

    def keys(name: str) -> Known:
        known = OF_SECRET.get(name)
        if known is not None:
            return known(secret)
        if name.startswith("secretsmanager:resourcetag/"):
            return MAYBE if tags is None else one(tags.get(name.partition("/")[2]))
        return MAYBE if name in OF_READING else None

    resource = Resource(secret.account, secret.region, tags, keys)
    asked = Asked(f"secretsmanager:{operation}", secret.arn, Combine.RESOURCE, secret.account, policy)
    return Question(asked, resource, manner)


def one(value: str | None) -> Values | None:
    return None if value is None else (value,)


OF_ASSUMING: Final[dict[str, Known]] = {
    "sts:externalid": MAYBE,
    "sts:rolesessionname": THERE,
    "sts:durationseconds": THERE,
    "sts:sourceidentity": MAYBE,
    "sts:transitivetagkeys": MAYBE,
    "aws:tagkeys": MAYBE,
}


def assumption_of(role: Holder, region: str, manner: Manner, action: str = "sts:AssumeRole") -> Question:
    def keys(name: str) -> Known:
        if name.startswith("aws:requesttag/"):
            return MAYBE
        if name.startswith("iam:resourcetag/"):
            return MAYBE if role.tags is None else one(role.tags.get(name.partition("/")[2]))
        if name in OF_ASSUMING:
            return OF_ASSUMING[name]
        return MAYBE if "." in name.rpartition(":")[0] else None  # a claim of a token

    resource = Resource(role.account, region, role.tags, keys)
    return Question(Asked(action, role.arn, Combine.TRUST, role.account, role.trust), resource, manner)


OF_IAM: Final[dict[str, Known]] = {"iam:permissionsboundary": MAYBE, "iam:policyarn": MAYBE}


def change_of_iam(action: str, arn: str, account: str, region: str, tags: Tags | None, manner: Manner) -> Question:
    """`tags`, folded: those of what is changed."""

    def keys(name: str) -> Known:
        if name.startswith("iam:resourcetag/"):
            return MAYBE if tags is None else one(tags.get(name.partition("/")[2]))
        return OF_IAM.get(name)

    resource = Resource(account, region, tags, keys)
    return Question(Asked(action, arn, Combine.IDENTITY_ONLY, account, None), resource, manner)
