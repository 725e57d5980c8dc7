"""The verbs of the command line about sessions, access keys and templates, against a Keystead that serves."""

import json
import time

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from keystead.access.policy import Kind, parse
from keystead.cli.verbs import application
from keystead.testing import running

RUNNER = CliRunner()


def keystead(*words, env=None, given=None):
    """(exit status, standard output, standard error)."""
    done = RUNNER.invoke(application(), list(words), env=env, input=given)
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def house():
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def iam(house):
    return house.client("iam")


def environment(house, key, token=""):
    return house.environment | {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_SESSION_TOKEN": token,
    }


@pytest.fixture
def admin(iam, request):
    """An administrator with one access key: (name, key)."""
    name = request.node.name[5:60]
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/IAMFullAccess")
    return name, iam.create_access_key(UserName=name)["AccessKey"]


def statuses(iam, name):
    return {key["AccessKeyId"]: key["Status"] for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]}


# --- access-key ------------------------------------------------------------------------------------------------------------


def test_a_key_is_made_proven_and_the_old_one_switched_off(house, iam, admin):
    name, old = admin

    status, said, _ = keystead("access-key", "rotate", "--output", "json", env=environment(house, old))

    new = json.loads(said)
    assert status == 0
    assert statuses(iam, name) == {old["AccessKeyId"]: "Inactive", new["access_key_id"]: "Active"}
    key = {"AccessKeyId": new["access_key_id"], "SecretAccessKey": new["secret_access_key"]}
    assert house.client("sts", key).get_caller_identity()["Arn"].endswith(f"user/{name}")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        house.client("sts", old).get_caller_identity()


def test_the_old_key_is_deleted_when_it_is_finished_with(house, iam, admin):
    name, old = admin
    _, said, _ = keystead("access-key", "rotate", "--output", "json", env=environment(house, old))
    new = json.loads(said)
    key = {"AccessKeyId": new["access_key_id"], "SecretAccessKey": new["secret_access_key"]}

    status, said, _ = keystead("access-key", "finish", "--yes", "--output", "json", env=environment(house, key))

    assert (status, json.loads(said)) == (0, {"deleted": [old["AccessKeyId"]]})
    assert list(statuses(iam, name)) == [new["access_key_id"]]


def test_the_old_key_can_be_kept(house, iam, admin):
    name, old = admin

    keystead("access-key", "rotate", "--keep-old", "--output", "json", env=environment(house, old))

    assert set(statuses(iam, name).values()) == {"Active"}


def test_a_second_key_that_is_switched_on_is_never_deleted(house, iam, admin):
    name, old = admin
    second = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]

    status, _, said = keystead("access-key", "rotate", "--yes", env=environment(house, old))

    assert status == 1
    assert "which is switched on" in said
    assert set(statuses(iam, name)) == {old["AccessKeyId"], second}


def test_a_second_key_that_is_switched_off_goes_when_its_holder_agrees(house, iam, admin):
    name, old = admin
    second = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName=name, AccessKeyId=second, Status="Inactive")

    refused, _, _ = keystead("access-key", "rotate", env=environment(house, old), given="n\n")
    kept = set(statuses(iam, name))
    agreed, _, _ = keystead("access-key", "rotate", env=environment(house, old), given="y\n")

    assert (refused, kept) == (1, {old["AccessKeyId"], second})
    assert agreed == 0
    assert second not in statuses(iam, name)


def test_temporary_credentials_are_not_rotated(house, iam, admin):
    _, old = admin
    given = house.client("sts", old).get_session_token()["Credentials"]

    status, _, said = keystead("access-key", "rotate", env=environment(house, given, given["SessionToken"]))

    assert status == 1
    assert "temporary credentials" in said


# --- session ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def assume(house, iam):
    trust = {"Effect": "Allow", "Principal": {"AWS": house.account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})

    def make(role, name):
        try:
            arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        except iam.exceptions.EntityAlreadyExistsException:
            arn = iam.get_role(RoleName=role)["Role"]["Arn"]
        return house.client("sts").assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]

    return make


