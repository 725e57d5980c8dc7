"""Why: the same decision by a plain interpreter, with a trace of every statement that was read.

It reads documents statement by statement and letter by letter, and shares nothing with the compiled form but the values of numbers,
dates and networks, and the form of a trace. It is what the compiled form is tested against. Not for the hot path.

The steps have the numbers of access.decision.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from keystead.access import plain
from keystead.access.decision import Combine, Decision, Grant, Source, Standing
from keystead.access.document import Kind, Principals, Statement, is_entity
from keystead.access.policy import Policy
from keystead.access.request import Principal, PrincipalKind, Request
from keystead.access.trace import INEFFECTIVE, MATCHES, Line, collected, given

__all__ = ["MATCHES", "Explanation", "Line", "explain", "outcome_of"]

WITHOUT_ACCOUNT: Final = {PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS, PrincipalKind.WEB_IDENTITY}


@dataclass(frozen=True, slots=True)
class Explanation:
    """`decision` is never constant: an explanation is not remembered."""

    decision: Decision
    trace: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A statement that matched, and how it named the caller: "", "account", "limited" or "directly"."""

    source: Source
    denies: bool
    named: str


def explain(
    request: Request,
    standing: Standing,
    *,
    combine: Combine,
    resource_account: str | None,
    resource_policy: Policy | None,
    grant: Grant | None = None,
) -> Explanation:
    """Always answers, and as `decide` does."""
    source = Source.TRUST if combine is Combine.TRUST else Source.RESOURCE
    trace: list[Line] = []
    matches: list[Match] = []
    for of, number, policy in collected(standing, source, resource_policy):  # 1
        try:
            matches += read(of, number, policy, request, trace)
        except Exception as error:  # noqa: BLE001  # whatever cannot be evaluated is a denial
            failure = f"{type(error).__name__} in {of.value}"
            return Explanation(refused(of, explicit=True, failure=failure), tuple(trace))
    caller = request.principal
    foreign = resource_account != caller.account or caller.kind is PrincipalKind.ANONYMOUS
    decision = conclude(matches, request, standing, combine, source, grant, foreign=foreign)
    return Explanation(decision, tuple(trace))


def read(source: Source, which: int, policy: Policy, request: Request, trace: list[Line]) -> Iterator[Match]:
    for number, statement in enumerate(policy.document.statements, 1):
        named, outcome = outcome_of(statement, policy, request)
        step = 2 if statement.denies else step_of(source, named)
        name = statement.sid or str(number)
        trace.append(Line(step, source, which, name, statement.denies, outcome, given(outcome, request.context)))
        if outcome == MATCHES:
            yield Match(source, statement.denies, named)


def step_of(source: Source, named: str) -> int:
    if source in {Source.RESOURCE, Source.TRUST}:
        return 7 if named == "account" else 6
    return 8


def outcome_of(statement: Statement, policy: Policy, request: Request) -> tuple[str, str]:
    """How it names the caller, and the first thing that does not match."""
    variables = policy.document.variables
    if statement.actions is None or (statement.resources is None and policy.document.kind is not Kind.TRUST):
        return "", INEFFECTIVE
    if not plain.action(statement.actions, request.action):
        return "", "action"
    named = "directly"
    if statement.principals is not None:
        named = named_by(statement.principals, policy, request.principal, denies=statement.denies)
    if not named:
        return "", "principal"
    listed = statement.resources
    if listed is not None and not plain.resource(listed, request, variables=variables, denies=statement.denies):
        return named, "resource"
    for test in statement.tests:
        if not plain.holds(test, request.context, variables=variables, denies=statement.denies):
            return named, f"{test.operator} {test.key}"
    return named, MATCHES


def named_by(principals: Principals, policy: Policy, caller: Principal, *, denies: bool) -> str:
    found = {one(name, policy, caller, denies=denies and not principals.negated) for name in principals.aws}
    if caller.kind is PrincipalKind.SERVICE and caller.arn in principals.services:
        found.add("directly")
    if caller.kind is PrincipalKind.WEB_IDENTITY and caller.arn in principals.federated:
        found.add("directly")
    if not principals.negated:
        return next((named for named in ("directly", "limited", "account") if named in found), "")
    return "" if spared(principals, found, caller) else "directly"


