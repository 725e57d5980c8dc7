"""`keystead trail verify`: the log, its witnesses, and CloudTrail's files, checked against one another."""

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from keystead.cli.output import DatabaseOption, DataOption, Output, OutputOption, fail, out, print_json
from keystead.cli.trail_effects import LogOption, effects, there_is_a_database
from keystead.config import Installation, Settings
from keystead.database.engine import Database
from keystead.database.errors import DatabaseLost
from keystead.logs import stamp
from keystead.trail import delivered
from keystead.trail import policy as policies
from keystead.trail.audit import Asked, Audit, audit
from keystead.trail.delivered import Digest, DigestKey
from keystead.trail.files_report import FilesReport, Place
from keystead.trail.object_store import StoreAddressInvalid
from keystead.trail.policy import Policy, PolicyInvalid
from keystead.trail.signed_note import KeyInvalid, Verifier
from keystead.trail.trails import Files
from keystead.trail.verify import Report, Verdict
from keystead.trail.witnessed import LAG_SECONDS, over_http

DAY: Final = 86400.0
KINDS: Final = {0x01: "Ed25519", 0x06: "ML-DSA-44"}
WORDS: Final = {
    Verdict.PROVEN: "PROVEN: no record is missing or changed, and every checkpoint is of a beginning of this log",
    Verdict.CONTRADICTION: "CONTRADICTION",
    Verdict.UNCHECKED: "COULD NOT BE CHECKED",
}
ALONE: Final = "No policy was given, so no witness was looked at: whoever has this disk and its keys could have written all of it anew."

PolicyOption = Annotated[
    Path | None,
    typer.Option(envvar="KEYSTEAD_TRAIL_POLICY", help="Which witnesses count, and how many (C2SP tlog-policy)."),
]


def verify(
    data: DataOption,
    key: Annotated[
        list[str] | None,
        typer.Option(help="A verifier key that must have signed every checkpoint. [default: those beside the log]"),
    ] = None,
    policy: PolicyOption = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that was kept elsewhere: the log must begin with its tree.")
    ] = None,
    lag: Annotated[float, typer.Option(help="Seconds since a quorum of witnesses last cosigned.")] = LAG_SECONDS,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the witnesses what they have.")] = False,
    log_only: Annotated[
        bool, typer.Option("--log-only", help="Leave out CloudTrail's digests and log files, and the database.")
    ] = False,
    digest_keys: Annotated[
        Path | None,
        typer.Option(
            help="The trail's public keys, as `aws cloudtrail list-public-keys` shows them. [default: the database's]"
        ),
    ] = None,
    kept_days: Annotated[
        int | None,
        typer.Option(
            min=0, envvar="KEYSTEAD_TRAIL_DAYS", help="Log files and digests older than this may be gone; 0 for none."
        ),
    ] = None,
    log: LogOption = None,
    database: DatabaseOption = None,
    output: OutputOption = Output.text,
) -> None:
    """Check every record, the tree, all checkpoints, what witnesses have seen, CloudTrail's files, and whether every key, grant,
    policy and identity in the database has a record that made it so; also while a node serves.

    Exit status 0 when all is proven, 1 when something contradicts it, 2 when it could not be checked.
    """
    try:
        keys = [Verifier.read(text) for text in key or ()]
    except KeyInvalid:
        fail("A verifier key has the form NAME+ID+KEY, as in DATA/trail/checkpoint.vkeys.", Verdict.UNCHECKED)
    found = audit(
        Asked(
            folder=Path(data) / "trail",
            keys=keys,
            notes=[content(path) for path in checkpoint or ()],
            policy=loaded(policy),
            files=None if log_only else place(settings(data, database, kept_days), digest_keys),
            fetch=over_http if policy is not None and not offline else None,
            lag=lag,
            effects=None if log_only else effects(settings(data, database, kept_days), log or ()),
        )
    )
    if output is Output.json:
        print_json(facts(found))
    else:
        for line in lines(found):
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(found.verdict)


def settings(data: str, database: str | None, kept_days: int | None) -> Settings:
    return Settings.read({"data": data, "database": database, "trail_days": kept_days})


def loaded(path: Path | None) -> Policy | None:
    try:
        return policies.load(path) if path is not None else None
    except OSError as error:
        fail(f"{path}: {error.strerror}.", Verdict.UNCHECKED)
    except PolicyInvalid as error:
        fail(f"{path} is not a policy: {error.text}.", Verdict.UNCHECKED)


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fail(f"{path}: {error.strerror}.", Verdict.UNCHECKED)


