"""Trust anchors, profiles and revocation lists, with boto3 on the other side."""

import json

import pytest
from botocore.exceptions import ClientError

from keystead.services import rolesanywhere
from keystead.wire import binding, model

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "rolesanywhere.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def refused(operation, **asked):
    with pytest.raises(ClientError) as raised:
        operation(**asked)
    error = raised.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture(scope="module")
def role(house):
    return house.client("iam").create_role(RoleName="listed", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]


@pytest.fixture(scope="module")
def bundle(authority, words):
    return {
        "sourceType": "CERTIFICATE_BUNDLE",
        "sourceData": {"x509CertificateData": words.pem(authority.certificate)},
    }


@pytest.fixture
def anchor(client, bundle):
    return client.create_trust_anchor(name="anchor", source=bundle)["trustAnchor"]


@pytest.fixture
def profile(client, role):
    return client.create_profile(name="profile", roleArns=[role])["profile"]


@pytest.fixture
def crl(client, anchor, authority):
    return client.import_crl(name="crl", crlData=authority.revocations(), trustAnchorArn=anchor["trustAnchorArn"])[
        "crl"
    ]


def test_nothing_in_the_model_is_unaccounted_for():
    assert binding.unaccounted(model.load("rolesanywhere"), rolesanywhere.OPERATIONS, rolesanywhere.REFUSED) == []


def test_every_code_is_in_the_model():
    assert {code for code, _ in rolesanywhere.service(None).errors.values()} <= set(model.load("rolesanywhere").errors)


def test_an_anchor_lives_its_life(client, house, anchor, bundle):
    named = {"trustAnchorId": anchor["trustAnchorId"]}

    assert anchor["enabled"] is False
    assert anchor["trustAnchorArn"].startswith(f"arn:aws:rolesanywhere:{house.region}:{house.account}:trust-anchor/")
    assert client.get_trust_anchor(**named)["trustAnchor"] == anchor
    assert client.get_trust_anchor(trustAnchorId=anchor["trustAnchorArn"])["trustAnchor"] == anchor
    assert client.enable_trust_anchor(**named)["trustAnchor"]["enabled"] is True
    assert client.disable_trust_anchor(**named)["trustAnchor"]["enabled"] is False
    assert client.update_trust_anchor(**named, name="renamed", source=bundle)["trustAnchor"]["name"] == "renamed"
    assert client.delete_trust_anchor(**named)["trustAnchor"]["trustAnchorId"] == anchor["trustAnchorId"]
    assert refused(client.get_trust_anchor, **named) == ("ResourceNotFoundException", 404)


def test_a_profile_lives_its_life(client, house, profile, role):
    named = {"profileId": profile["profileId"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": []}).replace(
        "[]", '[{"Effect": "Allow", "Action": "*", "Resource": "*"}]'
    )

    assert (profile["roleArns"], profile["durationSeconds"], profile["enabled"]) == ([role], 3600, False)
    assert profile["createdBy"] == f"arn:aws:iam::{house.account}:user/administrator"
    assert client.get_profile(**named)["profile"] == profile
    changed = client.update_profile(**named, durationSeconds=900, sessionPolicy=policy, acceptRoleSessionName=True)
    assert (changed["profile"]["durationSeconds"], changed["profile"]["sessionPolicy"]) == (900, policy)
    assert changed["profile"]["roleArns"] == [role]
    assert client.enable_profile(**named)["profile"]["enabled"] is True
    assert client.disable_profile(**named)["profile"]["enabled"] is False
    client.delete_profile(**named)
    assert refused(client.get_profile, **named) == ("ResourceNotFoundException", 404)


def test_a_revocation_list_lives_its_life(client, crl, authority, words):
    named = {"crlId": crl["crlId"]}
    newer = authority.revocations(words.Host(authority).certificate)

    assert crl["crlData"] == client.get_crl(**named)["crl"]["crlData"]
    assert client.update_crl(**named, name="renamed", crlData=newer)["crl"]["crlData"] == newer
    assert client.enable_crl(**named)["crl"]["enabled"] is True
    assert client.disable_crl(**named)["crl"]["enabled"] is False
    assert crl["crlId"] in [one["crlId"] for one in client.list_crls()["crls"]]
    client.delete_crl(**named)
    assert refused(client.get_crl, **named) == ("ResourceNotFoundException", 404)


def test_lists_come_in_pages(client, bundle):
    for number in range(3):
        client.create_trust_anchor(name=f"page-{number}", source=bundle)

    pages = list(client.get_paginator("list_trust_anchors").paginate(pageSize=2))
    listed = [one["name"] for page in pages for one in page["trustAnchors"]]

    assert len(pages) > 1
    assert {"page-0", "page-1", "page-2"} <= set(listed)
    assert len(client.list_trust_anchors()["trustAnchors"]) == len(listed)
    assert refused(client.list_trust_anchors, nextToken="made-up") == ("ValidationException", 400)


def test_tags_come_and_go(client, anchor, profile):
    for arn in (anchor["trustAnchorArn"], profile["profileArn"]):
        client.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
        client.untag_resource(resourceArn=arn, tagKeys=["A"])

        assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]