def one(name: str, policy: Policy, caller: Principal, *, denies: bool) -> str:
    if name == "*":
        return "directly" if denies or caller.kind is not PrincipalKind.WEB_IDENTITY else ""
    if is_entity(name):
        known = policy.ids.get(name)
        if known != caller.unique_id and not (known is None and denies and name == caller.entity_arn):
            return ""
        return "directly" if caller.kind is PrincipalKind.USER else "limited"
    if name in {caller.account, f"arn:aws:iam::{caller.account}:root"}:
        return "" if caller.kind in WITHOUT_ACCOUNT else "account"
    return "directly" if name == caller.arn else ""


def spared(principals: Principals, found: set[str], caller: Principal) -> bool:
    """NotPrincipal spares a caller when everything it comes from is listed."""
    if "*" in principals.aws:
        return True
    if caller.kind in WITHOUT_ACCOUNT:
        return "directly" in found
    needed = {
        PrincipalKind.ROOT: {"account"},
        PrincipalKind.USER: {"account", "directly"},
    }.get(caller.kind, {"account", "limited", "directly"})
    return needed <= found


def conclude(
    matches: Sequence[Match],
    request: Request,
    standing: Standing,
    combine: Combine,
    source: Source,
    grant: Grant | None,
    *,
    foreign: bool,
) -> Decision:
    for of in (source, Source.IDENTITY, Source.BOUNDARY, Source.SESSION):
        if any(match.denies and match.source is of for match in matches):
            return refused(of, explicit=True)  # 2
    kind = request.principal.kind
    allowing = {match.source for match in matches}
    named = {match.named for match in matches if match.source is source}
    if kind is PrincipalKind.SERVICE:
        return granting() if "directly" in named else refused(source)

    silent = [of for of, speaks in limits(standing, kind, allowing) if not speaks]
    identity = not silent and (Source.IDENTITY in allowing or kind is PrincipalKind.ROOT)  # 8
    if by_policy(combine, named, foreign=foreign, bounded=not silent, identity=identity):  # 10
        return granting()
    if combine is Combine.KEY and grant is not None and (identity if foreign else not silent):
        decision = by_grant(grant)  # 9
        if decision is not None:
            return decision
    needed = foreign or combine in {Combine.KEY, Combine.TRUST}
    return refused([*silent, source if needed and not named else Source.IDENTITY][0])


def limits(standing: Standing, kind: PrincipalKind, allowing: set[Source]) -> list[tuple[Source, bool]]:
    """Boundary and session policies, and whether they let the request through."""
    session = Source.SESSION in allowing
    if standing.session is None:
        session = kind is not PrincipalKind.FEDERATED_USER
    return [(Source.BOUNDARY, standing.boundary is None or Source.BOUNDARY in allowing), (Source.SESSION, session)]


def by_policy(combine: Combine, named: set[str], *, foreign: bool, bounded: bool, identity: bool) -> bool:
    if foreign:
        return bool(named) and identity
    direct = "directly" in named or ("limited" in named and bounded)  # 6
    return {
        Combine.IDENTITY_ONLY: identity,
        Combine.RESOURCE: direct or identity,
        Combine.KEY: direct or (bool(named) and identity),  # 7
        Combine.TRUST: direct or (bool(named) and identity),
    }[combine]


def by_grant(grant: Grant) -> Decision | None:
    try:
        found = grant()
    except Exception as error:  # noqa: BLE001  # likewise
        return refused(Source.GRANT, explicit=True, failure=f"{type(error).__name__} in {Source.GRANT.value}")
    return granting(found) if found is not None else None


def granting(grant: str | None = None) -> Decision:
    return Decision(allowed=True, constant=False, grant=grant)


def refused(source: Source, *, explicit: bool = False, failure: str | None = None) -> Decision:
    return Decision(allowed=False, explicit=explicit, denier=source, constant=False, failure=failure)
