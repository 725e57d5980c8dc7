"""Records of one shape are read together: what the index learns is what it would learn of each by itself."""

import json
import random

import pytest

from keystead.trail import attributes, shapes
from keystead.trail.blocks import entry_of
from keystead.trail.event import SERVICE_EVENT, id_at
from keystead.trail.index import Batch, batch_of
from keystead.trail.segments import Record
from keystead.trail.shapes import Shapes, outlined
from keystead.trail.store import Position
from keystead.trail.uses import KMS, READS, USES, note_actor, note_read, note_touch, note_use

KNOWN = Position("node", 3, -1)
NOW = 1_790_000_000
ACCOUNT, OWNER = "111122223333", "444455556666"
ALICE = {"type": "IAMUser", "principalId": "AIDAALICE", "arn": f"arn:aws:iam::{ACCOUNT}:user/alice", "accountId": ACCOUNT,
         "userName": "alice", "accessKeyId": "AKIAALICE"}  # fmt: skip  # one caller
APP = {
    "type": "AssumedRole",
    "principalId": "AROAAPP:session",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/app/session",
    "accessKeyId": "ASIAAPP",
    "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{ACCOUNT}:role/app"}},
}
STRANGER = {"type": "AWSAccount", "principalId": "AIDASTRANGER", "accountId": OWNER}
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-AbCdEf"
CALLS = (
    ("kms.amazonaws.com", "Encrypt"), ("kms.amazonaws.com", "Decrypt"), ("kms.amazonaws.com", "CreateGrant"),
    ("secretsmanager.amazonaws.com", "GetSecretValue"), ("iam.amazonaws.com", "GetUser"),
)  # fmt: skip  # a table


def some(chance, number):
    """A record of a few shapes, and a time that need not be later than that of the one before."""
    source, name = chance.choice(CALLS)
    at = NOW + number // 10 + chance.choice((0, 0, 0, -2, 5))
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{chance.choice('ab')}"
    record = {
        "userIdentity": chance.choice((ALICE, APP, STRANGER)),
        "eventTime": f"2026-09-21T{at // 3600 % 24:02}:{at // 60 % 60:02}:{at % 60:02}Z",
        "eventSource": source,
        "eventName": name,
        "awsRegion": chance.choice(("us-east-1", "eu-west-1")),
        "sourceIPAddress": chance.choice(("192.0.2.1", "192.0.2.2")),
        "userAgent": "boto3",
        "requestParameters": {"userName": chance.choice(("carol", "dave")), "encryptionContext": {"row": str(number)}},
        "requestID": id_at(at),
        "eventID": id_at(at + chance.choice((0, 0, 90))),
        "readOnly": name != "CreateGrant",
        "eventType": chance.choice(("AwsApiCall", "AwsApiCall", SERVICE_EVENT)),
        "recipientAccountId": chance.choice((ACCOUNT, ACCOUNT, OWNER)),
    }
    if source == KMS:
        record["resources"] = [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}]
        record["additionalEventData"] = {"keyMaterialId": chance.choice(("m1", "m2"))}
    elif source.startswith("secrets"):
        record["additionalEventData"] = {"SecretId": SECRET, "SecretVersionId": chance.choice(("v1", "v2"))}
    if chance.random() < 0.1:
        record["errorCode"] = "AccessDenied"
    return Record(number, float(at), json.dumps(record).encode())


def each_by_itself(records):
    batch = Batch()
    for record in records:
        seen = attributes.read(record.event)
        entry = entry_of(KNOWN.seq(record.index), seen, record.event)
        if seen.event_type == SERVICE_EVENT and batch.repeatable.setdefault(seen.event_id, entry) is not entry:
            continue
        batch.entries.append(entry)
        if seen.event_source == KMS and seen.event_name in USES and seen.error_code is None:
            note_use(batch.used, seen)
            note_touch(batch.touched, seen)
        elif seen.event_name in READS and seen.error_code is None:
            note_read(batch.reads, seen)
        note_actor(batch.acted, seen)
    return batch


