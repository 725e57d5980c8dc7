"""ListChangedVersions: what a cache asks, and the wait for the first change."""

import json
import threading
import time
import uuid

import pytest

from keystead.testing import running

PATIENCE = 60
"""Seconds that a wait may take before it is told nothing: far longer than any of these tests should."""


@pytest.fixture(scope="module")
def manager(house):
    return house.client("secretsmanager")


@pytest.fixture(scope="module")
def ssm(house):
    return house.client("ssm")


@pytest.fixture
def kept(manager):
    made = manager.create_secret(Name=f"changed/{uuid.uuid4()}", SecretString="one")
    return {"SecretId": made["Name"], "VersionId": made["VersionId"], "VersionStage": "AWSCURRENT"}


@pytest.fixture
def kept_parameter(ssm):
    name = f"/changed/{uuid.uuid4()}"
    ssm.put_parameter(Name=name, Type="String", Value="one")
    found = ssm.get_parameter(Name=name)["Parameter"]
    return {"Name": name, "Version": 1, "LastModifiedDate": found["LastModifiedDate"]}


def reasons(answer):
    return [one["Reason"] for one in (*answer["Secrets"], *answer["Parameters"])]


def after(seconds, act):
    timer = threading.Timer(seconds, act)
    timer.start()
    return timer


def test_what_is_still_current_is_not_told(own, kept, kept_parameter):
    assert reasons(own().list_changed_versions(Secrets=[kept], Parameters=[kept_parameter])) == []


def test_of_nothing_nothing_is_told(own):
    assert reasons(own().list_changed_versions(WaitSeconds=1)) == []


def test_what_changed_before_the_question_is_told_at_once(own, manager, kept):
    manager.put_secret_value(SecretId=kept["SecretId"], SecretString="two")

    (told,) = own().list_changed_versions(Secrets=[kept], WaitSeconds=PATIENCE)["Secrets"]

    assert told == kept | {"Reason": "Changed"}


@pytest.mark.parametrize(
    "change",
    [
        lambda manager, name, _: manager.put_secret_value(SecretId=name, SecretString="two"),
        lambda manager, name, _: manager.update_secret(SecretId=name, SecretString="two"),
        lambda manager, name, _: manager.delete_secret(SecretId=name),
        lambda manager, name, _: manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True),
    ],
    ids=["put", "update", "marked", "deleted"],
)
def test_a_wait_ends_with_the_change(own, manager, kept, change):
    before = time.monotonic()
    changing = after(0.5, lambda: change(manager, kept["SecretId"], kept))

    told = own().list_changed_versions(Secrets=[kept], WaitSeconds=PATIENCE)

    changing.join()
    assert reasons(told) == ["Changed"]
    assert time.monotonic() - before < PATIENCE / 2


def test_a_wait_ends_with_the_change_of_a_parameter(own, ssm, kept_parameter):
    changing = after(0.5, lambda: ssm.put_parameter(Name=kept_parameter["Name"], Value="two", Overwrite=True))

    told = own().list_changed_versions(Parameters=[kept_parameter], WaitSeconds=PATIENCE)

    changing.join()
    assert reasons(told) == ["Changed"]


def test_a_label_that_moves_is_a_change_for_those_who_asked_by_it(own, ssm, kept_parameter):
    name = kept_parameter["Name"]
    ssm.label_parameter_version(Name=name, ParameterVersion=1, Labels=["live"])
    ssm.put_parameter(Name=name, Value="two", Overwrite=True)
    labelled, pinned = ({**kept_parameter, "Name": f"{name}:{selector}"} for selector in ("live", "1"))
    before = own().list_changed_versions(Parameters=[labelled, pinned])

    ssm.label_parameter_version(Name=name, ParameterVersion=2, Labels=["live"])

    assert reasons(before) == []
    assert [one["Name"] for one in own().list_changed_versions(Parameters=[labelled, pinned])["Parameters"]] == [
        f"{name}:live"
    ]


def test_a_parameter_that_was_made_anew_is_another(own, ssm, kept_parameter):
    earlier = kept_parameter | {"LastModifiedDate": kept_parameter["LastModifiedDate"].timestamp() - 5}

    assert reasons(own().list_changed_versions(Parameters=[earlier])) == ["Changed"]


def test_of_a_version_asked_for_by_its_id_only_the_loss_of_its_last_label_is_a_change(own, manager, kept):
    pinned = {"SecretId": kept["SecretId"], "VersionId": kept["VersionId"]}
    manager.put_secret_value(SecretId=kept["SecretId"], SecretString="two")
    previous = own().list_changed_versions(Secrets=[pinned])

    manager.put_secret_value(SecretId=kept["SecretId"], SecretString="three")

    assert (reasons(previous), reasons(own().list_changed_versions(Secrets=[pinned]))) == ([], ["Changed"])


def test_what_others_change_ends_no_wait(own, manager, kept):
    other = manager.create_secret(Name=f"{kept['SecretId']}-other", SecretString="x")
    changing = after(0.2, lambda: manager.put_secret_value(SecretId=other["ARN"], SecretString="y"))

    told = own().list_changed_versions(Secrets=[kept], WaitSeconds=2)

    changing.join()
    assert reasons(told) == []


def test_what_is_not_there_and_what_is_no_name_is_told_at_once(own):
    told = own().list_changed_versions(
        Secrets=[{"SecretId": "changed/none", "VersionId": "v"}, {"SecretId": "a b", "VersionId": "v"}],
        Parameters=[{"Name": "/changed/none", "Version": 1}, {"Name": "a b", "Version": 1}],
        WaitSeconds=PATIENCE,
    )

    assert reasons(told) == ["NotFound"] * 4


def test_who_may_not_describe_a_secret_learns_nothing_of_it(house, own, manager, kept, kept_parameter):
    iam = house.client("iam")
    iam.create_user(UserName="watcher")
    allow = {"Effect": "Allow", "Action": "secretsmanager:DescribeSecret", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "*", "Resource": f"arn:aws:secretsmanager:*:*:secret:{kept['SecretId']}*"}
    document = {"Version": "2012-10-17", "Statement": [allow, deny]}
    iam.put_user_policy(UserName="watcher", PolicyName="p", PolicyDocument=json.dumps(document))
    manager.create_secret(Name="changed/open", SecretString="x")
    client = own(iam.create_access_key(UserName="watcher")["AccessKey"])
    absent = {"SecretId": f"{kept['SecretId']}-none", "VersionId": "v"}
    opened = {"SecretId": "changed/open", "VersionId": "v"}

    told = client.list_changed_versions(Secrets=[kept, absent, opened], Parameters=[kept_parameter])

    assert reasons(told) == ["AccessDenied", "AccessDenied", "Changed", "AccessDenied"]


def test_a_house_that_stops_does_not_wait_for_those_who_wait(own):
    with running() as house:
        made = house.client("secretsmanager").create_secret(Name="s", SecretString="x")
        credentials = {"AccessKeyId": house.access_key_id, "SecretAccessKey": house.secret_access_key}
        client, told = own(credentials, house.endpoint_url), []
        kept = {"SecretId": "s", "VersionId": made["VersionId"]}
        waiting = threading.Thread(
            target=lambda: told.append(client.list_changed_versions(Secrets=[kept], WaitSeconds=PATIENCE))
        )
        waiting.start()
        time.sleep(1)
        before = time.monotonic()
    taken = time.monotonic() - before
    waiting.join(20)

    assert [reasons(one) for one in told] == [[]]
    assert taken < 9, "uvicorn's own patience is ten seconds"
