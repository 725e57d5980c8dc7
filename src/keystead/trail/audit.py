"""The whole verification of one log: `keystead trail verify`.

1. checkpoints that somebody kept elsewhere: signed by the log's keys
2. what witnesses have seen                                                     witnessed.py
3. digests and log files, and what they say of the tree                         verify_files.py
4. the records, their tree, their checkpoints, and 1, 2 and 3 against them      verify.py
5. what the database shows against the records that made it so, where it is given (`Effects`)

The order matters while a node serves: what others say, and the database, is read first, so that the log has it when it is read.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from keystead.trail import setup
from keystead.trail.checkpoints import parse
from keystead.trail.errors import LogDamaged, LogMissing
from keystead.trail.files_report import FilesReport, Place
from keystead.trail.policy import Policy
from keystead.trail.records import Stored
from keystead.trail.signed_note import NoteInvalid, Verifier, opened
from keystead.trail.verify import Head, Report, Verdict, verify
from keystead.trail.verify_files import verify_files
from keystead.trail.witnessed import LAG_SECONDS, Fetch, witnessed


class Compared(Protocol):
    """What came of step 5. `facts` of the database, `records` that tell of such, `nodes` whose own logs were not looked at,
    `words`: records by which an operator answers for what no call made.
    """

    @property
    def facts(self) -> int: ...
    @property
    def records(self) -> int: ...
    @property
    def nodes(self) -> Sequence[str]: ...
    @property
    def words(self) -> Sequence[str]: ...
    @property
    def findings(self) -> Sequence[str]: ...
    @property
    def doubts(self) -> Sequence[str]: ...


class Effects(Protocol):
    """What the database shows, read before the log is."""

    def see(self, stored: Stored) -> None:
        """A record, in the order of the log."""

    def told(self, folder: Path) -> Compared:
        """After the last record."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be verified, and against what.

    keys    that must have signed every checkpoint; those beside the log where none is given
    notes   checkpoints that were kept elsewhere
    policy  None: witnesses are not looked at
    files   None: CloudTrail's files are not looked at
    fetch   None: witnesses are not asked
    lag     seconds
    effects  None: the database is not looked at
    """

    folder: Path
    keys: Sequence[Verifier] = ()
    notes: Sequence[bytes] = ()
    policy: Policy | None = None
    files: Place | None = None
    fetch: Fetch | None = None
    lag: float = LAG_SECONDS
    clock: Callable[[], float] = time.time
    effects: Effects | None = None


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    cosigned, cosigned_at  records in the newest checkpoint with a quorum, and when it was cosigned; None without a policy
    copies                 by witness, records in what it says it cosigned last; None where it could not be asked
    files                  None where they were not looked at
    facts, accounted       what the database shows, and records that make or change such; None where it was not looked at
    settled                records by which an operator answers for what no call made
    by_index               nodes whose records were taken for that as the index has them
    """

    verdict: Verdict
    log: Report
    cosigned: int | None = None
    cosigned_at: int | None = None
    copies: dict[str, int | None] = {}
    files: FilesReport | None = None
    facts: int | None = None
    accounted: int | None = None
    settled: tuple[str, ...] = ()
    by_index: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


def audit(asked: Asked) -> Audit:
    """Raises nothing but what a defect raises."""
    heads, findings = kept_elsewhere(asked)  # 1
    seen = witnessed(asked.folder, asked.policy or Policy(), asked.clock(), lag=asked.lag, fetch=asked.fetch)  # 2
    files = verify_files(asked.files, asked.clock()) if asked.files is not None else None  # 3
    of_files = files or FilesReport()
    see = asked.effects.see if asked.effects is not None else None
    report = verify(asked.folder, asked.keys, [*heads, *seen.heads, *of_files.heads], see)  # 4
    compared = asked.effects.told(asked.folder) if asked.effects is not None else None  # 5
    contradictions = (*findings, *seen.findings, *of_files.findings, *(compared.findings if compared else ()))
    doubts = (*seen.doubts, *of_files.doubts, *(compared.doubts if compared else ()))
    return Audit(
        verdict=verdict_of(report, contradictions, doubts),
        log=report,
        cosigned=seen.size if asked.policy is not None else None,
        cosigned_at=seen.at or None,
        copies={name: size if size >= 0 else None for name, size in seen.copies.items()},
        files=files,
        facts=compared.facts if compared else None,
        accounted=compared.records if compared else None,
        settled=tuple(compared.words) if compared else (),
        by_index=tuple(compared.nodes) if compared else (),
        findings=(*contradictions, *report.findings, *doubts),
    )


def verdict_of(report: Report, contradictions: Sequence[str], doubts: Sequence[str]) -> Verdict:
    if contradictions or report.verdict is Verdict.CONTRADICTION:
        return Verdict.CONTRADICTION
    return Verdict.UNCHECKED if doubts else report.verdict


def kept_elsewhere(asked: Asked) -> tuple[list[Head], list[str]]:
    if not asked.notes:
        return [], []
    try:
        keys = asked.keys or setup.verifiers(asked.folder)
    except (LogMissing, LogDamaged):
        return [], []  # step 4 says so
    heads, findings = [], []
    for number, note in enumerate(asked.notes):
        try:
            text, signed = opened(note, keys)
            checkpoint = parse(text)
            if not signed:
                raise NoteInvalid("not signed by this log")  # said like the others
        except ValueError as error:
            findings.append(f"checkpoint {number} of those given: {error}")
            continue
        heads.append(Head(checkpoint.size, checkpoint.root, "a checkpoint that was kept elsewhere"))
    return heads, findings
