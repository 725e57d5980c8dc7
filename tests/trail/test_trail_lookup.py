"""Lookups against a filter that reads every record: by each attribute, by time, in pages."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.database.engine import Database
from keystead.keyholder import setup
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.seals import FileSeal
from keystead.trail import attributes, queries
from keystead.trail import event as events
from keystead.trail import lookup as lookups
from keystead.trail.client import LocalRecorder
from keystead.trail.index import Index
from keystead.trail.lookup import (
    AttributeInvalid,
    IndexBehind,
    Lookup,
    PageSizeInvalid,
    Query,
    TimeRangeInvalid,
    TokenInvalid,
)
from keystead.trail.notes import Notes

ACCOUNT, OTHER = "111122223333", "444455556666"
NOW = 1_750_000_000
DAY = 86400
KEY, ROLE = "AWS::KMS::Key", "AWS::IAM::Role"


def made(number, at, name, source, user, account, region, read_only, resources):
    notes = Notes()
    for type_, arn in resources:
        notes.resource(account, type_, arn)
    return events.event(
        request_id=f"r{number}",
        at=at,
        source=f"{source}.amazonaws.com",
        name=name,
        region=region,
        identity={"type": "IAMUser", "accountId": account, "userName": user, "accessKeyId": f"AKIA{user}"},
        invoked_by=None,
        source_ip="192.0.2.1",
        user_agent="boto3",
        error=None,
        parameters=None,
        response=None,
        notes=notes,
        read_only=read_only,
        recipient_account=account,
        tls=None,
        shared_id=None,
    )


CALLS = st.tuples(
    st.integers(NOW - 30, NOW),
    st.sampled_from(["Encrypt", "Decrypt", "TagResource"]),
    st.sampled_from(["kms", "sts"]),
    st.sampled_from(["alice", "bob"]),
    st.sampled_from([ACCOUNT, ACCOUNT, OTHER]),
    st.sampled_from(["us-east-1", "us-east-1", "eu-west-1"]),
    st.booleans(),
    st.lists(st.sampled_from([(KEY, "k1"), (KEY, "k2"), (ROLE, "r1")]), max_size=2, unique=True),
)
VALUES = {
    "EventName": ["Encrypt", "TagResource", "Nothing"],
    "EventSource": ["kms.amazonaws.com", "sts.amazonaws.com"],
    "Username": ["alice", "nobody"],
    "AccessKeyId": ["AKIAbob"],
    "ReadOnly": ["true", "false"],
    "ResourceName": ["k1", "r1"],
    "ResourceType": [KEY, ROLE],
}
ATTRIBUTES = [None, *((name, value) for name, values in VALUES.items() for value in values)]


def matches(record, attribute):
    """What LookupEvents means by each attribute, read from the record (CloudTrail API reference, LookupAttribute)."""
    if attribute is None:
        return True
    name, value = attribute
    return (
        value
        in {
            "EventId": [record["eventID"]],
            "EventName": [record["eventName"]],
            "EventSource": [record["eventSource"]],
            "Username": [record["userIdentity"]["userName"]],
            "AccessKeyId": [record["userIdentity"]["accessKeyId"]],
            "ReadOnly": ["true" if record["readOnly"] else "false"],
            "ResourceName": [resource["ARN"] for resource in record.get("resources", ())],
            "ResourceType": [resource["type"] for resource in record.get("resources", ())],
        }[name]
    )


class Stage:
    """A log, its index and lookups, at a time that tests set."""

    def __init__(self, database, folder, keyholder):
        self.database = database
        self.recorder = LocalRecorder(folder)
        self.index = Index(database, folder)
        self.now = NOW + 1
        self.lookup = Lookup(database, folder, keyholder, lambda: self.now)

    async def record(self, *made_events):
        for event in made_events:
            await self.recorder.record(event)

    async def pages(self, query, limit):
        token, pages = None, []
        while token is not None or not pages:
            page, token = await self.lookup.find(query, limit=limit, token=token)
            pages.append([event.record for event in page])
        return pages


@asynccontextmanager
async def staged(url, tmp_path):
    data = tmp_path / "keyholder"
    data.mkdir(mode=0o700)
    keyholder = LocalKeyholder(setup.create(data, FileSeal()).software)
    database = Database.open(url)
    await database.migrate()
    stage = Stage(database, tmp_path / "log", keyholder)
    try:
        yield stage
    finally:
        await stage.recorder.close()
        await database.close()


def call(number, *, at=NOW, name="Encrypt", user="alice", account=ACCOUNT, region="us-east-1"):
    return made(number, at, name, "kms", user, account, region, True, [(KEY, "k1")])


@settings(max_examples=8, deadline=None)
@given(calls=st.lists(CALLS, max_size=25), limit=st.integers(1, 6))
def test_every_lookup_finds_what_reading_every_record_finds(tmp_path_factory, calls, limit):
    folder = tmp_path_factory.mktemp("lookup")
    asyncio.run(compare(folder, calls, limit))


async def compare(folder: Path, calls, limit):
    async with staged(f"sqlite:///{folder / 'keystead.db'}", folder) as stage:
        log = [made(number, *named) for number, named in enumerate(calls)]
        await stage.record(*log)
        await stage.index.follow()
        newest_first = sorted(
            enumerate(map(bytes.decode, log)), key=lambda pair: (when(pair[1]), pair[0]), reverse=True
        )
        for attribute in ATTRIBUTES:
            for start, end in ((None, None), (NOW - 20, None), (None, NOW - 10.5), (NOW - 20.5, NOW - 10)):
                expected = [text for _, text in newest_first if wanted(json.loads(text), text, attribute, start, end)]
                pages = await stage.pages(Query(ACCOUNT, "us-east-1", attribute, start, end), limit)
                assert [text for page in pages for text in page] == expected
                assert all(len(page) == limit for page in pages[:-1])


def when(text):
    return attributes.seconds(json.loads(text)["eventTime"])


def wanted(record, text, attribute, start, end):
    """Times count to the second, as they are shown."""
    mine = record["recipientAccountId"] == ACCOUNT and record["awsRegion"] == "us-east-1"
    after = start is None or when(text) >= int(start)
    before = end is None or when(text) <= int(end)
    return mine and after and before and matches(record, attribute)


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=str)
async def test_both_engines_find_by_each_attribute(url, tmp_path, attribute):
    log = [
        made(0, NOW - 3, "Encrypt", "kms", "alice", ACCOUNT, "us-east-1", True, [(KEY, "k1"), (KEY, "k2")]),
        made(1, NOW - 3, "TagResource", "kms", "bob", ACCOUNT, "us-east-1", False, [(KEY, "k1")]),
        made(2, NOW - 1, "AssumeRole", "sts", "bob", ACCOUNT, "us-east-1", True, [(ROLE, "r1")]),
        made(3, NOW - 1, "Encrypt", "kms", "alice", ACCOUNT, "eu-west-1", True, [(KEY, "k1")]),
        made(4, NOW, "Encrypt", "kms", "alice", OTHER, "us-east-1", True, [(KEY, "k1")]),
    ]
    async with staged(url, tmp_path) as stage:
        await stage.record(*log)
        await stage.index.follow()

        (*pages,) = await stage.pages(Query(ACCOUNT, "us-east-1", attribute), 1)

        expected = [event.decode() for event in reversed(log[:3]) if matches(json.loads(event), attribute)]
        assert [text for page in pages for text in page] == expected


async def test_an_event_is_found_by_its_id_in_its_own_account_and_region_only(url, tmp_path):
    async with staged(url, tmp_path) as stage:
        event = call(1)
        await stage.record(event, call(2))
        await stage.index.follow()
        attribute = ("EventId", json.loads(event)["eventID"])

        found = {
            (account, region): len((await stage.lookup.find(Query(account, region, attribute)))[0])
            for account in (ACCOUNT, OTHER)
            for region in ("us-east-1", "eu-west-1")
        }

        assert found == {
            (ACCOUNT, "us-east-1"): 1,
            (ACCOUNT, "eu-west-1"): 0,
            (OTHER, "us-east-1"): 0,
            (OTHER, "eu-west-1"): 0,
        }


async def test_what_is_found_says_what_the_record_says(url, tmp_path):
    async with staged(url, tmp_path) as stage:
        event = call(1)
        await stage.record(event)
        await stage.index.follow()

        ((found,), token) = await stage.lookup.find(Query(ACCOUNT, "us-east-1"))

        assert token is None
        assert (found.id, found.record) == (json.loads(event)["eventID"], event.decode())
        assert (found.name, found.source, found.at) == ("Encrypt", "kms.amazonaws.com", NOW)
        assert (found.username, found.access_key_id, found.read_only) == ("alice", "AKIAalice", True)
        assert found.resources == [(KEY, "k1")]


async def test_events_that_come_between_two_pages_shift_nothing(url, tmp_path):
    async with staged(url, tmp_path) as stage:
        await stage.record(*(call(number, at=NOW - 10 + number) for number in range(4)))
        await stage.index.follow()
        query = Query(ACCOUNT, "us-east-1")
        first, token = await stage.lookup.find(query, limit=2)
        await stage.record(call(9, at=NOW))
        await stage.index.follow()

        second, last = await stage.lookup.find(query, limit=2, token=token)

        assert [json.loads(event.record)["requestID"] for event in (*first, *second)] == ["r3", "r2", "r1", "r0"]
        assert last is None


async def test_a_lookup_waits_for_what_was_recorded_before_it(url, tmp_path):
    async with staged(url, tmp_path) as stage:
        await stage.record(call(1))
        asked = asyncio.create_task(stage.lookup.find(Query(ACCOUNT, "us-east-1")))
        await asyncio.sleep(0.05)
        assert not asked.done()

        await stage.index.follow()

        found, _ = await asked
        assert len(found) == 1


async def test_a_lookup_that_would_leave_something_out_is_refused(url, tmp_path, monkeypatch):
    monkeypatch.setattr(lookups, "WAIT_SECONDS", 0.05)
    async with staged(url, tmp_path) as stage:
        await stage.record(call(1))

        with pytest.raises(IndexBehind):
            await stage.lookup.find(Query(ACCOUNT, "us-east-1"))


async def test_ninety_days_are_found_and_no_more(url, tmp_path):
    async with staged(url, tmp_path) as stage:
        await stage.record(call(1, at=NOW - 90 * DAY), call(2, at=NOW - 90 * DAY + 1))
        await stage.index.follow()

        found, _ = await stage.lookup.find(Query(ACCOUNT, "us-east-1", start=0.0))

        assert [json.loads(event.record)["requestID"] for event in found] == ["r2"]


@pytest.mark.parametrize(
    ("attribute", "start", "end", "limit", "refused"),
    [
        (("Colour", "red"), None, None, 1, AttributeInvalid),
        (("ReadOnly", "True"), None, None, 1, AttributeInvalid),
        (None, 2.0, 1.0, 1, TimeRangeInvalid),
        (None, -1.0, None, 1, TimeRangeInvalid),
        (None, NOW * 1000.0, None, 1, TimeRangeInvalid),
        (None, None, NOW * 1000.0, 1, TimeRangeInvalid),
        (None, float("nan"), None, 1, TimeRangeInvalid),
        (None, None, None, 0, PageSizeInvalid),
        (None, None, None, 51, PageSizeInvalid),
    ],
)
async def test_what_cannot_be_looked_up_is_refused(tmp_path, attribute, start, end, limit, refused):
    async with staged(f"sqlite:///{tmp_path / 'keystead.db'}", tmp_path) as stage:
        with pytest.raises(refused):
            await stage.lookup.find(Query(ACCOUNT, "us-east-1", attribute, start, end), limit=limit)


async def test_a_token_opens_no_other_lookup(tmp_path):
    async with staged(f"sqlite:///{tmp_path / 'keystead.db'}", tmp_path) as stage:
        await stage.record(call(1), call(2))
        await stage.index.follow()
        _, token = await stage.lookup.find(Query(ACCOUNT, "us-east-1"), limit=1)
        others = [
            Query(OTHER, "us-east-1"),
            Query(ACCOUNT, "eu-west-1"),
            Query(ACCOUNT, "us-east-1", ("EventName", "Encrypt")),
            Query(ACCOUNT, "us-east-1", start=1.0),
            Query(ACCOUNT, "us-east-1", end=float(NOW)),
        ]

        for query in others:
            with pytest.raises(TokenInvalid):
                await stage.lookup.find(query, token=token)


@pytest.mark.parametrize("token", ["", "x", "é", "AAAA" * 30])
async def test_a_token_that_was_not_given_out_is_refused(tmp_path, token):
    async with staged(f"sqlite:///{tmp_path / 'keystead.db'}", tmp_path) as stage:
        with pytest.raises(TokenInvalid):
            await stage.lookup.find(Query(ACCOUNT, "us-east-1"), token=token)


@pytest.mark.slow
async def test_a_page_costs_the_same_at_any_depth(tmp_path):
    """Counted in steps of SQLite's machine, not in time."""
    async with staged(f"sqlite:///{tmp_path / 'keystead.db'}", tmp_path) as stage:
        for first in range(0, 20_000, 1000):
            await asyncio.gather(
                *(
                    stage.recorder.record(call(number, at=NOW - 20_000 + number))
                    for number in range(first, first + 1000)
                )
            )
        await stage.index.follow()

        for attribute in (None, *ATTRIBUTES, ("ResourceName", "k1")):
            if attribute is None or matches(json.loads(call(0)), attribute):
                shallow = await steps(stage, attribute, end=NOW - 1_000.0)
                deep = await steps(stage, attribute, end=NOW - 19_000.0)
                assert deep < shallow * 1.5, attribute


async def steps(stage, attribute, end):
    """Virtual machine instructions that one page takes."""
    counted = [0]

    def count():
        counted[0] += 1
        return 0

    wanted_ = queries.Wanted(ACCOUNT, "us-east-1", (attribute,) if attribute else (), 0, int(end))
    async with stage.database.read() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        await raw.set_progress_handler(count, 1)
        assert len(await queries.page(connection, wanted_, 50)) == 50
        await raw.set_progress_handler(None, 0)
    return counted[0]
