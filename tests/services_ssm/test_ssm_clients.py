"""The AWS CLI over the main operations, references to secrets, and what the trail tells of all that: never a value."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

AWS = Path(sys.executable).with_name("aws")


@pytest.fixture
def cli(house, tmp_path):
    environment = os.environ | house.environment | {"HOME": str(tmp_path), "AWS_PAGER": ""}

    def run(*arguments):
        command = [str(AWS), "ssm", *arguments, "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


@pytest.mark.slow
def test_the_cli_does_the_main_things(cli, name):
    put = cli("put-parameter", "--name", f"{name}/a", "--value", "hush", "--type", "SecureString")
    read = cli("get-parameter", "--name", f"{name}/a", "--with-decryption")
    by_path = cli("get-parameters-by-path", "--path", name, "--with-decryption")
    cli("label-parameter-version", "--name", f"{name}/a", "--labels", "live")
    labelled = cli("get-parameter", "--name", f"{name}/a:live", "--with-decryption")
    described = cli("describe-parameters", "--parameter-filters", f"Key=Path,Values={name}")
    gone = cli("delete-parameters", "--names", f"{name}/a", f"{name}/b")

    assert put == {"Version": 1, "Tier": "Standard"}
    assert read["Parameter"]["Value"] == labelled["Parameter"]["Value"] == by_path["Parameters"][0]["Value"] == "hush"
    assert described["Parameters"][0]["KeyId"] == "alias/aws/ssm"
    assert gone == {"DeletedParameters": [f"{name}/a"], "InvalidParameters": [f"{name}/b"]}


@pytest.fixture
def secret(house):
    """A secret's name and ARN; names of secrets may have what names of parameters may not."""
    named = f"app/{uuid.uuid4()}+x"
    made = house.client("secretsmanager").create_secret(Name=named, SecretString="hunter2")
    return named, made["ARN"]


def test_a_reference_reads_a_secret(house, ssm, secret):
    named, arn = secret
    reference = f"/aws/reference/secretsmanager/{named}"

    one = ssm.get_parameter(Name=reference, WithDecryption=True)["Parameter"]
    staged = ssm.get_parameter(Name=f"{reference}:AWSCURRENT", WithDecryption=True)["Parameter"]
    several = ssm.get_parameters(Names=[reference, f"{reference}z"], WithDecryption=True)

    version = house.client("secretsmanager").get_secret_value(SecretId=named)["VersionId"]
    by_id = ssm.get_parameter(Name=f"{reference}:{version}", WithDecryption=True)["Parameter"]
    assert (one["Value"], one["Type"], one["Version"], one["ARN"]) == ("hunter2", "SecureString", 0, arn)
    source = json.loads(one["SourceResult"])
    assert (source["VersionId"], source["CreatedDate"]) == (version, one["LastModifiedDate"].timestamp())
    assert staged["Value"] == by_id["Value"] == several["Parameters"][0]["Value"] == "hunter2"
    assert several["InvalidParameters"] == [f"{reference}z"]


def test_a_reference_may_have_the_suffix_of_the_secret_or_its_whole_arn(ssm, secret):
    arn = secret[1]
    whole = arn.rpartition(":")[2]

    found = [
        ssm.get_parameter(Name=f"/aws/reference/secretsmanager/{tail}", WithDecryption=True)["Parameter"]["Value"]
        for tail in (whole, f"{whole}:AWSCURRENT", arn)
    ]

    assert found == ["hunter2"] * 3


def test_a_reference_needs_decryption_and_a_secret(ssm, secret, refused):
    reference = f"/aws/reference/secretsmanager/{secret[0]}"

    assert refused(ssm.get_parameter, Name=reference) == (
        "ValidationException",
        "WithDecryption flag must be True for retrieving a Secret Manager secret.",
    )
    assert refused(ssm.get_parameter, Name="/aws/reference/secretsmanager/none", WithDecryption=True) == (
        "ParameterNotFound",
        "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret none not found.",
    )
    assert refused(ssm.put_parameter, Name=reference, Value="v", Type="String")[0] == "ValidationException"


def test_a_reference_needs_the_permission_to_read_the_secret(house, secret, refused):
    iam = house.client("iam")
    user = f"u{uuid.uuid4()}"
    iam.create_user(UserName=user)
    statement = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    ssm = house.client("ssm", {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]})

    code, text = refused(ssm.get_parameter, Name=f"/aws/reference/secretsmanager/{secret[0]}", WithDecryption=True)

    assert code == "AccessDeniedException"
    assert "secretsmanager:GetSecretValue" in text


def test_the_trail_tells_who_read_what_and_never_a_value(ssm, name, secret, events):
    planted = f"pLaNtEd{uuid.uuid4().hex}"
    ssm.put_parameter(Name=name, Value=planted, Type="SecureString")
    ssm.put_parameter(Name=f"{name}/adv", Value=planted, Type="SecureString", Tier="Advanced")
    ssm.put_parameter(Name=f"{name}/s", Value=planted, Type="String", AllowedPattern="p.*")
    ssm.get_parameters(Names=[name, f"{name}/adv"], WithDecryption=True)
    ssm.get_parameters_by_path(Path=name, WithDecryption=True)
    ssm.get_parameter_history(Name=name, WithDecryption=True)
    ssm.get_parameter(Name=f"/aws/reference/secretsmanager/{secret[0]}", WithDecryption=True)
    with pytest.raises(ssm.exceptions.ParameterPatternMismatchException):
        ssm.put_parameter(Name=f"{name}/s", Value=f"x{planted}", Overwrite=True)

    found = events()

    text = json.dumps(found)
    assert planted not in text
    assert "hunter2" not in text
    mine = [one for one in found if name in json.dumps(one)]
    put = next(one for one in mine if one["eventName"] == "PutParameter")
    assert put["eventSource"] == "ssm.amazonaws.com"
    assert put["requestParameters"]["name"] == name
    assert put["resources"][0]["ARN"].endswith(f":parameter{name}")
    context = {"PARAMETER_ARN": put["resources"][0]["ARN"]}
    of_kms = [one["eventName"] for one in mine if (one["requestParameters"] or {}).get("encryptionContext") == context]
    assert of_kms == ["Encrypt", "Decrypt", "Decrypt"]
    read = next(one for one in found if one["eventName"] == "GetSecretValue" and secret[1] in json.dumps(one))
    assert read["userIdentity"]["invokedBy"] == "ssm.amazonaws.com"


def test_other_operations_of_systems_manager_say_that_they_are_not_here(ssm, refused):
    code, text = refused(ssm.list_documents)

    assert code == "UnsupportedOperationException"
    assert text == "ListDocuments is not served here: there are no documents and no Automation here"


def test_the_scheduler_of_the_house_does_what_policies_ask_for(house, ssm, name, refused, events):
    document = [
        {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2100-01-01T00:00:00Z"}},
    ]
    ssm.put_parameter(Name=name, Value="v", Type="String", Tier="Advanced", Policies=json.dumps(document))

    house.do_what_falls_due(4_102_444_800.0)

    assert refused(ssm.get_parameter, Name=name)[0] == "ParameterNotFound"
    assert [
        one["serviceEventDetails"]["parameter-name"] for one in events() if one["eventName"] == "ParameterExpired"
    ] == [name]