def told(batch):
    return {
        "entries": [(*entry[:4], sorted(entry.terms)) for entry in batch.entries],
        "repeatable": {id_: entry.seq for id_, entry in batch.repeatable.items()},
        "used": batch.used,
        "acted": batch.acted,
        "reads": batch.reads,
        "touched": batch.touched,
    }


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_says_what_its_records_say_each_by_itself(seed):
    chance = random.Random(seed)  # noqa: S311  # which records, not a secret
    records = [some(chance, number) for number in range(400)]
    records += [Record(400 + number, one.at, one.event) for number, one in enumerate(records[:20])]  # twice in the log

    found = told(batch_of(KNOWN, records))

    assert found == told(each_by_itself(records))
    assert found["used"]
    assert found["acted"]
    assert found["reads"]
    assert found["touched"]
    assert len(found["entries"]) < len(records)


def test_what_is_remembered_from_batch_to_batch_changes_nothing(monkeypatch):
    monkeypatch.setattr(shapes, "KNOWN", 20)  # fewer than there are: some are forgotten and met again
    chance = random.Random(7)  # noqa: S311  # likewise
    known = Shapes()

    for begin in range(0, 300, 30):
        records = [some(chance, number) for number in range(begin, begin + 30)]

        assert told(batch_of(KNOWN, records, known)) == told(each_by_itself(records))


def test_records_that_differ_in_time_ids_and_parameters_are_of_one_shape():
    known = Shapes()
    record = json.loads(some(random.Random(1), 1).event) | {"eventSource": KMS}  # noqa: S311  # likewise
    others = [
        record | {"eventTime": "2026-09-21T00:00:00Z"},
        record | {"requestID": "other", "eventID": "another"},
        record | {"requestParameters": {"encryptionContext": {"row": "other"}}},
    ]

    found = [known.of(outlined(raw), raw) for raw in (json.dumps(one).encode() for one in (record, *others))]

    assert len(set(found)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"eventName": "Other"}, {"errorCode": "Other"}, {"readOnly": "no bool"}, {"awsRegion": "eu-north-1"},
        {"recipientAccountId": "999999999999"}, {"userIdentity": {"type": "Root"}}, {"resources": []},
        {"additionalEventData": {"keyMaterialId": "other"}}, {"eventType": "Other"},
    ],
)  # fmt: skip  # a table
def test_records_that_differ_in_what_counts_are_of_different_shapes(change):
    known = Shapes()
    record = json.loads(some(random.Random(1), 1).event) | {"eventSource": KMS}  # noqa: S311  # likewise
    one, other = (json.dumps(each).encode() for each in (record, record | change))

    first, second = (known.of(outline, raw) if (outline := outlined(raw)) else None for raw in (one, other))

    assert first is not None
    assert second is not first


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"not JSON", b'{"eventTime": 1}', b"\xff"])
def test_what_is_no_record_has_no_outline(raw):
    assert outlined(raw) is None


def test_a_record_whose_caller_cannot_be_read_has_no_shape():
    raw = json.dumps(json.loads(some(random.Random(1), 1).event) | {"userIdentity": {"type": 5}}).encode()  # noqa: S311  # likewise

    assert Shapes().of(outlined(raw), raw) is None


def test_of_the_same_second_the_last_in_the_log_is_the_newest():
    record = json.loads(some(random.Random(1), 1).event)  # noqa: S311  # likewise
    record |= {"eventSource": KMS, "eventName": "Encrypt", "eventType": "AwsApiCall", "recipientAccountId": ACCOUNT}
    record |= {"resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": "arn"}]}
    record.pop("errorCode", None)
    made = [json.dumps(record | {"eventID": id_}).encode() for id_ in ("first", "second")]

    batch = batch_of(KNOWN, [Record(number, float(NOW), one) for number, one in enumerate(made)])

    assert batch.used["arn"].event_id == "second"
