"""`keystead backup` and `keystead restore`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import gmtime, strftime
from typing import Annotated

import typer

from keystead.backup.format import BackupDamaged
from keystead.backup.make import Made
from keystead.backup.make import backup as make_backup
from keystead.backup.restore import Given, Restored
from keystead.backup.restore import restore as restore_backup
from keystead.cli import failures
from keystead.cli.output import (
    HSM_LOST,
    DatabaseOption,
    DataOption,
    Output,
    OutputOption,
    errors,
    fail,
    print_facts,
    print_json,
)
from keystead.config import Settings
from keystead.database.archive import Unfit
from keystead.database.errors import DatabaseNotEmpty
from keystead.install import InstallationExists, passphrase_of, reach_of
from keystead.keyholder.errors import HsmLost, SealNotOpened, TokenInvalid

PassphraseOption = Annotated[str | None, typer.Option(help="For a passphrase seal.")]


def backup(
    data: DataOption,
    output_file: Annotated[Path, typer.Option("--output", help="The file to make. It must not exist.")],
    database: DatabaseOption = None,
    passphrase_file: PassphraseOption = None,
    output: Annotated[Output, typer.Option("--format", help="text for people, json for programs.")] = Output.text,
) -> None:
    """Back up everything but what opens the seal. Nodes may be serving."""
    settings = Settings.read({"data": data, "database": database, "passphrase_file": passphrase_file})
    with told():
        made = asyncio.run(make_backup(settings, output_file, say))
    facts = made_facts(made)
    if output is Output.json:
        print_json(facts)
        return
    print_facts(facts)
    errors.print(keep_too(made), markup=False, highlight=False, soft_wrap=True)


def made_facts(made: Made) -> dict[str, object]:
    return {
        "backup": made.id,
        "file": str(made.path),
        "bytes": made.bytes,
        "sha256": made.sha256,
        "rows": made.rows,
        "records": made.records,
        "opens_with": str(made.key or made.hsm or "passphrase"),
    }


def keep_too(made: Made) -> str:
    if made.hsm:
        return f"Keep the token of {made.hsm}, and a clone of it: without its root key nobody opens this backup."
    if made.key is None:
        return "Keep the passphrase, somewhere else: without it nobody opens this backup."
    return f"Keep {made.key} too, somewhere else: it is not in the backup, and without it nobody opens it."


def restore(
    data: DataOption,
    source: Annotated[Path, typer.Option("--input", help="A file that `keystead backup` made.")],
    database: DatabaseOption = None,
    seal_from: Annotated[
        Path | None, typer.Option(help="The folder that holds the key file of a file seal (seal-ID.key).")
    ] = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.text,
) -> None:
    """Make an installation from a backup, in an empty folder and an empty database."""
    settings = Settings.read({"data": data, "database": database, "passphrase_file": passphrase_file})
    with told():
        made = asyncio.run(
            restore_backup(settings, source, Given(seal_from, passphrase_of(settings), reach_of(settings)), say)
        )
    (print_json if output is Output.json else print_facts)(restored_facts(made))


def restored_facts(made: Restored) -> dict[str, object]:
    return {
        "installation": made.installation.id,
        "node": made.installation.node,
        "region": made.installation.region,
        "account_id": made.installation.account,
        "backup_made": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(made.made)),
        "rows": made.rows,
        "former_log": str(made.former),
        "former_records": made.records,
    }


def say(text: str) -> None:
    """Progress, for people."""
    if errors.is_terminal:
        errors.print(text, style="dim", markup=False, highlight=False)


@contextmanager
def told() -> Iterator[None]:
    """What else can go wrong where the seal is opened, in the operator's words."""
    with failures.told():
        try:
            yield
        except InstallationExists as exists:
            fail(f"{exists.data} is not empty; nothing was changed.")
        except DatabaseNotEmpty:
            fail("The database is not empty; nothing was changed.")
        except TokenInvalid:
            fail("The keys in the database are not sealed under this seal: it belongs to another installation.")
        except HsmLost:
            fail(HSM_LOST)
        except (BackupDamaged, SealNotOpened, Unfit) as failed:
            fail(str(failed))
