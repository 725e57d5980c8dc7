"""Resource policies: a secret has one, `default`; what may be kept, and what is said of one that is only looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from sqlalchemy import insert

from keystead.access import exposure
from keystead.access.errors import AccessDenied, PolicyMalformed
from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.identities.errors import PrincipalUnknown
from keystead.secrets import copying, names
from keystead.secrets.conditions import Asked
from keystead.secrets.errors import ParameterWrong, PolicyNameUnknown, PolicyPublic
from keystead.secrets.room import Secrets, again
from keystead.secrets.secret import Secret
from keystead.secrets.store import policy_history
from keystead.secrets.writing import touch

DEFAULT: Final = "default"
UNSUPPORTED: Final = "This resource policy contains an unsupported principal."
"""Recorded from AWS."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A policy that may be kept, with the unique ids of the principals it names."""

    text: str
    ids: Mapping[str, str]
    policy: Policy


class Finding(NamedTuple):
    """check  one of SYNTAX, PUBLIC, LOCKOUT (our names)."""

    check: str
    text: str


def check_name(name: str | None, *, writing: bool) -> None:
    """Raises ParameterWrong, PolicyNameUnknown."""
    if name in {None, DEFAULT}:
        return
    if writing:
        raise ParameterWrong(f"You can only modify the resource policy named {DEFAULT}.")
    raise PolicyNameUnknown(name or "")


async def check(room: Secrets, text: str) -> Checked:
    """Raises PolicyMalformed."""
    document = parse(text, Kind.RESOURCE)
    try:
        ids = await room.identities.resolve_principals(document.principals())
    except PrincipalUnknown:
        raise PolicyMalformed(UNSUPPORTED) from None
    return Checked(text, ids, compile(document, ids))


async def put(room: Secrets, call: Call, secret: Secret, text: str, *, block_public: bool) -> None:
    """THE CALLER HAS BEEN ADMITTED. Raises PolicyMalformed, PolicyPublic."""
    checked = await check(room, text)
    if block_public and exposure.broad(checked.policy.document):
        raise PolicyPublic
    await store(room, call, "PutResourcePolicy", secret, checked.text, checked.ids)


async def remove(room: Secrets, call: Call, secret: Secret) -> None:
    """What is not there is not missed. THE CALLER HAS BEEN ADMITTED."""
    await store(room, call, "DeleteResourcePolicy", secret, None, {})


async def store(
    room: Secrets, call: Call, operation: str, secret: Secret, text: str | None, ids: Mapping[str, str]
) -> None:
    async with room.database.write(call.id) as tx:
        now = await again(tx, secret, operation)
        await touch(tx, now, policy=text, policy_ids=dict(ids))
        await note(tx, now.arn, text, ids)
        await copying.follow(tx, now.id, {})


async def note(tx: Transaction, arn: str, text: str | None, ids: Mapping[str, str]) -> None:
    """Append to the history of who was allowed what."""
    row = {"secret_arn": arn, "policy": text, "policy_ids": dict(ids)}
    await tx.execute(insert(policy_history).values(at=tx.at, because=tx.because, **row))


async def validate(
    room: Secrets, call: Call, named: str | None, secret: Secret | None, text: str, asked: Asked
) -> list[Finding]:
    """What is wrong with a policy, by three checks; nothing is kept. THE CALLER HAS BEEN ADMITTED."""
    try:
        checked = await check(room, text)
    except PolicyMalformed as malformed:
        return [Finding("SYNTAX", malformed.text)]
    found = [Finding("PUBLIC", text) for text in exposure.broad(checked.policy.document)]
    proposed = replace(secret or some_secret(call), policy=checked.policy)
    named = named or proposed.arn
    try:
        room.decide(call, "PutResourcePolicy", names.read(call, named), named, proposed, asked)
    except AccessDenied:
        locked = "The policy would not allow you to change it again: you couldn't call PutResourcePolicy."
        found.append(Finding("LOCKOUT", locked))
    return found


def some_secret(call: Call) -> Secret:
    """Stands for whichever secret of the caller's a policy may be meant for, while none is named: one that no statement names."""
    return Secret(0, call.account, call.region, "any", "000000", 0.0, 0.0)
