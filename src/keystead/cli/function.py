"""`keystead function`: which code may rotate secrets, besides Keystead's own."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from keystead import functions
from keystead.cli.backup import PassphraseOption, told
from keystead.cli.output import (
    DatabaseOption,
    DataOption,
    Form,
    FormOption,
    Output,
    OutputOption,
    fail,
    literal,
    out,
    print_facts,
    print_json,
)
from keystead.config import Installation, Settings
from keystead.functions import FunctionRefused
from keystead.rotation.functions import Registered

application = typer.Typer(help="Rotation functions.", no_args_is_help=True)

AccountOption = Annotated[str | None, typer.Option(help="12 digits. [default: the installation's first]")]


@application.callback()
def function() -> None:
    """Rotation functions."""


@application.command()
def register(
    name: Annotated[str, typer.Argument(help="Secrets name it as arn:aws:lambda:REGION:ACCOUNT:function:NAME.")],
    data: DataOption,
    directory: Annotated[
        Path | None, typer.Option(help="Folder with code written for AWS Lambda; on every node.")
    ] = None,
    handler: Annotated[str | None, typer.Option(help="module.function, as in Lambda.")] = None,
    url: Annotated[str | None, typer.Option(help="Or an address that gets each step as a signed POST.")] = None,
    signing_secret: Annotated[
        str | None, typer.Option(help="ARN of the secret with the key of that signature.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="ARN of the role it works as. [default: KeysteadRotation]")] = None,
    variable: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for its environment; not for secrets.")] = None,
    seconds: Annotated[float, typer.Option(help="For one step.")] = 30.0,
    memory: Annotated[int, typer.Option(help="Megabytes.")] = 512,
    account_id: AccountOption = None,
    database: DatabaseOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.text,
) -> None:
    """Let a function rotate secrets. One of that name is replaced. Nodes may be serving."""
    settings = Settings.read({"data": data, "database": database, "passphrase_file": passphrase_file})
    with told():
        account = account_id or Installation.load(settings.folder).account
        made = Registered(
            account=account,
            name=name,
            created_at=time.time(),
            directory=str(directory.absolute()) if directory is not None else None,
            handler=handler,
            url=url,
            signing_secret=signing_secret,
            role=role,
            variables=pairs(variable or []),
            seconds=seconds,
            memory=memory,
        )
        try:
            arn = asyncio.run(functions.register(settings, made))
        except FunctionRefused as refused:
            fail(refused.text)
    (print_json if output is Output.json else print_facts)({"function": arn})


def pairs(given: list[str]) -> dict[str, str]:
    found = dict[str, str]()
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.isidentifier():
            fail("--variable is NAME=VALUE.")
        found[name] = value
    return found


@application.command("list")
def listed(
    data: DataOption, account_id: AccountOption = None, database: DatabaseOption = None, output: FormOption = Form.table
) -> None:
    """Show the functions that were registered."""
    settings = Settings.read({"data": data, "database": database})
    with told():
        installation = Installation.load(settings.folder)
        found = asyncio.run(functions.listed(settings, account_id or installation.account))
    rows = [facts(installation.region, one) for one in found]
    if output is Form.json:
        print_json(rows)
        return
    table = Table(box=None)
    for heading in ("function", "code", "role"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        code = row["url"] or f"{row['directory']} {row['handler']}"
        table.add_row(*(literal(str(cell)) for cell in (row["function"], code, row["role"] or "KeysteadRotation")))
    out.print(table, highlight=False)


def facts(region: str, one: Registered) -> dict[str, object]:
    """Names of variables, and not what is in them."""
    return {
        "function": functions.arn(region, one),
        "directory": one.directory,
        "handler": one.handler,
        "url": one.url,
        "signing_secret": one.signing_secret,
        "role": one.role,
        "variables": sorted(one.variables),
        "seconds": one.seconds,
        "memory": one.memory,
    }


@application.command()
def remove(
    name: str,
    data: DataOption,
    account_id: AccountOption = None,
    database: DatabaseOption = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Let a function rotate nothing any more."""
    settings = Settings.read({"data": data, "database": database, "passphrase_file": passphrase_file})
    with told():
        account = account_id or Installation.load(settings.folder).account
        gone = asyncio.run(functions.remove(settings, account, name))
    if not gone:
        fail("There is no such function.")
