"""GetFederationToken and GetAccessKeyInfo, with boto3 on the other side."""

import json

import pytest
from botocore.exceptions import ClientError

from keystead.testing import running


def allow(*actions, effect="Allow", **more):
    return {"Effect": effect, "Action": list(actions), "Resource": "*", **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="module")
def house():
    with running() as keystead:
        yield keystead


@pytest.fixture(scope="module")
def broker(house):
    """STS as a user who may vouch for others, and may list keys and aliases."""
    iam = house.client("iam")
    iam.create_user(UserName="broker")
    allowed = allow("sts:GetFederationToken", "sts:TagSession", "kms:ListKeys", "kms:ListAliases", "iam:ListUsers")
    iam.put_user_policy(UserName="broker", PolicyName="p", PolicyDocument=document(allowed))
    return house.client("sts", iam.create_access_key(UserName="broker")["AccessKey"])


def code(operation, **asked):
    with pytest.raises(ClientError) as raised:
        operation(**asked)
    return raised.value.response["Error"]["Code"]


def test_a_federated_user_is_called_by_the_name_it_was_given(house, broker):
    answer = broker.get_federation_token(Name="guest")

    who = house.client("sts", answer["Credentials"]).get_caller_identity()

    arn = f"arn:aws:sts::{house.account}:federated-user/guest"
    assert (who["Arn"], who["UserId"]) == (arn, f"{house.account}:guest")
    assert answer["FederatedUser"] == {"Arn": arn, "FederatedUserId": f"{house.account}:guest"}


def test_a_federated_user_without_a_policy_may_nothing(house, broker):
    kms = house.client("kms", broker.get_federation_token(Name="guest")["Credentials"])

    assert code(kms.list_keys) == "AccessDeniedException"


def test_a_federated_user_may_what_both_the_user_and_the_policy_allow(house, broker):
    policy = document(allow("kms:ListKeys", "kms:CreateKey"))
    kms = house.client("kms", broker.get_federation_token(Name="guest", Policy=policy)["Credentials"])

    assert "Keys" in kms.list_keys()
    assert code(kms.create_key) == "AccessDeniedException"  # the user may not
    assert code(kms.list_aliases) == "AccessDeniedException"  # the policy does not say so


def test_a_federated_user_calls_neither_iam_nor_most_of_sts(house, broker):
    given = broker.get_federation_token(Name="guest", Policy=document(allow("*")))["Credentials"]
    iam, sts = house.client("iam", given), house.client("sts", given)

    assert code(iam.list_users) == "InvalidClientTokenId"
    assert code(sts.get_session_token) == "AccessDenied"
    assert code(sts.get_federation_token, Name="another") == "AccessDenied"
    assert sts.get_caller_identity()


def test_a_key_policy_that_names_the_federated_user_needs_no_other(house, broker):
    arn = f"arn:aws:sts::{house.account}:federated-user/keyed"
    kms = house.client("kms")
    root = {**allow("kms:*"), "Principal": {"AWS": house.account}}
    policy = document(root, {**allow("kms:Encrypt"), "Principal": {"AWS": arn}})
    key = kms.create_key(Policy=policy)["KeyMetadata"]["KeyId"]

    def encrypt(name):
        given = broker.get_federation_token(Name=name)["Credentials"]
        return house.client("kms", given).encrypt

    assert encrypt("keyed")(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert code(encrypt("other"), KeyId=key, Plaintext=b"x") == "AccessDeniedException"


def test_tags_of_a_federated_user_count(house, broker):
    tagged = allow("kms:ListKeys", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    policy = document(tagged)

    def lists(**more):
        given = broker.get_federation_token(Name="guest", Policy=policy, **more)["Credentials"]
        return house.client("kms", given).list_keys

    assert "Keys" in lists(Tags=[{"Key": "Team", "Value": "blue"}])()
    assert code(lists(Tags=[{"Key": "Team", "Value": "red"}])) == "AccessDeniedException"
    assert code(lists()) == "AccessDeniedException"


def test_who_has_no_leave_vouches_for_nobody(house):
    iam = house.client("iam")
    iam.create_user(UserName="nobody")
    sts = house.client("sts", iam.create_access_key(UserName="nobody")["AccessKey"])

    with pytest.raises(ClientError, match="is not authorized to perform: sts:GetFederationToken on resource: arn:aws:"):
        sts.get_federation_token(Name="guest")


def test_session_credentials_vouch_for_nobody(house):
    given = house.client("sts").get_session_token()["Credentials"]

    with pytest.raises(ClientError, match="Cannot call GetFederationToken with session credentials"):
        house.client("sts", given).get_federation_token(Name="guest")


def test_the_session_ends_when_the_user_is_deleted(house):
    iam = house.client("iam")
    iam.create_user(UserName="leaver")
    iam.put_user_policy(UserName="leaver", PolicyName="p", PolicyDocument=document(allow("sts:GetFederationToken")))
    key = iam.create_access_key(UserName="leaver")["AccessKey"]
    given = house.client("sts", key).get_federation_token(Name="guest")["Credentials"]

    iam.delete_access_key(UserName="leaver", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="leaver", PolicyName="p")
    iam.delete_user(UserName="leaver")

    assert code(house.client("sts", given).get_caller_identity) == "InvalidClientTokenId"


def test_the_account_of_an_access_key_is_told(house):
    sts, other = house.client("sts"), house.create_account()
    session = sts.get_session_token()["Credentials"]["AccessKeyId"]

    assert sts.get_access_key_info(AccessKeyId=house.access_key_id)["Account"] == house.account
    assert sts.get_access_key_info(AccessKeyId=session)["Account"] == house.account
    assert sts.get_access_key_info(AccessKeyId=other.access_key_id)["Account"] == other.account
    assert code(sts.get_access_key_info, AccessKeyId="AKIA" + "A" * 16) == "ValidationError"


def test_no_encoded_message_is_one_of_ours(house):
    sts = house.client("sts")

    assert code(sts.decode_authorization_message, EncodedMessage="aGVsbG8") == "InvalidAuthorizationMessageException"
