"""Values of parameters through boto3: put, read by name, selector, names and path."""

import base64
import uuid

import boto3
import pytest


@pytest.mark.parametrize("kind", ["String", "StringList", "SecureString"])
def test_what_is_put_is_read(ssm, name, kind):
    made = ssm.put_parameter(Name=name, Value="one,two", Type=kind)

    read = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]

    assert (made["Version"], made["Tier"]) == (1, "Standard")
    assert (read["Name"], read["Type"], read["Value"], read["Version"]) == (name, kind, "one,two", 1)
    assert read["ARN"].endswith(f":parameter{name}")
    assert "Selector" not in read


def test_a_secure_string_without_decryption_is_a_ciphertext_that_kms_opens(house, ssm, name):
    key = house.client("kms").create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name=name, Value="hush", Type="SecureString", KeyId=key)

    sealed = ssm.get_parameter(Name=name)["Parameter"]

    opened = house.client("kms").decrypt(
        CiphertextBlob=base64.b64decode(sealed["Value"]), EncryptionContext={"PARAMETER_ARN": sealed["ARN"]}
    )
    assert opened["Plaintext"] == b"hush"
    assert opened["KeyId"].endswith(key)


def test_that_ciphertext_does_not_open_as_another_parameters(house, ssm, name):
    kms = house.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name=name, Value="hush", Type="SecureString", KeyId=key)
    sealed = ssm.get_parameter(Name=name)["Parameter"]

    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(
            CiphertextBlob=base64.b64decode(sealed["Value"]), EncryptionContext={"PARAMETER_ARN": sealed["ARN"] + "x"}
        )


def test_the_default_key_opens_through_the_service_only(house, ssm, name, refused):
    ssm.put_parameter(Name=name, Value="hush", Type="SecureString")
    sealed = ssm.get_parameter(Name=name)["Parameter"]

    code, _ = refused(
        house.client("kms").decrypt,
        CiphertextBlob=base64.b64decode(sealed["Value"]),
        EncryptionContext={"PARAMETER_ARN": sealed["ARN"]},
    )

    assert code == "AccessDeniedException"
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "hush"


def test_an_advanced_secure_string_is_a_message_that_awss_own_sdk_opens(house, ssm, name, monkeypatch):
    import aws_encryption_sdk
    import botocore.session
    from aws_encryption_sdk import CommitmentPolicy
    from aws_encryption_sdk.key_providers.kms import StrictAwsKmsMasterKeyProvider

    arn = house.client("kms").create_key()["KeyMetadata"]["Arn"]
    value = "h" * 8000
    ssm.put_parameter(Name=name, Value=value, Type="SecureString", Tier="Advanced", KeyId=arn)
    sealed = ssm.get_parameter(Name=name)["Parameter"]
    for variable, text in house.environment.items():
        monkeypatch.setenv(variable, text)
    provider = StrictAwsKmsMasterKeyProvider(key_ids=[arn], botocore_session=botocore.session.Session())
    client = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)

    opened, header = client.decrypt(source=base64.b64decode(sealed["Value"]), key_provider=provider)

    assert opened.decode() == value
    assert header.encryption_context == {"PARAMETER_ARN": sealed["ARN"]}
    assert sealed["Value"].startswith("AgR4")
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == value


def test_with_and_without_the_slash_it_is_one_parameter(ssm, refused):
    flat = f"p{uuid.uuid4()}"
    ssm.put_parameter(Name=flat, Value="v", Type="String")

    slashed = ssm.get_parameter(Name=f"/{flat}")["Parameter"]

    assert slashed["Name"] == flat
    assert refused(ssm.put_parameter, Name=f"/{flat}", Value="v", Type="String")[0] == "ParameterAlreadyExists"
    ssm.delete_parameter(Name=f"/{flat}")
    assert refused(ssm.get_parameter, Name=flat) == ("ParameterNotFound", "")


def test_versions_are_read_by_number_and_label_and_by_arn(ssm, name):
    for value in ("one", "two", "three"):
        ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    ssm.label_parameter_version(Name=name, ParameterVersion=2, Labels=["good"])
    arn = ssm.get_parameter(Name=name)["Parameter"]["ARN"]

    by_number, by_label, by_arn = (
        ssm.get_parameter(Name=asked)["Parameter"] for asked in (f"{name}:1", f"{name}:good", f"{arn}:good")
    )

    assert (by_number["Value"], by_number["Selector"]) == ("one", ":1")
    assert (by_label["Value"], by_label["Version"], by_label["Selector"]) == ("two", 2, ":good")
    assert by_arn == by_label


