"""Checks CloudTrail's log files and digests against themselves, against the keys that sign, and against this node's log.

1. every digest: lies where it says, is signed with SHA-256 by a key of its time, and of the right account and Region
2. every chain: a digest carries hash, signature and place of the one before, and begins where that ended; the first has none
3. every file that a digest lists: is there, has its hash, and is listed once
4. every file that is there is listed, but for those that are newer than the newest digest
5. what the database says was delivered is there
6. this node's files are what its records make them, byte for byte, and together hold every record up to the last that is listed
7. how old the newest digest is, and which records are in no file yet
What the digests say of the log's tree is given to verify.py, which compares it with the records.

What has been kept long enough (`Place.before`) may be gone: digests that ended before then, but for the newest; files that were cut
before then; and so records of that time may be in no file that is there.

AWS's own validator stops at 1 and 3, and at the links backwards that somebody with the signing key can make anew.
"""

import gzip
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final

from keystead.trail.bucket import BucketLost, ObjectMissing
from keystead.trail.delivered import Chain
from keystead.trail.digest_content import Listed, minute
from keystead.trail.errors import LogDamaged
from keystead.trail.files_report import UNREADABLE, FilesReport, Place
from keystead.trail.verify_cuts import Cuts, first_after
from keystead.trail.verify_digests import Chains

PAGE: Final = 1000
DIGEST: Final = re.compile(r"(?:.*/)?AWSLogs/([0-9]{12})/CloudTrail-Digest/([a-z0-9-]+)/.*\.json\.gz")
LOG_FILE: Final = re.compile(
    r"(?:.*/)?AWSLogs/[0-9]{12}/CloudTrail/[a-z0-9-]+/.*_([0-9]{8}T[0-9]{4})Z_[0-9A-Za-z]{16}\.json\.gz"
)
GRACE_SECONDS: Final = 900.0
"""How long after it was due a digest may be missing: a bucket may be out of reach for a while."""


def verify_files(place: Place, now: float) -> FilesReport:
    """`now` in seconds since the epoch. Raises nothing but what a defect raises."""
    checking = Checking(place)
    try:
        checking.run(now)
    except BucketLost as error:
        checking.report.doubts.append(f"the trail's files cannot be read: {error.text}")
    except LogDamaged as error:
        checking.report.findings.append(error.text)
    return checking.report


class Checking:
    """One run."""

    def __init__(self, place: Place) -> None:
        self.report = FilesReport()
        self._place = place
        self._chains = Chains(place, self.report)

    def run(self, now: float) -> None:
        digests, files = self._found()
        self.report.files = len(files)
        for chain, keys in sorted(digests.items()):
            self._chains.chain(chain, keys)  # 1, 2
        self._files(files)  # 3, 4
        self._delivered({key for keys in digests.values() for key in keys})  # 5
        if (self._place.folder / "segments").is_dir():
            Cuts(self._place, self.report, self._chains.listed).run()  # 6
        self._tail(now)  # 7

    def _found(self) -> tuple[dict[Chain, list[str]], list[str]]:
        digests: dict[Chain, list[str]] = {}
        files = []
        for key in self._keys():
            if matched := DIGEST.fullmatch(key):
                digests.setdefault((matched[1], matched[2]), []).append(key)
            elif LOG_FILE.fullmatch(key):
                files.append(key)
            else:
                self.report.find(f"{key} is neither a digest nor a log file")
        return digests, files

    def _keys(self) -> Iterator[str]:
        prefix = f"{self._place.files.trail.prefix}/AWSLogs/" if self._place.files.trail.prefix else "AWSLogs/"
        after = prefix
        while entries := self._place.files.bucket.list(prefix, after, PAGE):
            yield from (entry.key for entry in entries)
            after = entries[-1].key

    def _files(self, files: Sequence[str]) -> None:
        """Steps 3 and 4."""
        for key, listed in self._chains.listed.items():
            self._file(key, listed)
        newest = min(self._chains.ends.values(), default=0)
        for key in sorted(set(files) - self._chains.listed.keys()):
            if written_at(key) + 60 > newest:
                self.report.pending += 1
            else:
                self.report.find(f"log file {key} is listed by no digest")

    def _file(self, key: str, listed: Listed) -> None:
        try:
            content = gzip.decompress(self._place.files.bucket.get(key).content)
        except ObjectMissing:
            if written_at(key) >= self._place.before:
                self.report.find(f"log file {key} is missing")
            return
        except UNREADABLE:
            self.report.find(f"log file {key} cannot be unpacked")
            return
        if (sha256(content).hexdigest(), "SHA-256") != (listed.hash_value, listed.hash_algorithm):
            self.report.find(f"log file {key} is not what its digest says")

    def _delivered(self, there: set[str]) -> None:
        """Step 5."""
        for digest in self._place.known or ():
            if digest.delivered_at is not None and digest.key not in there:
                self.report.find(f"digest {digest.key} was delivered, and is missing")

    def _tail(self, now: float) -> None:
        """Step 7."""
        allowed = self._chains.interval + GRACE_SECONDS
        for (account, region), end in self._chains.ends.items():
            if now - end > allowed:
                self.report.doubts.append(
                    f"the newest digest of {account} in {region} ended {int(now - end)} seconds ago: what came after it is not shown"
                )
        oldest = first_after(self._place.folder, self.report.covered, self._place.before)
        if oldest is not None and now - oldest > allowed:
            self.report.doubts.append(
                f"records from {self.report.covered} on are in no listed log file, the first of them for {int(now - oldest)} seconds"
            )


def written_at(key: str) -> int:
    """The minute of a log file's name, seconds since the epoch."""
    matched = LOG_FILE.fullmatch(key)
    return minute(matched[1]) if matched else 0
