"""What the index finds a record by: each thing that can be asked for is one number, made of its text alone.

    term = the first 8 bytes of BLAKE2b(account | 00 | Region | 00 | kind | 00 | value), as a signed number

No table of texts is kept, so none can grow, be shared, or be out of date. Two texts may meet in one number: whatever is found by
it is compared with what was asked for, by the record itself. A secret is also found by its name, which its ARN contains.

An id that tells its own time (RFC 9562, version 7) is no term: it is looked for among the records of that time.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from keystead.trail.attributes import SECRET, Attributes
from keystead.trail.event import SERVICE_EVENT

Pair = tuple[str, str]
"""(kind, value)."""

EVERY: Final = ("", "")
"""What each record of an account and Region is found by."""
ATTRIBUTES: Final = frozenset(
    {
        "EventId", "EventName", "EventSource", "Username", "AccessKeyId", "ReadOnly", "ResourceName", "ResourceType",
    }
)  # fmt: skip  # a list of names
"""LookupEvents' attributes."""
SEARCHED: Final = ATTRIBUTES | {"Principal", "Error", "RequestId", "SecretName"}
"""What the operator may search by besides. Principal: who is behind a session; who is no session is found by its name."""
KNOWN: Final = 16_384
"""Callers whose terms are remembered, and as many objects and kinds of calls; of others they are made anew."""
LATER: Final = {"EventId": 0, "RequestId": 2}
"""Seconds that a record's time may lie after the one that its id tells, for the id to be none of its terms."""
NEVER: Final = -1000
"""A time that no record has, nor any just after it."""
WITH_DASHES: Final = 36


def term(account: str, region: str, pair: Pair) -> int:
    kind, value = pair
    text = f"{account}\0{region}\0{kind}\0{value}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big", signed=True)


def said(seen: Attributes) -> list[Pair]:
    """All that a record can be found by. Some of it may be there twice."""
    told_by_ids = ids(seen.at, seen.event_type == SERVICE_EVENT, seen.event_id, seen.request_id)
    return [*call(*call_of(seen)), *caller(*caller_of(seen)), *objects(tuple(seen.named())), *told_by_ids]


def terms(seen: Attributes) -> tuple[int, ...]:
    """Of `said`."""
    place = seen.recipient_account_id, seen.aws_region
    service = seen.event_type == SERVICE_EVENT
    return lasting_terms(seen) + id_terms(place, seen.at, service, seen.event_id, seen.request_id)


def lasting_terms(seen: Attributes) -> tuple[int, ...]:
    """Without those of the ids. Calls, callers and their objects recur, each by itself."""
    account, region = seen.recipient_account_id, seen.aws_region
    return (
        call_terms(account, region, *call_of(seen))
        + caller_terms(account, region, *caller_of(seen))
        + objects_terms(account, region, tuple(seen.named()))
    )


def id_terms(place: tuple[str, str], at: int, service: bool, event_id: str, request_id: str) -> tuple[int, ...]:
    return tuple(term(*place, pair) for pair in ids(at, service, event_id, request_id))


def call_of(seen: Attributes) -> tuple[str, str, bool, str | None]:
    return seen.event_source, seen.event_name, seen.read_only, seen.error_code


def caller_of(seen: Attributes) -> tuple[str | None, str | None, str | None]:
    who = seen.user_identity
    return who.username, who.access_key_id, who.session_context.session_issuer.arn


def call(source: str, name: str, read_only: bool, error: str | None) -> list[Pair]:
    found = [EVERY, ("EventName", name), ("EventSource", source), ("ReadOnly", "true" if read_only else "false")]
    return found if error is None else [*found, ("Error", error)]


def caller(username: str | None, access_key_id: str | None, principal: str | None) -> list[Pair]:
    found = (("Username", username), ("AccessKeyId", access_key_id), ("Principal", principal))
    return [(kind, value) for kind, value in found if value is not None]


def objects(named: tuple[tuple[str, str], ...]) -> list[Pair]:
    """Of resources, as (type, name)."""
    found = [("ResourceName", name) for _, name in named] + [("ResourceType", type_) for type_, _ in named]
    return found + [pair for type_, name in named if type_ == SECRET for pair in secret_names(name)]


def made_of(pairs: Callable[..., list[Pair]]) -> Callable[..., tuple[int, ...]]:
    def numbers(account: str, region: str, *told: Any) -> tuple[int, ...]:
        return tuple({term(account, region, pair) for pair in pairs(*told)})

    return lru_cache(KNOWN)(numbers)


call_terms: Final = made_of(call)
caller_terms: Final = made_of(caller)
objects_terms: Final = made_of(objects)


def ids(at: int, service: bool, event_id: str, request_id: str) -> list[Pair]:
    """Those that time does not lead to. What the service itself did may come twice (trail.outbox), and is asked for by its id."""
    found = []
    if service or not 0 <= at - told(event_id) <= LATER["EventId"]:
        found.append(("EventId", event_id))
    if request_id and not 0 <= at - told(request_id) <= LATER["RequestId"]:
        found.append(("RequestId", request_id))
    return found


def told(id_: str) -> int:
    """Seconds since the epoch that a UUID of version 7 tells (trail.event.id_at); of anything else NEVER."""
    if len(id_) != WITH_DASHES or id_[14] != "7":
        return NEVER
    try:
        return int(id_[:8] + id_[9:13], 16) // 1000
    except ValueError:
        return NEVER


def secret_names(arn: str) -> list[Pair]:
    """A secret's ARN ends in its name, a dash and six characters (Secrets Manager user guide)."""
    name = arn.partition(":secret:")[2]
    return [("SecretName", name[:-7])] if name[-7:-6] == "-" else []
