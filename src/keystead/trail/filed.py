"""The CloudTrail files that hold some records of this node, and the digests that list them, as an evidence bundle takes them along.

Of each account and Region: the digests from the first that lists such a file to the last, without a gap, so that their links can be
followed. A record that is younger than the newest digest, or whose files have been kept long enough, is in none.
"""

import gzip
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from keystead.trail.bucket import ObjectMissing
from keystead.trail.delivered import Chain, DigestKey
from keystead.trail.digest_content import Listed, Told, read
from keystead.trail.errors import LogDamaged
from keystead.trail.files_report import UNREADABLE, Place
from keystead.trail.search import Found

PAGE: Final = 1000


class SignedDigest(NamedTuple):
    """As it lies in the bucket: compressed; `signature` in hexadecimal, from its metadata."""

    key: str
    signature: str
    content: bytes


class Filed(NamedTuple):
    """`files` by key, as they lie in the bucket; `keys`: those of the digests."""

    digests: Sequence[SignedDigest] = ()
    files: Mapping[str, bytes] = {}
    keys: Sequence[DigestKey] = ()


def filed(place: Place, found: Iterable[Found]) -> Filed:
    """`found`: records of this node. Raises BucketLost; LogDamaged for a digest that is none."""
    chains: dict[Chain, list[Found]] = {}
    for one in found:
        chains.setdefault((one.seen.recipient_account_id, one.seen.aws_region), []).append(one)
    digests: list[SignedDigest] = []
    files: dict[str, bytes] = {}
    for chain, wanted in sorted(chains.items()):
        digests += of_chain(place, chain, wanted, files)
    return Filed(digests, files, place.keys or ())


def of_chain(place: Place, chain: Chain, wanted: Sequence[Found], files: dict[str, bytes]) -> list[SignedDigest]:
    """Its digests; the files that they list and that hold one of the records are added to `files`."""
    numbers = sorted({one.number for one in wanted})
    left, digests, end = set(numbers), list[SignedDigest](), 0
    for key in digest_keys(place, chain, min(one.at for one in wanted)):
        if not left:
            break
        digest, told = load(place, key)
        holding = [listed for listed in told.log_files if listed.keystead_records.node == place.node]
        holding = [listed for listed in holding if held(listed, numbers)]
        if holding or digests:
            digests.append(digest)
        for listed in holding:
            left.difference_update(held(listed, numbers))
            take(place, listed.s3_object, files)
            end = len(digests)
    return digests[:end]


def digest_keys(place: Place, chain: Chain, oldest: float) -> Iterator[str]:
    """Of the digests that ended at `oldest` or later; what happened then is listed by none before."""
    trail = place.files.trail
    prefix = f"{trail.root(chain[0])}CloudTrail-Digest/{chain[1]}/"
    after = trail.digest_key(*chain, oldest - 1)
    while entries := place.files.bucket.list(prefix, after, PAGE):
        yield from (entry.key for entry in entries)
        after = entries[-1].key


def load(place: Place, key: str) -> tuple[SignedDigest, Told]:
    try:
        kept = place.files.bucket.get(key)
        told = read(msgspec.json.decode(gzip.decompress(kept.content), type=dict[str, Any]))
        return SignedDigest(key, kept.metadata["signature"], kept.content), told
    except (ObjectMissing, *UNREADABLE):
        raise LogDamaged(f"digest {key} cannot be read") from None


def take(place: Place, key: str, files: dict[str, bytes]) -> None:
    try:
        files[key] = place.files.bucket.get(key).content
    except ObjectMissing:
        if not place.before:
            raise LogDamaged(f"log file {key} is missing") from None


def held(listed: Listed, numbers: Sequence[int]) -> Sequence[int]:
    """Those of the numbers, which rise, that lie between the first and the last record of a file."""
    made = listed.keystead_records
    return numbers[bisect_left(numbers, made.first) : bisect_left(numbers, made.last + 1)]
