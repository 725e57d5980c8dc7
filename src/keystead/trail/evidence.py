"""Makes an evidence bundle: records of a log with all that somebody needs to check them far from it.

    BUNDLE.zip
      README.txt         what it is, and how to check it
      check.py           a stand-alone checker                           check_evidence.py
      manifest.json      what was asked, of which log, and the SHA-256 of every file but these two
      keys               the log's verifier keys, one a line
      policy             which witnesses count, where that is known
      checkpoint         a signed checkpoint that covers all the events, with the witnesses' cosignatures
      history.jsonl      {"note", "proof"}: earlier cosigned checkpoints, each with the proof that the tree begins with theirs
      events.jsonl       {"index", "wall", "monotonic", "segment", "source", "number", "salt", "proof", "event"}
      digests.jsonl      {"key", "signature"}, where they were asked for: CloudTrail digests, each chain in order     filed.py
      digest-keys.json   the keys that sign them, as ListPublicKeys shows them
      files/KEY          these digests, and the log files that hold the events, as they lie in the bucket

`context` in the manifest are the numbers of events that were not asked for: those that put the policies and grants of the keys and
secrets that the others name, and the policies of whoever made them (in_force.py).

Hashes in base64; `event` is the record's JSON as it lies in the log, as a string. A bundle discloses the events in it, and of
all others nothing but hashes; with log files, all that is in those.
"""

import hashlib
import os
import zipfile
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from keystead.trail import cosigned, proofs
from keystead.trail.check_evidence import CHECKER, MANIFEST
from keystead.trail.checkpoints import Checkpoint, of_note
from keystead.trail.delivered import DigestKey
from keystead.trail.errors import LogDamaged
from keystead.trail.filed import Filed
from keystead.trail.hashes import Hashes
from keystead.trail.merkle import Subtree
from keystead.trail.records import SALT_LENGTH, Stored
from keystead.trail.segments import Walk, firsts
from keystead.trail.setup import VERIFIERS
from keystead.trail.tiles import Entries

FORMAT: Final = "keystead evidence 1"
SUBTREES: Final = 65536
README: Final = """\
Evidence from an audit trail.

events.jsonl holds records of calls. Each is proven to be in a log whose tree is signed (checkpoint), and, where witnesses
cosigned it, that others have seen the tree. Nothing else is needed to check it, and no network:

    python3 check.py THIS-FILE.zip --key VERIFIER-KEY --key VERIFIER-KEY --policy POLICY-FILE

It needs Python 3.11 and the package `cryptography`. Take check.py, the log's two verifier keys and the policy from where
the log's owner could not have written them: what lies in this bundle only shows that the bundle agrees with itself.
That no record was left out is not shown here; `keystead trail verify` shows it, over the whole log.
"""


class NothingSigned(Exception):
    """No checkpoint covers the events yet."""


class Source(NamedTuple):
    """What the bundle is made from.

    policy   the file's content; `filed`: what CloudTrail's files have of the records
    context  numbers of records that are to be in it though they were not asked for
    """

    folder: Path
    policy: bytes | None = None
    filed: Filed = Filed()
    context: Collection[int] = ()


class Made(NamedTuple):
    """`left_out`: records that are newer than the newest checkpoint. `seen`: how many of its records a quorum has seen.

    context  of the events, those that were not asked for; `files`: log files, with their digests
    """

    events: int
    left_out: int
    size: int
    seen: int
    context: int = 0
    files: int = 0


def bundle(source: Source, numbers: Iterable[int], asked: Mapping[str, object], target: Path) -> Made:
    """Write it, mode 0600. `numbers` are the records'. Raises NothingSigned, LogDamaged, FileExistsError, OSError."""
    asked_for = set(numbers)
    wanted = sorted(asked_for.union(source.context))
    note = covering(source.folder, wanted)
    checkpoint = of_note(note)
    covered = [number for number in wanted if number < checkpoint.size]
    if wanted and not covered:
        raise NothingSigned
    seen = cosigned.newest(source.folder)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    hashes = Hashes.read_only(source.folder)
    try:
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            subtree = lru_cache(SUBTREES)(hashes.subtree)
            others = [number for number in covered if number not in asked_for]
            Writing(archive).all(source, note, checkpoint, covered, others, subtree, asked)
            file.flush()
    except BaseException:
        target.unlink()
        raise
    finally:
        hashes.close()
    size = of_note(seen).size if seen else 0
    left_out = len(wanted) - len(covered)
    return Made(len(covered), left_out, checkpoint.size, size, len(others), len(source.filed.files))


