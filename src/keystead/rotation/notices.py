"""Tells somebody of rotations: each event of the trail about them, posted to one URL, signed (executors.signing).

    POST   webhook-id: the event's id   webhook-timestamp   webhook-signature   body: the CloudTrail record

They wait in the database from the transaction on in which the thing happened, so none is lost; one may come twice, under the same id.
What cannot be delivered within three days is dropped: the trail has it.
"""

from collections.abc import Callable
from typing import Final

import httpx
import msgspec
import structlog
from sqlalchemy import delete, select

from keystead.database.engine import Database
from keystead.rotation.executors import signing
from keystead.rotation.store import notices

log = structlog.get_logger("keystead.rotation")

BATCH: Final = 100
SECONDS: Final = 10.0
KEPT_SECONDS: Final = 3 * 86_400.0


class Undelivered(Exception):
    """The receiver did not take it; the job is tried again, ever later."""


class Known(msgspec.Struct):
    """The part of an event that names it."""

    event_id: str = msgspec.field(name="eventID")


async def deliver(database: Database, url: str, key: bytes, clock: Callable[[], float]) -> None:
    """Post what waits, oldest first. Raises Undelivered."""
    while True:
        async with database.read() as connection:
            rows = list(await connection.execute(select(notices).order_by(notices.c.seq).limit(BATCH)))
        if not rows:
            return
        async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client:
            for row in rows:
                if clock() - row.made_at < KEPT_SECONDS:
                    await post(client, url, key, row.event, clock())
                await forget(database, row.seq)


async def post(client: httpx.AsyncClient, url: str, key: bytes, event: bytes, at: float) -> None:
    known = msgspec.json.decode(event, type=Known)
    try:
        response = await client.post(url, content=event, headers=signing.headers(key, known.event_id, at, event))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Undelivered(type(error).__name__) from None
    if not response.is_success:
        raise Undelivered(str(response.status_code))


async def forget(database: Database, seq: int) -> None:
    async with database.write("notice", announced=False) as tx:
        await tx.execute(delete(notices).where(notices.c.seq == seq))
