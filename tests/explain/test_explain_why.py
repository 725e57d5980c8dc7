"""`keystead why`: how a call was decided, from its record, agrees with what the call came to."""

import json

import pytest


@pytest.fixture(scope="module")
def key(house):
    return house.client("kms").create_key()["KeyMetadata"]


@pytest.fixture(scope="module")
def reader(house, words, key):
    """A user who may decrypt, but from elsewhere only, and encrypt."""
    iam = house.client("iam")
    iam.create_user(UserName="reader")
    condition = {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}
    text = words.document(
        words.allow("kms:Decrypt", Sid="FromElsewhere", Condition=condition),
        words.allow("kms:Encrypt", Sid="Anywhere", resource=key["Arn"]),
        words.allow("s3:*"),
        words.deny("kms:ScheduleKeyDeletion", Sid="Never"),
    )
    iam.put_user_policy(UserName="reader", PolicyName="use", PolicyDocument=text)
    return house.client("kms", iam.create_access_key(UserName="reader")["AccessKey"])


def test_an_allowed_call_names_the_statements_that_allowed(keystead, reader, key):
    answer = reader.encrypt(KeyId=key["KeyId"], Plaintext=b"x")

    (row,) = keystead("why", answer["ResponseMetadata"]["RequestId"], "--output", "json")

    assert (row["action"], row["resource"], row["decision"], row["error"]) == (
        "kms:Encrypt", key["Arn"], "allowed", None,
    )  # fmt: skip
    assert row["principal"].endswith(":user/reader")
    assert [(one["policy"], one["statement"], one["outcome"]) for one in row["statements"]] == [
        ("key policy", "Enable IAM User Permissions", "matches"),
        ("inline policy use of user reader", "Anywhere", "matches"),
    ]


def test_a_refused_call_tells_how_far_each_statement_came(keystead, reader, key, refused):
    code, request_id = refused(reader.decrypt, KeyId=key["KeyId"], CiphertextBlob=b"x" * 80)
    assert code == "AccessDeniedException"

    (row,) = keystead("why", request_id, "--output", "json")

    assert (row["action"], row["decision"], row["by"], row["others"]) == ("kms:Decrypt", "implicitDeny", "identity", 3)
    assert "no identity-based policy allows the kms:Decrypt action" in row["message"]
    assert row["statements"] == [
        {
            "step": 7,
            "policy": "key policy",
            "statement": "Enable IAM User Permissions",
            "effect": "Allow",
            "outcome": "matches",
            "given": None,
        },
        {
            "step": 8,
            "policy": "inline policy use of user reader",
            "statement": "FromElsewhere",
            "effect": "Allow",
            "outcome": "IpAddress aws:sourceip",
            "given": ["127.0.0.1"],
        },
    ]


def test_an_explicit_denial_names_the_statement_that_denied(keystead, reader, key, refused):
    _, request_id = refused(reader.schedule_key_deletion, KeyId=key["KeyId"])

    (row,) = keystead("why", request_id, "--output", "json")

    assert (row["decision"], row["by"]) == ("explicitDeny", "identity")
    matching = [one["statement"] for one in row["statements"] if (one["effect"], one["outcome"]) == ("Deny", "matches")]
    assert matching == ["Never"]


def test_the_table_reads_well(keystead, reader, key, refused):
    _, request_id = refused(reader.decrypt, KeyId=key["KeyId"], CiphertextBlob=b"x" * 80)

    shown = keystead("why", request_id)

    assert "kms:Decrypt on " + key["Arn"] + ": denied: nothing allowed it (identity)" in shown
    assert "inline policy use of user reader" in shown
    assert "IpAddress aws:sourceip fails: the request has 127.0.0.1" in shown
    assert "and 3 more that are about other actions" in shown


def test_a_call_with_several_decisions_tells_each(keystead, house, key):
    kms = house.client("kms")
    other = kms.create_key()["KeyMetadata"]
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    answer = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other["KeyId"])

    found = keystead("why", answer["ResponseMetadata"]["RequestId"], "--output", "json")

    assert [(row["action"], row["resource"]) for row in found] == [
        ("kms:ReEncryptFrom", key["Arn"]), ("kms:ReEncryptTo", other["Arn"]),
    ]  # fmt: skip


