"""AWS's own validator: it passes on what a running Keystead has delivered, and names what was changed since."""

import base64
import copy
import gzip
import hashlib
import json
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keystead.testing import running

REGION = "eu-west-1"
WAIT_SECONDS = 60
ROUNDS = 60


@pytest.fixture(scope="module")
def house():
    with running(REGION, trail_log_seconds=0.3, trail_digest_seconds=1) as keystead:
        yield keystead


@pytest.fixture(scope="module")
def bucket(house):
    """Some seconds of a trail: digests with log files and without. The folder goes on growing."""
    kms = house.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    root = house.data / "bucket" / "AWSLogs" / house.account
    for _ in range(4):
        kms.encrypt(KeyId=key, Plaintext=b"x")
        time.sleep(0.4)  # for files of their own
    wait_for(lambda: len(digests(root)) >= 4 and listed(root) >= 3)
    return root


def wait_for(holds):
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def digests(root):
    """Of the trail's Region; what opened the account is in IAM's."""
    return sorted((root / "CloudTrail-Digest" / REGION).rglob("*.json.gz"))


def read(path):
    return json.loads(gzip.decompress(path.read_bytes()))


def listed(root):
    return sum(len(read(path)["logFiles"]) for path in digests(root))


def validated(house, *more):
    """The stock command, as anybody would type it."""
    start = datetime.now(UTC) - timedelta(hours=1)
    asked = ["--trail-arn", arn(house), "--start-time", start.strftime("%Y-%m-%dT%H:%M:%SZ"), "--verbose", *more]
    return subprocess.run(
        [Path(sys.executable).parent / "aws", "cloudtrail", "validate-logs", *asked],
        env={**house.environment, "AWS_PAGER": "", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )


def arn(house):
    return f"arn:aws:cloudtrail:{REGION}:{house.account}:trail/keystead"


@pytest.mark.slow
def test_the_stock_validator_passes_and_then_names_the_log_file_that_was_changed(house, bucket):
    done = validated(house)

    assert (done.returncode, done.stderr) == (0, "")
    assert "INVALID" not in done.stdout
    assert done.stdout.count("\tvalid\n") >= 7

    name = read(next(path for path in digests(bucket) if read(path)["logFiles"]))["logFiles"][0]["s3Object"]
    path = house.data / "bucket" / name
    whole = path.read_bytes()
    path.write_bytes(gzip.compress(gzip.decompress(whole).replace(b"Encrypt", b"Decrypt").replace(b"Key", b"Kay")))

    done = validated(house)

    path.write_bytes(whole)
    assert done.returncode == 1
    assert f"{name}\tINVALID: hash value doesn't match" in done.stderr


@pytest.mark.slow
def test_the_stock_validator_says_which_digest_is_gone(house, bucket):
    path = digests(bucket)[1]
    whole = path.read_bytes()
    path.unlink()

    done = validated(house)

    path.write_bytes(whole)
    assert done.returncode == 1
    assert f"{path.name}\tINVALID: not found" in done.stderr


class Snapshot:
    """What the bucket holds now."""

    def __init__(self, house, root):
        base = house.data / "bucket"
        found = sorted(path for path in root.rglob("*.json.gz") if REGION in path.parts)
        self.contents = {str(path.relative_to(base)): path.read_bytes() for path in found}
        self.metadata = {
            key: json.loads((base / ".metadata" / key).read_bytes()) for key in self.contents if "Digest" in key
        }
        self.keys = None

    def digest_keys(self):
        return sorted(self.metadata)

    def change(self, key, change):
        self.contents[key] = gzip.compress(change(gzip.decompress(self.contents[key])))

    def case(self):
        contents = {key: base64.b64encode(content).decode() for key, content in self.contents.items()}
        return {"contents": contents, "metadata": self.metadata, **({"keys": self.keys} if self.keys else {})}


@pytest.fixture(scope="module")
def snapshot(house, bucket):
    return Snapshot(house, bucket)


@pytest.fixture(scope="module")
def complaints(house, snapshot):
    """What AWS's own code finds wrong with the digests of each snapshot, and how many it finds valid."""
    trail = house.client("cloudtrail")
    keys = [
        {"Fingerprint": key["Fingerprint"], "Value": base64.b64encode(key["Value"]).decode()}
        for key in trail.list_public_keys()["PublicKeyList"]
    ]
    told = {"arn": arn(house), "region": REGION, "trails": trail.describe_trails()["trailList"], "keys": keys}

    def ask(*snapshots):
        asked = {**told, "digests": snapshot.digest_keys(), "cases": [one.case() for one in snapshots]}
        program = Path(__file__).with_name("validator.py")
        done = subprocess.run(
            [sys.executable, program], input=json.dumps(asked), capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    return ask


def test_aws_s_code_finds_nothing_wrong(snapshot, complaints):
    assert complaints(snapshot) == [[[], len(snapshot.digest_keys())]]


def flipped(random_, content):
    place = random_.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << random_.randrange(8)]) + content[place + 1 :]


def test_every_change_of_a_byte_of_a_digest_is_found(snapshot, complaints):
    random_ = random.Random(7)  # noqa: S311  # a test that can be repeated
    changed = [copy.deepcopy(snapshot) for _ in range(ROUNDS)]
    for one in changed:
        one.change(random_.choice(one.digest_keys()), lambda content: flipped(random_, content))

    for found, valid in complaints(*changed):
        assert found
        assert valid < len(snapshot.digest_keys())


def move(made, key):
    later = made.digest_keys()[2]
    made.contents[key], made.metadata[key] = made.contents[later], made.metadata[later]


ATTACKS = [
    (lambda made, key: made.metadata[key].update(signature="00" * 256), "signature verification failed"),
    (lambda made, key: made.metadata.update({key: {}}), "signature verification failed"),
    (lambda made, key: made.contents.update({key: b"no gzip"}), "invalid format"),
    (lambda made, key: made.contents.pop(key), "NoSuchKey"),
    (move, "moved from its original location"),
    (lambda made, _: setattr(made, "keys", [{"Fingerprint": "another", "Value": ""}]), "public key not found"),
]


def test_each_attack_on_a_digest_is_named(snapshot, complaints):
    changed = [copy.deepcopy(snapshot) for _ in ATTACKS]
    for one, (attack, _) in zip(changed, ATTACKS, strict=True):
        attack(one, one.digest_keys()[1])

    for (_, said), (found, _) in zip(ATTACKS, complaints(*changed), strict=True):
        assert any(said in complaint for complaint in found), said


def test_every_log_file_has_the_hash_that_its_digest_says(snapshot):
    hashes = {
        file["s3Object"]: file["hashValue"]
        for key in snapshot.digest_keys()
        for file in json.loads(gzip.decompress(snapshot.contents[key]))["logFiles"]
    }

    assert len(hashes) >= 3
    for key, expected in hashes.items():
        assert hashlib.sha256(gzip.decompress(snapshot.contents[key])).hexdigest() == expected
