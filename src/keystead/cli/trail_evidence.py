"""`keystead trail evidence` and `keystead trail check`: records that somebody else can check, and the check."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from keystead.cli.failures import told
from keystead.cli.output import DatabaseOption, DataOption, fail, out
from keystead.cli.sought import (
    ErrorOption,
    FromOption,
    KeyOption,
    NameOption,
    PrincipalOption,
    ScanOption,
    SecretOption,
    ToOption,
    found,
    sought,
)
from keystead.config import Installation, Settings
from keystead.trail import check_evidence
from keystead.trail.evidence import Made, NothingSigned, Source, bundle
from keystead.trail.search import Found, Sought

NOTHING = Sought()


def evidence(
    data: DataOption,
    output: Annotated[Path, typer.Option(help="The bundle to make, a ZIP file. It must not exist.")],
    principal: PrincipalOption = None,
    key: KeyOption = None,
    secret: SecretOption = None,
    name: NameOption = None,
    error: ErrorOption = None,
    since: FromOption = None,
    until: ToOption = None,
    policy: Annotated[
        Path | None, typer.Option(envvar="KEYSTEAD_TRAIL_POLICY", help="Which witnesses count (C2SP tlog-policy).")
    ] = None,
    read_log: ScanOption = False,
    database: DatabaseOption = None,
) -> None:
    """Bundle records of this node's log with the proofs, checkpoints and cosignatures that an auditor needs, and a checker."""
    asked = sought(since, until, principal=principal, key=key, secret=secret, name=name, error=error)
    if asked == NOTHING:
        fail("Say which records: --key, --secret, --principal, --name, --error, --from or --to.")
    settings = Settings.read({"data": data, "database": database})
    with told():
        records = found(settings, asked, None, read_log=read_log)
        tell(output, made(settings, asked, records, output, policy), elsewhere(settings, records))


def made(settings: Settings, wanted: Sought, records: list[Found], target: Path, policy: Path | None) -> Made:
    node = Installation.load(settings.folder).node
    asked = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value != getattr(NOTHING, name)}
    source = Source(settings.folder / "trail", policy.read_bytes() if policy is not None else None)
    try:
        return bundle(source, [one.number for one in records if one.node == node], asked, target)
    except NothingSigned:
        fail("No checkpoint covers these records yet: a node that serves signs within seconds.")


def elsewhere(settings: Settings, records: list[Found]) -> int:
    node = Installation.load(settings.folder).node
    return sum(one.node != node for one in records)


def tell(target: Path, done: Made, others: int) -> None:
    lines = [f"{target}: {done.events} records, proven in a tree of {done.size}."]
    if done.seen < done.size:
        lines.append(f"A quorum of witnesses has seen {done.seen} of these {done.size}.")
    if done.left_out:
        lines.append(f"Left out: {done.left_out} records that are newer than the newest checkpoint.")
    if others:
        lines.append(f"Left out: {others} records in the logs of other nodes. Ask there too.")
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def check(
    bundle_file: Annotated[Path, typer.Argument(metavar="BUNDLE", help="What `keystead trail evidence` made.")],
    key: Annotated[
        list[str] | None, typer.Option(help="A verifier key of the log, from elsewhere. [default: those in the bundle]")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The policy that you trust. [default: the one in the bundle]")
    ] = None,
) -> None:
    """Check a bundle, as the checker in it does. Exit status 0 proven, 1 contradicted, 2 could not be checked."""
    raise typer.Exit(check_evidence.check(bundle_file, key or [], policy))
