"""CloudTrail's files against our verifier: proven as they were delivered, and each change found that AWS's passes over."""

import asyncio
import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

from keystead.database import sealed_keys
from keystead.database.engine import Database
from keystead.keyholder import setup
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.own_keys import DIGEST
from keystead.keyholder.promise import SealedKey
from keystead.keyholder.seals import FileSeal
from keystead.trail import audit as auditing
from keystead.trail import delivered
from keystead.trail import event as events
from keystead.trail.audit import Asked
from keystead.trail.bucket import FolderBucket
from keystead.trail.client import LocalRecorder
from keystead.trail.digests import Digests
from keystead.trail.files_report import Place
from keystead.trail.log_files import LogFiles
from keystead.trail.notes import Notes
from keystead.trail.retention import retire
from keystead.trail.signed_note import Signer
from keystead.trail.trails import Files, Trail
from keystead.trail.verify import Verdict
from keystead.trail.verify_files import GRACE_SECONDS, verify_files

START = 1_750_003_200  # a full hour
HOUR = 3600
INSTALLATION, NODE = "i", "0123456789abcdef"
ORIGIN = f"keystead.invalid/{INSTALLATION}/{NODE}"
ACCOUNTS = ("111122223333", "444455556666")
REGION = "us-east-1"
HOURS = 5


def made(number: int, at: float) -> bytes:
    account = ACCOUNTS[number % 3 % 2]
    return events.event(
        request_id=f"r{number}",
        at=at,
        source="kms.amazonaws.com",
        name="Encrypt",
        region=REGION,
        identity={"type": "IAMUser", "accountId": account, "userName": "alice"},
        invoked_by=None,
        source_ip="192.0.2.1",
        user_agent="boto3",
        error=None,
        parameters=None,
        response=None,
        notes=Notes(),
        read_only=True,
        recipient_account=account,
        tls=None,
        shared_id=None,
    )


@dataclass(frozen=True)
class Delivered:
    """A log and the files that were made of it; `sign` is what the holder of the signing key can do."""

    folder: Path
    place: Place
    now: float
    signer: Signer
    sign: Callable[[str, str, str, str], str]

    @property
    def bucket(self) -> Path:
        return self.folder / "bucket"

    def digests(self, account: str = ACCOUNTS[0]) -> list[Path]:
        return sorted((self.bucket / "AWSLogs" / account / "CloudTrail-Digest").rglob("*.gz"))

    def files(self, account: str = ACCOUNTS[0]) -> list[Path]:
        return sorted((self.bucket / "AWSLogs" / account / "CloudTrail").rglob("*.gz"))

    def check(self, **named):
        place = replace(self.place, **named)
        return verify_files(place, self.now)

    def audit(self, **named):
        place = replace(self.place, **named)
        return auditing.audit(
            Asked(folder=place.folder, keys=self.signer.verifiers, files=place, clock=lambda: self.now)
        )


class Clock:
    now = float(START)

    def __call__(self) -> float:
        return self.now


async def deliver(folder: Path) -> Delivered:
    """Five hours of traffic, one of them silent; files every ten minutes, a digest every hour."""
    clock = Clock()
    data = folder / "keyholder"
    data.mkdir()
    software = setup.create(data, FileSeal()).software
    keyholder = LocalKeyholder(software)
    database = Database.open(f"sqlite:///{folder / 'k.db'}", clock=clock)
    await database.migrate()
    signer = Signer(ORIGIN, (bytes(32), bytes(range(32))))
    recorder = LocalRecorder(folder / "trail", signer.sign)
    files = Files(Trail(REGION, "keystead-trail"), FolderBucket(folder / "bucket"))
    log_files = LogFiles(database, folder / "trail", files, NODE, clock, 600)
    digests = Digests(database, keyholder, files, installation=INSTALLATION, node=NODE, clock=clock, every=HOUR)
    number = 0
    for hour in range(HOURS):
        for _ in range(6):
            if hour != 2:
                await asyncio.gather(*(recorder.record(made(number + place, clock.now)) for place in range(20)))
                number += 20
            await log_files.deliver()
            await digests.deliver()
            clock.now += 600
    await digests.deliver()
    await recorder.record(b'{"not": "CloudTrail"}')
    await asyncio.gather(*(recorder.record(made(number + place, clock.now)) for place in range(5)))
    clock.now += 60
    await recorder.close()
    log_files.close()
    async with database.read() as connection:
        keys, known = await delivered.keys(connection), await delivered.every_digest(connection)
        kept = await sealed_keys.load(connection)
    await database.close()
    (sealed,) = (SealedKey(*row) for row in kept if row.purpose == DIGEST)

    def sign(end: str, where: str, hashed: str, before: str) -> str:
        return asyncio.run(keyholder.sign_digest(sealed, end, where, hashed, before)).hex()

    (folder / "trail" / "checkpoint.vkeys").write_text("".join(f"{key}\n" for key in signer.verifiers))
    place = Place(files, keys, known, folder / "trail", NODE, ORIGIN)
    return Delivered(folder, place, clock.now, signer, sign)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Delivered:
    return asyncio.run(deliver(tmp_path_factory.mktemp("whole")))


