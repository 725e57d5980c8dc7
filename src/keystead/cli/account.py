"""`keystead account`: further accounts in one deployment."""

import asyncio
from typing import Annotated

import typer

from keystead.cli.output import HSM_LOST, DataOption, Output, OutputOption, fail, print_facts, print_json
from keystead.config import Settings
from keystead.install import AccountExists, add_account
from keystead.keyholder.errors import HsmLost, SealNotOpened

application = typer.Typer(help="Accounts of this deployment.", no_args_is_help=True)


@application.callback()
def family() -> None:
    """Accounts of this deployment."""


@application.command()
def create(
    data: DataOption,
    account_id: Annotated[str | None, typer.Option(help="12 digits. [default: random]")] = None,
    passphrase_file: Annotated[str | None, typer.Option(help="For a passphrase seal.")] = None,
    output: OutputOption = Output.text,
) -> None:
    """Make an account with its first administrator. The node may be running."""
    if account_id is not None and not (len(account_id) == 12 and account_id.isascii() and account_id.isdigit()):
        fail("An account id has 12 digits.")
    settings = Settings.read({"data": data, "passphrase_file": passphrase_file})
    try:
        made = asyncio.run(add_account(settings, account_id))
    except FileNotFoundError:
        fail(f"There is no installation in {data}.")
    except AccountExists as exists:
        fail(f"Account {exists.account} exists already.")
    except HsmLost:
        fail(HSM_LOST)
    except SealNotOpened as failed:
        fail(str(failed))
    facts = {
        "account_id": made.account,
        "access_key_id": made.access_key_id,
        "secret_access_key": made.secret_access_key,
    }
    (print_json if output is Output.json else print_facts)(facts)
