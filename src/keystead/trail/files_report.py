"""What is checked of CloudTrail's files, and what was found."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from keystead.trail.delivered import Digest, DigestKey
from keystead.trail.trails import Files
from keystead.trail.verify import Head

UNREADABLE: Final = (OSError, EOFError, zlib.error, msgspec.MsgspecError, KeyError, ValueError, TypeError)
"""What the readers of damaged objects raise."""


@dataclass(slots=True)
class FilesReport:
    """What was found.

    chains, digests, files  how many there are
    compared   of the files, those that were made again from this node's records
    pending    files that are newer than the newest digest
    covered    records of this node's log that are in files, from the first on
    retired    of those, such as are in files that have been kept long enough
    findings   contradictions; `doubts`: what could not be checked
    """

    chains: int = 0
    digests: int = 0
    files: int = 0
    compared: int = 0
    pending: int = 0
    covered: int = 0
    retired: int = 0
    heads: list[Head] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def find(self, text: str) -> None:
        if text not in self.findings:
            self.findings.append(text)

    def doubt(self, text: str) -> None:
        if text not in self.doubts:
            self.doubts.append(text)


@dataclass(frozen=True, slots=True)
class Place:
    """What is checked, and with what.

    keys    that may sign digests; None where they cannot be had
    known   digests that the database says are in the bucket; None where it was not asked
    folder  of this node's log; `origin`: its name in checkpoints
    before  seconds since the epoch: what is older may have been taken out of the bucket (retention.py); 0 for nothing
    """

    files: Files
    keys: Sequence[DigestKey] | None
    known: Sequence[Digest] | None
    folder: Path
    node: str
    origin: str
    before: float = 0.0
