"""`keystead init`: make an installation and its first administrator."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from keystead.cli.output import HSM_LOST, DataOption, Output, OutputOption, fail, out, print_facts, print_json
from keystead.config import Settings
from keystead.install import InstallationExists, install, reach_of
from keystead.keyholder.errors import HsmLost, SealNotOpened
from keystead.keyholder.seals import FileSeal, PassphraseSeal, Pkcs11Seal, Seal
from keystead.wire import model


class SealKind(StrEnum):
    """What unlocks the root key."""

    file = "file"
    passphrase = "passphrase"  # noqa: S105  # the kind's name
    pkcs11 = "pkcs11"


HsmOption = Annotated[
    str | None,
    typer.Option(help="For a pkcs11 seal: the token that is to hold the root key, by its name in the HSM file."),
]


def init(
    data: DataOption,
    region: Annotated[str, typer.Option(help="The home Region.")] = "us-east-1",
    account_id: Annotated[str | None, typer.Option(help="12 digits. [default: random]")] = None,
    seal: Annotated[SealKind, typer.Option(help="What unlocks the root key.")] = SealKind.file,
    passphrase_file: Annotated[Path | None, typer.Option(help="Holds the passphrase. [default: ask]")] = None,
    hsm: HsmOption = None,
    hsm_file: Annotated[
        str | None, typer.Option(help="Which hardware security modules there are; copied into the data folder.")
    ] = None,
    host: Annotated[str, typer.Option(help="For the endpoint URL that is printed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="For the endpoint URL that is printed.")] = 8333,
    database: Annotated[str | None, typer.Option(help="Database URL. [default: SQLite in the data folder]")] = None,
    output: OutputOption = Output.text,
) -> None:
    """Make an installation. The administrator's secret access key is shown once."""
    if region not in model.regions():
        fail(f"{region} is not a Region of the aws partition.")
    if account_id is not None and not (len(account_id) == 12 and account_id.isascii() and account_id.isdigit()):
        fail("An account id has 12 digits.")
    settings = Settings.read({"data": data, "host": host, "port": port, "database": database, "hsm_file": hsm_file})
    try:
        wanted = in_token(settings, hsm) if seal is SealKind.pkcs11 else chosen(seal, passphrase_file)
        made = asyncio.run(install(settings, region=region, seal=wanted, account=account_id))
    except InstallationExists as exists:
        fail(f"{exists.data} is not empty; nothing was changed.")
    except HsmLost:
        fail(HSM_LOST)
    except SealNotOpened as failed:
        fail(str(failed))
    facts = {
        "endpoint_url": f"http://{host}:{port}",
        "region": region,
        "account_id": made.account,
        "access_key_id": made.access_key_id,
        "secret_access_key": made.secret_access_key,
    }
    if output is Output.json:
        print_json(facts)
        return
    print_facts(facts)
    out.print("\nThe secret access key is not shown again. Start with:")
    out.print(f"  keystead serve --data {data} --port {port}", markup=False, highlight=False, soft_wrap=True)


def in_token(settings: Settings, hsm: str | None) -> Seal:
    """Raises SealNotOpened."""
    reach = reach_of(settings)
    if hsm is None or reach.module is None or hsm not in reach.module.names:
        fail("A pkcs11 seal needs --hsm with the name of a token in the HSM file.")
    return Pkcs11Seal(hsm, reach)


def chosen(kind: SealKind, passphrase_file: Path | None) -> Seal:
    if kind is SealKind.file:
        return FileSeal()
    if passphrase_file is None:
        return PassphraseSeal(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True).encode())
    passphrase = passphrase_file.read_bytes().rstrip(b"\r\n")
    if not passphrase:
        fail(f"{passphrase_file} is empty.")
    return PassphraseSeal(passphrase)
