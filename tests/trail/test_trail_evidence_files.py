"""An evidence bundle takes along the CloudTrail files of its events, their digests, and the policies that were in force."""

import asyncio
import gzip
import json
import zipfile
from pathlib import Path

import pytest

from keystead.trail import event as events
from keystead.trail import in_force
from keystead.trail.check_evidence import CONTRADICTION, PROVEN, UNCHECKED, check
from keystead.trail.client import LocalRecorder
from keystead.trail.evidence import Made, Source, bundle, listed
from keystead.trail.filed import Filed, filed
from keystead.trail.notes import Notes
from keystead.trail.search import Sought, scan

from .test_trail_verify_files import ACCOUNTS, NODE, REGION, Delivered, deliver, retired

KEY = f"arn:aws:kms:{REGION}:{ACCOUNTS[0]}:key/"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Delivered:
    return asyncio.run(deliver(tmp_path_factory.mktemp("whole")))


def taken(made: Delivered, numbers, **named) -> tuple[list, Filed]:
    found = [one for one in scan(made.place.folder, Sought(), NODE) if one.number in numbers]
    return found, filed(made.place, found, **named)


def bundled(made: Delivered, target: Path, numbers, context=()) -> Made:
    _, files = taken(made, {*numbers, *context})
    return bundle(Source(made.place.folder, None, files, context), numbers, {}, target)


def checked(made: Delivered, target: Path, folder: Path) -> int:
    """With the keys that an auditor has from elsewhere."""
    keys = folder / "keys.json"
    keys.write_text(json.dumps(listed(made.place.keys)))
    return check(target, [str(key) for key in made.signer.verifiers], None, keys)


def test_a_bundle_holds_the_files_of_its_events_and_the_digests_between_them(whole, tmp_path, capsys):
    done = bundled(whole, tmp_path / "e.zip", [0, 1, 130, 470])

    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        digests = [json.loads(line)["key"] for line in archive.read("digests.jsonl").splitlines()]
        names = archive.namelist()
    assert done.files == 4  # of both accounts in the first cut
    assert len(digests) == len([key for key in digests if f"files/{key}" in names]) >= 6
    assert checked(whole, tmp_path / "e.zip", tmp_path) == PROVEN
    said = capsys.readouterr().out
    assert "4 of the events are in CloudTrail log files that signed digests list" in said
    assert "the digests' keys were those in the bundle" not in said


def test_what_is_younger_than_the_newest_digest_is_in_none(whole, tmp_path, capsys):
    done = bundled(whole, tmp_path / "e.zip", [0, 484])

    assert (done.events, done.files) == (2, 1)
    assert checked(whole, tmp_path / "e.zip", tmp_path) == PROVEN
    assert "1 of the events are in CloudTrail log files" in capsys.readouterr().out


def test_its_own_digest_keys_are_said_to_be_its_own(whole, tmp_path, capsys):
    bundled(whole, tmp_path / "e.zip", [0])

    assert check(tmp_path / "e.zip", [], None) == PROVEN
    assert "the digests' keys were those in the bundle" in capsys.readouterr().out


def test_events_that_were_not_asked_for_are_said_to_be_there_for_their_policies(whole, tmp_path, capsys):
    done = bundled(whole, tmp_path / "e.zip", [5], context=[2])

    assert (done.events, done.context) == (2, 1)
    assert checked(whole, tmp_path / "e.zip", tmp_path) == PROVEN
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("for its policy or grant")
    assert not said[1].endswith("for its policy or grant")


def changed(target: Path, name_of, how) -> None:
    """The file of a bundle changed, and the manifest with it, as whoever made it would see to."""
    import hashlib

    with zipfile.ZipFile(target) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in content if name_of(name))
    content[name] = how(content[name])
    manifest = json.loads(content["manifest.json"])
    manifest["files"][name] = hashlib.sha256(content[name]).hexdigest()
    content["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for one, data in content.items():
            archive.writestr(one, data)


def packed(old: bytes, new: bytes):
    def change(content: bytes) -> bytes:
        plain = gzip.decompress(content)
        assert old in plain
        return gzip.compress(plain.replace(old, new, 1))

    return change


def without_second(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:1], *lines[2:]])


def is_digest(name: str) -> bool:
    return "CloudTrail-Digest" in name


def is_file(name: str) -> bool:
    return "/CloudTrail/" in name