@pytest.fixture
def found(whole, tmp_path) -> Delivered:
    """A copy to be changed."""
    for name in ("bucket", "trail"):
        shutil.copytree(whole.folder / name, tmp_path / name)
    shutil.copy(whole.folder / "k.db", tmp_path)
    files = Files(whole.place.files.trail, FolderBucket(tmp_path / "bucket"))
    place = replace(whole.place, files=files, folder=tmp_path / "trail")
    return replace(whole, folder=tmp_path, place=place)


def test_what_was_delivered_is_proven(whole):
    report = whole.check()

    assert (report.findings, report.doubts) == ([], [])
    assert (report.chains, report.digests) == (2, 2 * HOURS)
    assert report.files == len(whole.files()) + len(whole.files(ACCOUNTS[1])) == report.compared + report.pending
    assert report.covered == 480
    assert len(report.heads) == 2 * HOURS
    audit = whole.audit()
    assert audit.verdict is Verdict.PROVEN
    assert (audit.log.records, audit.findings) == (486, ())


# --- the four changes that AWS's validator passes over (CloudTrail's digests, measured with awscli 1.45) ----------------


def test_the_newest_digests_and_their_files_deleted(found):
    for account in ACCOUNTS:
        for path in (*found.digests(account)[-2:], *found.files(account)[-12:]):
            path.unlink()

    with_database, alone = found.audit(), found.audit(known=None)

    assert with_database.verdict is Verdict.CONTRADICTION
    assert any("was delivered, and is missing" in finding for finding in with_database.findings)
    assert alone.verdict is Verdict.UNCHECKED
    assert any("from 240 on are in no listed log file" in finding for finding in alone.findings)
    assert any("the newest digest of 111122223333" in finding for finding in alone.findings)


def signed_anew(found: Delivered, path: Path, change: Callable[[dict], None]) -> None:
    """By somebody who has the signing key."""
    told = json.loads(gzip.decompress(path.read_bytes()))
    change(told)
    content = json.dumps(told).encode()
    path.write_bytes(gzip.compress(content))
    before = told["previousDigestSignature"] or "null"
    where = f"{told['digestS3Bucket']}/{told['digestS3Object']}"
    signature = found.sign(told["digestEndTime"], where, sha256(content).hexdigest(), before)
    metadata = found.bucket / ".metadata" / path.relative_to(found.bucket)
    metadata.write_text(json.dumps({"signature": signature, "signature-algorithm": "SHA256withRSA"}))


def drop_a_file(found: Delivered):
    def change(told):
        dropped = told["logFiles"].pop(1)
        (found.bucket / dropped["s3Object"]).unlink()

    return change


def test_a_digest_in_the_middle_signed_anew_and_a_file_dropped(found):
    signed_anew(found, found.digests()[1], drop_a_file(found))

    audit = found.audit(known=None)

    assert audit.verdict is Verdict.CONTRADICTION
    assert any("does not continue" in finding for finding in audit.findings)
    assert any("of 111122223333 in us-east-1 are in no listed log file" in finding for finding in audit.findings)


def test_the_newest_digest_signed_anew_and_a_file_dropped_contradicts_the_log_alone(found):
    """No later digest links to it: only the records know."""
    signed_anew(found, found.digests()[-1], drop_a_file(found))

    audit = found.audit(known=None)

    assert audit.verdict is Verdict.CONTRADICTION
    assert [finding for finding in audit.findings if "continue" in finding] == []


def cut_links(told):
    for name in ("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature"):
        told[f"previousDigest{name}"] = None


def test_the_links_set_to_null_and_the_older_ones_deleted(found):
    for account in ACCOUNTS:
        older, newest = found.digests(account)[:-1], found.digests(account)[-1]
        listed = {file["s3Object"] for file in json.loads(gzip.decompress(newest.read_bytes()))["logFiles"]}
        signed_anew(found, newest, cut_links)
        for path in (
            *older,
            *(file for file in found.files(account) if str(file.relative_to(found.bucket)) not in listed),
        ):
            path.unlink()

    audit = found.audit(known=None)

    assert audit.verdict is Verdict.CONTRADICTION
    assert any("records 0 to " in finding and "are in no listed log file" in finding for finding in audit.findings)


