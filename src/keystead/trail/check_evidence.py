"""Checks an evidence bundle of an audit trail. Needs Python 3.11 and the package `cryptography`; no server, no network.

    python3 check.py BUNDLE.zip [--key VERIFIER-KEY]... [--policy POLICY-FILE] [--digest-keys LIST-PUBLIC-KEYS.json]

1. the manifest: every file is there, unchanged, and no other
2. the checkpoint: signed by the log's keys, and cosigned as the policy asks
3. earlier checkpoints that witnesses cosigned: the later tree begins with theirs, so what is in them was there by then
4. CloudTrail's digests, where there are any: signed, each the next of its chain, and the log files what they say
5. every event: with its salt it is a leaf of the tree; and where a log file must hold it, it does, as it is

Keys, policy and this script, where they come with the events, prove only that the bundle agrees with itself: bring your own.
That no event was left out is not shown by a bundle; it is by the whole log (keystead trail verify).
Exit status 0: proven. 1: something contradicts it. 2: it could not be checked.

Formats: C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy; RFC 6962, RFC 9162.

    note    text | LF | "— NAME BASE64(id (4) | signature)" LF …                text: ORIGIN LF | SIZE LF | BASE64(root) LF
    01      Ed25519 over the text
    04      time (8) | Ed25519 over "cosignature/v1" LF "time " TIME LF | text
    06      time (8) | ML-DSA-44 over "subtree/v1" LF 00 | name | time (8) | origin | 0 (8) | size (8) | root (32)
    digest  RSASSA-PKCS1-v1_5 with SHA-256 over END LF BUCKET/KEY LF HEX(SHA-256(digest)) LF PREVIOUS-SIGNATURE or "null"
    leaf    SHA-256(00 | index (8) | wall (8) | monotonic (8) | segment (8) | source (4) | number (4) | SHA-256(salt | event))

It shares no code with the server that made the bundle, and imports nothing of it, so that one file is enough to read.
"""

import argparse
import gzip
import hashlib
import json
import re
import struct
import sys
import zipfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

PROVEN, CONTRADICTION, UNCHECKED = 0, 1, 2
CHECKER: Final = "check.py"
MANIFEST: Final = "manifest.json"
NUMBERS: Final = ("index", "wall", "monotonic", "segment", "source", "number")


