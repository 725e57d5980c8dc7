"""Blocks and postings: what is found is what reading every record finds, however the records are cut, joined and numbered."""

import asyncio
import json
from contextlib import asynccontextmanager
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.database.engine import Database
from keystead.trail import attributes, blocks, index, queries, store, terms
from keystead.trail import event as events
from keystead.trail.blocks import Entry
from keystead.trail.index import Index
from keystead.trail.joining import Joining
from keystead.trail.notes import Notes
from keystead.trail.queries import Wanted
from keystead.trail.segments import Record

from .contents import contents

ACCOUNT, OTHER, REGION = "111122223333", "444455556666", "us-east-1"
NOW = 1_750_000_000
DAY = 86400
NODES = ("a", "b")


def made(at, user="alice", name="Encrypt", account=ACCOUNT, key="k", request_id="r"):
    notes = Notes()
    notes.resource(account, "AWS::KMS::Key", key)
    return events.event(
        request_id=request_id,
        at=at,
        source="kms.amazonaws.com",
        name=name,
        region=REGION,
        identity={"type": "IAMUser", "accountId": account, "userName": user, "accessKeyId": f"AKIA{user}"},
        invoked_by=None,
        source_ip="192.0.2.1",
        user_agent="boto3",
        error=None,
        parameters=None,
        response=None,
        notes=notes,
        read_only=True,
        recipient_account=account,
        tls=None,
        shared_id=None,
    )


class Written:
    """A log that is there already."""

    def __init__(self, *records):
        self.records = [Record(number, 0.0, record) for number, record in enumerate(records)]

    def durable(self):
        return len(self.records)

    def after(self, number, limit):
        return self.records[number + 1 : number + 1 + limit]

    def add(self, *records):
        self.records += [Record(number, 0.0, record) for number, record in enumerate(records, len(self.records))]


@asynccontextmanager
async def opened(url):
    database = Database.open(url)
    await database.migrate()
    try:
        yield database
    finally:
        await database.close()


def following(database, tmp_path, log, node="a"):
    found = Index(database, tmp_path, node=node)
    found._reader = log
    return found


async def pages(database, wanted, limit):
    """Every page of it, each asked for by the end of the one before."""
    found, before = [], None
    while True:
        async with database.read() as connection:
            asked = Wanted(wanted.account, wanted.region, wanted.attributes, wanted.since, wanted.until, before)
            page = await queries.page(connection, asked, limit)
        found += page
        if len(page) < limit:
            return found
        before = page[-1].place


ENTRIES = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 200), st.sets(st.integers(-3, 3), max_size=4)))


@given(ENTRIES)
def test_every_record_is_in_one_block_within_its_limits_and_postings_lead_to_it(made_entries):
    entries = [
        Entry(seq, NOW + at, b"x" * size * 1000, ("a", "r"), tuple(chosen))
        for seq, (at, size, chosen) in enumerate(made_entries)
    ]

    found = list(blocks.cut(entries))

    assert [one for block in found for one in blocks.opened(block.content)] == [
        (one.seq, one.record) for one in entries
    ]
    for block in found:
        inside = entries[block.seq : block.seq + block.records]
        assert (block.newest, block.oldest) == (max(one.at for one in inside), min(one.at for one in inside))
        assert block.newest - block.oldest <= blocks.SPAN
        assert block.records <= blocks.RECORDS
        assert sum(len(one.record) for one in inside[:-1]) < blocks.BYTES
        for term in range(-3, 4):
            having = [place for place, one in enumerate(inside) if term in one.terms]
            told = block.postings.get(term)
            assert (list(told) if told else told) == (having or None) or (told == b"" and len(having) >= blocks.MANY)


CALLS = st.lists(
    st.tuples(
        st.sampled_from(NODES), st.integers(NOW - 1000, NOW), st.sampled_from(["alice", "alice", "bob"]),
        st.sampled_from(["Encrypt", "Decrypt"]), st.sampled_from([ACCOUNT, ACCOUNT, OTHER]),
    ),
    min_size=30,
    max_size=60,
)  # fmt: skip  # a table
ASKED = [
    (),
    (("Username", "alice"),),
    (("Username", "bob"),),
    (("EventName", "Decrypt"), ("Username", "bob")),
    (("ResourceName", "k"), ("AccessKeyId", "AKIAalice"), ("EventName", "Encrypt")),
    (("Username", "nobody"),),
]


