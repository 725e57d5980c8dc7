"""`keystead join`: a further node over one shared database."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from keystead.cli.output import HSM_LOST, DataOption, Output, OutputOption, fail, print_facts, print_json
from keystead.config import Settings
from keystead.database.errors import DatabaseLost
from keystead.install import InstallationExists, passphrase_of, reach_of
from keystead.join import DatabaseNotShared
from keystead.join import join as join_node
from keystead.keyholder.errors import HsmLost, SealNotOpened, TokenInvalid


def join(
    data: DataOption,
    source: Annotated[Path, typer.Option("--from", help="The data folder of another node, or a copy of it.")],
    database: Annotated[str | None, typer.Option(help="URL of the database that the nodes share.")] = None,
    passphrase_file: Annotated[str | None, typer.Option(help="For a passphrase seal.")] = None,
    output: OutputOption = Output.text,
) -> None:
    """Make the data folder of a further node. Start it with: keystead serve --data DATA --database URL."""
    settings = Settings.read({"data": data, "database": database, "passphrase_file": passphrase_file})
    try:
        made = asyncio.run(join_node(settings, source, passphrase_of(settings), reach_of(settings)))
    except FileNotFoundError:
        fail(f"There is no installation in {source}.")
    except InstallationExists as exists:
        fail(f"{exists.data} is not empty; nothing was changed.")
    except DatabaseNotShared:
        fail("Nodes share a PostgreSQL database: give its URL with --database.")
    except TokenInvalid:
        fail("The database belongs to another installation.")
    except HsmLost:
        fail(HSM_LOST)
    except (SealNotOpened, DatabaseLost, ValueError) as failed:
        fail(str(failed))
    facts = {"installation": made.id, "node": made.node, "region": made.region, "account_id": made.account}
    (print_json if output is Output.json else print_facts)(facts)
