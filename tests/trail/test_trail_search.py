"""The operator's search finds exactly what a reader of every record would, newest first, by index and by scan."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from keystead.cli import output
from keystead.cli.trail import application
from keystead.config import Settings
from keystead.database.engine import Database
from keystead.testing import running
from keystead.trail import attributes, in_force, search
from keystead.trail import event as events
from keystead.trail.client import LocalRecorder
from keystead.trail.index import Index
from keystead.trail.notes import Notes
from keystead.trail.search import Sought, is_secret, scan

NOW = 1_750_000_000
ACCOUNTS, REGIONS = ("111122223333", "444455556666"), ("us-east-1", "eu-central-1")
NAMES, ERRORS = ("Encrypt", "GetSecretValue"), (None, "AccessDenied", "DisabledException")
USERS, KEYS, SECRETS = ("alice", "bob"), ("k1", "k2"), ("db", "db-old")
SUFFIXES = ("AbCdEf", "GhIjKl")


def identity(account, user, session):
    if not session:
        arn = f"arn:aws:iam::{account}:user/{user}"
        return {"type": "IAMUser", "accountId": account, "arn": arn, "userName": user, "accessKeyId": f"AKIA{user}"}
    return {
        "type": "AssumedRole",
        "principalId": f"AROA:{user}",
        "arn": f"arn:aws:sts::{account}:assumed-role/app/{user}",
        "accountId": account,
        "accessKeyId": f"ASIA{user}",
        "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{account}:role/app"}},
    }


def record(number, account, region, name, error, user, session, key, secret, suffix):
    notes = Notes()
    source = "kms" if name == "Encrypt" else "secretsmanager"
    if source == "kms":
        notes.resource(account, "AWS::KMS::Key", f"arn:aws:kms:{region}:{account}:key/{key}")
    else:
        notes.secret(f"arn:aws:secretsmanager:{region}:{account}:secret:{secret}-{suffix}", "v")
    return events.event(
        request_id=f"r{number}",
        at=NOW + number // 3,
        source=f"{source}.amazonaws.com",
        name=name,
        region=region,
        identity=identity(account, user, session),
        invoked_by=None,
        source_ip="192.0.2.1",
        user_agent="boto3",
        error=(error, None) if error else None,
        parameters=None,
        response=None,
        notes=notes,
        read_only=number % 2 == 0,
        recipient_account=account,
        tls=None,
        shared_id=None,
    )


def choice(values):
    return st.sampled_from(values)


RECORDS = st.lists(
    st.tuples(
        choice(ACCOUNTS), choice(REGIONS), choice(NAMES), choice(ERRORS), choice(USERS), st.booleans(),
        choice(KEYS), choice(SECRETS), choice(SUFFIXES),
    ),
    min_size=300,
    max_size=300,
)  # fmt: skip  # a table


def rarely(values):
    return st.one_of(st.none(), st.none(), choice(values))


PRINCIPALS = (
    "alice", "arn:aws:iam::111122223333:user/bob", "arn:aws:iam::111122223333:role/app",
    "arn:aws:sts::444455556666:assumed-role/app/alice", "nobody",
)  # fmt: skip  # a list
SOUGHT = st.builds(
    Sought,
    principal=rarely(PRINCIPALS),
    key=rarely(("k1", "arn:aws:kms:us-east-1:111122223333:key/k2", "k9")),
    secret=rarely(("db", "db-old", "arn:aws:secretsmanager:us-east-1:444455556666:secret:db-AbCdEf", "d")),
    name=rarely(NAMES),
    error=rarely(ERRORS),
    access_key_id=rarely(("AKIAalice", "ASIAbob")),
    account=rarely(ACCOUNTS),
    region=rarely(REGIONS),
    since=choice((0, NOW + 20)),
    until=choice((NOW + 80, NOW + 10_000)),
)


@asynccontextmanager
async def indexed(url, folder, made):
    database = Database.open(url)
    await database.migrate()
    recorder = LocalRecorder(folder)
    await asyncio.gather(*(recorder.record(one) for one in made))
    await recorder.close()
    await Index(database, folder, node="n").follow()
    try:
        yield database
    finally:
        await database.close()


@given(RECORDS, st.lists(SOUGHT, min_size=20, max_size=20))
@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
def test_by_index_and_by_scan_the_same_is_found(tmp_path_factory, made, asked):
    folder = tmp_path_factory.mktemp("search")
    asyncio.run(compared(folder, [record(number, *one) for number, one in enumerate(made)], asked))


async def compared(folder: Path, made, asked) -> None:
    async with indexed(f"sqlite:///{folder / 'k.db'}", folder / "trail", made) as database:
        for sought in asked:
            found = [one async for one in search.search(database, sought)]
            wanted = list(scan(folder / "trail", sought))

            assert {one.node for one in found} <= {"n"}
            places = [(one.at, one.number) for one in found]
            assert places == sorted(places, reverse=True)
            assert sorted(one.number for one in found) == [one.number for one in wanted]
            assert {one.record for one in found} == {one.record for one in wanted}


def test_a_scan_finds_what_fits_by_the_record_itself(tmp_path):
    made = [
        record(n, ACCOUNTS[0], REGIONS[0], NAMES[n % 2], None, "alice", False, "k1", "db", "AbCdEf") for n in range(10)
    ]

    async def written():
        recorder = LocalRecorder(tmp_path / "trail")
        for one in made:
            await recorder.record(one)
        await recorder.close()

    asyncio.run(written())

    found = list(scan(tmp_path / "trail", Sought(secret="db")))
    assert [one.number for one in found] == [1, 3, 5, 7, 9]
    assert {attributes.read(one.record).event_name for one in found} == {"GetSecretValue"}


async def test_the_engines_agree(url, tmp_path):
    made = [
        record(n, ACCOUNTS[n % 2], REGIONS[n % 3 % 2], NAMES[n % 2], ERRORS[n % 3], USERS[n % 2], n % 5 == 0, "k1", "db", SUFFIXES[n % 2])
        for n in range(60)
    ]  # fmt: skip
    async with indexed(url, tmp_path / "trail", made) as database:
        for sought in (
            Sought(),
            Sought(secret="db"),
            Sought(error="AccessDenied"),
            Sought(principal="alice", name="Encrypt"),
        ):
            found = [one.number async for one in search.search(database, sought)]
            assert sorted(found) == [one.number for one in scan(tmp_path / "trail", sought)]
            assert found


@pytest.mark.parametrize(
    ("arn", "secret", "fits"),
    [
        ("arn:aws:secretsmanager:us-east-1:1:secret:db-AbCdEf", "db", True),
        ("arn:aws:secretsmanager:us-east-1:1:secret:db-old-AbCdEf", "db", False),
        ("arn:aws:secretsmanager:us-east-1:1:secret:db-old-AbCdEf", "db-old", True),
        ("arn:aws:secretsmanager:us-east-1:1:secret:a/b-AbCdEf", "a/b", True),
        ("arn:aws:kms:us-east-1:1:key/db-AbCdEf", "db", False),
    ],
)
def test_a_secret_is_known_by_its_name_and_nothing_shorter(arn, secret, fits):
    assert is_secret(arn, secret) is fits


@pytest.fixture(scope="module")
def served():
    with running() as keystead:
        kms = keystead.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName="alias/mine", TargetKeyId=key)
        for _ in range(3):
            kms.encrypt(KeyId="alias/mine", Plaintext=b"x")
        kms.disable_key(KeyId=key)
        with pytest.raises(kms.exceptions.DisabledException):
            kms.encrypt(KeyId=key, Plaintext=b"x")
        keystead.client("cloudtrail").lookup_events()  # waits until all is indexed
        yield keystead, key


def found(served, *options):
    keystead, _ = served
    done = CliRunner().invoke(application, ["search", "--data", str(keystead.data), "--output", "json", *options])
    assert done.exit_code == 0, done.output
    return [json.loads(line)["eventName"] for line in done.stdout.splitlines()]


def test_the_command_finds_by_alias_error_and_operation(served):
    assert found(served, "--key", "alias/mine", "--name", "Encrypt") == ["Encrypt"] * 4
    assert found(served, "--key", served[1], "--error", "DisabledException") == ["Encrypt"]
    assert found(served, "--key", served[1], "--scan")[0] == "CreateKey"
    assert found(served, "--name", "Encrypt", "--limit", "2") == ["Encrypt"] * 2
    assert found(served, "--to", "2020-01-01") == []


def test_the_command_shows_people_a_table(served, monkeypatch):
    keystead, key = served
    monkeypatch.setattr(output.out, "width", 300)  # it was made with what the terminal of this run had

    done = CliRunner().invoke(application, ["search", "--data", str(keystead.data), "--key", key])

    assert f":key/{key}" in done.stdout
    assert "DisabledException" in done.stdout


@pytest.mark.parametrize(
    "options", [("--from", "yesterday"), ("--key", "alias/none"), ("--key", "alias/mine", "--scan")]
)
def test_what_cannot_be_searched_is_said(served, options):
    done = CliRunner().invoke(application, ["search", "--data", str(served[0].data), *options])

    assert done.exit_code == 1
    assert done.stderr


def test_evidence_needs_a_question_and_a_checkpoint(served, tmp_path):
    keystead, key = served

    def asked(*options):
        return CliRunner().invoke(
            application, ["evidence", "--data", str(keystead.data), "--output", str(tmp_path / "e.zip"), *options]
        )

    assert "Say which records" in asked().stderr
    assert "No checkpoint covers these records yet" in asked("--key", key).stderr
    assert list(tmp_path.iterdir()) == []


def test_the_records_that_put_a_keys_policy_are_found_by_the_index(served):
    keystead, key = served
    keystead.client("kms").create_key()  # another one's policy is none of it
    keystead.client("cloudtrail").lookup_events()

    async def run() -> list[tuple[str, bool]]:
        database = Database.open(Settings.read({"data": str(keystead.data)}).database_url)
        found = [one async for one in search.search(database, Sought(key=key, name="DisableKey"))]
        changes = await in_force.indexed(database, found)
        await database.close()
        return [(one.seen.event_name, key in one.record) for one in changes]

    found = asyncio.run(run())

    assert sorted(found) == [("CreateAccount", False), ("CreateKey", True)]  # the former: the caller's own policy
