"""What the live evaluator would decide about a principal, for requests that nobody makes.

    source      policies                          from
    identity    of the user and its groups, or    the database, and what the asker adds
    boundary    the role                          the database, or what the asker puts in its place
    resource    one, if given                     the asker

The decision is access.decision's own; which statements matched is found by access.explain, which is tested against it.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

from keystead.access import places
from keystead.access.decision import Combine, Decision, Standing, decide
from keystead.access.explain import MATCHES, outcome_of
from keystead.access.policy import Kind, Policy, Stance, compile, parse  # noqa: A004  # the rules' own verb
from keystead.access.request import Context, Principal, PrincipalKind, Request, Values
from keystead.database.engine import Connection
from keystead.identities import documents
from keystead.identities.conditions import PRINCIPAL_TAG, instant
from keystead.identities.names import fold, parse_policy
from keystead.identities.store import entities, groups, managed, permissions, tags
from keystead.identities.store.entities import Entity


@dataclass(frozen=True, slots=True)
class Source:
    """A policy and where it comes from.

    id    its name, or its place in what the asker gave
    type  user, group, role, aws-managed, user-managed, resource, none (IAM API reference, PolicySourceType)
    """

    id: str
    type: str
    text: str
    policy: Policy = field(repr=False)


@dataclass(frozen=True, slots=True)
class Matched:
    source: Source
    span: places.Span


@dataclass(frozen=True, slots=True)
class Result:
    """missing  condition keys that were asked for and not given
    bounded  whether the boundary allows it; None without one
    """

    decision: Decision
    matched: tuple[Matched, ...]
    missing: tuple[str, ...]
    bounded: bool | None


class Asking:
    """Condition keys as given, which remembers the ones that were asked for in vain."""

    def __init__(self, given: Context) -> None:
        self._given = given
        self.missing: dict[str, None] = {}

    def get(self, key: str, /) -> Values | None:
        found = self._given.get(key)
        if found is None:
            self.missing[key] = None
        return found


@dataclass(frozen=True, slots=True)
class Simulation:
    """identity   policies of the principal; `boundary` and `resource` where there are any
    caller     who is taken to ask
    resource_account  whose the resource is, where it does not say so itself
    """

    identity: Sequence[Source]
    boundary: Source | None
    resource: Source | None
    caller: Principal
    resource_account: str

    def run(self, action: str, resource: str, context: Context) -> Result:
        asking = Asking(context)
        request = Request(self.caller, action, resource, asking)
        boundary = self.boundary.policy if self.boundary is not None else None
        owner = self.caller.account  # without its policy a resource is looked at from its caller's side alone
        if self.resource is not None:
            owner = account_of(resource) or self.resource_account
        standing = Standing(tuple(source.policy for source in self.identity), boundary)
        decision = decide(
            request,
            standing,
            combine=self._combine(action),
            resource_account=owner,
            resource_policy=self.resource.policy if self.resource is not None else None,
        )
        matched = tuple(self._matched(request, denies=decision.explicit))
        bounded = boundary.stance(request)[0] > Stance.SILENT if boundary is not None else None
        return Result(
            decision, matched if decision.allowed or decision.explicit else (), tuple(asking.missing), bounded
        )

    def _combine(self, action: str) -> Combine:
        if self.resource is None:
            return Combine.IDENTITY_ONLY
        return Combine.KEY if action.lower().startswith("kms:") else Combine.RESOURCE

    def _matched(self, request: Request, *, denies: bool) -> Iterator[Matched]:
        """Statements that decide: those that deny, or those that allow."""
        listed = [*self.identity, *([self.resource] if self.resource is not None else [])]
        if self.boundary is not None and denies:
            listed.append(self.boundary)
        for source in listed:
            spans = places.statements(source.text)
            for statement, span in zip(source.policy.document.statements, spans, strict=True):
                if statement.denies is denies and outcome_of(statement, source.policy, request)[1] == MATCHES:
                    yield Matched(source, span)


def account_of(resource: str) -> str | None:
    parts = resource.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4].isdigit() else None


def given(texts: Sequence[str], label: str) -> list[Source]:
    """Policies that the asker gives. Raises PolicyMalformed."""
    return [
        Source(f"{label}.{number}", "none", text, compile(parse(text, Kind.IDENTITY)))
        for number, text in enumerate(texts, 1)
    ]


async def of_resource(connection: Connection, text: str) -> Source:
    """A resource's policy. Users and roles in it that do not exist stand for themselves. Raises PolicyMalformed."""
    document = parse(text, Kind.RESOURCE)
    ids: dict[str, str] = {}
    for name in document.principals():
        found = await (entities.by_arn if name.startswith("arn:") else entities.by_id)(connection, name)
        ids[name] = found.id if found is not None else name
    return Source("ResourcePolicy", "resource", text, compile(document, ids))


async def of_entity(connection: Connection, entity: Entity) -> tuple[list[Source], Source | None]:
    """(the policies of a user and its groups, of a role, or of a group; its boundary)."""
    found = [source async for source in held(connection, entity)]
    if entity.kind == "user":
        for group in await groups.of_user(connection, entity):
            found += [source async for source in held(connection, group)]
    if entity.boundary is None:
        return found, None
    text = (await managed.texts(connection, [entity.boundary])).get(entity.boundary, documents.NOTHING)
    return found, managed_source(entity.boundary, text)


async def held(connection: Connection, entity: Entity) -> AsyncIterator[Source]:
    for one in await permissions.inline(connection, entity):
        yield Source(one.name, entity.kind, one.text, documents.compiled(one.text))
    arns = await permissions.attached(connection, entity)
    texts = await managed.texts(connection, arns)
    for arn in arns:
        yield managed_source(arn, texts.get(arn, documents.NOTHING))


def managed_source(arn: str, text: str) -> Source:
    parsed = parse_policy(arn)
    kind = "aws-managed" if parsed is not None and parsed.account == "aws" else "user-managed"
    return Source(parsed.name if parsed is not None else arn, kind, text, documents.compiled(text))


def principal_of(entity: Entity) -> Principal:
    kind = PrincipalKind.ROLE_SESSION if entity.kind == "role" else PrincipalKind.USER
    return Principal(kind, entity.arn, entity.account, entity.id, entity.arn)


async def known_of(connection: Connection, entity: Entity, at: float) -> dict[str, Values]:
    """Condition keys that are known of a principal without its asking; what the asker gives stands over them."""
    principal = principal_of(entity)
    known: dict[str, Values] = {
        "aws:currenttime": (instant(at),),
        "aws:epochtime": (str(int(at)),),
        "aws:principalarn": (principal.entity_arn,),
        "aws:principalaccount": (principal.account,),
        "aws:principaltype": (principal.kind.value,),
    }
    if entity.kind == "user":
        known |= {"aws:username": (entity.name,), "aws:userid": (entity.id,)}
    pairs = await tags.of(connection, entity.id)
    return known | {f"{PRINCIPAL_TAG}{fold(key)}": (value,) for key, value in pairs}
