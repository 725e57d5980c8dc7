"""What can be asked about: a key or a secret, with the question, whom its policies name, and what could be changed about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from keystead.access.decision import Source
from keystead.access.paths import Granted, Step
from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.explain.contexts import Manner, folded
from keystead.explain.escalation import Lever
from keystead.explain.holders import Tags
from keystead.explain.questions import Asking, Both, Context, Question, about_secret, change_of_key, use_of_key
from keystead.keys.grants import Grant
from keystead.keys.key import Key
from keystead.secrets.sealing import context_of
from keystead.secrets.secret import Secret

OPEN: Final = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
"""What somebody could put who may put a policy."""
OPEN_KEY: Final = compile(parse(OPEN, Kind.KEY))
OPEN_SECRET: Final = compile(parse(OPEN, Kind.RESOURCE))
BETWEEN: Final = Step(Source.RESOURCE, "and kms:Decrypt through Secrets Manager", "")
LABELLED: Final = ("aws:resourcetag/",)
"""Beginnings of condition keys whose values may be changed by who may tag."""


@dataclass(frozen=True, slots=True)
class Subject:
    """policies  whose principals are to be looked at besides the account's own
    grantees  (ARN, unique id) of grants
    """

    question: Asking
    account: str
    region: str
    policies: Sequence[Policy]
    grantees: Sequence[tuple[str, str]]
    levers: Sequence[Lever]


@dataclass(frozen=True, slots=True)
class Keyed:
    """A key as of a moment: it as it is, its policy and grants as they were. `tags`, folded; None: not known."""

    key: Key
    policy: Policy
    grants: Sequence[Grant]
    tags: Tags | None

    def using(
        self, manner: Manner, context: Context | None = None, policy: Policy | None = None, *, tags: bool = True
    ) -> Question:
        return use_of_key(
            self.key,
            policy or self.policy,
            manner,
            grants=self.grants,
            context=context,
            tags=self.tags if tags else None,
        )

    def changing(self, operation: str, manner: Manner) -> Question:
        return change_of_key(self.key, self.policy, manner, operation, grants=self.grants, tags=self.tags)


def keyed(key: Key, grants: Sequence[Grant]) -> Keyed:
    """As it is now."""
    return Keyed(key, key.policy, grants, folded(key.tags))


def of_key(found: Keyed, manner: Manner) -> Subject:
    """Who can decrypt under it."""
    key = found.key
    levers = list(key_levers(found, manner, None))
    return Subject(found.using(manner), key.account, key.region, [found.policy], grantees(found), levers)


def grantees(found: Keyed) -> list[tuple[str, str]]:
    return [(grant.grantee, grant.grantee_id) for grant in found.grants if "Decrypt" in grant.operations]


def key_levers(found: Keyed, manner: Manner, context: Context | None) -> Iterator[Lever]:
    """Changes to a key by which somebody may come to decrypt in this manner."""
    itself = Manner(manner.at)
    opened = found.using(manner, context, policy=OPEN_KEY)
    yield Lever(found.changing("PutKeyPolicy", itself), "a key policy that names it", opened)
    granted = found.using(manner, context).granted(Granted("to be made"))
    yield Lever(found.changing("CreateGrant", itself), "a grant to it", granted)
    if asks_for_tags(found.policy):
        retagged = found.using(manner, context, tags=False)
        for operation in ("TagResource", "UntagResource"):
            yield Lever(found.changing(operation, itself), "the tags that a condition asks for", retagged)


def asks_for_tags(policy: Policy) -> bool:
    return any(test.key.startswith(LABELLED) for one in policy.document.statements for test in one.tests)


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret as of a moment: it as it is, its policy as it was, and a version of it. `tags`, folded; None: not known."""

    secret: Secret
    policy: Policy | None
    tags: Tags | None
    version: str


def of_secret(kept: Kept, found: Keyed, at: float) -> Subject:
    """Who can read a version of a secret, which lies under that key: it takes two permissions."""
    secret, itself = kept.secret, Manner(at)
    through = Manner(at, via=f"secretsmanager.{secret.region}.amazonaws.com")
    context = context_of(secret, kept.version)
    opening = found.using(through, context)
    reading = about_secret(secret, kept.policy, itself, kept.tags)
    anybody = about_secret(secret, OPEN_SECRET, itself, kept.tags)
    change = about_secret(secret, kept.policy, itself, kept.tags, "PutResourcePolicy")
    levers = [Lever(change, "a resource policy that names it", Both(anybody, opening, BETWEEN))]
    if found.key.account == secret.account:
        levers += [
            Lever(lever.question, lever.gives, Both(reading, lever.then, BETWEEN))
            for lever in key_levers(found, through, context)
        ]
    policies = [found.policy] if kept.policy is None else [kept.policy, found.policy]
    asking = Both(reading, opening, BETWEEN)
    return Subject(asking, secret.account, secret.region, policies, grantees(found), levers)
