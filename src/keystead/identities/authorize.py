"""The one way from a call to an access decision."""

from collections.abc import Callable
from typing import Final

from keystead.access import texts
from keystead.access.decision import Combine, Decision, decide
from keystead.access.errors import AccessDenied
from keystead.access.policy import Policy
from keystead.access.request import Context, PrincipalKind, Request
from keystead.identities import proof, reasons
from keystead.identities.call import Call
from keystead.identities.conditions import CallContext
from keystead.identities.errors import ForwardingUnproven, SessionForbidden
from keystead.trail.notes import Decided

REMEMBERED: Final = 1024
"""Decisions kept with one caller."""

OF_STS: Final = {
    #  whose session                 what it may ask of IAM and STS   source: STS API reference, GetSessionToken, GetFederationToken
    PrincipalKind.USER:           ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity", "sts:GetCallerIdentity"),
    PrincipalKind.FEDERATED_USER: ("sts:GetCallerIdentity",),
}  # fmt: skip  # a table
"""TagSession and SetSourceIdentity are permissions that AssumeRole may need, not operations."""


def authorize(
    call: Call,
    action: str,
    resource: str = "*",
    *,
    combine: Combine = Combine.IDENTITY_ONLY,
    resource_account: str | None = None,
    resource_policy: Policy | None = None,
    extra: Context | None = None,
    grant: Callable[[], str | None] | None = None,
    hidden: bool = False,
) -> Decision:
    """Returns only when the caller may; the call then counts as decided, as it does when this raises.

    extra   the service's own condition keys, asked for in lower case
    grant   consulted when nothing else allows; returns the id of a grant that does
    hidden  a denial does not tell whether the resource exists

    Raises AccessDenied, SessionForbidden, ForwardingUnproven.
    """
    decision = weigh(
        call,
        action,
        resource,
        combine=combine,
        resource_account=resource_account,
        resource_policy=resource_policy,
        extra=extra,
        grant=grant,
    )
    if not decision.allowed:
        request = Request(call.caller.principal, action, resource, CallContext(call, resource_account, extra))
        raise AccessDenied(texts.denial(request, decision, hidden=hidden))
    return decision


def weigh(
    call: Call,
    action: str,
    resource: str,
    *,
    combine: Combine,
    resource_account: str | None = None,
    resource_policy: Policy | None = None,
    extra: Context | None = None,
    grant: Callable[[], str | None] | None = None,
) -> Decision:
    """The decision alone, for those who have their own words for a denial: THE CALLER MUST STILL REFUSE.

    Raises SessionForbidden, ForwardingUnproven.
    """
    call.decided = True
    caller = call.caller
    if call.via is not None:
        check_forwarding(call, action, resource, extra)
    asked = (action, resource, combine, resource_account, resource_policy, grant is not None, call.via)
    remembered = caller.decisions.get(asked)
    if remembered is not None:
        decision, noted = remembered
        call.notes.decisions.append(noted)
        return decision
    if caller.temporary:
        refuse_session(call, action, resource)
    account = resource_account or call.account
    request = Request(caller.principal, action, resource, CallContext(call, account, extra))
    decision = decide(
        request,
        caller.standing,
        combine=combine,
        resource_account=account,
        resource_policy=resource_policy,
        grant=grant,
    )
    noted = reasons.decided(
        request, decision, caller.standing, combine=combine, owner=account, resource_policy=resource_policy
    )
    call.notes.decisions.append(noted)
    if decision.constant:
        if len(caller.decisions) >= REMEMBERED:
            caller.decisions.clear()
        caller.decisions[asked] = decision, noted
    return decision


def check_forwarding(call: Call, action: str, resource: str, extra: Context | None) -> None:
    """Who comes through a service comes with that service's word for it. Raises ForwardingUnproven."""
    names: tuple[str, ...] = (resource,)
    alias = extra.get("kms:requestalias") if extra is not None else None
    if alias:
        place = resource.rpartition(":")[0]
        names = (resource, *(f"{place}:{name}" for name in alias))
    if not proof.holds(call.proof, call, action, names):
        raise ForwardingUnproven(action)


def refuse_session(call: Call, action: str, resource: str) -> None:
    """Raises SessionForbidden."""
    caller = call.caller
    allowed = OF_STS.get(caller.principal.kind)
    if allowed is None or caller.mfa:
        return
    service = action.partition(":")[0]
    if service == "iam" or (service == "sts" and action not in allowed):
        call.notes.decisions.append(Decided(action, resource, call.account, call.account, reasons.FORBIDDEN))
        raise SessionForbidden
