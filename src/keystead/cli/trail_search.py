"""`keystead trail search`: who did what with which key or secret, and when."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from keystead.cli.failures import told
from keystead.cli.output import DatabaseOption, DataOption, Output, OutputOption, out
from keystead.cli.sought import (
    AccessKeyOption,
    AccountOption,
    ErrorOption,
    FromOption,
    KeyOption,
    NameOption,
    PrincipalOption,
    RegionOption,
    ScanOption,
    SecretOption,
    ToOption,
    found,
    sought,
)
from keystead.config import Settings
from keystead.trail.search import Found


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
    asked = sought(
        since,
        until,
        principal=principal,
        key=key,
        secret=secret,
        name=name,
        error=error,
        access_key_id=access_key_id,
        account=account_id,
        region=region,
    )
    with told():
        records = found(settings, asked, limit, read_log=read_log)
    show(records, output)


def show(records: list[Found], output: Output) -> None:
    if output is Output.json:
        for one in records:
            typer.echo(one.record)
        return
    table = Table("when (UTC)", "who", "what", "error", "on", "record", box=None, header_style="dim")
    for one in records:
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
