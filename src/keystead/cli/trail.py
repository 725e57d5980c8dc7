"""`keystead trail`: what can be asked of the log itself."""

from pathlib import Path
from typing import Annotated, Final

import typer

from keystead.cli.output import DataOption, Output, OutputOption, fail, out, print_json
from keystead.cli.trail_evidence import check, evidence
from keystead.cli.trail_publish import publish
from keystead.cli.trail_search import search
from keystead.logs import stamp
from keystead.trail import policy as policies
from keystead.trail.audit import Asked, Audit, audit
from keystead.trail.policy import Policy, PolicyInvalid
from keystead.trail.signed_note import KeyInvalid, Verifier
from keystead.trail.verify import Report, Verdict
from keystead.trail.witnessed import LAG_SECONDS, over_http

application = typer.Typer(help="The audit trail.", no_args_is_help=True)
application.command("search")(search)
application.command("evidence")(evidence)
application.command("check")(check)
application.command("publish")(publish)

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


@application.callback()
def trail() -> None:
    """The audit trail."""


@application.command("verify")
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
    output: OutputOption = Output.text,
) -> None:
    """Check every record, the tree, all checkpoints, and what witnesses have seen; also while a node serves.

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
            fetch=over_http if policy is not None and not offline else None,
            lag=lag,
        )
    )
    if output is Output.json:
        print_json(facts(found))
    else:
        for line in lines(found):
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(found.verdict)


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


def facts(found: Audit) -> dict[str, object]:
    of_log = {field: getattr(found.log, field) for field in found.log.__struct_fields__}
    of_all = {field: getattr(found, field) for field in found.__struct_fields__ if field != "log"}
    return {**of_log, **of_all, "verdict": found.verdict.name.lower()}


def lines(found: Audit) -> list[str]:
    return [
        *(f"! {finding}" for finding in found.findings),
        *of_log(found.log),
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
