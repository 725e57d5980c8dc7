"""Who cannot, and could give itself what it lacks. One further step is looked for, of those that are known to be as good as the thing itself:

    action                                            on                        gives
    kms:PutKeyPolicy                                  the key                   a key policy that names it
    kms:CreateGrant                                   the key                   a grant to it
    kms:TagResource, kms:UntagResource                the key                   the tag that a condition asks for, or not
    kms:CreateAlias, kms:UpdateAlias                  the key                   likewise, the alias
    iam:Put…Policy, iam:Attach…Policy                 itself, or its group      a policy that allows, where the key lets IAM decide
    iam:CreatePolicyVersion                           a policy attached to it   likewise
    iam:Delete…PermissionsBoundary                    itself                    what its boundary keeps from it
    iam:AddUserToGroup                                a group that may          its policies
    iam:CreateAccessKey                               a user who can            its credentials
    iam:UpdateAssumeRolePolicy                        a role that can           its credentials

Source: KMS developer guide, controlling access (CreateGrant and PutKeyPolicy); the rest follows from what each action does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keystead.access.decision import Labels, Standing
from keystead.access.paths import Way
from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.explain.contexts import Manner
from keystead.explain.holders import Account, Holder
from keystead.explain.questions import Asking, Question, change_of_iam
from keystead.explain.rows import ARROW, ITSELF, Row, easiest, path_of

EVERYTHING: Final = compile(
    parse('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}', Kind.IDENTITY)
)
OWN: Final = {
    #  kind of principal   actions on itself that give it a policy
    "user": ("iam:PutUserPolicy", "iam:AttachUserPolicy"),
    "role": ("iam:PutRolePolicy", "iam:AttachRolePolicy"),
}  # fmt: skip
BOUNDARY: Final = {"user": "iam:DeleteUserPermissionsBoundary", "role": "iam:DeleteRolePermissionsBoundary"}
GROUP: Final = ("iam:PutGroupPolicy", "iam:AttachGroupPolicy")
JOINING: Final = "iam:AddUserToGroup"
SHIPPED: Final = "arn:aws:iam::aws:"
BECOMING: Final = {"user": "iam:CreateAccessKey", "role": "iam:UpdateAssumeRolePolicy"}


@dataclass(frozen=True, slots=True)
class Lever:
    """A change to the resource that a principal may be allowed to make, what it gives, and what could be asked then."""

    question: Question
    gives: str
    then: Asking


class Escalation:
    """Of one account, for one question about a resource of its."""

    def __init__(self, account: Account, wanted: Asking, levers: Sequence[Lever], region: str, manner: Manner) -> None:
        self._account = account
        self._wanted = wanted
        self._levers = levers
        self._region = region
        self._manner = manner
        self._changes: dict[tuple[str, str], Question] = {}

    def rows(self, holder: Holder, able: Sequence[Holder]) -> Iterator[Row]:
        """`able`: those who can."""
        for lever in self._levers:
            ways = lever.question.ways(holder)
            if ways and (then := lever.then.ways(holder)):
                yield told(holder, lever.question.asked.action, ways, lever.gives, then)
        yield from self._by_policies(holder)
        yield from self._by_boundary(holder)
        yield from self._by_group(holder)
        yield from self._becoming(holder, able)

    def _by_policies(self, holder: Holder) -> Iterator[Row]:
        """Where more policies would be enough: as far as boundary and denials let them."""
        changes = [(action, holder.arn, "a policy of its own") for action in OWN[holder.entity.kind]]
        changes += [
            (action, group.arn, f"a policy of its group {group.name}") for group in holder.groups for action in GROUP
        ]
        changes += [
            ("iam:CreatePolicyVersion", arn, f"a new version of {arn}")
            for arn in holder.attached
            if not arn.startswith(SHIPPED)
        ]
        asked = [change for change in changes if speaks(holder, change[0])]
        then = self._wanted.ways(holder, with_policies(holder.standing, (EVERYTHING,))) if asked else []
        if then:
            for action, arn, gives in asked:
                yield from self._change(holder, action, arn, gives, then)

    def _by_boundary(self, holder: Holder) -> Iterator[Row]:
        action = BOUNDARY[holder.entity.kind]
        if holder.standing.boundary is None or not speaks(holder, action):
            return
        then = self._wanted.ways(holder, replace(holder.standing, boundary=None))
        yield from self._change(holder, action, holder.arn, "what its boundary keeps from it", then)

    def _by_group(self, holder: Holder) -> Iterator[Row]:
        if holder.is_role or not speaks(holder, JOINING):
            return
        for group, policies in self._account.groups:
            if group not in holder.groups:
                then = self._wanted.ways(holder, with_policies(holder.standing, policies))
                yield from self._change(holder, JOINING, group.arn, f"the policies of group {group.name}", then)

    def _becoming(self, holder: Holder, able: Sequence[Holder]) -> Iterator[Row]:
        """By the first of those who can whose credentials it may get; the others are counted."""
        for kind, action in BECOMING.items():
            if not speaks(holder, action):
                continue
            others = [one for one in able if one.entity.kind == kind and one is not holder]
            found = [(one, ways) for one in others if (ways := self._question(action, one.arn).ways(holder))]
            if found:
                target, ways = found[0]
                more = f", or of {len(found) - 1} more" if len(found) > 1 else ""
                then = self._wanted.ways(target)
                yield told(holder, action, ways, f"the credentials of {target.arn}{more}", then)

    def _change(self, holder: Holder, action: str, arn: str, gives: str, then: Sequence[Way]) -> Iterator[Row]:
        ways = self._question(action, arn).ways(holder) if then else []
        if ways:
            yield told(holder, action, ways, gives, then)

    def _question(self, action: str, arn: str) -> Question:
        if (action, arn) not in self._changes:
            made = change_of_iam(action, arn, self._account.id, self._region, None, self._manner)
            self._changes[action, arn] = made
        return self._changes[action, arn]


def told(holder: Holder, action: str, ways: Sequence[Way], gives: str, then: Sequence[Way]) -> Row:
    first, second = easiest(ways), easiest(then)
    path = f"could grant itself: {action} ({path_of(first)}){ARROW}{gives}"
    to_change = (f"to change it: {condition}" for condition in first.conditions)
    return Row(holder.arn, ITSELF, path, (*to_change, *second.conditions))


def speaks(holder: Holder, action: str) -> bool:
    return any(policy.about(action) for policy in holder.standing.identity)


def with_policies(standing: Standing, policies: Sequence[Policy]) -> Standing:
    labels = standing.labels
    named = (*labels.identity, *("a further policy" for _ in policies))
    return replace(
        standing, identity=(*standing.identity, *policies), labels=Labels(named, labels.boundary, labels.session)
    )
