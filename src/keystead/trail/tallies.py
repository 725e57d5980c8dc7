"""What follows from an account's events, added up from the records themselves: of one request, of a resource, of a principal."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from keystead.database.engine import Connection
from keystead.trail.queries import EVER, Hit, Wanted, newest_first, of_id, scopes
from keystead.trail.terms import Pair


@dataclass(slots=True)
class Done:
    """What somebody did with a resource: how often, and when first and last, seconds since the epoch."""

    name: str
    resource: str
    first: int
    last: int
    times: int = 0


async def of_request(connection: Connection, account: str, request_id: str) -> list[Hit]:
    """What an account's trail has of one request, in any Region, oldest first."""
    found: list[Hit] = []
    for region in await regions(connection, account):
        found += await of_id(connection, Wanted(account, region, (("RequestId", request_id),), 0, EVER))
    return sorted(found, key=lambda hit: hit.place)


async def last_by_principal(
    connection: Connection, account: str, region: str, resource: str, names: Sequence[str]
) -> dict[str, int]:
    """When each principal last did one of these with a resource, without an error: roles by ARN, users by name."""
    found: dict[str, int] = {}
    for name in names:
        asked = Wanted(account, region, (("ResourceName", resource), ("EventName", name)), 0, EVER)
        async for hit in newest_first(connection, asked):
            identity = hit.seen.user_identity
            who = identity.session_context.session_issuer.arn or identity.username
            if who is not None and hit.seen.error_code is None:
                found[who] = max(hit.at, found.get(who, hit.at))
    return found


async def done_by(connection: Connection, account: str, principal: str, since: int, until: int) -> list[Done]:
    """What a principal, by its ARN, did without an error: by operation and resource, how often, first and last."""
    found: dict[tuple[str, str], Done] = {}
    async for hit in of_principal(connection, account, principal, since, until):
        for resource in dict.fromkeys(name for _, name in hit.seen.named()):
            done = found.setdefault(
                (hit.seen.event_name, resource), Done(hit.seen.event_name, resource, hit.at, hit.at)
            )
            done.first, done.last, done.times = min(done.first, hit.at), max(done.last, hit.at), done.times + 1
    return list(found.values())


async def of_principal(
    connection: Connection, account: str, principal: str, since: int, until: int
) -> AsyncIterator[Hit]:
    """Without those that failed. Of a role's sessions the records have the role, of a user the name."""
    is_user = ":user/" in principal
    asked: Pair = ("Username", principal.rpartition("/")[2]) if is_user else ("Principal", principal)
    for region in await regions(connection, account):
        async for hit in newest_first(connection, Wanted(account, region, (asked,), since, until)):
            of_session = hit.seen.user_identity.session_context.session_issuer.arn is not None
            if hit.seen.error_code is None and not (is_user and of_session):
                yield hit


async def regions(connection: Connection, account: str) -> list[str]:
    return [region for owner, region in await scopes(connection) if owner == account]
