"""`keystead trail settle`: an operator answers for what the database shows and no record made."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from keystead import settling
from keystead.cli.backup import PassphraseOption, told
from keystead.cli.output import DatabaseOption, DataOption, fail, out
from keystead.cli.trail_effects import LogOption, Unread, effects
from keystead.config import Settings
from keystead.effects.accounts import put_there
from keystead.trail.verify import Verdict, verify


def settle(
    data: DataOption,
    yes: Annotated[bool, typer.Option("--yes", help="Record it. Without, it is only shown.")] = False,
    log: LogOption = None,
    database: DatabaseOption = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Answer for what `keystead trail verify` finds in the database without a record, as after a crash: it becomes a record itself.

    Only a log that is otherwise proven can be settled. Look into each finding first: a theft looks the same.
    """
    settings = Settings.read({"data": data, "database": database, "passphrase_file": passphrase_file})
    with told():
        accounts = effects(settings, log or ())
        if accounts is None or isinstance(accounts, Unread):
            fail("There is no database to look at.")
        folder = Path(data) / "trail"
        if verify(folder, see=accounts.see).verdict is Verdict.CONTRADICTION:
            fail("The log itself is not sound: keystead trail verify says how.")
        accounts.told(folder)
        found, forged = accounts.unsettled(), accounts.forged
        for text in [*(one.text for one in found), *map(put_there, forged)]:
            out.print(f"! {text}", markup=False, highlight=False, soft_wrap=True)
        if not found and not forged:
            out.print("There is nothing to settle.")
        elif yes:
            asyncio.run(settling.settle(settings, found, forged))
            out.print(
                f"{len(found) + len(forged)} findings are to be recorded as settled: at once by a node that serves, else when one starts."
            )