def covering(folder: Path, wanted: Sequence[int]) -> bytes:
    """What witnesses have cosigned, if that is enough; else what the log has signed."""
    note = cosigned.newest(folder)
    if note is None or (wanted and of_note(note).size <= wanted[-1]):
        note = cosigned.last_signed(folder) or note
    if note is None:
        raise NothingSigned
    return note


class Writing:
    """One archive. Its files bear no times, so that the same is always the same."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._digests: dict[str, str] = {}

    def all(
        self,
        source: Source,
        note: bytes,
        checkpoint: Checkpoint,
        numbers: Sequence[int],
        others: Sequence[int],
        subtree: Subtree,
        asked: Mapping[str, object],
    ) -> None:
        self._put("README.txt", [README.encode()])
        self._put("keys", [(source.folder / VERIFIERS).read_bytes()])
        if source.policy is not None:
            self._put("policy", [source.policy])
        self._put("checkpoint", [note])
        self._put("history.jsonl", history(source.folder, note, checkpoint, subtree))
        self._put("events.jsonl", events(source.folder, numbers, checkpoint, subtree))
        if source.filed.digests:
            self._put_filed(source.filed)
        manifest = {
            "format": FORMAT, "log": checkpoint.origin, "size": checkpoint.size, "events": len(numbers),
            "context": others, "asked": asked, "files": dict(self._digests),
        }  # fmt: skip  # a table
        self._put(MANIFEST, [msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"])
        self._put(CHECKER, [files("keystead.trail").joinpath("check_evidence.py").read_bytes()])

    def _put_filed(self, filed: Filed) -> None:
        self._put("digests.jsonl", (line({"key": one.key, "signature": one.signature}) for one in filed.digests))
        self._put("digest-keys.json", [msgspec.json.format(msgspec.json.encode(listed(filed.keys)))])
        for key, content in sorted({**{one.key: one.content for one in filed.digests}, **filed.files}.items()):
            self._put(f"files/{key}", [content])

    def _put(self, name: str, content: Iterable[bytes]) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o600 << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        digest = hashlib.sha256()
        with self._archive.open(info, "w", force_zip64=True) as file:
            for part in content:
                digest.update(part)
                file.write(part)
        self._digests[name] = digest.hexdigest()


def history(folder: Path, note: bytes, checkpoint: Checkpoint, subtree: Subtree) -> Iterator[bytes]:
    """Every kept note that witnesses cosigned and that this tree begins with. Raises LogDamaged for one that it does not."""
    newest = cosigned.newest(folder)
    for kept in [*cosigned.hourly(folder), *([newest] if newest is not None else [])]:
        earlier = of_note(kept)
        if kept == note or earlier.size > checkpoint.size:
            continue
        proof = proofs.consistency(earlier.size, checkpoint.size, subtree)
        yield line({"note": kept.decode(), "proof": [b64encode(hash_).decode() for hash_ in proof]})


def events(folder: Path, numbers: Sequence[int], checkpoint: Checkpoint, subtree: Subtree) -> Iterator[bytes]:
    for stored, segment in picked(folder, numbers):
        stamp = stored.stamp
        proof = proofs.inclusion(stamp.index, checkpoint.size, subtree)
        proofs.check_inclusion(stored.leaf(segment), stamp.index, checkpoint.size, proof, checkpoint.root)
        yield line(
            {
                **msgspec.structs.asdict(stamp),
                "segment": segment,
                "salt": b64encode(stored.salted[:SALT_LENGTH]).decode(),
                "proof": [b64encode(hash_).decode() for hash_ in proof],
                "event": stored.event.decode(),
            }
        )


def picked(folder: Path, numbers: Iterable[int]) -> Iterator[tuple[Stored, int]]:
    """The records of these numbers, which rise, each with its segment. Raises LogDamaged."""
    entries, known = Entries(folder), firsts(folder)
    walk: Walk | None = None
    try:
        for number in numbers:
            if walk is None or known[bisect_right(known, number) - 1] != walk.segment:
                if walk is not None:
                    walk.close()
                walk = entries.walk_to(number)
            walk.skip_to(number)
            yield next(iter(walk.take(1))), walk.segment
    finally:
        if walk is not None:
            walk.close()


def listed(keys: Iterable[DigestKey]) -> dict[str, Any]:
    """As `aws cloudtrail list-public-keys` shows them."""
    return {
        "PublicKeyList": [
            {
                "Value": b64encode(key.public).decode(),
                "ValidityStartTime": datetime.fromtimestamp(key.since, UTC).isoformat(),
                "ValidityEndTime": datetime.fromtimestamp(key.until, UTC).isoformat(),
                "Fingerprint": key.fingerprint,
            }
            for key in keys
        ]
    }


def line(content: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(content) + b"\n"


__all__ = ["LogDamaged", "Made", "NothingSigned", "Source", "bundle"]
