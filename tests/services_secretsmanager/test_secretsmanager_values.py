"""Making, writing and reading secrets with boto3, as an application does."""

import base64

NOT_FOUND = ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def test_a_secret_is_made_and_read(sm, house, name):
    made = sm.create_secret(Name=name, SecretString="hunter2")

    read = sm.get_secret_value(SecretId=name)

    assert made["ARN"].startswith(f"arn:aws:secretsmanager:us-east-1:{house.account}:secret:{name}-")
    assert len(made["ARN"].rpartition("-")[2]) == 6
    assert (read["ARN"], read["Name"], read["VersionId"]) == (made["ARN"], name, made["VersionId"])
    assert (read["SecretString"], read["VersionStages"]) == ("hunter2", ["AWSCURRENT"])
    assert "SecretBinary" not in read


def test_bytes_come_back_as_bytes(sm, name):
    sm.create_secret(Name=name, SecretBinary=b"\x00\xff\x00")

    read = sm.get_secret_value(SecretId=name)

    assert read["SecretBinary"] == b"\x00\xff\x00"
    assert "SecretString" not in read


def test_the_largest_value(sm, name, refused):
    sm.create_secret(Name=name, SecretString="é" * 32_768)

    assert sm.get_secret_value(SecretId=name)["SecretString"] == "é" * 32_768
    code, _ = refused(sm.put_secret_value, SecretId=name, SecretString="é" * 32_769)
    assert code == "InvalidParameterException"


def test_the_next_value_moves_the_labels(sm, name, token):
    first = sm.create_secret(Name=name, SecretString="one")["VersionId"]
    second = sm.put_secret_value(SecretId=name, SecretString="two")
    third = sm.put_secret_value(SecretId=name, SecretString="three", VersionStages=["AWSPENDING", "blue"])

    assert second["VersionStages"] == ["AWSCURRENT"]
    assert third["VersionStages"] == ["AWSPENDING", "blue"]
    assert sm.describe_secret(SecretId=name)["VersionIdsToStages"] == {
        first: ["AWSPREVIOUS"],
        second["VersionId"]: ["AWSCURRENT"],
        third["VersionId"]: ["AWSPENDING", "blue"],
    }
    for asked, value in (
        ({}, "two"),
        ({"VersionStage": "AWSPREVIOUS"}, "one"),
        ({"VersionStage": "blue"}, "three"),
        ({"VersionId": first}, "one"),
        ({"VersionId": first, "VersionStage": "AWSPREVIOUS"}, "one"),
    ):
        assert sm.get_secret_value(SecretId=name, **asked)["SecretString"] == value


def test_moving_the_current_label(sm, name):
    first = sm.create_secret(Name=name, SecretString="one")["VersionId"]
    second = sm.put_secret_value(SecretId=name, SecretString="two", VersionStages=["AWSPENDING"])["VersionId"]

    sm.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=second, RemoveFromVersionId=first
    )

    assert sm.get_secret_value(SecretId=name)["SecretString"] == "two"
    assert sm.describe_secret(SecretId=name)["VersionIdsToStages"] == {
        first: ["AWSPREVIOUS"],
        second: ["AWSCURRENT", "AWSPENDING"],
    }


def test_what_is_not_there(sm, name, refused, token):
    unknown = token()
    assert refused(sm.get_secret_value, SecretId=name) == NOT_FOUND
    sm.create_secret(Name=name)

    assert refused(sm.get_secret_value, SecretId=name) == (
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    )
    assert refused(sm.get_secret_value, SecretId=name, VersionId=unknown) == (
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {unknown}",
    )


def test_a_version_and_a_stage_must_agree(sm, name, refused):
    first = sm.create_secret(Name=name, SecretString="one")["VersionId"]
    sm.put_secret_value(SecretId=name, SecretString="two")

    assert refused(sm.get_secret_value, SecretId=name, VersionId=first, VersionStage="AWSCURRENT") == (
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
    )


def test_the_record_of_a_write_names_the_secret_and_its_version(sm, name, events):
    made = sm.create_secret(Name=name, SecretString="hunter2")

    record = next(one for one in reversed(events()) if one["eventName"] == "CreateSecret")

    assert record["responseElements"] == {"arn": made["ARN"], "name": name, "versionId": made["VersionId"]}


def test_a_read_leaves_two_records(sm, house, name, events):
    made = sm.create_secret(Name=name, SecretString="hunter2")
    before = len(events())

    sm.get_secret_value(SecretId=name)

    read, opened = events()[before:]
    context = {"SecretARN": made["ARN"], "SecretVersionId": made["VersionId"]}
    assert (read["eventName"], read["requestParameters"]) == ("GetSecretValue", {"secretId": name})
    assert read["additionalEventData"]["SecretId"] == made["ARN"]
    assert read["additionalEventData"]["SecretVersionId"] == made["VersionId"]
    assert "resources" not in read
    assert (opened["eventName"], opened["requestParameters"]["encryptionContext"]) == ("Decrypt", context)
    assert opened["userIdentity"]["invokedBy"] == "secretsmanager.amazonaws.com"
    assert opened["additionalEventData"]["originRequestID"] == read["requestID"]
    assert "hunter2" not in str(events())
    assert base64.b64encode(b"hunter2").decode() not in str(events())


def test_the_day_of_the_last_read_is_shown(sm, name, patient):
    sm.create_secret(Name=name, SecretString="hunter2")
    assert "LastAccessedDate" not in sm.describe_secret(SecretId=name)
    sm.get_secret_value(SecretId=name)

    found = patient(lambda: sm.describe_secret(SecretId=name).get("LastAccessedDate"))

    assert found.timestamp() % 86_400 == 0
