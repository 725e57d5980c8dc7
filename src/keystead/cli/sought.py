"""Which records of the trail are asked for: the options that say so, and how what they ask for is found."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer
from msgspec.structs import replace

from keystead.cli.output import errors, fail
from keystead.config import Installation, Settings
from keystead.database.engine import Database
from keystead.trail.lookup import behind
from keystead.trail.search import LATEST, Found, Sought, scan
from keystead.trail.search import search as search_index

PrincipalOption = Annotated[
    str | None, typer.Option(help="ARN of a user, a role or a session; or a user's or session's name.")
]
KeyOption = Annotated[str | None, typer.Option(help="A key's ARN, id or alias (alias/NAME).")]
SecretOption = Annotated[str | None, typer.Option(help="A secret's ARN or name.")]
NameOption = Annotated[str | None, typer.Option(help="The operation: Decrypt.")]
ErrorOption = Annotated[str | None, typer.Option(help="The error code: AccessDenied.")]
AccessKeyOption = Annotated[str | None, typer.Option(help="AKIA… or ASIA…")]
AccountOption = Annotated[str | None, typer.Option(help="12 digits.")]
RegionOption = Annotated[str | None, typer.Option(help="[default: all]")]
FromOption = Annotated[str | None, typer.Option("--from", help="ISO 8601, UTC where no zone is given.")]
ToOption = Annotated[str | None, typer.Option("--to", help="Likewise, included.")]
ScanOption = Annotated[bool, typer.Option("--scan", help="Read the whole log instead of the index in the database.")]


def sought(since: str | None, until: str | None, **asked: str | None) -> Sought:
    """`asked` as Sought names it."""
    return Sought(since=moment(since, 0), until=moment(until, LATEST), **asked)


def found(settings: Settings, asked: Sought, limit: int | None, *, read_log: bool) -> list[Found]:
    """At most `limit`: by the index newest first; by reading the log oldest first. Raises FileNotFoundError, LogDamaged, DatabaseLost."""
    return scanned(settings, asked, limit) if read_log else asyncio.run(indexed(settings, asked, limit))


def moment(text: str | None, default: int) -> int:
    """Seconds since the epoch."""
    if text is None:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text} is not a time: 2026-11-24 or 2026-11-24T06:00:00Z.")
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def scanned(settings: Settings, asked: Sought, limit: int | None) -> list[Found]:
    """Raises FileNotFoundError, LogDamaged."""
    installation = Installation.load(settings.folder)
    if asked.key is not None and asked.key.startswith("alias/"):
        fail("An alias is known to the database, which --scan does not read: give the key's id or ARN.")
    return list(islice(scan(settings.folder / "trail", asked, installation.node), limit))


async def indexed(settings: Settings, asked: Sought, limit: int | None) -> list[Found]:
    """Raises FileNotFoundError, DatabaseLost."""
    installation = Installation.load(settings.folder)
    async with Database.opened(settings.database_url) as database:
        if lag := await behind(database, settings.folder / "trail", installation.node):
            errors.print(f"The index is {lag} records behind the log of this node.", style="yellow")
        taken: list[Found] = []
        for one in await by_key(database, asked):
            taken += await some(search_index(database, one), limit)
    return sorted(taken, key=lambda one: (one.at, one.number), reverse=True)[:limit]


async def by_key(database: Database, asked: Sought) -> list[Sought]:
    """An alias may name a key in each account and Region."""
    if asked.key is None or not asked.key.startswith("alias/"):
        return [asked]
    from keystead.keys.aliasing import everywhere

    named = await everywhere(database, asked.key)
    if not named:
        fail(f"{asked.key} is no alias of a key.")
    return [replace(asked, key=key_id, account=account, region=region) for account, region, key_id in named]


async def some(coming: AsyncIterator[Found], limit: int | None) -> list[Found]:
    taken: list[Found] = []
    async for one in coming:
        taken.append(one)
        if len(taken) == limit:
            break
    return taken
