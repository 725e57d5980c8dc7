"""What the record says of a decision: which statements allowed it; or, of a denial, how far each statement came.

Of a denial only those statements are told that are about the action; the others are counted. Values of the request that a
condition failed for are told too, cut short. The caller's account sees what its own policies said, the owner's account what
the resource's policy said (trail.notes): who may not know that a key exists does not learn its policy from a denial.
"""

from collections.abc import Iterator
from typing import Any, Final

from keystead.access.decision import Combine, Decision, Source, Standing
from keystead.access.policy import Policy
from keystead.access.request import PrincipalKind, Request
from keystead.access.trace import ACTION, INEFFECTIVE, Line, name_of, trace
from keystead.trail.notes import Decided

LINES: Final = 50
"""Statements told of one denial."""
TEXT: Final = 128
"""Characters of a Sid or a value."""
VALUES: Final = 5
RESOURCE_POLICIES: Final = {
    Combine.KEY: "key policy",
    Combine.RESOURCE: "resource policy",
    Combine.TRUST: "trust policy",
    Combine.IDENTITY_ONLY: "",
}
OF_RESOURCE: Final = (Source.RESOURCE, Source.TRUST)
FORBIDDEN: Final = {"denied": "explicit", "by": "the kind of credentials"}
"""Verdict on what no session of this kind may ask, whatever policies say."""


def decided(
    request: Request,
    decision: Decision,
    standing: Standing,
    *,
    combine: Combine,
    owner: str,
    resource_policy: Policy | None,
) -> Decided:
    caller = request.principal.account
    if not decision.allowed:
        verdict, of_caller, of_resource = denied(request, decision, standing, combine, resource_policy)
        return Decided(request.action, request.resource, caller, owner, verdict, of_caller, of_resource)
    policies: tuple[Policy, ...] = () if resource_policy is None else (resource_policy,)
    resource, identity, boundary, session = decision.said
    told: list[dict[str, Any]] = []
    labels = standing.labels
    if identity is not None:
        told.append(spoke(labels.identity, standing.identity, identity))
    elif request.principal.kind is PrincipalKind.ROOT:
        told.append({"policy": "the account's root", "statement": ""})
    if boundary is not None and standing.boundary is not None:
        told.append(spoke((labels.boundary,), (standing.boundary,), boundary))
    if session is not None and standing.session is not None:
        told.append(spoke(labels.session, standing.session, session))
    of_resource = () if resource is None else (spoke((RESOURCE_POLICIES[combine],), policies, resource),)
    verdict = {} if decision.grant is None else {"grant": decision.grant}
    return Decided(request.action, request.resource, caller, owner, verdict, tuple(told), of_resource)


def spoke(labels: tuple[str, ...], policies: tuple[Policy, ...], place: tuple[int, int]) -> dict[str, Any]:
    which, number = place
    name = name_of(number, policies[which].document.statements[number])
    return {"policy": labels[which] if which < len(labels) else str(which + 1), "statement": name[:TEXT]}


def denied(
    request: Request, decision: Decision, standing: Standing, combine: Combine, resource_policy: Policy | None
) -> tuple[dict[str, Any], tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
    """(the verdict, what the caller's policies said, what the resource's policy said)."""
    source = Source.TRUST if combine is Combine.TRUST else Source.RESOURCE
    lines = trace(request, standing, source, resource_policy)
    about = [line for line in lines if line.outcome not in {ACTION, INEFFECTIVE}]
    verdict: dict[str, Any] = {"denied": "explicit" if decision.explicit else "implicit"}
    if decision.denier is not None:
        verdict["by"] = decision.denier.value
    if decision.failure is not None:
        verdict["failure"] = decision.failure
    shown = about[:LINES]
    if len(shown) < len(lines):
        verdict["others"] = len(lines) - len(shown)
    of_caller = tuple(told(shown, standing, combine, of_resource=False))
    return verdict, of_caller, tuple(told(shown, standing, combine, of_resource=True))


def told(lines: list[Line], standing: Standing, combine: Combine, *, of_resource: bool) -> Iterator[dict[str, Any]]:
    for line in lines:
        if (line.source in OF_RESOURCE) is not of_resource:
            continue
        said: dict[str, Any] = {
            "step": line.step,
            "policy": label(line, standing, combine),
            "statement": line.statement[:TEXT],
            "effect": "Deny" if line.denies else "Allow",
            "outcome": line.outcome[:TEXT],
        }
        if line.given is not None:
            said["given"] = [value[:TEXT] for value in line.given[:VALUES]]
        yield said


def label(line: Line, standing: Standing, combine: Combine) -> str:
    if line.source in OF_RESOURCE:
        return RESOURCE_POLICIES[combine]
    if line.source is Source.BOUNDARY:
        return standing.labels.boundary
    labels = standing.labels.identity if line.source is Source.IDENTITY else standing.labels.session
    return labels[line.policy] if line.policy < len(labels) else str(line.policy + 1)
