"""What the index learns of readers of secrets, of principals and of errors, from the records alone."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from keystead.database.engine import Database
from keystead.trail import event as events
from keystead.trail import index as indexing
from keystead.trail.client import LocalRecorder
from keystead.trail.index import Index
from keystead.trail.notes import Notes
from keystead.trail.terms import term
from keystead.trail.uses import Read

from .contents import contents

ACCOUNT, OWNER = "111122223333", "444455556666"
NOW = 1_750_000_000
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-AbCdEf"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
ASKED = [
    ("Username", "alice"), ("Username", "session"), ("Principal", f"arn:aws:iam::{ACCOUNT}:role/app"),
    ("Principal", f"arn:aws:iam::{ACCOUNT}:user/alice"), ("Error", "AccessDenied"), ("SecretName", "db"),
]  # fmt: skip  # a table
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
ALICE = {"type": "IAMUser", "accountId": ACCOUNT, "arn": USER, "userName": "alice", "accessKeyId": "AKIA"}
APP = {
    "type": "AssumedRole",
    "principalId": "AROAX:session",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/app/session",
    "accountId": ACCOUNT,
    "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE}},
}


def read(at, *, version="v1", who=ALICE, name="GetSecretValue", error=None, recipient=ACCOUNT, noted=True):
    notes = Notes()
    if noted:
        notes.secret(SECRET, version)
    return events.event(
        request_id=f"r{at}",
        at=NOW + at,
        source="secretsmanager.amazonaws.com",
        name=name,
        region="us-east-1",
        identity=who,
        invoked_by=None,
        source_ip="192.0.2.1",
        user_agent="boto3",
        error=error,
        parameters={"secretId": "db"},
        response=None,
        notes=notes,
        read_only=True,
        recipient_account=recipient,
        tls=None,
        shared_id=None,
    )


@asynccontextmanager
async def indexed(url, folder, *records):
    """(rows, what the hook was told in each transaction)."""
    told: list[list[Read]] = []

    async def learn(_tx, reads):
        told.append(list(reads))

    database = Database.open(url)
    await database.migrate()
    recorder = LocalRecorder(folder)
    try:
        await asyncio.gather(*(recorder.record(record) for record in records))
        await Index(database, folder, reads=learn).follow()
        async with database.read() as connection:
            rows = await contents(connection)
        yield rows, told
    finally:
        await recorder.close()
        await database.close()


async def test_who_read_which_version_when_is_told(url, folder):
    async with indexed(url, folder, read(1), read(2, who=APP, version="v2")) as (_, told):
        (reads,) = told

        assert [one[:5] for one in reads] == [
            (SECRET, "v1", USER, "alice", NOW + 1.0),
            (SECRET, "v2", ROLE, "session", NOW + 2.0),
        ]


async def test_a_thousand_reads_are_told_in_one_transaction_and_the_newest_counts(url, folder):
    async with indexed(url, folder, *(read(at) for at in range(indexing.BATCH))) as (_, told):
        assert [[one.at for one in reads] for reads in told] == [[NOW + indexing.BATCH - 1.0]]


@pytest.mark.parametrize(
    "named", [{"error": ("AccessDeniedException", "no")}, {"name": "ListSecretVersionIds"}, {"noted": False}]
)
async def test_what_read_no_value_is_not_told(url, folder, named):
    async with indexed(url, folder, read(1, **named)) as (_, told):
        assert told == []


async def test_being_shown_which_version_is_current_is_told_as_such(url, folder):
    async with indexed(url, folder, read(1, name="DescribeSecret", who=APP)) as (_, told):
        ((one,),) = told

    assert (one.operation, one.version_id, one.arn) == ("DescribeSecret", "v1", APP["arn"])
    assert (one.address, one.agent, one.instant) == ("192.0.2.1", "boto3", NOW + 1.0)


async def test_a_read_from_another_account_names_its_reader_in_the_readers_copy(url, folder):
    mine = {**ALICE, "accountId": OWNER}
    async with indexed(url, folder, read(1, who=mine, recipient=OWNER), read(1, who=mine)) as (_, told):
        assert [one.principal for one in told[0]] == [USER, None]


async def test_a_secret_is_found_as_a_resource(url, folder):
    async with indexed(url, folder, read(1)) as (rows, _):
        from keystead.trail import attributes

        assert attributes.read(rows[0].record).named() == [("AWS::SecretsManager::Secret", SECRET)]


async def test_postings_lead_to_who_and_which_error(url, folder):
    async with indexed(url, folder, read(1), read(2, who=APP, error=("AccessDeniedException", "no"))) as (rows, _):
        first, second = ({pair for pair in ASKED if term(ACCOUNT, "us-east-1", pair) in row.terms} for row in rows)

        assert first == {("Username", "alice"), ("SecretName", "db")}
        assert second == {("Username", "session"), ("Principal", ROLE), ("Error", "AccessDenied"), ("SecretName", "db")}
