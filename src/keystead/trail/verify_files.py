"""Checks CloudTrail's log files and digests against themselves, against the keys that sign, and against this node's log.

1. every digest: lies where it says, is signed with SHA-256 by a key of its time, and of the right account and Region
2. every chain: a digest carries hash, signature and place of the one before, and begins where that ended; the first has none
3. every file that a digest lists: is there, has its hash, and is listed once
4. every file that is there is listed, but for those that are newer than the newest digest
5. what the database says was delivered is there
6. this node's files are what its records make them, byte for byte, and together hold every record up to the last that is listed
7. how old the newest digest is, and which records are in no file yet
What the digests say of the log's tree is given to verify.py, which compares it with the records.

AWS's own validator stops at 1 and 3, and at the links backwards that somebody with the signing key can make anew.
"""

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature

from keystead.trail import adoption, attributes
from keystead.trail.adoption import NotOurs
from keystead.trail.bucket import BucketLost, Object, ObjectMissing
from keystead.trail.delivered import Chain, Digest, DigestKey
from keystead.trail.errors import LogDamaged
from keystead.trail.log_files import HEAD as BEGIN
from keystead.trail.log_files import TAIL, parts_of
from keystead.trail.segments import Reader, Record
from keystead.trail.trails import Files
from keystead.trail.verify import Head

PAGE: Final = 1000
DIGEST: Final = re.compile(r"(?:.*/)?AWSLogs/([0-9]{12})/CloudTrail-Digest/([a-z0-9-]+)/.*\.json\.gz")
LOG_FILE: Final = re.compile(
    r"(?:.*/)?AWSLogs/[0-9]{12}/CloudTrail/[a-z0-9-]+/.*_([0-9]{8}T[0-9]{4})Z_[0-9A-Za-z]{16}\.json\.gz"
)
ALGORITHM: Final = "SHA256withRSA"
GRACE_SECONDS: Final = 900.0
"""How long after it was due a digest may be missing: a bucket may be out of reach for a while."""


class Listed(msgspec.Struct, frozen=True, rename="camel"):
    """One of a digest's `logFiles`."""

    s3_object: str = msgspec.field(name="s3Object")
    s3_bucket: str = msgspec.field(name="s3Bucket")
    hash_value: str
    hash_algorithm: str
    newest_event_time: str
    oldest_event_time: str
    keystead_records: "Records"


class Records(msgspec.Struct, frozen=True):
    """Which records of which node's log a file was made of, and how many of them are in it."""

    node: str
    first: int
    last: int
    events: int


class NamedTree(msgspec.Struct, frozen=True):
    """A log's tree, as a digest says it was."""

    node: str
    origin: str
    size: int
    root: str


class Told(msgspec.Struct, frozen=True, rename="camel"):
    """A digest, as far as it is checked here."""

    digest_start_time: str
    digest_end_time: str
    newest_event_time: str | None
    oldest_event_time: str | None
    log_files: tuple[Listed, ...]
    keystead_logs: tuple[NamedTree, ...]