def test_an_unknown_version_or_label_is_never_another(ssm, name, refused):
    ssm.put_parameter(Name=name, Value="v", Type="String")

    for selector in ("2", "nope", ""):
        assert refused(ssm.get_parameter, Name=f"{name}:{selector}") == (
            "ParameterVersionNotFound",
            f"Systems Manager could not find version {selector} of {name}. Verify the version and try again.",
        )


def test_several_are_read_in_order_and_the_others_told_back(ssm, name):
    for leaf in ("b", "a"):
        ssm.put_parameter(Name=f"{name}/{leaf}", Value=leaf, Type="SecureString")

    asked = [f"{name}/b", f"{name}/a", f"{name}/none", f"{name}/a:9"]
    answer = ssm.get_parameters(Names=asked, WithDecryption=True)

    assert [one["Value"] for one in answer["Parameters"]] == ["a", "b"]
    assert answer["InvalidParameters"] == asked[2:]


def test_nothing_invalid_is_an_empty_list(ssm, name):
    ssm.put_parameter(Name=name, Value="v", Type="String")

    assert ssm.get_parameters(Names=[name])["InvalidParameters"] == []


@pytest.fixture
def tree(ssm, name):
    for leaf in ("c/d", "a", "b", "c", "a-b", "a/x"):
        ssm.put_parameter(Name=f"{name}/{leaf}", Value=leaf, Type="String")
    return name


def walk(ssm, **asked):
    pages = ssm.get_paginator("get_parameters_by_path").paginate(PaginationConfig={"PageSize": 1}, **asked)
    return [one["Value"] for page in pages for one in page["Parameters"]]


def test_a_path_is_walked_one_level_or_all_in_pages_of_one(ssm, tree):
    assert walk(ssm, Path=tree) == ["a", "a-b", "b", "c"]
    assert walk(ssm, Path=f"{tree}/", Recursive=True) == ["a", "a-b", "a/x", "b", "c", "c/d"]


def test_a_leaf_or_nothing_is_an_empty_list(ssm, tree):
    assert walk(ssm, Path=f"{tree}/b", Recursive=True) == []
    assert walk(ssm, Path=f"{tree}/zzz") == []


def test_the_root_has_the_flat_ones(ssm):
    flat = f"zz{uuid.uuid4()}"
    ssm.put_parameter(Name=flat, Value=flat, Type="String")

    assert flat in walk(ssm, Path="/")


def test_a_marker_is_of_one_listing(ssm, tree, refused):
    token = ssm.get_parameters_by_path(Path=tree, MaxResults=1)["NextToken"]

    assert refused(ssm.get_parameters_by_path, Path="/elsewhere", NextToken=token)[0] == "InvalidNextToken"
    assert refused(ssm.get_parameters_by_path, Path=tree, NextToken="x")[0] == "InvalidNextToken"


def test_a_path_is_filtered_by_type_and_label(ssm, tree):
    ssm.put_parameter(Name=f"{tree}/s", Value="s", Type="SecureString")
    ssm.put_parameter(Name=f"{tree}/a", Value="newer", Overwrite=True)
    ssm.label_parameter_version(Name=f"{tree}/a", ParameterVersion=1, Labels=["live"])

    typed = walk(ssm, Path=tree, WithDecryption=True, ParameterFilters=[{"Key": "Type", "Values": ["SecureString"]}])
    labelled = walk(ssm, Path=tree, ParameterFilters=[{"Key": "Label", "Values": ["live"]}])

    assert (typed, labelled) == (["s"], ["a"])


def test_a_disabled_key_does_not_read_but_tells_the_ciphertext(house, ssm, name, refused):
    kms = house.client("kms")
    key = kms.create_key()["KeyMetadata"]
    ssm.put_parameter(Name=f"{name}/x", Value="hush", Type="SecureString", KeyId=key["KeyId"])
    kms.disable_key(KeyId=key["KeyId"])

    code, text = refused(ssm.get_parameter, Name=f"{name}/x", WithDecryption=True)

    assert code == "InvalidKeyId"
    assert text.startswith(
        f"{key['Arn']} is disabled. (Service: AWSKMS; Status Code: 400; Error Code: DisabledException;"
    )
    assert refused(ssm.get_parameters_by_path, Path=name, WithDecryption=True)[0] == "InvalidKeyId"
    assert ssm.get_parameter(Name=f"{name}/x")["Parameter"]["Value"]
    kms.enable_key(KeyId=key["KeyId"])


def test_boto3_has_no_operation_of_parameters_that_is_not_served(ssm):
    operations = boto3.client("ssm", region_name="us-east-1").meta.service_model.operation_names

    assert {name for name in operations if "Parameter" in name} <= {
        "DeleteParameter", "DeleteParameters", "DescribeParameters", "GetParameter", "GetParameterHistory",
        "GetParameters", "GetParametersByPath", "LabelParameterVersion", "PutParameter", "UnlabelParameterVersion",
    }  # fmt: skip
