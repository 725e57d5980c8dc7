"""Checks the chains of CloudTrail's digests: steps 1 and 2 of verify_files.py."""

import gzip
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature

from keystead.trail import adoption
from keystead.trail.adoption import NotOurs
from keystead.trail.bucket import Object, ObjectMissing
from keystead.trail.delivered import Chain, Digest
from keystead.trail.digest_content import Listed, Told, read
from keystead.trail.files_report import UNREADABLE, FilesReport, Place
from keystead.trail.verify import Head

ALGORITHM: Final = "SHA256withRSA"
SIGNATURE: Final = (InvalidSignature, ValueError, NotOurs)


class Chains:
    """All of them, one after the other.

    listed    by key, the files that digests list
    ends      by chain, when its newest digest ended; `interval`: seconds that the longest covers
    """

    def __init__(self, place: Place, report: FilesReport) -> None:
        self._place = place
        self._report = report
        self.listed: dict[str, Listed] = {}
        self.ends: dict[Chain, int] = {}
        self.interval = 0

    def chain(self, chain: Chain, keys: Sequence[str]) -> None:
        self._report.chains += 1
        previous: Digest | None = None
        for key in keys:
            self._report.digests += 1
            previous = self._digest(chain, key, previous) or previous
        if previous is not None:
            self.ends[chain] = previous.end

    def _digest(self, chain: Chain, key: str, previous: Digest | None) -> Digest | None:
        trail = self._place.files.trail
        try:
            kept = self._place.files.bucket.get(key)
            content = gzip.decompress(kept.content)
            told = msgspec.json.decode(content, type=dict[str, Any])
            made = read(told)
            digest = self._read(chain, key, kept, content, told)
        except ObjectMissing:
            self._report.find(f"digest {key} vanished while it was read")
            return None
        except UNREADABLE:
            self._report.find(f"digest {key} is not one")
            return None
        if trail.digest_key(*chain, digest.end) != key or told["digestS3Object"] != key:
            self._report.find(f"digest {key} is not where it says")
        self._signed(kept, told, digest)
        self._linked(key, told, digest, previous)
        self._of_digest(key, made)
        self.interval = max(self.interval, digest.end - digest.start)
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
            self._report.find(f"digest {digest.key} is not signed with {ALGORITHM}")
        if self._place.keys is None:
            self._report.doubt("the keys of the digests could not be had: give them with --digest-keys")
            return
        key = next((key for key in self._place.keys if key.fingerprint == told["digestPublicKeyFingerprint"]), None)
        if key is None:
            self._report.find(f"digest {digest.key} is signed by a key that is not this trail's")
            return
        length = digest.end - digest.start  # it is signed when that time has passed, and no later than as much again
        if not key.since - length <= digest.end <= key.until + length:
            self._report.find(f"digest {digest.key} is signed by a key of another time")
        try:
            adoption.verify(key.public, told, digest)
        except SIGNATURE:
            self._report.find(f"the signature of digest {digest.key} does not verify")

    def _linked(self, key: str, told: dict[str, Any], digest: Digest, previous: Digest | None) -> None:
        """Step 2."""
        names = ("S3Object", "HashValue", "Signature", "HashAlgorithm", "S3Bucket")
        linked = tuple(told.get(f"previousDigest{name}") for name in names)
        if previous is None:
            if any(linked) and digest.start > self._place.before:
                self._report.find(f"digest {key} continues one that is missing: {linked[0]}")
            return
        if linked != (previous.key, previous.sha256, previous.signature, "SHA-256", previous.bucket):
            self._report.find(f"digest {key} does not continue {previous.key}")
        if digest.start != previous.end:
            self._report.find(f"digest {key} does not begin where {previous.key} ended")

    def _of_digest(self, key: str, told: Told) -> None:
        for listed in told.log_files:
            if listed.s3_object in self.listed:
                self._report.find(f"log file {listed.s3_object} is listed twice, also in {key}")
            self.listed[listed.s3_object] = listed
        newest = max((listed.newest_event_time for listed in told.log_files), default=None)
        oldest = min((listed.oldest_event_time for listed in told.log_files), default=None)
        if (told.newest_event_time, told.oldest_event_time) != (newest, oldest):
            self._report.find(f"the times of events that digest {key} tells are not those of its files")
        for tree in told.keystead_logs:
            if tree.origin == self._place.origin:
                self._report.heads.append(Head(tree.size, bytes.fromhex(tree.root), f"digest {key}"))
