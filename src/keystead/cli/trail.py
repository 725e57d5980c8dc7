"""`keystead trail`: what can be asked of the log itself."""

from pathlib import Path
from typing import Annotated, Final

import typer

from keystead.cli.output import DataOption, Output, OutputOption, fail, out, print_json
from keystead.trail.signed_note import KeyInvalid, Verifier
from keystead.trail.verify import Report, Verdict
from keystead.trail.verify import verify as verify_log

application = typer.Typer(help="The audit trail.", no_args_is_help=True)

KINDS: Final = {0x01: "Ed25519", 0x06: "ML-DSA-44"}
WORDS: Final = {
    Verdict.PROVEN: "PROVEN: no record is missing or changed, and every checkpoint is of a beginning of this log",
    Verdict.CONTRADICTION: "CONTRADICTION",
    Verdict.UNCHECKED: "COULD NOT BE CHECKED",
}


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
    output: OutputOption = Output.text,
) -> None:
    """Check every record, the tree and all checkpoints; also while a node serves.

    Exit status 0 when all is proven, 1 when something contradicts it, 2 when it could not be checked.
    """
    try:
        keys = [Verifier.read(text) for text in key or ()]
    except KeyInvalid:
        fail("A verifier key has the form NAME+ID+KEY, as in DATA/trail/checkpoint.vkeys.", Verdict.UNCHECKED)
    report = verify_log(Path(data) / "trail", keys)
    if output is Output.json:
        print_json({**facts(report), "verdict": report.verdict.name.lower()})
    else:
        for line in lines(report):
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(report.verdict)


def facts(report: Report) -> dict[str, object]:
    return {field: getattr(report, field) for field in report.__struct_fields__}


def lines(report: Report) -> list[str]:
    told = [f"! {finding}" for finding in report.findings]
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
    return [*told, WORDS[report.verdict]]


def signed_with(report: Report) -> str:
    return " and ".join(KINDS[Verifier.read(key).kind] for key in report.keys)