def place(found: Settings, digest_keys: Path | None) -> Place | None:
    """What is to be known of CloudTrail's files; None where this is no installation, but a log alone."""
    try:
        installation = Installation.load(found.folder)
    except FileNotFoundError:
        return None
    known = asyncio.run(from_database(found)) if there_is_a_database(found) else None
    keys = listed(digest_keys) if digest_keys is not None else known and known[0]
    try:
        files = Files.of(found)
    except StoreAddressInvalid:
        fail(
            "KEYSTEAD_TRAIL_STORE is not an address: s3://BUCKET[/PREFIX][?endpoint=URL][&region=NAME].",
            Verdict.UNCHECKED,
        )
    return Place(
        files=files,
        keys=keys,
        known=known and known[1],
        folder=found.folder / "trail",
        node=installation.node,
        origin=installation.origin,
        before=time.time() - found.trail_days * DAY if found.trail_days else 0.0,
    )


async def from_database(settings: Settings) -> tuple[list[DigestKey], list[Digest]] | None:
    """None where it cannot be asked."""
    try:
        async with Database.opened(settings.database_url) as database, database.read() as connection:
            return await delivered.keys(connection), await delivered.every_digest(connection)
    except DatabaseLost:
        return None


class ListedKey(msgspec.Struct, rename="pascal"):
    """One of ListPublicKeys' answer, as the AWS CLI writes it."""

    value: bytes
    validity_start_time: str
    validity_end_time: str
    fingerprint: str


class ListedKeys(msgspec.Struct, rename="pascal"):
    """ListPublicKeys' answer."""

    public_key_list: list[ListedKey]


def listed(path: Path) -> list[DigestKey]:
    try:
        keys = msgspec.json.decode(content(path), type=ListedKeys).public_key_list
    except msgspec.MsgspecError:
        fail(f"{path} is not what `aws cloudtrail list-public-keys` shows.", Verdict.UNCHECKED)
    return [
        DigestKey(number, key.fingerprint, key.value, seconds(key.validity_start_time), seconds(key.validity_end_time))
        for number, key in enumerate(keys, 1)
    ]


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def facts(found: Audit) -> dict[str, object]:
    of_log = {field: getattr(found.log, field) for field in found.log.__struct_fields__}
    of_all = {field: getattr(found, field) for field in found.__struct_fields__ if field not in {"log", "files"}}
    of_files = {"files": counted(found.files)} if found.files is not None else {}
    return {**of_log, **of_all, **of_files, "verdict": found.verdict.name.lower()}


def counted(files: FilesReport) -> dict[str, int]:
    names = ("chains", "digests", "files", "compared", "pending", "covered", "retired")
    return {name: getattr(files, name) for name in names}


def lines(found: Audit) -> list[str]:
    return [
        *(f"! {finding}" for finding in found.findings),
        *of_log(found.log),
        *of_files(found.files),
        *of_database(found),
        *of_witnesses(found),
        WORDS[found.verdict],
    ]


def of_log(report: Report) -> list[str]:
    told = []
    if report.keys:
        told += [
            f"Records: {report.records}. Root of their tree: {report.root}",
            f"Checkpoints: {report.checkpoints}, the newest of {report.signed} records. Signed with {signed_with(report)}",
        ]
    if newer := report.records - report.signed:
        told.append(f"Newer than the last checkpoint, whole, and not signed yet: {newer} records")
    if report.unacknowledged or report.torn:
        told.append(f"Written and not acknowledged: {report.unacknowledged} records, and {report.torn} bytes of one")
    if report.keys and report.own_keys:
        told.append("The keys were those beside the log. Keep a copy elsewhere and give it with --key.")
    return told


def of_files(files: FilesReport | None) -> list[str]:
    if files is None:
        return []
    compared = f"{files.compared} of them what this node's records make them, up to record {files.covered - 1}"
    told = [f"Digests: {files.digests} in {files.chains} chains. Log files: {files.files}, {compared}"]
    if files.retired:
        told.append(f"Records whose log files have been kept long enough, and may be gone: {files.retired}")
    if files.pending:
        told.append(f"Log files that are newer than the newest digest: {files.pending}")
    return told


def of_database(found: Audit) -> list[str]:
    if found.facts is None:
        return ["No database was here, or asked for: what it shows was not held against the records"]
    told = [
        f"The database shows {found.facts} things that a record must have made; {found.accounted} records tell of such"
    ]
    if found.settled:
        told.append(f"An operator answers for what no call made, by {', '.join(found.settled)}")
    if found.by_index:
        nodes = ", ".join(found.by_index)
        told.append(
            f"Of other nodes ({nodes}) what the index says was believed: verify there, or give their folders with --log"
        )
    return told


def of_witnesses(found: Audit) -> list[str]:
    if found.cosigned is None:
        return [ALONE]
    told = []
    if found.cosigned_at is not None:
        newer = found.log.records - found.cosigned
        told.append(
            f"Cosigned by a quorum: {found.cosigned} records, at {stamp(found.cosigned_at)}. Newer: {newer} records"
        )
    for name, size in found.copies.items():
        told.append(f"Witness {name} " + (f"itself says {size} records" if size is not None else "could not be asked"))
    return told


def signed_with(report: Report) -> str:
    return " and ".join(KINDS[Verifier.read(key).kind] for key in report.keys)