@pytest.mark.parametrize(
    ("which", "how", "said"),
    [
        (is_file, packed(b"alice", b"bobby"), "is not what its digest says"),
        (is_digest, packed(b"SHA-256", b"SHA-257"), "does not verify"),
        ("digests.jsonl".__eq__, without_second, "does not continue"),
        ("digests.jsonl".__eq__, lambda text: text[: text.rindex(b"\n", 0, -1) + 1], "is listed by no digest"),
        ("digests.jsonl".__eq__, lambda text: text.replace(b'"signature":"', b'"signature":"00', 1), "not verify"),
        ("digest-keys.json".__eq__, lambda _: b'{"PublicKeyList": []}', "a key that is not known"),
    ],
)
def test_a_changed_file_digest_or_chain_is_found(whole, tmp_path, capsys, which, how, said):
    bundled(whole, tmp_path / "e.zip", [0, 1, 130, 470])
    changed(tmp_path / "e.zip", which, how)

    assert check(tmp_path / "e.zip", [], None) == CONTRADICTION
    assert said in capsys.readouterr().out


def test_digests_signed_by_others_keys_are_found(whole, tmp_path, capsys):
    bundled(whole, tmp_path / "e.zip", [0])
    keys = tmp_path / "keys.json"
    keys.write_text('{"PublicKeyList": []}')

    assert check(tmp_path / "e.zip", [], None, keys) == CONTRADICTION


def test_files_that_are_none_could_not_be_checked(whole, tmp_path):
    bundled(whole, tmp_path / "e.zip", [0])
    changed(tmp_path / "e.zip", is_digest, lambda _: b"none")

    assert check(tmp_path / "e.zip", [], None) == UNCHECKED


def test_a_log_file_of_other_records_is_found_though_digest_and_signature_agree(whole, tmp_path, capsys):
    """Who has both keys can sign a digest of a file that lacks an event; the event's number says where it should be."""
    import hashlib

    found, files = taken(whole, {0, 2})  # both of the first account, in one file
    (key,) = files.files
    content = gzip.decompress(files.files[key])
    (digest,) = files.digests
    record = found[0].record.encode() + b","
    assert record in content
    other = content.replace(record, b"", 1)
    told = json.loads(gzip.decompress(digest.content))
    for one in told["logFiles"]:
        if one["s3Object"] == key:
            one["hashValue"] = hashlib.sha256(other).hexdigest()
    forged = json.dumps(told).encode()
    where = f"{told['digestS3Bucket']}/{digest.key}"
    signature = whole.sign(
        told["digestEndTime"], where, hashlib.sha256(forged).hexdigest(), told["previousDigestSignature"] or "null"
    )
    made = Filed(
        [digest._replace(content=gzip.compress(forged), signature=signature)], {key: gzip.compress(other)}, files.keys
    )
    bundle(Source(whole.place.folder, None, made), [0, 2], {}, tmp_path / "e.zip")

    assert checked(whole, tmp_path / "e.zip", tmp_path) == CONTRADICTION
    assert "event 0 is not in its log file" in capsys.readouterr().out


def a_call(name: str, key: str, at: float) -> bytes:
    notes = Notes()
    notes.resource(ACCOUNTS[0], "AWS::KMS::Key", KEY + key)
    return events.event(
        request_id="r",
        at=at,
        source="kms.amazonaws.com",
        name=name,
        region=REGION,
        identity={"type": "IAMUser", "accountId": ACCOUNTS[0], "userName": "alice"},
        invoked_by=None,
        source_ip="192.0.2.1",
        user_agent="boto3",
        error=None,
        parameters=None,
        response=None,
        notes=notes,
        read_only=False,
        recipient_account=ACCOUNTS[0],
        tls=None,
        shared_id=None,
    )


async def test_policies_and_grants_of_the_keys_that_are_named_are_found(tmp_path):
    recorder = LocalRecorder(tmp_path / "trail")
    calls = [
        ("CreateKey", "a"), ("CreateKey", "b"), ("PutKeyPolicy", "a"), ("Encrypt", "a"), ("CreateGrant", "a"),
        ("Decrypt", "a"), ("PutKeyPolicy", "a"),
    ]  # fmt: skip  # a table
    for at, (name, key) in enumerate(calls):
        await recorder.record(a_call(name, key, 1_750_000_000 + at))
    await recorder.close()
    asked = list(scan(tmp_path / "trail", Sought(name="Decrypt"), NODE))

    found = in_force.scanned(tmp_path / "trail", asked, NODE)

    assert [one.number for one in found] == [0, 2, 4]
    assert in_force.scanned(tmp_path / "trail", [], NODE) == []


def test_files_that_were_kept_long_enough_are_left_out(tmp_path_factory):
    made = asyncio.run(deliver(tmp_path_factory.mktemp("old")))
    retired(made, 2)

    _, files = taken(made, {0, 470})

    assert len(files.files) == 1
