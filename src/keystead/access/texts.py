"""What a caller is told who may not.

Source: IAM user guide, Troubleshoot access denied error messages; recorded answers of KMS for keys that stay hidden.
"""

from typing import Final

from keystead.access.decision import Decision, Source
from keystead.access.request import Request

IMPLICIT: Final = "because no {policy} allows the {action} action"
EXPLICIT: Final = "with an explicit deny in {policy}"
HIDDEN: Final = (
    "on this resource because the resource does not exist in this Region, no resource-based policies allow access, "
    "or a resource-based policy explicitly denies access"
)

POLICIES: Final = {
    #  source           in an implicit denial      in an explicit one
    Source.RESOURCE: ("resource-based policy",   "a resource-based policy"),
    Source.TRUST:    ("role trust policy",       "the role trust policy"),
    Source.IDENTITY: ("identity-based policy",   "an identity-based policy"),
    Source.BOUNDARY: ("permissions boundary",    "a permissions boundary"),
    Source.SESSION:  ("session policy",          "a sessions policy"),
    Source.GRANT:    ("resource-based policy",   "a resource-based policy"),
}  # fmt: skip  # a table; AWS's "sessions" is AWS's


def denial(request: Request, decision: Decision, *, hidden: bool = False) -> str:
    """`hidden`: says nothing about whether the resource exists. Expects a decision that denies."""
    if hidden:
        return hiding(request.principal.arn, request.action)
    who = f"User: {request.principal.arn} is not authorized to perform: {request.action}"
    implicit, explicit = POLICIES[decision.denier or Source.IDENTITY]
    if decision.explicit:
        return f"{who} on resource: {request.resource} {EXPLICIT.format(policy=explicit)}"
    return f"{who} on resource: {request.resource} {IMPLICIT.format(policy=implicit, action=request.action)}"


def hiding(arn: str, action: str) -> str:
    """A denial that does not tell whether the resource exists."""
    return f"User: {arn} is not authorized to perform: {action} {HIDDEN}"
