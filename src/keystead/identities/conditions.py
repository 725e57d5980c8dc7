"""The global condition keys of a call, each computed when a policy asks for it.

None is absence; "absent" never means empty or false. Keys are asked for in lower case.
Source: IAM user guide, AWS global condition context keys.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

from keystead.access.request import Context, PrincipalKind, Values
from keystead.identities.call import Call

PRINCIPAL_TAG: Final = "aws:principaltag/"


def instant(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def truth(value: bool) -> Values:
    return ("true",) if value else ("false",)


def given(value: str | None) -> Values | None:
    return None if value is None else (value,)


def mfa_present(call: Call) -> Values | None:
    """Absent for long-term keys, so that BoolIfExists idioms work; but AWS has it, false, in their forwarded calls."""
    if call.caller.temporary or call.via is not None:
        return truth(call.caller.mfa)
    return None


def token_issue_time(call: Call) -> Values | None:
    return None if call.caller.issued_at is None else (instant(call.caller.issued_at),)


GLOBAL: Final[Mapping[str, Callable[[Call], Values | None]]] = {
    #  key                            value                                               present
    "aws:currenttime":               lambda call: (instant(call.at),),                  # always
    "aws:epochtime":                 lambda call: (str(int(call.at)),),                 # always
    "aws:securetransport":           lambda call: truth(call.secure),                   # always
    "aws:useragent":                 lambda call: (call.user_agent,),                   # always
    "aws:sourceip":                  lambda call: (call.source_ip,),                    # forwarded: the service's
    "aws:requestedregion":           lambda call: (call.region,),                       # always
    "aws:principalarn":              lambda call: (call.caller.principal.entity_arn,),  # signed requests
    "aws:principalaccount":          lambda call: (call.caller.principal.account,),     # always
    "aws:principaltype":             lambda call: (call.caller.principal.kind.value,),  # always
    "aws:principalisawsservice":     lambda call: truth(call.caller.principal.kind is PrincipalKind.SERVICE),
    "aws:userid":                    lambda call: (call.caller.userid,),                # always
    "aws:username":                  lambda call: given(call.caller.user_name),         # IAM users
    "aws:sourceidentity":            lambda call: given(call.caller.source_identity),   # once set on a session
    "aws:tokenissuetime":            token_issue_time,                                  # temporary credentials
    "aws:multifactorauthpresent":    mfa_present,
    "aws:federatedprovider":         lambda call: given(call.caller.provider),          # sessions of a provider
    "aws:viaawsservice":             lambda call: truth(call.via is not None),          # always
}  # fmt: skip

ABSENT: Final = frozenset(
    (
        # AWS's list of services for CalledVia has none of ours
        "aws:calledvia", "aws:calledviafirst", "aws:calledvialast",
        # there is no MFA, no organisation, no VPC, and no service that calls in its own name
        "aws:multifactorauthage", "aws:principalorgid", "aws:principalorgpaths",
        "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip",
        "aws:principalservicename", "aws:principalservicenameslist",
    )
)  # fmt: skip
"""Keys that nothing here can supply, and that no service may supply either."""


class CallContext:
    """Condition keys of one call about one resource. `extra` adds the service's own and never replaces a global key."""

    __slots__ = ("_call", "_extra", "_resource_account")

    def __init__(self, call: Call, resource_account: str | None, extra: Context | None) -> None:
        self._call = call
        self._resource_account = resource_account
        self._extra = extra

    def get(self, key: str, /) -> Values | None:
        known = GLOBAL.get(key)
        if known is not None:
            return known(self._call)
        if key.startswith(PRINCIPAL_TAG):
            return given(self._call.caller.tags.get(key[len(PRINCIPAL_TAG) :]))
        if key == "aws:resourceaccount":
            return given(self._resource_account)
        if key in ABSENT or self._extra is None:
            return None
        return self._extra.get(key)
