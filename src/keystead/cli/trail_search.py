"""`keystead trail search`: who did what with which key or secret, and when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer
from msgspec.structs import replace
from rich.table import Table

from keystead.cli.backup import DatabaseOption, told
from keystead.cli.output import DataOption, Output, OutputOption, errors, fail, out
from keystead.config import Installation, Settings
from keystead.database.engine import Database
from keystead.health import lag
from keystead.keys.aliasing import everywhere
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


def search(
    data: DataOption,
    principal: PrincipalOption = None,
    key: KeyOption = None,
    secret: SecretOption = None,
    name: NameOption = None,
    error: ErrorOption = None,
    access_key_id: AccessKeyOption = None,
    account_id: AccountOption = None,
    region: RegionOption = None,
    since: FromOption = None,
    until: ToOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    read_log: ScanOption = False,
    database: DatabaseOption = None,
    output: OutputOption = Output.text,
) -> None:
    """Show records, newest first; with --scan, oldest first. As JSON: one record a line, as it lies in the log."""
    settings = Settings.read({"data": data, "database": database})
    sought = Sought(
        principal=principal,
        key=key,
        secret=secret,
        name=name,
        error=error,
        access_key_id=access_key_id,
        account=account_id,
        region=region,
        since=moment(since, 0),
        until=moment(until, LATEST),
    )
    with told():
        found = scanned(settings, sought, limit) if read_log else asyncio.run(indexed(settings, sought, limit))
    show(found, output)


def moment(text: str | None, default: int) -> int:
    """Seconds since the epoch."""
    if text is None:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text} is not a time: 2026-11-24 or 2026-11-24T06:00:00Z.")
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def scanned(settings: Settings, sought: Sought, limit: int | None) -> list[Found]:
    """Raises FileNotFoundError, LogDamaged."""
    installation = Installation.load(settings.folder)
    if sought.key is not None and sought.key.startswith("alias/"):
        fail("An alias is known to the database, which --scan does not read: give the key's id or ARN.")
    return list(islice(scan(settings.folder / "trail", sought, installation.node), limit))


async def indexed(settings: Settings, sought: Sought, limit: int | None) -> list[Found]:
    """Raises FileNotFoundError, DatabaseLost."""
    installation = Installation.load(settings.folder)
    database = Database.open(settings.database_url)
    try:
        if behind := await lag(database, settings.folder / "trail", installation.node):
            errors.print(f"The index is {behind} records behind the log of this node.", style="yellow")
        found: list[Found] = []
        for one in await by_key(database, sought):
            found += await some(search_index(database, one), limit)
    finally:
        await database.close()
    return sorted(found, key=lambda one: (one.at, one.number), reverse=True)[:limit]


async def by_key(database: Database, sought: Sought) -> list[Sought]:
    """An alias may name a key in each account and Region."""
    if sought.key is None or not sought.key.startswith("alias/"):
        return [sought]
    named = await everywhere(database, sought.key)
    if not named:
        fail(f"{sought.key} is no alias of a key.")
    return [replace(sought, key=key_id, account=account, region=region) for account, region, key_id in named]


async def some(found: AsyncIterator[Found], limit: int | None) -> list[Found]:
    taken: list[Found] = []
    async for one in found:
        taken.append(one)
        if len(taken) == limit:
            break
    return taken


def show(found: list[Found], output: Output) -> None:
    if output is Output.json:
        for one in found:
            typer.echo(one.record)
        return
    table = Table("when (UTC)", "who", "what", "error", "on", "record", box=None, header_style="dim")
    for one in found:
        who = one.seen.user_identity
        table.add_row(
            datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            who.arn or who.principal_id or who.type or "–",
            one.seen.event_name,
            one.seen.error_code or "",
            "\n".join(name for _, name in one.seen.named()),
            str(one.number),
        )
    out.print(table, soft_wrap=True)
