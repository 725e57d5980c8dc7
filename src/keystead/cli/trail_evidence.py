"""`keystead trail evidence` and `keystead trail check`: records that somebody else can check, and the check."""

import asyncio
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
from keystead.cli.trail_verify import place
from keystead.config import Installation, Settings
from keystead.database.engine import Database
from keystead.trail import check_evidence
from keystead.trail import in_force as policies
from keystead.trail.bucket import BucketLost
from keystead.trail.evidence import Made, NothingSigned, Source, bundle
from keystead.trail.filed import Filed, filed
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
    with_files: Annotated[
        bool,
        typer.Option(
            "--with-files",
            help="Also the CloudTrail log files that hold them, and digests. They hold other records too.",
        ),
    ] = False,
    digest_keys: Annotated[
        Path | None,
        typer.Option(
            help="The digests' public keys, as `aws cloudtrail list-public-keys` shows them. [default: the database's]"
        ),
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
        context = in_force(settings, asked, records, read_log=read_log)
        files = of_bucket(settings, digest_keys, [*records, *context]) if with_files else Filed()
        tell(output, made(settings, asked, records, context, output, policy, files), elsewhere(settings, records))


def in_force(settings: Settings, asked: Sought, records: list[Found], *, read_log: bool) -> list[Found]:
    """The records that put the policies and grants of what these are about, and of who made them. Raises LogDamaged, DatabaseLost."""
    if read_log:
        return policies.scanned(settings.folder / "trail", records, Installation.load(settings.folder).node, asked)

    async def by_index() -> list[Found]:
        async with Database.opened(settings.database_url) as database:
            return await policies.indexed(database, records, asked)

    return asyncio.run(by_index())


def made(
    settings: Settings,
    wanted: Sought,
    records: list[Found],
    context: list[Found],
    target: Path,
    policy: Path | None,
    files: Filed,
) -> Made:
    node = Installation.load(settings.folder).node
    asked = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value != getattr(NOTHING, name)}
    here = [one for one in records if one.node == node]
    others = [one for one in context if one.node == node]
    source = Source(
        settings.folder / "trail",
        policy.read_bytes() if policy is not None else None,
        files,
        [one.number for one in others],
    )
    try:
        return bundle(source, [one.number for one in here], asked, target)
    except NothingSigned:
        fail("No checkpoint covers these records yet: a node that serves signs within seconds.")


def of_bucket(settings: Settings, digest_keys: Path | None, records: list[Found]) -> Filed:
    """What CloudTrail's files have of those of this node."""
    where = place(settings, digest_keys)
    if where is None or not where.keys:
        fail("The keys of the digests could not be had: give them with --digest-keys.")
    try:
        return filed(where, [one for one in records if one.node == where.node])
    except BucketLost as lost:
        fail(f"The trail's files cannot be read: {lost.text}.")


def elsewhere(settings: Settings, records: list[Found]) -> int:
    node = Installation.load(settings.folder).node
    return sum(one.node != node for one in records)


def tell(target: Path, done: Made, others: int) -> None:
    lines = [f"{target}: {done.events} records, proven in a tree of {done.size}."]
    if done.context:
        lines.append(
            f"{done.context} of them were not asked for: they put the policies and grants of what the others are about, and of who made them."
        )
    if done.files:
        lines.append(f"CloudTrail log files that hold them, and other records too: {done.files}.")
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
    digest_keys: Annotated[
        Path | None,
        typer.Option(
            help="The digests' keys that you know (`aws cloudtrail list-public-keys`). [default: those in the bundle]"
        ),
    ] = None,
) -> None:
    """Check a bundle, as the checker in it does. Exit status 0 proven, 1 contradicted, 2 could not be checked."""
    raise typer.Exit(check_evidence.check(bundle_file, key or [], policy, digest_keys))
