"""How far each statement matched a request, by the compiled rules: what a denial is explained with while it happens.

access.explain says the same letter by letter and at leisure; a test holds the two together. The steps have the numbers of
access.decision.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from keystead.access.decision import Source, Standing
from keystead.access.document import Statement
from keystead.access.policy import Policy, Rule
from keystead.access.principals import Named
from keystead.access.request import Context, Request, Values

MATCHES: Final = "matches"
ACTION: Final = "action"
PRINCIPAL: Final = "principal"
RESOURCE: Final = "resource"
INEFFECTIVE: Final = "ineffective"


@dataclass(frozen=True, slots=True)
class Line:
    """step       of the decision
    source     the kind of policy
    policy     the how manieth of its kind, from 0
    statement  its Sid, or its number from 1
    denies     whether it is a Deny
    outcome    MATCHES, or the first thing that did not: ACTION, PRINCIPAL, RESOURCE, or a test as "StringEquals kms:viaservice";
               or INEFFECTIVE, of a statement without actions or resources
    given      the values that the request has for the key of that test; None where it has none, or no test failed
    """

    step: int
    source: Source
    policy: int
    statement: str
    denies: bool
    outcome: str
    given: Values | None = None


def collected(
    standing: Standing, source: Source, resource_policy: Policy | None
) -> Iterator[tuple[Source, int, Policy]]:
    """Step 1: every policy that speaks. `source`: what the resource's policy counts as."""
    if resource_policy is not None:
        yield source, 0, resource_policy
    for number, policy in enumerate(standing.identity):
        yield Source.IDENTITY, number, policy
    if standing.boundary is not None:
        yield Source.BOUNDARY, 0, standing.boundary
    for number, policy in enumerate(standing.session or ()):
        yield Source.SESSION, number, policy


def trace(request: Request, standing: Standing, source: Source, resource_policy: Policy | None) -> tuple[Line, ...]:
    """Of every statement that there is, in the order of the documents. Ends before a policy that cannot be evaluated."""
    found: list[Line] = []
    try:
        for of, number, policy in collected(standing, source, resource_policy):
            found += of_policy(of, number, policy, request)
    except Exception:  # noqa: BLE001  # the decision has said so: it names the policy
        return tuple(found)
    return tuple(found)


def of_policy(source: Source, number: int, policy: Policy, request: Request) -> list[Line]:
    rules = {rule.number: rule for rule in policy.rules}
    return [
        line(source, number, place, statement, *heard(rules.get(place), statement, request), request.context)
        for place, statement in enumerate(policy.document.statements)
    ]


def line(
    source: Source, policy: int, place: int, statement: Statement, named: Named, outcome: str, context: Context
) -> Line:
    step = 2 if statement.denies else step_of(source, named)
    return Line(step, source, policy, name_of(place, statement), statement.denies, outcome, given(outcome, context))


def name_of(place: int, statement: Statement) -> str:
    return statement.sid or str(place + 1)


def step_of(source: Source, named: Named) -> int:
    if source in {Source.RESOURCE, Source.TRUST}:
        return 7 if named is Named.ACCOUNT else 6
    return 8


def given(outcome: str, context: Context) -> Values | None:
    _, space, key = outcome.partition(" ")
    return context.get(key) or None if space else None


def heard(rule: Rule | None, statement: Statement, request: Request) -> tuple[Named, str]:
    """How it names the caller, and the first thing that does not match."""
    if rule is None:
        return Named.NOT, INEFFECTIVE
    if not rule.about(request.action.lower()):
        return Named.NOT, ACTION
    named = Named.DIRECTLY if rule.names is None else rule.names(request.principal)
    if named is Named.NOT:
        return named, PRINCIPAL
    if not rule.applies(request):
        return named, RESOURCE
    for test, holds in zip(statement.tests, rule.tests, strict=True):
        if not holds(request.context):
            return named, f"{test.operator} {test.key}"
    return named, MATCHES