@dataclass(slots=True)
class FilesReport:
    """What was found.

    chains, digests, files  how many there are
    compared   of the files, those that were made again from this node's records
    pending    files that are newer than the newest digest
    covered    records of this node's log that are in files, from the first on
    findings   contradictions; `doubts`: what could not be checked
    """

    chains: int = 0
    digests: int = 0
    files: int = 0
    compared: int = 0
    pending: int = 0
    covered: int = 0
    heads: list[Head] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """What is checked, and with what.

    keys    that may sign digests; None where they cannot be had
    known   digests that the database says are in the bucket; None where it was not asked
    folder  of this node's log; `origin`: its name in checkpoints
    """

    files: Files
    keys: Sequence[DigestKey] | None
    known: Sequence[Digest] | None
    folder: Path
    node: str
    origin: str


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
        self._listed: dict[str, Listed] = {}
        self._ends: dict[Chain, int] = {}
        self._interval = 0

    def run(self, now: float) -> None:
        digests, files = self._found()
        self.report.files = len(files)
        for chain, keys in sorted(digests.items()):
            self._chain(chain, keys)  # 1, 2
        self._files(files)  # 3, 4
        self._delivered({key for keys in digests.values() for key in keys})  # 5
        if (self._place.folder / "segments").is_dir():
            self._compare()  # 6
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
                self._find(f"{key} is neither a digest nor a log file")
        return digests, files

    def _keys(self) -> Iterator[str]:
        prefix = f"{self._place.files.trail.prefix}/AWSLogs/" if self._place.files.trail.prefix else "AWSLogs/"
        after = prefix
        while entries := self._place.files.bucket.list(prefix, after, PAGE):
            yield from (entry.key for entry in entries)
            after = entries[-1].key

    # --- digests

    def _chain(self, chain: Chain, keys: Sequence[str]) -> None:
        self.report.chains += 1
        previous: Digest | None = None
        for key in keys:
            self.report.digests += 1
            previous = self._digest(chain, key, previous) or previous
        if previous is not None:
            self._ends[chain] = previous.end

    def _digest(self, chain: Chain, key: str, previous: Digest | None) -> Digest | None:
        trail = self._place.files.trail
        try:
            kept = self._place.files.bucket.get(key)
            content = gzip.decompress(kept.content)
            told = msgspec.json.decode(content, type=dict[str, Any])
            made = read(told)
            digest = self._read(chain, key, kept, content, told)
        except ObjectMissing:
            self._find(f"digest {key} vanished while it was read")
            return None
        except UNREADABLE:
            self._find(f"digest {key} is not one")
            return None
        if trail.digest_key(*chain, digest.end) != key or told["digestS3Object"] != key:
            self._find(f"digest {key} is not where it says")
        self._signed(kept, told, digest)
        self._linked(key, told, digest, previous)
        self._of_digest(key, made)
        self._interval = max(self._interval, digest.end - digest.start)
        return digest

    @staticmethod
    def _read(chain: Chain, key: str, kept: Object, content: bytes, told: dict[str, Any]) -> Digest:
        """Raises KeyError, ValueError."""
        if told["awsAccountId"] != chain[0]:
            raise ValueError("of another account")
        start, end = adoption.seconds(told["digestStartTime"]), adoption.seconds(told["digestEndTime"])
        if start >= end:
            raise ValueError("no time")
        return Digest(
            *chain,
            0,
            start,
            end,
            told["digestS3Bucket"],
            key,
            sha256(content).hexdigest(),
            kept.metadata["signature"],
            None,
        )

    def _signed(self, kept: Object, told: dict[str, Any], digest: Digest) -> None:
        """Step 1."""
        if kept.metadata.get("signature-algorithm") != ALGORITHM or told.get("digestSignatureAlgorithm") != ALGORITHM:
            self._find(f"digest {digest.key} is not signed with {ALGORITHM}")
        if self._place.keys is None:
            self._doubt("the keys of the digests could not be had: give them with --digest-keys")
            return
        key = next((key for key in self._place.keys if key.fingerprint == told["digestPublicKeyFingerprint"]), None)
        if key is None:
            self._find(f"digest {digest.key} is signed by a key that is not this trail's")
            return
        length = digest.end - digest.start  # it is signed when that time has passed, and no later than as much again
        if not key.since - length <= digest.end <= key.until + length:
            self._find(f"digest {digest.key} is signed by a key of another time")
        try:
            adoption.verify(key.public, told, digest)
        except SIGNATURE:
            self._find(f"the signature of digest {digest.key} does not verify")

    def _linked(self, key: str, told: dict[str, Any], digest: Digest, previous: Digest | None) -> None:
        """Step 2."""
        names = ("S3Object", "HashValue", "Signature", "HashAlgorithm", "S3Bucket")
        linked = tuple(told.get(f"previousDigest{name}") for name in names)
        if previous is None:
            if any(linked):
                self._find(f"digest {key} continues one that is missing: {linked[0]}")
            return
        if linked != (previous.key, previous.sha256, previous.signature, "SHA-256", previous.bucket):
            self._find(f"digest {key} does not continue {previous.key}")
        if digest.start != previous.end:
            self._find(f"digest {key} does not begin where {previous.key} ended")

    def _of_digest(self, key: str, told: Told) -> None:
        for listed in told.log_files:
            if listed.s3_object in self._listed:
                self._find(f"log file {listed.s3_object} is listed twice, also in {key}")
            self._listed[listed.s3_object] = listed
        newest = max((listed.newest_event_time for listed in told.log_files), default=None)
        oldest = min((listed.oldest_event_time for listed in told.log_files), default=None)
        if (told.newest_event_time, told.oldest_event_time) != (newest, oldest):
            self._find(f"the times of events that digest {key} tells are not those of its files")
        for tree in told.keystead_logs:
            if tree.origin == self._place.origin:
                self.report.heads.append(Head(tree.size, bytes.fromhex(tree.root), f"digest {key}"))

    # --- files

    def _files(self, files: Sequence[str]) -> None:
        """Steps 3 and 4."""
        for key, listed in self._listed.items():
            self._file(key, listed)
        newest = min(self._ends.values(), default=0)
        for key in sorted(set(files) - self._listed.keys()):
            matched = LOG_FILE.fullmatch(key)
            written = minute(matched[1]) if matched else 0
            if written + 60 > newest:
                self.report.pending += 1
            else:
                self._find(f"log file {key} is listed by no digest")

    def _file(self, key: str, listed: Listed) -> None:
        try:
            content = gzip.decompress(self._place.files.bucket.get(key).content)
        except ObjectMissing:
            self._find(f"log file {key} is missing")
            return
        except UNREADABLE:
            self._find(f"log file {key} cannot be unpacked")
            return
        if (sha256(content).hexdigest(), "SHA-256") != (listed.hash_value, listed.hash_algorithm):
            self._find(f"log file {key} is not what its digest says")

    def _delivered(self, there: set[str]) -> None:
        """Step 5."""
        for digest in self._place.known or ():
            if digest.delivered_at is not None and digest.key not in there:
                self._find(f"digest {digest.key} was delivered, and is missing")

    # --- records

    def _compare(self) -> None:
        """Step 6."""
        cuts: dict[tuple[int, int], dict[str, Listed]] = {}
        for key, listed in self._listed.items():
            made = listed.keystead_records
            if made.node == self._place.node:
                cuts.setdefault((made.first, made.last), {})[key] = listed
        reader = Reader(self._place.folder)
        try:
            covered = 0
            for (first, last), files in sorted(cuts.items()):
                if first < covered:
                    self._find(f"records {first} to {covered - 1} are in files of two cuts")
                elif first > covered:
                    self._missing(reader, covered, first)
                covered = max(covered, last + 1)
                self._cut(reader, first, last, files)
            self.report.covered = covered
        finally:
            reader.close()

    def _cut(self, reader: Reader, first: int, last: int, files: dict[str, Listed]) -> None:
        if last >= reader.durable():
            self._find(f"log files hold records {first} to {last}, and the log has {reader.durable()}")
            return
        made = {
            (
                len(part.events),
                sha256(BEGIN + b",".join(part.events) + TAIL).hexdigest(),
                part.oldest,
                part.newest,
            ): place
            for place, part in parts_of(records(reader, first, last + 1)).items()
        }
        for key, listed in files.items():
            times = adoption.seconds(listed.oldest_event_time), adoption.seconds(listed.newest_event_time)
            place = made.pop((listed.keystead_records.events, listed.hash_value, *times), None)
            self.report.compared += 1
            if place is None or not key.startswith(f"{self._place.files.trail.root(place[0])}CloudTrail/{place[1]}/"):
                self._find(f"log file {key} is not what records {first} to {last} make it")
        for account, region in made.values():
            self._find(f"records {first} to {last} of {account} in {region} are in no listed log file")

    def _missing(self, reader: Reader, first: int, end: int) -> None:
        """Records that are no CloudTrail records are in no file."""
        if parts_of(records(reader, first, end)):
            self._find(f"records {first} to {end - 1} are in no listed log file")

    # --- the end

    def _tail(self, now: float) -> None:
        """Step 7."""
        allowed = self._interval + GRACE_SECONDS
        for (account, region), end in self._ends.items():
            if now - end > allowed:
                self.report.doubts.append(
                    f"the newest digest of {account} in {region} ended {int(now - end)} seconds ago: what came after it is not shown"
                )
        oldest = first_after(self._place.folder, self.report.covered)
        if oldest is not None and now - oldest > allowed:
            self.report.doubts.append(
                f"records from {self.report.covered} on are in no listed log file, the first of them for {int(now - oldest)} seconds"
            )

    def _doubt(self, text: str) -> None:
        if text not in self.report.doubts:
            self.report.doubts.append(text)

    def _find(self, text: str) -> None:
        if text not in self.report.findings:
            self.report.findings.append(text)


