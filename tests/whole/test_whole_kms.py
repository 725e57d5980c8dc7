"""Stock boto3 against a running node: the key service from end to end."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.whole

CONTEXT = {"table": "customers", "column": "iban"}


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=code)


def test_what_is_encrypted_decrypts_under_the_same_context(kms, key):
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret", EncryptionContext=CONTEXT)

    opened = kms.decrypt(CiphertextBlob=blob["CiphertextBlob"], EncryptionContext=CONTEXT)

    assert opened["Plaintext"] == b"secret"
    assert opened["KeyId"] == blob["KeyId"] == key["Arn"]
    assert opened["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"


def test_another_context_is_an_invalid_ciphertext_without_a_message(kms, key):
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]

    with pytest.raises(kms.exceptions.InvalidCiphertextException) as caught:
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"table": "other"})

    assert "Message" not in caught.value.response["Error"] or not caught.value.response["Error"]["Message"]


def test_data_keys_come_in_the_length_asked_for(kms, key):
    lengths = [
        len(kms.generate_data_key(KeyId=key["KeyId"], **asked)["Plaintext"])
        for asked in ({"KeySpec": "AES_128"}, {"KeySpec": "AES_256"}, {"NumberOfBytes": 77})
    ]

    assert lengths == [16, 32, 77]


def test_a_data_key_without_plaintext_opens_with_decrypt(kms, key):
    made = kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], KeySpec="AES_256", EncryptionContext=CONTEXT)

    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)

    assert "Plaintext" not in made
    assert len(opened["Plaintext"]) == 32


def test_reencrypt_moves_to_another_key_and_context(kms, key):
    other = kms.create_key()["KeyMetadata"]
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"moved")["CiphertextBlob"]

    moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other["KeyId"], DestinationEncryptionContext=CONTEXT)

    assert moved["SourceKeyId"] == key["Arn"]
    assert moved["KeyId"] == other["Arn"]
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"] == b"moved"


def test_random_bytes(kms):
    assert len(kms.generate_random(NumberOfBytes=33)["Plaintext"]) == 33


def test_a_key_lives_and_dies_as_in_aws(kms, key):
    key_id = key["KeyId"]
    kms.disable_key(KeyId=key_id)
    with pytest.raises(kms.exceptions.DisabledException, match=f"{key['Arn']} is disabled."):
        kms.encrypt(KeyId=key_id, Plaintext=b"x")
    kms.enable_key(KeyId=key_id)

    scheduled = kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)

    assert scheduled["KeyState"] == "PendingDeletion"
    with pytest.raises(kms.exceptions.KMSInvalidStateException, match="is pending deletion."):
        kms.encrypt(KeyId=key_id, Plaintext=b"x")
    kms.cancel_key_deletion(KeyId=key_id)
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "Disabled"


def test_the_alias_names_the_key_everywhere(kms, key):
    name = f"alias/{key['KeyId'][:8]}"
    kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    other = kms.create_key()["KeyMetadata"]

    assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == key["KeyId"]
    kms.update_alias(AliasName=name, TargetKeyId=other["KeyId"])
    assert kms.encrypt(KeyId=name, Plaintext=b"x")["KeyId"] == other["Arn"]
    assert name in [alias["AliasName"] for alias in kms.list_aliases(KeyId=other["KeyId"])["Aliases"]]
    kms.delete_alias(AliasName=name)
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId=name)


def test_paginators_see_every_key_once(kms):
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}

    listed = [
        key["KeyId"] for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2})
        for key in page["Keys"]
    ]  # fmt: skip

    assert made <= set(listed)
    assert len(listed) == len(set(listed))


def test_tags_policies_and_descriptions_are_kept(kms, key):
    key_id = key["KeyId"]
    kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "team", "TagValue": "a"}, {"TagKey": "env", "TagValue": ""}])
    kms.untag_resource(KeyId=key_id, TagKeys=["env"])
    kms.update_key_description(KeyId=key_id, Description="new")
    policy = kms.get_key_policy(KeyId=key_id)["Policy"]
    kms.put_key_policy(KeyId=key_id, Policy=policy + " ")

    assert kms.list_resource_tags(KeyId=key_id)["Tags"] == [{"TagKey": "team", "TagValue": "a"}]
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["Description"] == "new"
    assert kms.get_key_policy(KeyId=key_id)["Policy"] == policy + " "
    assert kms.list_key_policies(KeyId=key_id)["PolicyNames"] == ["default"]


def test_rotation_keeps_old_blobs_open_and_reports_itself(kms, key):
    key_id = key["KeyId"]
    old = kms.encrypt(KeyId=key_id, Plaintext=b"old")["CiphertextBlob"]
    kms.enable_key_rotation(KeyId=key_id, RotationPeriodInDays=90)

    kms.rotate_key_on_demand(KeyId=key_id)

    assert kms.get_key_rotation_status(KeyId=key_id)["RotationPeriodInDays"] == 90
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"
    new = kms.encrypt(KeyId=key_id, Plaintext=b"new")["CiphertextBlob"]
    materials = {kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] for blob in (old, new)}
    assert len(materials) == 2
    assert len(kms.list_key_rotations(KeyId=key_id)["Rotations"]) == 1
    kms.disable_key_rotation(KeyId=key_id)
    assert kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"] is False


def test_a_grant_lets_a_role_use_the_key_until_it_is_revoked(node, kms, key):
    role, session = role_session(node, "grantee")
    app = node.client("kms", session)
    with refused("AccessDeniedException"):
        app.encrypt(KeyId=key["Arn"], Plaintext=b"x")

    grant = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=role["Arn"], Operations=["Encrypt"])

    app.encrypt(KeyId=key["Arn"], Plaintext=b"x")
    with refused("AccessDeniedException"):
        app.generate_data_key(KeyId=key["Arn"], KeySpec="AES_256")
    assert [g["GrantId"] for g in kms.list_grants(KeyId=key["KeyId"])["Grants"]] == [grant["GrantId"]]
    kms.revoke_grant(KeyId=key["KeyId"], GrantId=grant["GrantId"])
    with refused("AccessDeniedException"):
        app.encrypt(KeyId=key["Arn"], Plaintext=b"x")


def test_the_denial_names_caller_action_key_and_reason(node, key):
    role, session = role_session(node, "stranger")
    app = node.client("kms", session)

    with pytest.raises(ClientError) as caught:
        app.encrypt(KeyId=key["Arn"], Plaintext=b"x")

    account = node.facts["account_id"]
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] == "AccessDeniedException"
    assert error["Error"]["Message"] == (
        f"User: arn:aws:sts::{account}:assumed-role/{role['RoleName']}/test is not authorized to perform: kms:Encrypt "
        f"on resource: {key['Arn']} because no identity-based policy allows the kms:Encrypt action"
    )


def test_dry_run_does_nothing_and_says_so(kms, key):
    with pytest.raises(kms.exceptions.DryRunOperationException, match="The request would have succeeded"):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", DryRun=True)


def test_an_aws_managed_key_comes_into_being_on_first_use(kms):
    described = kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]

    assert described["KeyManager"] == "AWS"
    with refused("AccessDeniedException|UnsupportedOperationException|NotFoundException|ValidationException"):
        kms.schedule_key_deletion(KeyId=described["KeyId"])


def test_regions_are_separate_worlds(node, key):
    elsewhere = node.client("kms", region_name="eu-central-1")

    with pytest.raises(elsewhere.exceptions.NotFoundException):
        elsewhere.describe_key(KeyId=key["KeyId"])
    made = elsewhere.create_key()["KeyMetadata"]
    assert made["Arn"].startswith(f"arn:aws:kms:eu-central-1:{node.facts['account_id']}:key/")


def test_what_is_known_but_not_served_is_refused_by_name(kms, key):
    named = {"KeyId": key["KeyId"], "GranteeServicePrincipal": "lambda.amazonaws.com", "Operations": ["Decrypt"]}

    with pytest.raises(kms.exceptions.UnsupportedOperationException, match="GranteeServicePrincipal"):
        kms.create_grant(**named)


def test_last_usage_is_told(kms, key, node):
    kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    node.client("cloudtrail").lookup_events(MaxResults=1)  # waits for the index

    usage = kms.get_key_last_usage(KeyId=key["KeyId"])

    assert usage["KeyLastUsage"]["Operation"] == "Encrypt"


def role_session(node: Any, name: str) -> tuple[dict[str, Any], dict[str, str]]:
    iam, sts = node.client("iam"), node.client("sts")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{node.facts['account_id']}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.get_waiter("role_exists").wait(RoleName=name)
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
    return role, session


@pytest.mark.parametrize(
    ("spec", "algorithm"),
    [
        ("RSA_2048", "RSASSA_PSS_SHA_256"),
        ("ECC_NIST_P256", "ECDSA_SHA_256"),
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
        ("ML_DSA_65", "ML_DSA_SHAKE_256"),
    ],
)
def test_a_key_pair_signs_and_verifies_until_it_is_disabled(kms, spec, algorithm):
    key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    asked = {"KeyId": key, "Message": b"x", "SigningAlgorithm": algorithm}

    signature = kms.sign(**asked)["Signature"]

    assert kms.verify(Signature=signature, **asked)["SignatureValid"]
    with refused("KMSInvalidSignatureException"):
        kms.verify(**{**asked, "Signature": signature, "Message": b"y"})
    kms.disable_key(KeyId=key)
    with refused("DisabledException"):
        kms.sign(**asked)


def test_a_data_key_pair_of_a_slow_kind_comes_while_others_are_served(kms, key):
    made = kms.generate_data_key_pair(KeyId=key["KeyId"], KeyPairSpec="RSA_3072", EncryptionContext=CONTEXT)

    opened = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT)

    assert opened["Plaintext"] == made["PrivateKeyPlaintext"]