def test_what_is_no_bundle_of_authorities_is_refused(client, authority, words):
    leaf = words.pem(words.Host(authority).certificate)
    many = words.pem(authority.certificate) * 3
    for text in ("no certificate", leaf, many):
        source = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": text}}
        assert refused(client.create_trust_anchor, name="x", source=source) == ("ValidationException", 400)
    private = {"sourceType": "AWS_ACM_PCA", "sourceData": {"acmPcaArn": "arn:aws:acm-pca:::x"}}
    assert refused(client.create_trust_anchor, name="x", source=private) == ("ValidationException", 400)


def test_what_is_no_role_of_the_account_is_in_no_profile(client, house, role):
    other = "arn:aws:iam::999999999999:role/x"
    for arn in (other, role.replace("listed", "nobody"), f"arn:aws:iam::{house.account}:user/administrator"):
        assert refused(client.create_profile, name="x", roleArns=[arn]) == ("ValidationException", 400)


def test_a_malformed_session_policy_is_refused(client, role):
    assert refused(client.create_profile, name="x", roleArns=[role], sessionPolicy="{") == ("ValidationException", 400)


def test_who_may_not_pass_a_role_puts_it_into_no_profile(house, role):
    iam = house.client("iam")
    iam.create_user(UserName="operator")
    statement = {"Effect": "Allow", "Action": "rolesanywhere:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="operator", PolicyName="p", PolicyDocument=document)
    client = house.client("rolesanywhere", iam.create_access_key(UserName="operator")["AccessKey"])

    assert client.list_profiles()["profiles"] is not None
    assert refused(client.create_profile, name="x", roleArns=[role]) == ("AccessDeniedException", 403)


def test_who_has_no_leave_sees_nothing(house, anchor):
    iam = house.client("iam")
    iam.create_user(UserName="stranger")
    client = house.client("rolesanywhere", iam.create_access_key(UserName="stranger")["AccessKey"])

    denied = ("AccessDeniedException", 403)
    assert refused(client.get_trust_anchor, trustAnchorId=anchor["trustAnchorId"]) == denied
    assert refused(client.get_trust_anchor, trustAnchorId="00000000-0000-4000-8000-000000000000") == denied
    assert refused(client.list_trust_anchors) == denied


def test_another_region_has_anchors_of_its_own(house, anchor):
    elsewhere = house.client("rolesanywhere", region_name="eu-west-1")

    missing = ("ResourceNotFoundException", 404)
    assert elsewhere.list_trust_anchors()["trustAnchors"] == []
    assert refused(elsewhere.get_trust_anchor, trustAnchorId=anchor["trustAnchorId"]) == missing
    assert refused(elsewhere.get_trust_anchor, trustAnchorId=anchor["trustAnchorArn"]) == missing


def test_what_is_not_served_is_refused_by_name(client, anchor):
    assert refused(client.list_subjects) == ("UnsupportedOperationException", 400)
    settings = [{"enabled": True, "event": "CA_CERTIFICATE_EXPIRY"}]
    asked = {"trustAnchorId": anchor["trustAnchorId"], "notificationSettings": settings}
    assert refused(client.put_notification_settings, **asked) == ("UnsupportedOperationException", 400)


def test_a_wrong_secret_is_told_in_the_protocols_way(house):
    wrong = {"AccessKeyId": house.access_key_id, "SecretAccessKey": "x" * 40}

    assert refused(house.client("rolesanywhere", wrong).list_profiles) == ("InvalidSignatureException", 403)