@pytest.mark.slow
@pytest.mark.parametrize("digest_size", [1, 8], ids=["terms that meet", "terms that do not"])
@settings(max_examples=3, deadline=None)
@given(calls=CALLS, limit=st.integers(1, 7), joined=st.booleans())
def test_pages_are_what_reading_every_record_finds(tmp_path_factory, digest_size, calls, limit, joined):
    """Of two nodes whose records are out of order, in blocks of four that overlap in time, joined or not."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(terms, "blake2b", lambda text, **_: blake2b(text, digest_size=digest_size))
        patched.setattr(blocks, "RECORDS", 4)
        patched.setattr(blocks, "MANY", 3)
        patched.setattr(index, "BATCH", 3)
        forget()
        try:
            asyncio.run(compared(tmp_path_factory.mktemp("blocks"), calls, limit, joined))
        finally:
            forget()


def forget():
    for remembered in (terms.call_terms, terms.caller_terms, terms.objects_terms):
        remembered.cache_clear()


async def compared(folder, calls, limit, joined):
    async with opened(f"sqlite:///{folder / 'k.db'}") as database:
        logs = {node: [made(*call[1:]) for call in calls if call[0] == node] for node in NODES}
        for node, log in logs.items():
            await following(database, folder, Written(*log), node).follow()
            if joined:
                await Joining(database, node).run(NOW + 2 * blocks.SPAN)
        async with database.read() as connection:
            rows = [(row.seen.at, row.seq, row.record) for row in await contents(connection)]
        assert sorted(record for *_, record in rows) == sorted(one.decode() for log in logs.values() for one in log)
        for asked in ASKED:
            for since, until in ((0, NOW), (NOW - 700, NOW - 300)):
                wanted = Wanted(ACCOUNT, REGION, asked, since, until)
                expected = [record for *_, record in sorted(rows, reverse=True) if fits(json.loads(record), wanted)]
                assert [hit.record.decode() for hit in await pages(database, wanted, limit)] == expected


def fits(record, wanted):
    said = {
        "Username": record["userIdentity"]["userName"],
        "AccessKeyId": record["userIdentity"]["accessKeyId"],
        "EventName": record["eventName"],
        "ResourceName": record["resources"][0]["ARN"],
    }
    at = attributes.seconds(record["eventTime"])
    mine = record["recipientAccountId"] == wanted.account and wanted.since <= at <= wanted.until
    return mine and all(said[kind] == value for kind, value in wanted.attributes)


async def test_nodes_that_write_at_once_to_one_index_lose_nothing(url, tmp_path, monkeypatch):
    monkeypatch.setattr(index, "BATCH", 20)
    async with opened(url) as database:
        logs = {node: Written(*(made(NOW + n, node, request_id=f"{node}{n}") for n in range(90))) for node in NODES}

        await asyncio.gather(*(following(database, tmp_path, log, node).follow() for node, log in logs.items()))

        for node, log in logs.items():
            found = await pages(database, Wanted(ACCOUNT, REGION, (("Username", node),), 0, NOW + DAY), 50)
            assert [hit.record for hit in found] == [record.event for record in reversed(log.records)]


async def test_what_comes_and_what_is_joined_between_two_pages_shifts_nothing(tmp_path):
    async with opened(f"sqlite:///{tmp_path / 'k.db'}") as database:
        log = Written()
        keeper = following(database, tmp_path, log)
        for n in range(12):
            log.add(made(NOW - n % 2, request_id=f"r{n}"))
            await keeper.follow()
        wanted = Wanted(ACCOUNT, REGION, (), 0, NOW + DAY)
        every = await pages(database, wanted, 50)
        async with database.read() as connection:
            first = await queries.page(connection, wanted, 5)

        await Joining(database, "a").run(NOW + 2 * blocks.SPAN)
        log.add(made(NOW + 1))
        await keeper.follow()

        async with database.read() as connection:
            further = Wanted(ACCOUNT, REGION, (), 0, NOW + DAY, first[-1].place)
            rest = await queries.page(connection, further, 50)
        assert [hit.record for hit in (*first, *rest)] == [hit.record for hit in every]


async def test_small_blocks_whose_time_has_passed_become_one(url, tmp_path):
    async with opened(url) as database:
        log = Written()
        keeper = following(database, tmp_path, log)
        for n in range(10):
            log.add(made(NOW + n, request_id=f"r{n}"))
            await keeper.follow()
        joining = Joining(database, "a")
        before = await looked(database)

        await joining.run(NOW + 3)
        assert await blocks_of(database) == [1] * 10
        await joining.run(NOW + 2 * blocks.SPAN)
        await joining.run(NOW + 2 * blocks.SPAN)

        assert await blocks_of(database) == [10]
        assert await looked(database) == before
        await keeper.prune(NOW + 91 * DAY)
        assert await looked(database) == []


async def looked(database):
    async with database.read() as connection:
        return await contents(connection)


async def blocks_of(database):
    async with database.read() as connection:
        return [block.records for block in await store.sizes(connection, store.Position("a", 0, 0), -1, 100)]


async def test_a_block_stays_until_all_of_it_is_too_old(tmp_path):
    async with opened(f"sqlite:///{tmp_path / 'k.db'}") as database:
        old, young = made(NOW - 90 * DAY - 1), made(NOW - 90 * DAY)
        keeper = following(database, tmp_path, Written(old, young))
        await keeper.follow()

        await keeper.prune(NOW)
        assert await blocks_of(database) == [2]
        await keeper.prune(NOW + 1)

        assert await looked(database) == []


async def test_what_is_joined_while_it_is_pruned_stays(tmp_path, monkeypatch):
    """The old blocks of the first reading are part of a younger one by the time that they would be dropped."""
    async with opened(f"sqlite:///{tmp_path / 'k.db'}") as database:
        log = Written()
        keeper = following(database, tmp_path, log)
        for at in range(-2, 2):
            log.add(made(NOW - 90 * DAY + at, request_id=f"r{at}"))
            await keeper.follow()
        before = await looked(database)
        read = store.sizes

        async def read_and_joined(*given):
            found = await read(*given)
            monkeypatch.setattr(store, "sizes", read)
            await Joining(database, "a").run(NOW)
            return found

        monkeypatch.setattr(store, "sizes", read_and_joined)
        await keeper.prune(NOW)

        assert await blocks_of(database) == [4]
        assert await looked(database) == before


@pytest.mark.parametrize("told", [NOW, NOW + 60, NOW - 60], ids=["its time", "a later one", "an earlier one"])
async def test_an_id_is_found_whatever_time_it_tells(url, tmp_path, told):
    request_id = events.id_at(told)
    async with opened(url) as database:
        await following(database, tmp_path, Written(made(NOW), made(NOW, request_id=request_id), made(NOW))).follow()
        async with database.read() as connection:
            (hit,) = await queries.page(
                connection, Wanted(ACCOUNT, REGION, (("RequestId", request_id),), 0, NOW + DAY), 50
            )

    assert hit.seen.request_id == request_id


async def test_under_load_the_index_is_kept_up_less_often(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "BUSY", 3)
    async with opened(f"sqlite:///{tmp_path / 'k.db'}") as database:
        log = Written(made(NOW), made(NOW))
        keeper = following(database, tmp_path, log)
        await keeper.keep_up()
        log.add(*(made(NOW) for _ in range(3)))
        await keeper.keep_up()
        assert sum(await blocks_of(database)) == 5

        log.add(made(NOW))
        await keeper.keep_up()
        assert sum(await blocks_of(database)) == 5
        monkeypatch.setattr(index, "BATCH", 1)
        await keeper.keep_up()

        assert sum(await blocks_of(database)) == 6


async def test_what_a_load_repeats_costs_little(tmp_path):
    """Bytes and rows of an event, not counting what the engine adds."""
    async with opened(f"sqlite:///{tmp_path / 'k.db'}") as database:
        log = Written(*(made(NOW + n // 500, request_id=events.id_at(NOW + n // 500)) for n in range(2000)))
        await following(database, tmp_path, log).follow()
        async with database.read() as connection:
            made_blocks = list(await connection.execute(store.blocks.select()))
            posted = len(list(await connection.execute(store.postings.select())))

    assert sum(len(block.content) for block in made_blocks) < 2000 * 100
    assert posted < 2000 * 0.1
