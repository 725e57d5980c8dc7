"""The principals of an account, each with everything that speaks about it, as of one moment.

The rows come from the tables as they are (now.py) or from their history (then.py), in one form:

    entity      id, kind, arn, boundary, trust, trust_ids       users, roles, groups
    inline      entity, name, text
    attached    entity, policy's ARN
    member      user, group
    text        policy's ARN, text of its default version

Policies are compiled once per text. A policy that should be there and is not denies everything, as it does for a call.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from keystead.access.decision import Labels, Standing
from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.access.request import Principal, PrincipalKind
from keystead.identities import documents

Tags = Mapping[str, str]


class Entity(NamedTuple):
    """A user, a role or a group. `boundary` is a policy's ARN."""

    id: str
    kind: str
    arn: str
    boundary: str | None = None
    trust: str | None = None
    trust_ids: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]


class Inline(NamedTuple):
    entity: str
    name: str
    text: str


@dataclass(slots=True)
class Rows:
    """What is known of an account. `tags` by entity, keys folded; None: not known of that moment."""

    account: str
    entities: list[Entity] = field(default_factory=list)
    inline: list[Inline] = field(default_factory=list)
    attached: list[tuple[str, str]] = field(default_factory=list)
    members: list[tuple[str, str]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """A user or role.

    principal  as it would call; a role as such, without a session, under its own ARN
    tags       None: not known
    attached   ARNs of managed policies, those of its groups included
    trust      of a role
    """

    entity: Entity
    account: str
    standing: Standing
    tags: Tags | None
    groups: tuple[Entity, ...] = ()
    attached: tuple[str, ...] = ()
    trust: Policy | None = None

    @property
    def arn(self) -> str:
        return self.entity.arn

    @property
    def is_role(self) -> bool:
        return self.entity.kind == "role"

    @property
    def principal(self) -> Principal:
        kind = PrincipalKind.ROLE_SESSION if self.is_role else PrincipalKind.USER
        return Principal(kind, self.arn, self.account, self.entity.id, self.arn)


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """Everybody in it, by ARN in order, and its groups with what they lend."""

    id: str
    holders: Sequence[Holder]
    groups: Sequence[tuple[Entity, tuple[Policy, ...]]] = ()


class Compiler:
    """Compiles each text once."""

    def __init__(self) -> None:
        self._made: dict[str, Policy] = {}

    def __call__(self, text: str) -> Policy:
        if text not in self._made:
            self._made[text] = compile(parse(text, Kind.IDENTITY))
        return self._made[text]


def account_of(rows: Rows) -> Account:
    compiled = Compiler()
    by_id = {entity.id: entity for entity in rows.entities}
    inline: dict[str, list[tuple[str, Policy]]] = defaultdict(list)
    for one in rows.inline:
        if one.entity in by_id:
            whose = by_id[one.entity]
            inline[one.entity].append((f"inline policy {one.name} of {whose.kind} {whose.name}", compiled(one.text)))
    attached: dict[str, list[str]] = defaultdict(list)
    for entity, arn in rows.attached:
        attached[entity].append(arn)
    member_of: dict[str, list[Entity]] = defaultdict(list)
    for user, group in rows.members:
        if group in by_id:
            member_of[user].append(by_id[group])

    def policy(arn: str) -> Policy:
        return compiled(rows.texts.get(arn, documents.NOTHING))

    def holder(entity: Entity) -> Holder:
        sources = [entity, *member_of[entity.id]]
        own = [named for source in sources for named in inline[source.id]]
        arns = tuple(dict.fromkeys(arn for source in sources for arn in attached[source.id]))
        labels = Labels((*(name for name, _ in own), *arns), entity.boundary or "")
        boundary = policy(entity.boundary) if entity.boundary is not None else None
        standing = Standing((*(one for _, one in own), *map(policy, arns)), boundary, None, labels)
        tags = None if rows.tags is None else rows.tags.get(entity.id, {})
        trust = None
        if entity.trust is not None:
            trust = documents.compiled_trust(entity.trust, tuple(sorted((entity.trust_ids or {}).items())))
        return Holder(entity, rows.account, standing, tags, tuple(member_of[entity.id]), arns, trust)

    def lent(group: Entity) -> tuple[Policy, ...]:
        return (*(one for _, one in inline[group.id]), *map(policy, attached[group.id]))

    found = sorted((entity for entity in rows.entities if entity.kind != "group"), key=lambda entity: entity.arn)
    groups = [(entity, lent(entity)) for entity in rows.entities if entity.kind == "group"]
    return Account(rows.account, [holder(entity) for entity in found], groups)
