"""RotationToken: leave for one version of one secret while its rotation makes it, and nothing else. And schedules that fall due."""

import time
from typing import Any

import pytest

from keystead.rotation import run, store, tokens
from keystead.testing import Keystead
from postgresql import Databases
from rotated import Rotated, events, until
from targets import PostgreSQLTarget

SINGLE = "KeysteadPostgreSQLSingleUserRotation"


@pytest.fixture
def waiting(keystead: Keystead, postgresql: Databases) -> tuple[Rotated, str]:
    """A secret whose rotation has failed in createSecret and waits, and the pending version."""
    secret = Rotated(keystead, PostgreSQLTarget(postgresql), "KeysteadMariaDBSingleUserRotation")
    version = secret.rotate()
    until(lambda: events(secret, "RotationFailed"))
    return secret, version


def token(secret: Rotated, version: str, *, arn: str = "", seconds: float = 60.0, run_id: str = "") -> str:
    """As createSecret would get it."""

    async def make(house: Any) -> str:
        async with house.database.read() as connection:
            rows = await connection.execute(store.runs.select().where(store.runs.c.secret_arn == secret.arn))
            live = run.Run(**rows.mappings().one())
        expires = time.time() + seconds
        return await tokens.make(house.keyholder, run_id or live.id, arn or secret.arn, version, expires)

    return str(secret.keystead._call(make))


def nobody(keystead: Keystead, name: str) -> Any:
    """A user who may use the default key through Secrets Manager, as everybody may, and nothing else."""
    iam = keystead.client("iam")
    iam.create_user(UserName=name)
    return keystead.client("secretsmanager", iam.create_access_key(UserName=name)["AccessKey"])


def put(client: Any, secret: Rotated, version: str, given: str, stages: tuple[str, ...] = ("AWSPENDING",)) -> Any:
    return client.put_secret_value(
        SecretId=secret.arn,
        ClientRequestToken=version,
        SecretString="made",
        VersionStages=list(stages),
        RotationToken=given,
    )


def test_its_bearer_needs_no_permission_for_that_one_version(waiting: tuple[Rotated, str]) -> None:
    secret, version = waiting
    bearer = nobody(secret.keystead, "bearer")

    answer = put(bearer, secret, version, token(secret, version))

    assert answer["VersionStages"] == ["AWSPENDING"]
    with pytest.raises(bearer.exceptions.ClientError, match="AccessDenied"):
        bearer.put_secret_value(SecretId=secret.arn, SecretString="made")


def test_whatever_else_it_is_used_for_is_refused(waiting: tuple[Rotated, str]) -> None:
    secret, version = waiting
    bearer = nobody(secret.keystead, "thief")
    good = token(secret, version)
    other = "00000000-0000-4000-8000-000000000000"
    attempts = {
        "forged": (version, good[:-8] + ("aaaaaaaa" if not good.endswith("aaaaaaaa") else "bbbbbbbb"), ("AWSPENDING",)),
        "another version": (other, good, ("AWSPENDING",)),
        "for another version": (version, token(secret, other), ("AWSPENDING",)),
        "for another secret": (version, token(secret, version, arn=secret.arn + "x"), ("AWSPENDING",)),
        "another run": (version, token(secret, version, run_id=other), ("AWSPENDING",)),
        "expired": (version, token(secret, version, seconds=-1.0), ("AWSPENDING",)),
        "another label": (version, good, ("AWSCURRENT",)),
        "one label more": (version, good, ("AWSPENDING", "mine")),
        "the version's id": (version, version, ("AWSPENDING",)),
    }

    for wanted, given, stages in attempts.values():
        with pytest.raises(bearer.exceptions.ClientError, match="AccessDenied"):
            put(bearer, secret, wanted, given, stages)


def test_it_ends_with_its_rotation(waiting: tuple[Rotated, str]) -> None:
    secret, version = waiting
    bearer = nobody(secret.keystead, "late")
    given = token(secret, version)
    secret.client.cancel_rotate_secret(SecretId=secret.arn)

    with pytest.raises(bearer.exceptions.ClientError, match="AccessDenied"):
        put(bearer, secret, version, given)


def test_a_secret_rotates_when_its_window_has_opened(keystead: Keystead, postgresql: Databases) -> None:
    target = PostgreSQLTarget(postgresql)
    secret = Rotated(keystead, target, SINGLE)
    secret.rotate(RotateImmediately=False, RotationRules={"ScheduleExpression": "rate(2 days)"})
    until(lambda: events(secret, "TestRotationSucceeded"))
    before = secret.labels()["AWSCURRENT"]
    closes = secret.client.describe_secret(SecretId=secret.arn)["NextRotationDate"].timestamp()

    keystead.do_what_falls_due(closes - 86_400)  # the day before
    early = secret.labels()["AWSCURRENT"]
    keystead.do_what_falls_due(closes - 3600)

    described = secret.client.describe_secret(SecretId=secret.arn)
    assert early == before
    assert secret.labels()["AWSPREVIOUS"] == before
    assert target.logs_in(secret.current())
    assert "LastRotatedDate" in described