UNREADABLE: Final = (OSError, EOFError, zlib.error, msgspec.MsgspecError, KeyError, ValueError, TypeError)
SIGNATURE: Final = (InvalidSignature, ValueError, NotOurs)


def records(reader: Reader, first: int, end: int) -> Iterator[Record]:
    """Raises LogDamaged."""
    while first < end:
        found = reader.after(first - 1, min(PAGE, end - first))
        if not found:
            return
        yield from found
        first += len(found)


def first_after(folder: Path, index: int) -> float | None:
    """The time of the first event from that record on that belongs into a file; None where there is none."""
    reader = Reader(folder)
    try:
        places = (attributes.place(record.event) for record in records(reader, index, reader.durable()))
        return next((place.at for place in places if place is not None), None)
    finally:
        reader.close()


def read(told: dict[str, Any]) -> Told:
    """Raises msgspec.MsgspecError, ValueError."""
    made = msgspec.convert(told, Told)
    for listed in made.log_files:
        adoption.seconds(listed.oldest_event_time)
        adoption.seconds(listed.newest_event_time)
    for tree in made.keystead_logs:
        bytes.fromhex(tree.root)
    return made


def minute(text: str) -> int:
    """Seconds since the epoch of a file's name: 20261124T0630."""
    return adoption.seconds(f"{text[:4]}-{text[4:6]}-{text[6:11]}:{text[11:]}Z")