def test_a_grant_is_named(keystead, house, key):
    iam, kms = house.client("iam"), house.client("kms")
    arn = iam.create_user(UserName="grantee")["User"]["Arn"]
    grantee = house.client("kms", iam.create_access_key(UserName="grantee")["AccessKey"])
    grant = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=arn, Operations=["Encrypt"])["GrantId"]
    answer = grantee.encrypt(KeyId=key["Arn"], Plaintext=b"x")

    (row,) = keystead("why", answer["ResponseMetadata"]["RequestId"], "--output", "json")

    assert (row["decision"], row["grant"]) == ("allowed", grant)


def test_assuming_a_role_tells_the_trust_policy(keystead, house, words, refused):
    iam = house.client("iam")
    trust = words.document(words.trust(house.account, Sid="Blue", Condition={"StringEquals": {"sts:ExternalId": "77"}}))
    role = iam.create_role(RoleName="external", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    sts = house.client("sts")
    _, request_id = refused(sts.assume_role, RoleArn=role, RoleSessionName="s1", ExternalId="88")

    (row,) = keystead("why", request_id, "--output", "json")

    assert (row["decision"], row["by"], row["resource"]) == ("implicitDeny", "trust", role)
    blue = next(one for one in row["statements"] if one["statement"] == "Blue")
    assert (blue["policy"], blue["outcome"], blue["given"]) == (
        "trust policy", "StringEquals sts:externalid", ["88"],
    )  # fmt: skip


def test_a_call_that_ended_before_a_decision_says_so(keystead, house, refused):
    code, request_id = refused(house.client("kms").describe_key, KeyId="00000000-0000-4000-8000-000000000000")
    assert code == "NotFoundException"

    (row,) = keystead("why", request_id, "--output", "json")
    shown = keystead("why", request_id)

    assert (row["decision"], row["error"], row["statements"]) == ("none", "NotFoundException", [])
    assert "no access decision was made" in shown


def test_an_unknown_request_is_not_found(keystead):
    shown = keystead("why", "00000000-0000-4000-8000-000000000000", status=1)

    assert "ResourceNotFoundException" in shown


def test_without_an_endpoint_nothing_is_asked(keystead):
    shown = keystead("why", "x", status=1, AWS_ENDPOINT_URL="")

    assert "AWS_ENDPOINT_URL" in shown


def test_another_accounts_request_is_not_found(own, house, refused):
    answer = house.client("kms").list_keys()
    other = house.create_account()
    credentials = {"AccessKeyId": other.access_key_id, "SecretAccessKey": other.secret_access_key}

    code, _ = refused(own(credentials).explain_request, RequestId=answer["ResponseMetadata"]["RequestId"])

    assert code == "ResourceNotFoundException"


def test_it_takes_leave_of_its_own_and_is_recorded(own, house, words, refused):
    iam = house.client("iam")
    iam.create_user(UserName="auditor")
    auditor = own(iam.create_access_key(UserName="auditor")["AccessKey"])
    asked = house.client("kms").list_keys()["ResponseMetadata"]["RequestId"]

    code, request_id = refused(auditor.explain_request, RequestId=asked)
    iam.put_user_policy(
        UserName="auditor", PolicyName="read", PolicyDocument=words.document(words.allow("keystead:Explain*"))
    )
    allowed = auditor.explain_request(RequestId=asked)

    assert code == "AccessDeniedException"
    assert allowed["Calls"][0]["EventName"] == "ListKeys"
    (denied,) = own().explain_request(RequestId=request_id)["Calls"]
    assert (denied["EventSource"], denied["Decisions"][0]["Action"]) == (
        "keystead.amazonaws.com", "keystead:ExplainRequest",
    )  # fmt: skip
    events = house.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "ExplainRequest"}]
    )["Events"]
    assert all(json.loads(event["CloudTrailEvent"])["readOnly"] for event in events)