def test_everything_deleted(found):
    shutil.rmtree(found.bucket)

    with_database, alone = found.audit(), found.audit(known=None)

    assert with_database.verdict is Verdict.CONTRADICTION
    assert alone.verdict is Verdict.UNCHECKED
    assert any("records from 0 on are in no listed log file" in finding for finding in alone.findings)


def test_a_log_file_that_no_digest_lists(found):
    (first, *_) = found.files()
    shutil.copy(first, first.with_name(first.name.replace("_", "_", 1)[:-24] + "0123456789abcdef.json.gz"))

    assert any("is listed by no digest" in finding for finding in found.check().findings)


def test_an_hour_missing_between_two_digests(found):
    """The later one signed anew to continue the one before the gap."""
    one, gap, later, *_ = found.digests()
    told = json.loads(gzip.decompress(gap.read_bytes()))

    def close(later_told):
        for name in ("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature"):
            later_told[f"previousDigest{name}"] = told[f"previousDigest{name}"]

    gap.unlink()
    signed_anew(found, later, close)

    findings = found.check(known=None).findings
    assert one.exists()
    assert any("does not begin where" in finding for finding in findings)


def test_a_signature_with_sha_1_under_the_name_of_sha_256(found):
    """With a key of one's own, as nobody gets such a signature from the keyholder."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    path = found.digests()[0]
    told = json.loads(gzip.decompress(path.read_bytes())) | {"digestPublicKeyFingerprint": "f" * 32}
    content = json.dumps(told).encode()
    path.write_bytes(gzip.compress(content))
    text = f"{told['digestEndTime']}\n{told['digestS3Bucket']}/{told['digestS3Object']}\n{sha256(content).hexdigest()}\nnull"
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303  # the attack
    metadata = found.bucket / ".metadata" / path.relative_to(found.bucket)
    metadata.write_text(json.dumps({"signature": signature.hex(), "signature-algorithm": "SHA256withRSA"}))
    known = [key_._replace(fingerprint="f" * 32, public=public) for key_ in found.place.keys]

    assert any("does not verify" in finding for finding in found.check(keys=[*found.place.keys, *known]).findings)
    assert any("a key that is not this trail's" in finding for finding in found.check().findings)


# --- and the rest -----------------------------------------------------------------------------------------------------


def test_every_byte_of_a_file_and_of_a_digest_counts(found):
    """Of the content: of the packing around it some bytes say nothing."""
    for path in (found.files()[3], found.digests()[1]):
        content, packed = gzip.decompress(path.read_bytes()), path.read_bytes()
        for place in range(0, len(content), max(1, len(content) // 60)):
            changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            path.write_bytes(gzip.compress(changed))
            assert found.check().findings, f"{path.name} at {place}"
        path.write_bytes(packed)
    assert found.check().findings == []


@pytest.mark.parametrize("which", [0, 7, -1])
def test_a_file_deleted_is_found(found, which):
    found.files()[which].unlink()

    assert any("is missing" in finding for finding in found.check().findings)


@pytest.mark.parametrize("which", [0, 2, 4])
def test_a_digest_deleted_is_found_without_the_database(found, which):
    for account in ACCOUNTS:
        found.digests(account)[which].unlink()
    overdue = replace(found, now=found.now + GRACE_SECONDS)

    assert overdue.check(known=None).findings or overdue.check(known=None).doubts


def test_a_digest_signed_anew_though_nothing_in_it_is_changed_breaks_the_chain(found):
    """JSON written in another way: another hash."""
    signed_anew(found, found.digests()[2], lambda _: None)

    assert any("does not continue" in finding for finding in found.check(known=None).findings)


def test_times_that_are_not_those_of_the_files_are_found(found):
    def change(told):
        told["newestEventTime"] = told["digestEndTime"]

    signed_anew(found, found.digests()[-1], change)

    assert any("the times of events" in finding for finding in found.check().findings)


def test_a_digest_of_another_place_is_found(found):
    one, other = found.digests()[-1], found.digests(ACCOUNTS[1])[-1]
    shutil.copy(other, one)

    assert any(f"{one.name} is not one" in finding for finding in found.check().findings)


def test_a_root_that_is_not_the_logs_is_found_by_the_records(found):
    def change(told):
        told["keysteadLogs"][0]["root"] = "0" * 64

    signed_anew(found, found.digests()[-1], change)

    audit = found.audit(known=None)
    assert audit.verdict is Verdict.CONTRADICTION
    assert any("its root differs" in finding for finding in audit.findings)


def test_a_size_beyond_the_log_is_found(found):
    def change(told):
        told["keysteadLogs"][0]["size"] = 10_000

    signed_anew(found, found.digests()[-1], change)

    assert any("the end is missing" in finding for finding in found.audit(known=None).findings)


def test_a_file_made_of_other_records_is_found_though_digest_and_hash_agree(found):
    """The holder of the signing key writes an event that was never recorded."""
    digest = found.digests()[-1]

    def change(told):
        listed = told["logFiles"][0]
        path = found.bucket / listed["s3Object"]
        content = gzip.decompress(path.read_bytes()).replace(b"alice", b"mallo")
        path.write_bytes(gzip.compress(content))
        listed["hashValue"] = sha256(content).hexdigest()

    signed_anew(found, digest, change)

    findings = found.check(known=None).findings
    assert any("is not what records" in finding for finding in findings)


def test_a_file_listed_twice_is_found(found):
    signed_anew(found, found.digests()[-1], lambda told: told["logFiles"].append(told["logFiles"][0]))

    assert any("is listed twice" in finding for finding in found.check(known=None).findings)


def test_what_is_neither_digest_nor_file_is_found(found):
    (found.bucket / "AWSLogs" / "mine.txt").write_text("mine")

    assert any("neither a digest nor a log file" in finding for finding in found.check().findings)


@pytest.mark.parametrize("since", [HOURS * HOUR + 60, -2 * HOUR])
def test_a_key_of_another_time_does_not_count(whole, since):
    """Made later than the first digests, or no longer valid for the last ones."""
    (key,) = whole.place.keys
    other = key._replace(since=START + max(0, since), until=START + since + 4 * HOUR)

    report = whole.check(keys=[other])

    assert any("a key of another time" in finding for finding in report.findings)


def test_without_the_keys_nothing_is_proven(found):
    report = found.check(keys=None)

    assert report.findings == []
    assert report.doubts == ["the keys of the digests could not be had: give them with --digest-keys"]


def test_files_without_the_log_are_checked_against_themselves(found, tmp_path):
    report = found.check(folder=tmp_path / "none")

    assert (report.findings, report.compared) == ([], 0)


def test_files_of_another_node_are_not_compared_with_this_log(found):
    report = found.check(node="other", origin="other")

    assert (report.compared, report.heads, report.covered) == (0, [], 0)
    assert report.findings == []


def test_a_log_that_grew_old_without_a_digest_is_not_proven(whole):
    later = replace(whole, now=whole.now + 3 * HOUR)

    report = later.check()

    assert report.findings == []
    assert len(report.doubts) == 3


def retired(found: Delivered, hours: int) -> float:
    """The files and digests of all but the last hours have been taken out of the bucket; before when."""
    before = START + (HOURS - hours) * HOUR + 1.0

    async def run() -> None:
        database = Database.open(f"sqlite:///{found.folder / 'k.db'}")
        await retire(database, found.place.files, NODE, before)
        await database.close()

    asyncio.run(run())
    return before


def test_what_has_been_kept_long_enough_is_no_gap(found):
    before = retired(found, 2)
    known = [digest for digest in found.place.known if digest.end >= before]

    report = found.audit(before=before, known=known)

    assert len(found.digests()) == 2
    assert report.verdict is Verdict.PROVEN
    assert report.files.retired == report.files.covered - 240
    assert (report.files.compared, report.files.files) == (
        24,
        22,
    )  # two are listed by a digest that is younger than they


def test_without_the_time_that_they_are_kept_it_is_one(found):
    retired(found, 2)

    findings = found.check(known=None).findings

    assert any("continues one that is missing" in finding for finding in findings)
    assert any("are in no listed log file" in finding for finding in findings)


def test_what_has_not_been_kept_long_enough_must_be_there(found):
    before = retired(found, 2)

    assert found.check(before=before - HOUR, known=None).findings


@pytest.mark.parametrize("which", ["digests", "files"])
def test_retention_hides_no_deletion_of_what_is_younger(found, which):
    before = retired(found, 3)
    getattr(found, which)()[-1 if which == "files" else -2].unlink()

    assert found.check(before=before, known=None).findings


def test_an_old_log_of_which_all_files_are_gone_is_proven_as_far_as_it_is_kept(found):
    before = retired(found, 0)

    report = found.check(before=before, known=None)

    assert report.findings == []
