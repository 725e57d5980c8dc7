"""Secrets rotate on real databases, through the API, as boto3 asks for it."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from keystead.rotation.credential import Credential
from keystead.testing import Keystead
from postgresql import Databases
from rotated import Rotated, events, other_reader, until
from servers import MariaDBServer
from targets import MariaDBTarget, PostgreSQLTarget, RedisTarget


def test_postgresql_alternates_between_two_users(keystead: Keystead, postgresql: Databases) -> None:
    target = PostgreSQLTarget(postgresql)
    secret = Rotated(keystead, target, "KeysteadPostgreSQLAlternatingUsersRotation", overlap="off")

    second = secret.rotated(secret.rotate())

    assert second.username == f"{secret.first.username}_clone"
    assert target.logs_in(second)
    until(lambda: not target.logs_in(secret.first))

    third = secret.rotated(secret.rotate())

    assert third.username == secret.first.username
    assert target.logs_in(third)
    until(lambda: not target.logs_in(second))


PAIRS = [
    ("postgresql", PostgreSQLTarget, "KeysteadPostgreSQLSingleUserRotation"),
    ("postgresql", PostgreSQLTarget, "KeysteadPostgreSQLAlternatingUsersRotation"),
    ("mariadb", MariaDBTarget, "KeysteadMariaDBSingleUserRotation"),
    ("mariadb", MariaDBTarget, "KeysteadMariaDBAlternatingUsersRotation"),
    ("redis_server", RedisTarget, "KeysteadRedisSingleUserRotation"),
    ("redis_server", RedisTarget, "KeysteadRedisAlternatingUsersRotation"),
]


@pytest.fixture(params=PAIRS, ids=[function for _, _, function in PAIRS])
def pair(request: pytest.FixtureRequest) -> tuple[Any, str]:
    """A target and a function for it."""
    fixture, target, function = request.param
    return target(request.getfixturevalue(fixture)), function


def test_every_function_rotates_twice_and_takes_the_old_credentials_away(keystead: Keystead, pair: Any) -> None:
    target, function = pair
    secret = Rotated(keystead, target, function, overlap="off")

    second = secret.rotated(secret.rotate())
    third = secret.rotated(secret.rotate())

    assert target.logs_in(third)
    until(lambda: not target.logs_in(second))
    assert not target.logs_in(secret.first)
    assert third.document["masterarn"] == secret.first.document.get("masterarn", third.document["masterarn"])


@pytest.mark.parametrize("function", [function for _, _, function in PAIRS[1:]])
def test_what_a_reader_holds_works_until_it_has_read_the_new_value(
    keystead: Keystead, function: str, request: pytest.FixtureRequest
) -> None:
    fixture, kind, _ = next(pair for pair in PAIRS if pair[2] == function)
    target = kind(request.getfixturevalue(fixture))
    secret = Rotated(keystead, target, function)
    old = secret.current()

    new = secret.rotate()
    until(
        lambda: secret.labels().get("AWSCURRENT") == new
    )  # it describes, but has not read the new value: that counts too
    held = target.logs_in(old)
    current = secret.current()
    until(lambda: not target.logs_in(old))

    assert held
    assert target.logs_in(current)


def test_a_reader_that_has_not_come_back_keeps_the_old_credential_alive(
    keystead: Keystead, postgresql: Databases
) -> None:
    target = PostgreSQLTarget(postgresql)
    secret = Rotated(keystead, target, "KeysteadPostgreSQLAlternatingUsersRotation")
    reader = other_reader(keystead)
    reader.get_secret_value(SecretId=secret.arn)

    secret.rotated(secret.rotate())
    time.sleep(2.5)  # looks at the overlap go by

    assert target.logs_in(secret.first)

    reader.get_secret_value(SecretId=secret.arn)

    until(lambda: not target.logs_in(secret.first))


def test_an_open_connection_keeps_the_old_credential_alive(keystead: Keystead, mariadb: MariaDBServer) -> None:
    target = MariaDBTarget(mariadb)
    secret = Rotated(keystead, target, "KeysteadMariaDBSingleUserRotation")

    with target.held(secret.first):
        secret.rotated(secret.rotate())
        time.sleep(2.5)  # looks at the overlap go by
        held = target.logs_in(secret.first)

    assert held
    until(lambda: not target.logs_in(secret.first))


def test_at_the_deadline_the_old_credential_is_revoked_and_open_connections_go_on(
    keystead: Keystead, postgresql: Databases
) -> None:
    target = PostgreSQLTarget(postgresql)
    secret = Rotated(keystead, target, "KeysteadPostgreSQLAlternatingUsersRotation", overlap="6s")

    with target.held(secret.first) as use:
        secret.rotated(secret.rotate())
        before = target.logs_in(secret.first)
        until(lambda: not target.logs_in(secret.first))

        assert use() == 1
    assert before


def test_where_the_owner_wants_it_open_connections_end_at_the_deadline(
    keystead: Keystead, postgresql: Databases
) -> None:
    target = PostgreSQLTarget(postgresql)
    secret = Rotated(
        keystead, target, "KeysteadPostgreSQLAlternatingUsersRotation", overlap="5s", overlap_policy="terminate"
    )

    with target.held(secret.first) as use:
        secret.rotated(secret.rotate())

        until(lambda: ended(use))
    assert not target.logs_in(secret.first)


def ended(use: Callable[[], Any]) -> bool:
    try:
        use()
    except Exception:  # noqa: BLE001  # whatever the driver says of a connection that was cut
        return True
    return False


def test_a_compromised_version_is_gone_with_its_connections_as_soon_as_another_one_works(
    keystead: Keystead, postgresql: Databases
) -> None:
    target = PostgreSQLTarget(postgresql)
    secret = Rotated(keystead, target, "KeysteadPostgreSQLAlternatingUsersRotation")
    other_reader(keystead).get_secret_value(SecretId=secret.arn)  # somebody may hold it, and that does not matter
    compromised = [{"Key": "keystead:compromised", "Value": secret.labels()["AWSCURRENT"]}]
    until(lambda: tagged(secret, compromised))

    with target.held(secret.first) as use:
        current = secret.rotated(secret.rotate())

        until(lambda: ended(use))
    assert not target.logs_in(secret.first)
    assert target.logs_in(current)


def tagged(secret: Rotated, tags: Any) -> bool:
    secret.client.tag_resource(SecretId=secret.arn, Tags=tags)
    return True


def test_a_value_that_was_rolled_back_to_lives_on(keystead: Keystead, postgresql: Databases) -> None:
    target = PostgreSQLTarget(postgresql)
    secret = Rotated(keystead, target, "KeysteadPostgreSQLAlternatingUsersRotation", overlap="10s")
    other_reader(keystead).get_secret_value(SecretId=secret.arn)
    new = secret.rotate()
    secret.rotated(new)
    old = secret.labels()["AWSPREVIOUS"]
    until(lambda: valid_until(target, secret.first) not in {None, FOR_EVER})

    secret.client.update_secret_version_stage(
        SecretId=secret.arn, VersionStage="AWSCURRENT", MoveToVersionId=old, RemoveFromVersionId=new
    )

    until(lambda: valid_until(target, secret.first) == FOR_EVER)
    assert target.logs_in(secret.first)


FOR_EVER = 9999
"""As the driver shows infinity."""


def valid_until(target: PostgreSQLTarget, who: Credential) -> Any:
    until = dict(target.execute("SELECT rolname, rolvaliduntil FROM pg_roles"))[who.username]
    return until.year if until is not None else None


def test_a_rotation_that_fails_leaves_the_working_credential_working(keystead: Keystead, postgresql: Databases) -> None:
    target = PostgreSQLTarget(postgresql)
    secret = Rotated(keystead, target, "KeysteadMariaDBSingleUserRotation")  # not for this engine

    version = secret.rotate()
    until(lambda: events(secret, "RotationFailed"))

    assert target.logs_in(secret.first)
    assert secret.labels() == {"AWSCURRENT": secret.labels()["AWSCURRENT"], "AWSPENDING": version}
    failed = events(secret, "RotationFailed")[0]
    assert failed["errorMessage"] == f"Error when executing lambda {secret.function} during createSecret step"


def test_a_rotation_is_on_the_record(keystead: Keystead, postgresql: Databases) -> None:
    secret = Rotated(keystead, PostgreSQLTarget(postgresql), "KeysteadPostgreSQLSingleUserRotation")

    version = secret.rotate()
    until(lambda: events(secret, "RotationSucceeded"))

    (started,), (succeeded,) = events(secret, "RotationStarted"), events(secret, "RotationSucceeded")
    assert succeeded["eventType"] == "AwsServiceEvent"
    assert succeeded["requestParameters"] is None
    assert succeeded["userIdentity"] == {"accountId": keystead.account, "invokedBy": "secretsmanager.amazonaws.com"}
    assert started["serviceEventDetails"]["versionId"] == version
    assert (
        started["requestID"]
        == succeeded["requestID"]
        == f"Rotation-{secret.arn}-{started['serviceEventDetails']['runId']}"
    )


def test_testing_alone_changes_nothing(keystead: Keystead, postgresql: Databases) -> None:
    target = PostgreSQLTarget(postgresql)
    secret = Rotated(keystead, target, "KeysteadPostgreSQLSingleUserRotation")
    before = secret.labels()

    secret.rotate(RotateImmediately=False, RotationRules={"AutomaticallyAfterDays": 10})
    until(lambda: events(secret, "TestRotationSucceeded"))

    assert secret.labels() == before
    assert secret.current() == Credential.read(secret.current().text())
    assert target.logs_in(secret.first)
    described = secret.client.describe_secret(SecretId=secret.arn)
    assert described["RotationEnabled"] is True
    assert described["RotationRules"] == {"AutomaticallyAfterDays": 10}
    assert (described["NextRotationDate"] - described["CreatedDate"]).days == 10


def test_a_test_that_fails_is_told_and_leaves_nothing_behind(keystead: Keystead, postgresql: Databases) -> None:
    target = PostgreSQLTarget(postgresql)
    secret = Rotated(keystead, target, "KeysteadPostgreSQLSingleUserRotation")
    before = secret.labels()
    target.execute(f"ALTER ROLE {secret.first.username} NOLOGIN")

    secret.rotate(RotateImmediately=False)
    until(lambda: events(secret, "TestRotationFailed"))

    assert secret.labels() == before


def test_cancelling_stops_the_run_and_leaves_awspending(keystead: Keystead, postgresql: Databases) -> None:
    secret = Rotated(keystead, PostgreSQLTarget(postgresql), "KeysteadMariaDBSingleUserRotation")
    version = secret.rotate(RotationRules={"ScheduleExpression": "rate(10 days)"})

    answer = secret.client.cancel_rotate_secret(SecretId=secret.arn)

    described = secret.client.describe_secret(SecretId=secret.arn)
    assert answer["VersionId"] == version
    assert described["RotationEnabled"] is False
    assert described["RotationRules"] == {"ScheduleExpression": "rate(10 days)"}
    assert "NextRotationDate" not in described
    assert secret.labels()["AWSPENDING"] == version


def test_writing_a_value_by_hand_abandons_the_rotation(keystead: Keystead, postgresql: Databases) -> None:
    secret = Rotated(keystead, PostgreSQLTarget(postgresql), "KeysteadMariaDBSingleUserRotation")
    version = secret.rotate()

    written = secret.client.put_secret_value(SecretId=secret.arn, SecretString="by hand")["VersionId"]

    assert version not in secret.labels().values()
    assert secret.labels()["AWSCURRENT"] == written
    until(lambda: events(secret, "RotationAbandoned"))


REFUSED = [
    ({}, "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret."),
    ({"RotationLambdaARN": "Nobody"}, "AccessDeniedException", "Secrets Manager cannot invoke"),
    ({"RotationLambdaARN": "SU", "RotationRules": {"ScheduleExpression": "rate(3 hours)"}}, "InvalidParameterException", "between"),
    ({"RotationLambdaARN": "SU", "RotationRules": {"ScheduleExpression": "rate(9 days)", "Duration": "30m"}}, "InvalidParameterException", "hours"),
    (
        {"RotationLambdaARN": "SU", "RotationRules": {"ScheduleExpression": "rate(4 days)", "AutomaticallyAfterDays": 1}},
        "InvalidParameterException",
        "both",
    ),
]  # fmt: skip  # a table


@pytest.mark.parametrize(("asked", "code", "text"), REFUSED)
def test_what_aws_refuses_is_refused_and_nothing_is_stored(
    keystead: Keystead, postgresql: Databases, asked: Any, code: str, text: str
) -> None:
    secret = Rotated(keystead, PostgreSQLTarget(postgresql), "KeysteadPostgreSQLSingleUserRotation")
    named = {"SU": secret.function, "Nobody": secret.function + "X"}
    if "RotationLambdaARN" in asked:
        asked = {**asked, "RotationLambdaARN": named[asked["RotationLambdaARN"]]}

    with pytest.raises(secret.client.exceptions.ClientError) as refused:
        secret.client.rotate_secret(SecretId=secret.arn, **asked)

    assert refused.value.response["Error"]["Code"] == code
    assert text in refused.value.response["Error"]["Message"]
    assert "RotationEnabled" not in secret.client.describe_secret(SecretId=secret.arn)


def test_a_rotation_that_is_not_complete_refuses_another_one(keystead: Keystead, postgresql: Databases) -> None:
    secret = Rotated(keystead, PostgreSQLTarget(postgresql), "KeysteadMariaDBSingleUserRotation")
    token = str(uuid.uuid4())
    first = secret.rotate(ClientRequestToken=token)

    again = secret.rotate(ClientRequestToken=token)
    with pytest.raises(secret.client.exceptions.InvalidRequestException, match="A previous rotation isn't complete"):
        secret.rotate()

    assert first == again == token
