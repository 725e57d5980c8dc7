"""Key policies: the default one, what may be kept, and the check that nobody locks themselves out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from keystead.access.decision import Combine, decide
from keystead.access.errors import PolicyMalformed
from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.access.request import Request, Values
from keystead.identities.call import Call
from keystead.identities.conditions import CallContext
from keystead.identities.errors import PrincipalUnknown
from keystead.identities.room import Identities
from keystead.keys.conditions import KeyContext
from keystead.keys.errors import LockedOut, PolicyManagedElsewhere, PolicyNameUnknown, PolicyTooLarge
from keystead.keys.key import Key

DEFAULT: Final = "default"
RAM: Final = "AWS_RAM"
INVALID_PRINCIPAL: Final = "Policy contains a statement with one or more invalid principals."


@dataclass(frozen=True, slots=True)
class Checked:
    """A policy that may be kept, with the unique ids of the principals it names."""

    text: str
    ids: Mapping[str, str]
    policy: Policy

    @classmethod
    def trusted(cls, text: str) -> Self:
        """Of a text written here, which names no users or roles."""
        return cls(text, {}, compile(parse(text, Kind.KEY)))


def default(account: str) -> str:
    """What a key gets that is made without a policy: the account decides by IAM."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})


def check_name(name: str, *, writing: bool) -> None:
    """A key has one policy. Raises PolicyNameUnknown, PolicyManagedElsewhere."""
    if name == RAM and writing:
        raise PolicyManagedElsewhere
    if name != DEFAULT:
        raise PolicyNameUnknown


async def check(identities: Identities, text: str, limit: int) -> Checked:
    """Raises PolicyMalformed, PolicyTooLarge."""
    if len(text.encode()) > limit:
        raise PolicyTooLarge(limit)
    document = parse(text, Kind.KEY)
    try:
        ids = await identities.resolve_principals(document.principals())
    except PrincipalUnknown:
        raise PolicyMalformed(INVALID_PRINCIPAL) from None
    return Checked(text, ids, compile(document, ids))


def check_lockout(call: Call, key: Key, proposed: Policy, asked: Mapping[str, Values]) -> None:
    """The caller must still be able to put the next policy. Raises LockedOut."""
    context = CallContext(call, call.account, KeyContext(call, key, asked={**asked, "kms:policyname": (DEFAULT,)}))
    decision = decide(
        Request(call.caller.principal, "kms:PutKeyPolicy", key.arn, context),
        call.caller.standing,
        combine=Combine.KEY,
        resource_account=call.account,
        resource_policy=proposed,
    )
    if not decision.allowed:
        raise LockedOut