NO_BUNDLE: Final = (
    OSError, ValueError, LookupError, TypeError, RuntimeError, EOFError, struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip  # what the readers of damaged archives and documents raise


class Wrong(Exception):
    """Something contradicts what the bundle should prove."""


# --- the tree ---------------------------------------------------------------------------------------------------------


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf(event: dict[str, Any]) -> bytes:
    salted = hashlib.sha256(b64decode(event["salt"]) + event["event"].encode()).digest()
    return hashlib.sha256(struct.pack(">BQQQQII", 0, *(event[name] for name in NUMBERS)) + salted).digest()


def included(found: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 2.1.3.2."""
    if not 0 <= index < size:
        return False
    last = size - 1
    for other in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            found = node(other, found)
            while index & 1 == 0 and index:
                index, last = index >> 1, last >> 1
        else:
            found = node(found, other)
        index, last = index >> 1, last >> 1
    return last == 0 and found == root


def consistent(first: int, size: int, proof: Sequence[bytes], first_root: bytes, root: bytes) -> bool:
    """RFC 9162 2.1.4.2."""
    if first in {0, size}:
        return not proof and (first == 0 or first_root == root)
    path = [first_root, *proof] if first & (first - 1) == 0 else [*proof]
    if not 0 < first < size or not path:
        return False
    where, last = first - 1, size - 1
    while where & 1:
        where, last = where >> 1, last >> 1
    old = new = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if where & 1 or where == last:
            old, new = node(other, old), node(other, new)
            while where & 1 == 0 and where:
                where, last = where >> 1, last >> 1
        else:
            new = node(new, other)
        where, last = where >> 1, last >> 1
    return last == 0 and old == first_root and new == root


# --- signatures -------------------------------------------------------------------------------------------------------


class Key:
    """A verifier key: NAME+HEX(id)+BASE64(type | public key)."""

    def __init__(self, text: str) -> None:
        """Raises ValueError."""
        self.name, id_, encoded = text.split("+", 2)
        decoded = b64decode(encoded, validate=True)
        self.text, self.kind, self.public = text, decoded[0], decoded[1:]
        self.id = hashlib.sha256(self.name.encode() + b"\n" + decoded).digest()[:4]
        if self.id.hex() != id_ or self.kind not in {1, 4, 6}:
            raise ValueError(f"{text[:60]} is no verifier key")

    def verify(self, text: str, signature: bytes) -> int:
        """When it was signed, seconds since the epoch; 0 for the kind that says no time. Raises Wrong."""
        at = 0 if self.kind == 1 else int.from_bytes(signature[:8], "big")
        try:
            if self.kind == 6:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signature[8:], self.subtree(text, at))
            else:
                message, rest = (
                    (text, signature) if self.kind == 1 else (f"cosignature/v1\ntime {at}\n{text}", signature[8:])
                )
                Ed25519PublicKey.from_public_bytes(self.public).verify(rest, message.encode())
        except (InvalidSignature, ValueError):
            raise Wrong(f"a signature of {self.name} does not verify") from None
        return at

    def subtree(self, text: str, at: int) -> bytes:
        origin, size, root = parse(text)
        own, others = (bytes([len(name.encode())]) + name.encode() for name in (self.name, origin))
        return b"subtree/v1\n\0" + own + struct.pack(">Q", at) + others + struct.pack(">QQ", 0, size) + root


def parse(text: str) -> tuple[str, int, bytes]:
    """(origin, size, root) of a checkpoint's text, in its only spelling. Raises Wrong."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]):
        raise Wrong("not a checkpoint")
    root = b64decode(lines[2])
    if len(root) != 32 or b64encode(root).decode() != lines[2]:
        raise Wrong("not a checkpoint")
    return lines[0], int(lines[1]), root


def opened(note: str, keys: Collection[Key]) -> tuple[str, dict[str, int]]:
    """(text, time by the text of each key that signed it); lines of other keys are passed over. Raises Wrong."""
    body, empty, lines = note.rpartition("\n\n")
    if not empty or not lines.endswith("\n"):
        raise Wrong("not a signed note")
    text, signed = f"{body}\n", dict[str, int]()
    for line in lines[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        signature = b64decode(encoded, validate=True)
        for key in keys:
            if dash == "\N{EM DASH}" and (key.name, key.id) == (name, signature[:4]):
                signed[key.text] = max(key.verify(text, signature[4:]), signed.get(key.text, 0))
    return text, signed


class Policy:
    """Which logs and witnesses count, and how many witnesses suffice."""

    def __init__(self, content: str) -> None:
        """Raises ValueError, IndexError."""
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        for line in content.split("\n"):
            match line.split():
                case [] | [*_] if not line.strip() or line.strip().startswith("#"):
                    continue
                case ["log", key, *_]:
                    self.logs.append(Key(key))
                case ["witness", name, key, *_]:
                    self.witnesses[name] = Key(key)
                case ["group", name, threshold, *members]:
                    needed = {"any": 1, "all": len(members)}.get(threshold)
                    self.groups[name] = (int(threshold) if needed is None else needed, members)
                case ["quorum", name] if not self.quorum:
                    self.quorum = name
                case _:
                    raise ValueError(f"no line of a policy: {line}")
        if not self.quorum:
            raise ValueError("a policy without a quorum")

    def seen_at(self, note: str) -> int | None:
        """The moment by which a quorum had cosigned it; None where it has not. Raises Wrong."""
        _, signed = opened(note, self.witnesses.values())
        times = {name: signed[key.text] for name, key in self.witnesses.items() if key.text in signed}
        for at in sorted(set(times.values())):
            if self._counts(self.quorum, [name for name, then in times.items() if then <= at]):
                return at
        return None

    def _counts(self, name: str, names: Collection[str]) -> bool:
        if name not in self.groups:
            return name in names
        needed, members = self.groups[name]
        return sum(self._counts(member, names) for member in members) >= needed


# --- the bundle -------------------------------------------------------------------------------------------------------


class Check:
    """One run over one bundle. Raises Wrong; ValueError, KeyError and their like where it is no bundle."""

    def __init__(
        self, archive: zipfile.ZipFile, keys: Sequence[str], policy: str | None, digest_keys: str | None = None
    ) -> None:
        self._archive = archive
        self._manifest = json.loads(self._read(MANIFEST))
        self._own_keys, self._own_policy = bool(keys), policy is not None
        self._digest_keys = digest_keys
        self._context = set(self._manifest.get("context", ()))
        self.filed = 0
        self._keys = [Key(text) for text in keys or self._read("keys").split()]
        if policy is None and "policy" in archive.namelist():
            policy = self._read("policy")
        self._policy = Policy(policy) if policy is not None else None
        self._files()  # 1
        self._note = self._read("checkpoint")
        self._origin, self._size, self._root = self._head(self._note)  # 2
        self._seen_at = self._witnessed(self._note)

    def run(self) -> int:
        """The number of events that are proven."""
        seen = sorted(self._history())  # 3
        records = Filed(self._archive, self._digest_keys) if self.has_digests() else None  # 4
        count, before = 0, -1
        for event in self._lines("events.jsonl"):  # 5
            proof = [b64decode(other) for other in event["proof"]]
            if not included(leaf(event), event["index"], self._size, proof, self._root):
                raise Wrong(f"event {event['index']} is not in the log")
            if event["index"] <= before:
                raise Wrong(f"event {event['index']} is out of order")
            before, count = event["index"], count + 1
            self.filed += records is not None and records.holds(event)
            say(shown(event, seen) + (", for its policy or grant" if before in self._context else ""))
        if count != self._manifest["events"]:
            raise Wrong("there are not as many events as the manifest says")
        return count

    def has_digests(self) -> bool:
        return "digests.jsonl" in self._archive.namelist()

    def doubts(self) -> list[str]:
        wants = self._policy is not None and self._policy.quorum != "none"
        return ["the checkpoint is not cosigned by the policy's quorum"] if wants and self._seen_at is None else []

    def believed(self) -> Iterator[str]:
        """What the proof rests on."""
        yield f"log {self._origin}: {self._size} records, root {b64encode(self._root).decode()}"
        if not self._own_keys:
            yield "the log's keys were those in the bundle: give the ones that you know with --key"
        if self._policy is None:
            yield "without a policy no witness was looked at: the log's owner could have written all of it anew"
        elif not self._own_policy:
            yield "the policy was the one in the bundle: give the one that you trust with --policy"
        if self.has_digests():
            yield f"{self.filed} of the events are in CloudTrail log files that signed digests list"
            if self._digest_keys is None:
                yield "the digests' keys were those in the bundle: give the ones that you know with --digest-keys"

    def _read(self, name: str) -> str:
        return self._archive.read(name).decode()

    def _files(self) -> None:
        names = [name for name in self._archive.namelist() if name not in {MANIFEST, CHECKER}]
        if sorted(names) != sorted(self._manifest["files"]):
            raise Wrong("the files are not those of the manifest")
        for name in names:
            with self._archive.open(name) as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != self._manifest["files"][name]:  # type: ignore[arg-type]  # it reads
                    raise Wrong(f"{name} is not the file of the manifest")

    def _head(self, note: str) -> tuple[str, int, bytes]:
        """What a checkpoint says that all the log's keys have signed."""
        text, signed = opened(note, self._keys)
        origin, size, root = parse(text)
        for key in self._keys:
            if key.text not in signed or key.name != origin:
                raise Wrong(f"a checkpoint of {size} records is not signed by {key.name}")
        return origin, size, root

    def _witnessed(self, note: str) -> int | None:
        if self._policy is None:
            return None
        if not any(key.name == self._origin for key in self._policy.logs):
            raise Wrong("the policy does not name this log")
        return self._policy.seen_at(note)

    def _history(self) -> Iterator[tuple[int, int]]:
        """(size, time) of every tree that a quorum cosigned."""
        if self._seen_at is not None:
            yield self._size, self._seen_at
        for line in self._lines("history.jsonl"):
            origin, size, root = self._head(line["note"])
            proof = [b64decode(other) for other in line["proof"]]
            if origin != self._origin or not consistent(size, self._size, proof, root, self._root):
                raise Wrong(f"the tree does not begin with that of an earlier checkpoint, of {size} records")
            at = self._witnessed(line["note"])
            if at is not None:
                yield size, at

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        with self._archive.open(name) as file:
            for line in file:
                yield json.loads(line)


class Filed:
    """The CloudTrail files of a bundle. Raises Wrong; ValueError, KeyError and their like where they are none."""

    def __init__(self, archive: zipfile.ZipFile, keys: str | None) -> None:
        listed = json.loads(keys if keys is not None else archive.read("digest-keys.json"))["PublicKeyList"]
        self._archive = archive
        self._keys = {one["Fingerprint"]: load_der_public_key(b64decode(one["Value"])) for one in listed}
        self._records: dict[str, Any] = {}
        self._ranges: list[tuple[str, str, int, int]] = []
        left = {name for name in archive.namelist() if name.startswith("files/")}
        newest: dict[str, tuple[str, str, str, str]] = {}
        for line in archive.read("digests.jsonl").splitlines():
            entry = json.loads(line)
            key, signature = entry["key"], entry["signature"]
            content = self._unpacked(key)
            told = json.loads(content)
            digested = hashlib.sha256(content).hexdigest()
            self._signed(key, signature, told, digested)
            before, _, after = key.rpartition("/CloudTrail-Digest/")
            chain = f"{before}/{after.partition('/')[0]}"  # …/AWSLogs/ACCOUNT/REGION
            linked = tuple(told[f"previousDigest{name}"] for name in ("S3Object", "HashValue", "Signature"))
            if chain in newest and (*linked, told["digestStartTime"]) != newest[chain]:
                raise Wrong(f"digest {key} does not continue {newest[chain][0]}")
            newest[chain] = (key, digested, signature, told["digestEndTime"])
            left.discard(f"files/{key}")
            left -= {self._file(one, told["awsAccountId"], chain) for one in told["logFiles"]}
        if left:
            raise Wrong(f"{min(left)} is listed by no digest")

    def holds(self, event: dict[str, Any]) -> bool:
        """Whether a log file holds it. Raises Wrong where one should, and does not, or holds it otherwise."""
        record = json.loads(event["event"])
        place = record.get("recipientAccountId"), record.get("awsRegion")
        if record.get("eventID") in self._records:
            if self._records[record["eventID"]] != record:
                raise Wrong(f"event {event['index']} is another one in its log file")
            return True
        if any(
            place == (account, region) and first <= event["index"] <= last
            for account, region, first, last in self._ranges
        ):
            raise Wrong(f"event {event['index']} is not in its log file")
        return False

    def _unpacked(self, key: str) -> bytes:
        return gzip.decompress(self._archive.read(f"files/{key}"))

    def _signed(self, key: str, signature: str, told: dict[str, Any], digested: str) -> None:
        public = self._keys.get(told["digestPublicKeyFingerprint"])
        if told["digestS3Object"] != key or not isinstance(public, RSAPublicKey):
            raise Wrong(f"digest {key} is not where it says, or signed by a key that is not known")
        before = told["previousDigestSignature"] or "null"
        text = f"{told['digestEndTime']}\n{told['digestS3Bucket']}/{key}\n{digested}\n{before}"
        try:
            public.verify(bytes.fromhex(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Wrong(f"the signature of digest {key} does not verify") from None

    def _file(self, listed: dict[str, Any], account: str, chain: str) -> str:
        """Its name in the bundle, whether it is there or not."""
        name = f"files/{listed['s3Object']}"
        if name in self._archive.namelist():
            content = self._unpacked(listed["s3Object"])
            if hashlib.sha256(content).hexdigest() != listed["hashValue"]:
                raise Wrong(f"log file {listed['s3Object']} is not what its digest says")
            self._records |= {record["eventID"]: record for record in json.loads(content)["Records"]}
            made = listed["keysteadRecords"]
            self._ranges.append((account, chain.rpartition("/")[2], made["first"], made["last"]))
        return name


def shown(event: dict[str, Any], seen: Sequence[tuple[int, int]]) -> str:
    record = json.loads(event["event"])
    identity = record.get("userIdentity", {})
    who = identity.get("arn") or identity.get("principalId") or identity.get("invokedBy") or "?"
    what = f"{record.get('eventName')} {record.get('errorCode', '')}".strip()
    by = min((at for size, at in seen if size > event["index"]), default=None)
    witnessed = "" if by is None else f", seen by witnesses by {datetime.fromtimestamp(by, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{event['index']:>10} {record.get('eventTime')} {what} by {who}{witnessed}"


def check(bundle: Path, keys: Sequence[str], policy: Path | None, digest_keys: Path | None = None) -> int:
    """The exit status; what was found is printed."""
    try:
        given, signing = (path.read_text() if path is not None else None for path in (policy, digest_keys))
        with zipfile.ZipFile(bundle) as archive:
            checking = Check(archive, keys, given, signing)
            count = checking.run()
    except Wrong as wrong:
        say(f"CONTRADICTION: {wrong}")
        return CONTRADICTION
    except NO_BUNDLE as error:
        say(f"COULD NOT BE CHECKED: {type(error).__name__}: {error}")
        return UNCHECKED
    for line in (*checking.believed(), *checking.doubts()):
        say(line)
    if checking.doubts():
        say("COULD NOT BE CHECKED")
        return UNCHECKED
    say(f"PROVEN: {count} events are in the log, unchanged")
    return PROVEN


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> int:
    options = argparse.ArgumentParser(description="Checks an evidence bundle of an audit trail.")
    options.add_argument("bundle", type=Path)
    options.add_argument(
        "--key", action="append", default=[], help="a verifier key of the log, from elsewhere; repeatable"
    )
    options.add_argument(
        "--policy", type=Path, help="a file that names the witnesses that you trust (C2SP tlog-policy)"
    )
    options.add_argument(
        "--digest-keys",
        type=Path,
        help="the digests' keys, from elsewhere: what `aws cloudtrail list-public-keys` shows",
    )
    asked = options.parse_args()
    return check(asked.bundle, asked.key, asked.policy, asked.digest_keys)


if __name__ == "__main__":
    sys.exit(main())