def lives(house, credentials):
    try:
        house.client("sts", credentials).get_caller_identity()
    except house.client("sts").exceptions.ClientError:
        return False
    return True


def ends_within_a_second(house, credentials):
    deadline = time.monotonic() + 1.5  # half a second to hear of it, and a busy machine
    while lives(house, credentials):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_sessions_are_listed_without_their_secrets(house, assume):
    given = assume("listed", "s1")

    status, said, _ = keystead("session", "list", "--data", str(house.data), "--output", "json")

    [one] = [one for one in json.loads(said) if one["access_key_id"] == given["AccessKeyId"]]
    assert status == 0
    assert one["principal"] == f"arn:aws:sts::{house.account}:assumed-role/listed/s1"
    assert given["SecretAccessKey"] not in said
    assert given["SessionToken"] not in said


def test_one_session_is_ended_and_no_other(house, assume):
    one, other = assume("ended", "s1"), assume("ended", "s2")
    assert lives(house, one)

    status, _, _ = keystead("session", "revoke", "--data", str(house.data), "--access-key-id", one["AccessKeyId"])

    assert status == 0
    assert ends_within_a_second(house, one)
    assert lives(house, other)


def test_all_sessions_of_a_role_are_ended_and_new_ones_can_be_had(house, assume):
    one, two, other = assume("all-of", "s1"), assume("all-of", "s2"), assume("another", "s1")
    assert all(lives(house, given) for given in (one, two, other))
    arn = f"arn:aws:iam::{house.account}:role/all-of"

    _, said, _ = keystead("session", "revoke", "--data", str(house.data), "--principal", arn, "--output", "json")

    assert {one["AccessKeyId"], two["AccessKeyId"]} == {ended["access_key_id"] for ended in json.loads(said)}
    assert ends_within_a_second(house, one)
    assert ends_within_a_second(house, two)
    assert lives(house, other)
    assert lives(house, assume("all-of", "s1"))


def test_the_operators_act_is_on_the_record(house, assume):
    given = assume("recorded", "s1")

    keystead("session", "revoke", "--data", str(house.data), "--access-key-id", given["AccessKeyId"])

    trail, found = house.client("cloudtrail"), []
    attribute = {"AttributeKey": "EventName", "AttributeValue": "RevokeSessions"}
    for _ in range(200):
        listed = trail.lookup_events(LookupAttributes=[attribute])["Events"]
        found = [one for one in listed if given["AccessKeyId"] in one["CloudTrailEvent"]]
        if found:
            break
        time.sleep(0.05)
    assert len(found) == 1


@pytest.mark.parametrize("words", [[], ["--all", "--account-id", "111122223333"]])
def test_whose_sessions_must_be_said(house, words):
    assert keystead("session", "revoke", "--data", str(house.data), *words)[0] == 1


def test_a_session_that_is_not_there_is_not_ended(house):
    words = ("session", "revoke", "--data", str(house.data), "--access-key-id", "ASIA" + "A" * 16)

    assert keystead(*words)[0] == 1


# --- template --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (
            ["key-for-service", "--account-id", "111122223333", "--principal", "arn:aws:iam::111122223333:role/r"],
            Kind.KEY,
        ),
        (["from-addresses", "--network", "192.0.2.0/24", "--network", "2001:db8::/32"], Kind.IDENTITY),
        (["revoke-older-sessions"], Kind.IDENTITY),
        (["revoke-older-sessions", "--before", "2026-01-01T00:00:00Z"], Kind.IDENTITY),
    ],
)
def test_a_template_is_a_policy(words, kind):
    status, said, _ = keystead("template", *words)

    assert status == 0
    assert parse(said, kind).statements


@pytest.mark.parametrize(
    "words", [["from-addresses", "--network", "here"], ["revoke-older-sessions", "--before", "yesterday"]]
)
def test_a_template_of_nonsense_is_refused(words):
    assert keystead("template", *words)[0] == 1
