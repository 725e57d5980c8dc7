"""`keystead root`: new domain keys, new root keys, new seals."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from keystead.cli.backup import PassphraseOption, told
from keystead.cli.init import HsmOption, SealKind, in_token
from keystead.cli.output import DatabaseOption, DataOption, Output, OutputOption, errors, fail, print_facts, print_json
from keystead.config import Settings
from keystead.database.sealed_keys import VersionTaken
from keystead.install import reach_of
from keystead.keyholder.seals import FileSeal, PassphraseSeal, Seal
from keystead.keyholder.succession import FormerRootNeeded
from keystead.root.reseal import FormerSealServes, OtherNodes
from keystead.root.reseal import finish as finish_reseal
from keystead.root.reseal import reseal as replace
from keystead.root.rotate import RootNotFinished
from keystead.root.rotate import rotate as rotate_domain_key
from keystead.root.status import status as look

application = typer.Typer(help="What everything is sealed under.", no_args_is_help=True)


@application.callback()
def root() -> None:
    """What everything is sealed under."""


@application.command()
def status(
    data: DataOption,
    database: DatabaseOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.text,
) -> None:
    """Show the seal, the former root keys that are still needed, and how many tokens each domain key wraps."""
    settings = Settings.read({"data": data, "database": database, "passphrase_file": passphrase_file})
    with told():
        found = asyncio.run(look(settings))
    facts: dict[str, object] = {"seal": found.seal, "kind": found.kind, "former_root_keys": found.formers}
    if output is Output.json:
        print_json({**facts, "domain_keys": [key._asdict() for key in found.domain_keys]})
        return
    keys = {f"domain_key {key.version}": f"{key.id}, wraps {key.tokens} tokens" for key in found.domain_keys}
    print_facts({**facts, **keys})


@application.command()
def rotate(
    data: DataOption,
    database: DatabaseOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.text,
) -> None:
    """Put every token under a new domain key. Nodes may be serving; run it again where it was stopped."""
    settings = Settings.read({"data": data, "database": database, "passphrase_file": passphrase_file})
    with told(), Progress(console=errors, transient=True, disable=not errors.is_terminal) as shown:
        bar = shown.add_task("re-wrapping")
        try:
            done = asyncio.run(
                rotate_domain_key(settings, lambda looked, total: shown.update(bar, completed=looked, total=total))
            )
        except RootNotFinished:
            fail("The root key was replaced, and the one before is not dropped yet: first keystead root finish")
        except VersionTaken:
            fail("Another rotation has just begun; nothing was changed.")
    facts = {
        "domain_key": done.domain_key,
        "version": done.version,
        "rotation": "begun and done" if done.begun else "gone on with and done",
        "rewrapped": done.rewrapped,
        "unopened": list(done.unopened),
    }
    (print_json if output is Output.json else print_facts)(facts)
    if done.unopened:
        fail("Some tokens open under no key, and are as they were: see unopened.", 2)


@application.command()
def reseal(
    data: DataOption,
    seal: Annotated[SealKind, typer.Option(help="What is to unlock the root key.")],
    database: DatabaseOption = None,
    passphrase_file: PassphraseOption = None,
    new_passphrase_file: Annotated[Path | None, typer.Option(help="Holds the new passphrase. [default: ask]")] = None,
    hsm: HsmOption = None,
    same_root: Annotated[
        bool, typer.Option("--same-root", help="Only another seal: older backups open with it as well.")
    ] = False,
    output: OutputOption = Output.text,
) -> None:
    """Make a new seal and a new root key. Then restart every node, and run keystead root finish."""
    settings = Settings.read({"data": data, "database": database, "passphrase_file": passphrase_file})
    with told():
        to = in_token(settings, hsm) if seal is SealKind.pkcs11 else wanted(settings, seal, new_passphrase_file)
        made = asyncio.run(replace(settings, to, same_root=same_root))
    facts = {
        "seal": made.seal,
        "kind": made.kind,
        "opens_with": str(made.key_file or made.kind),
        "former_opens_with": str(made.former_key_file or made.former_kind),
    }
    (print_json if output is Output.json else print_facts)(facts)
    option = " with --passphrase-file" if made.kind == SealKind.passphrase else ""
    tell(f"Now give the new seal to every other node, restart every node{option}, and run: keystead root finish")
    if not same_root:
        tell("Keep a copy of what opened the seal of before for as long as you keep backups made under it.")


def wanted(settings: Settings, kind: SealKind, passphrase_file: Path | None) -> Seal:
    reach = reach_of(settings)  # of a former root key that is in a token
    if kind is SealKind.file:
        return FileSeal(reach)
    if passphrase_file is None:
        typed = typer.prompt("New passphrase", hide_input=True, confirmation_prompt=True)
        return PassphraseSeal(typed.encode(), reach)
    return PassphraseSeal(passphrase_file.read_bytes().rstrip(b"\r\n"), reach)


@application.command()
def finish(
    data: DataOption,
    database: DatabaseOption = None,
    passphrase_file: PassphraseOption = None,
    all_nodes: Annotated[
        bool, typer.Option("--all-nodes", help="Every node has the new seal and was restarted with it.")
    ] = False,
    output: OutputOption = Output.text,
) -> None:
    """Seal everything under the new root key, and forget the one before. Run it on each node."""
    settings = Settings.read({"data": data, "database": database, "passphrase_file": passphrase_file})
    with told():
        try:
            done = asyncio.run(finish_reseal(settings, all_nodes=all_nodes))
        except FormerSealServes:
            fail("The node that serves was started under the former seal: restart it first. Nothing was changed.")
        except OtherNodes:
            fail("Say --all-nodes once every node has the new seal and was restarted with it. Nothing was changed.")
        except FormerRootNeeded as needed:
            fail(f"A former root key is still needed for {needed}; run this again.")
    (print_json if output is Output.json else print_facts)(done._asdict())


def tell(text: str) -> None:
    errors.print(text, markup=False, highlight=False, soft_wrap=True)
