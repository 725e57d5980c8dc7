"""Records of real calls, made by boto3 and read from the log, against AWS's published samples.

Samples: KMS developer guide, "Examples of AWS KMS log entries"; IAM user guide, "Example API events in CloudTrail log".
"""

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from keystead.testing import running
from keystead.trail.segments import Reader

POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*","Resource":"*"}]}'
ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}'
CONTEXT = {"Department": "Engineering"}
SYMMETRIC = "SYMMETRIC_DEFAULT"
ALLOWED = {
    "statements": [
        {"policy": "key policy", "statement": "Enable IAM User Permissions"},
        {"policy": "arn:aws:iam::aws:policy/AdministratorAccess", "statement": "1"},
    ]
}
"""What a record says, beyond AWS's, of how the administrator came to be allowed."""


class House:
    """A running Keystead with a key, an alias, two users and a role, and its log."""

    def __init__(self, keystead):
        self.keystead = keystead
        self.reader = Reader(keystead.data / "trail")
        self.account = keystead.account
        self.kms, self.iam, self.sts = (self.client(name) for name in ("kms", "iam", "sts"))
        self.policy = POLICY % self.account
        self.key = self.kms.create_key()["KeyMetadata"]
        self.other = self.kms.create_key()["KeyMetadata"]
        self.blob = self.kms.encrypt(KeyId=self.key["KeyId"], Plaintext=b"x", EncryptionContext=CONTEXT)[
            "CiphertextBlob"
        ]

    def client(self, name, credentials=None):
        return self.keystead.client(name, credentials)

    def resource(self, arn=None):
        return {"accountId": self.account, "type": "AWS::KMS::Key", "ARN": arn or self.key["Arn"]}

    def records(self, request_id):
        found = (json.loads(record.event) for record in self.reader.after(-1, 10_000))
        return [record for record in found if record.get("requestID") == request_id]

    def recorded(self, call, **named):
        """The one record of this call, whether it succeeds or not."""
        try:
            answer = call(**named)
        except ClientError as error:
            answer = error.response
        (record,) = self.records(answer["ResponseMetadata"]["RequestId"])
        return record


@pytest.fixture(scope="module")
def house():
    with running() as keystead:
        yield House(keystead)


def shown(record):
    return record["requestParameters"], record["responseElements"], record["readOnly"], record.get("resources")


def written(moment):
    """Of a boto3 answer, as it stands inside a record."""
    at = moment.astimezone(UTC)
    return f"{at:%b} {at.day}, {at.year}, {at.hour % 12 or 12}:{at:%M:%S} {'AM' if at.hour < 12 else 'PM'}"


def test_every_member_of_a_record(house):
    before = datetime.now(UTC).replace(microsecond=0)

    record = house.recorded(house.kms.encrypt, KeyId=house.key["KeyId"], Plaintext=b"secret", EncryptionContext=CONTEXT)

    at = datetime.fromisoformat(record.pop("eventTime"))
    assert before <= at <= before + timedelta(seconds=30)
    assert len(record.pop("eventID")) == len(record.pop("requestID")) == 36
    assert "Boto3/" in record.pop("userAgent")
    assert record.pop("userIdentity").keys() == {"type", "principalId", "arn", "accountId", "accessKeyId", "userName"}
    assert record == {
        "eventVersion": "1.11",
        "eventSource": "kms.amazonaws.com",
        "eventName": "Encrypt",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "127.0.0.1",
        "requestParameters": {
            "keyId": house.key["KeyId"],
            "encryptionContext": CONTEXT,
            "encryptionAlgorithm": SYMMETRIC,
        },
        "responseElements": None,
        "additionalEventData": {"keyMaterialId": house.key["CurrentKeyMaterialId"], "decisions": [ALLOWED]},
        "readOnly": True,
        "resources": [house.resource()],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": house.account,
        "eventCategory": "Management",
    }


def test_decrypt_shows_the_algorithm_also_when_it_was_left_to_the_default(house):
    record = house.recorded(house.kms.decrypt, CiphertextBlob=house.blob, EncryptionContext=CONTEXT)

    parameters = {"encryptionAlgorithm": SYMMETRIC, "encryptionContext": CONTEXT}
    assert shown(record) == (parameters, None, True, [house.resource()])
    assert record["additionalEventData"] == {
        "keyMaterialId": house.key["CurrentKeyMaterialId"],
        "decisions": [ALLOWED],
    }


def test_the_key_is_named_as_the_caller_named_it_and_the_resource_is_its_arn(house):
    house.kms.create_alias(AliasName="alias/named", TargetKeyId=house.key["KeyId"])

    record = house.recorded(
        house.kms.generate_data_key, KeyId="alias/named", KeySpec="AES_256", EncryptionContext=CONTEXT
    )

    parameters = {"keyId": "alias/named", "keySpec": "AES_256", "encryptionContext": CONTEXT}
    assert shown(record) == (parameters, None, True, [house.resource()])


def test_generate_data_key_without_plaintext(house):
    record = house.recorded(house.kms.generate_data_key_without_plaintext, KeyId=house.key["Arn"], NumberOfBytes=24)

    assert shown(record) == ({"keyId": house.key["Arn"], "numberOfBytes": 24}, None, True, [house.resource()])


def test_re_encrypt_lists_the_source_and_then_the_destination(house):
    record = house.recorded(
        house.kms.re_encrypt,
        CiphertextBlob=house.blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=house.other["KeyId"],
        DestinationEncryptionContext={"Level": "3A"},
    )

    parameters = {
        "sourceEncryptionAlgorithm": SYMMETRIC,
        "sourceEncryptionContext": CONTEXT,
        "destinationKeyId": house.other["KeyId"],
        "destinationEncryptionAlgorithm": SYMMETRIC,
        "destinationEncryptionContext": {"Level": "3A"},
    }
    assert shown(record) == (parameters, None, True, [house.resource(), house.resource(house.other["Arn"])])


def test_generate_random_shows_nothing(house):
    assert shown(house.recorded(house.kms.generate_random, NumberOfBytes=32)) == (None, None, True, [])


def test_create_key_shows_what_was_left_to_the_default_and_what_was_made(house):
    record = house.recorded(
        house.kms.create_key, Policy=house.policy, Description="d", Tags=[{"TagKey": "Project", "TagValue": "Alpha"}]
    )

    assert record["requestParameters"] == {
        "policy": house.policy,
        "description": "d",
        "tags": [{"tagKey": "Project", "tagValue": "Alpha"}],
        "keyUsage": "ENCRYPT_DECRYPT",
        "customerMasterKeySpec": SYMMETRIC,
        "keySpec": SYMMETRIC,
        "origin": "AWS_KMS",
        "multiRegion": False,
        "bypassPolicyLockoutSafetyCheck": False,
    }
    made = record["responseElements"]["keyMetadata"]
    assert made["aWSAccountId"] == house.account
    assert made["encryptionAlgorithms"] == [SYMMETRIC]
    key = house.kms.describe_key(KeyId=made["keyId"])["KeyMetadata"]
    assert made["creationDate"] == written(key["CreationDate"])
    assert record["resources"] == [house.resource(key["Arn"])]
    assert record["readOnly"] is False


def test_policies_are_shown_in_full_when_put_and_not_when_got(house):
    put = house.recorded(house.kms.put_key_policy, KeyId=house.other["KeyId"], Policy=house.policy)
    got = house.recorded(house.kms.get_key_policy, KeyId=house.other["KeyId"])

    named = {"keyId": house.other["KeyId"], "policyName": "default"}
    resources = [house.resource(house.other["Arn"])]
    full = {**named, "policy": house.policy, "bypassPolicyLockoutSafetyCheck": False}
    assert shown(put) == (full, None, False, resources)
    assert shown(got) == (named, None, True, resources)


def test_grants_are_recorded_without_their_tokens(house):
    role = house.sts.get_caller_identity()["Arn"]
    asked = {"KeyId": house.key["KeyId"], "GranteePrincipal": role, "Operations": ["Encrypt", "RetireGrant"]}
    granted = house.kms.create_grant(**asked, Constraints={"EncryptionContextSubset": CONTEXT}, Name="g")

    (created,) = house.records(granted["ResponseMetadata"]["RequestId"])
    retired = house.recorded(house.kms.retire_grant, GrantToken=granted["GrantToken"])

    assert shown(created) == (
        {
            "keyId": house.key["KeyId"],
            "granteePrincipal": role,
            "operations": ["Encrypt", "RetireGrant"],
            "constraints": {"encryptionContextSubset": CONTEXT},
            "name": "g",
        },
        {"grantId": granted["GrantId"]},
        False,
        [house.resource()],
    )
    assert shown(retired) == (None, None, False, [house.resource()])
    assert retired["additionalEventData"] == {"grantId": granted["GrantId"], "decisions": [ALLOWED]}


def test_grant_tokens_that_are_used_are_not_shown(house):
    role = house.sts.get_caller_identity()["Arn"]
    token = house.kms.create_grant(KeyId=house.key["KeyId"], GranteePrincipal=role, Operations=["Encrypt"])[
        "GrantToken"
    ]

    record = house.recorded(house.kms.encrypt, KeyId=house.key["KeyId"], Plaintext=b"x", GrantTokens=[token])

    assert record["requestParameters"] == {"keyId": house.key["KeyId"], "encryptionAlgorithm": SYMMETRIC}


def test_aliases_list_the_key_and_the_alias(house):
    alias = {**house.resource(), "ARN": f"arn:aws:kms:us-east-1:{house.account}:alias/two"}
    other = house.resource(house.other["Arn"])

    created = house.recorded(house.kms.create_alias, AliasName="alias/two", TargetKeyId=house.key["KeyId"])
    updated = house.recorded(house.kms.update_alias, AliasName="alias/two", TargetKeyId=house.other["KeyId"])
    deleted = house.recorded(house.kms.delete_alias, AliasName="alias/two")

    assert shown(created)[:3] == ({"aliasName": "alias/two", "targetKeyId": house.key["KeyId"]}, None, False)
    assert sorted(created["resources"], key=str) == sorted([house.resource(), alias], key=str)
    assert alias in updated["resources"]
    assert other in updated["resources"]
    assert shown(deleted)[:3] == ({"aliasName": "alias/two"}, None, False)
    assert alias in deleted["resources"]


def test_deletion_is_scheduled_and_cancelled(house):
    key = house.kms.create_key()["KeyMetadata"]
    scheduled = house.recorded(house.kms.schedule_key_deletion, KeyId=key["KeyId"], PendingWindowInDays=7)
    date = house.kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["DeletionDate"]
    cancelled = house.recorded(house.kms.cancel_key_deletion, KeyId=key["KeyId"])

    resources = [house.resource(key["Arn"])]
    assert shown(scheduled) == (
        {"keyId": key["KeyId"], "pendingWindowInDays": 7},
        {"keyId": key["Arn"], "keyState": "PendingDeletion", "deletionDate": written(date)},
        False,
        resources,
    )
    assert shown(cancelled) == ({"keyId": key["KeyId"]}, {"keyId": key["Arn"]}, False, resources)


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("disable_key", {}),
        ("enable_key", {}),
        ("enable_key_rotation", {"RotationPeriodInDays": 90}),
        ("disable_key_rotation", {}),
        ("update_key_description", {"Description": "new"}),
        ("tag_resource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("untag_resource", {"TagKeys": ["a"]}),
    ],
)
def test_what_changes_a_key_and_answers_nothing(house, operation, more):
    record = house.recorded(getattr(house.kms, operation), KeyId=house.other["KeyId"], **more)

    parameters = {name[0].lower() + name[1:]: value for name, value in more.items()}
    if operation == "tag_resource":
        parameters = {"tags": [{"tagKey": "a", "tagValue": "b"}]}
    expected = {"keyId": house.other["KeyId"], **parameters}
    assert shown(record) == (expected, None, False, [house.resource(house.other["Arn"])])


def test_rotation_on_demand(house):
    key = house.kms.create_key()["KeyMetadata"]

    record = house.recorded(house.kms.rotate_key_on_demand, KeyId=key["KeyId"])

    assert shown(record)[:3] == ({"keyId": key["KeyId"]}, {"keyId": key["Arn"]}, False)


@pytest.mark.parametrize(
    ("operation", "asked", "parameters"),
    [
        ("list_keys", {"Limit": 10}, {"limit": 10}),
        ("list_keys", {}, None),
        ("list_aliases", {}, None),
        ("describe_key", {"KeyId": "KEY"}, {"keyId": "KEY"}),
        ("get_key_rotation_status", {"KeyId": "KEY"}, {"keyId": "KEY"}),
        ("list_key_rotations", {"KeyId": "KEY"}, {"keyId": "KEY"}),
        ("list_key_policies", {"KeyId": "KEY"}, {"keyId": "KEY"}),
        ("list_resource_tags", {"KeyId": "KEY"}, {"keyId": "KEY"}),
        ("list_grants", {"KeyId": "KEY"}, {"keyId": "KEY"}),
        ("get_key_last_usage", {"KeyId": "KEY"}, {"keyId": "KEY"}),
    ],
)
def test_what_only_reads_shows_no_answer(house, operation, asked, parameters):
    named = {name: house.key["KeyId"] if value == "KEY" else value for name, value in asked.items()}

    record = house.recorded(getattr(house.kms, operation), **named)

    expected = parameters and {
        name: house.key["KeyId"] if value == "KEY" else value for name, value in parameters.items()
    }
    assert shown(record)[:3] == (expected, None, True)


def test_a_failure_is_recorded_with_its_code_and_text(house):
    record = house.recorded(
        house.kms.decrypt, CiphertextBlob=house.blob, EncryptionContext=CONTEXT, KeyId=house.other["KeyId"]
    )

    assert record["errorCode"] == "IncorrectKeyException"
    assert record["errorMessage"].startswith("The key ID in the request does not identify a CMK")
    assert record["requestParameters"]["keyId"] == house.other["KeyId"]


def test_a_denial_is_recorded_without_the_suffix_and_without_parameters(house):
    house.iam.create_user(UserName="nobody")
    credentials = house.iam.create_access_key(UserName="nobody")["AccessKey"]

    record = house.recorded(house.client("kms", credentials).encrypt, KeyId=house.key["KeyId"], Plaintext=b"x")

    assert record["errorCode"] == "AccessDenied"
    assert "is not authorized to perform: kms:Encrypt" in record["errorMessage"]
    assert shown(record) == (None, None, True, [house.resource()])
    assert record["userIdentity"]["userName"] == "nobody"


def test_an_operation_that_is_not_served_is_recorded_all_the_same(house):
    record = house.recorded(house.iam.create_virtual_mfa_device, VirtualMFADeviceName="phone")

    assert (record["eventName"], record["errorCode"]) == ("CreateVirtualMFADevice", "UnsupportedOperation")


def test_an_access_key_is_recorded_without_its_secret(house):
    house.iam.create_user(UserName="carol")

    record = house.recorded(house.iam.create_access_key, UserName="carol")

    key = house.iam.list_access_keys(UserName="carol")["AccessKeyMetadata"][0]
    assert shown(record)[:3] == (
        {"userName": "carol"},
        {
            "accessKey": {
                "userName": "carol",
                "accessKeyId": key["AccessKeyId"],
                "status": "Active",
                "createDate": written(key["CreateDate"]),
            }
        },
        False,
    )
    assert record["awsRegion"] == "us-east-1"


def test_policies_of_identities_are_shown_in_full(house):
    house.iam.create_user(UserName="dave")

    record = house.recorded(house.iam.put_user_policy, UserName="dave", PolicyName="p", PolicyDocument=ALLOW)

    assert shown(record)[:3] == ({"userName": "dave", "policyName": "p", "policyDocument": ALLOW}, None, False)


def test_who_asks_who_he_is_is_recorded(house):
    record = house.recorded(house.sts.get_caller_identity)

    assert shown(record)[:3] == (None, None, True)


@pytest.fixture(scope="module")
def role(house):
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{house.account}:root"},
                    "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                }
            ],
        }
    )
    made = house.iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust)["Role"]
    house.iam.put_role_policy(RoleName="worker", PolicyName="kms", PolicyDocument=ALLOW)
    return made


def test_an_assumed_role_is_recorded_without_secret_and_token(house, role):
    answer = house.sts.assume_role(
        RoleArn=role["Arn"],
        RoleSessionName="s1",
        DurationSeconds=900,
        ExternalId="ext",
        Tags=[{"Key": "team", "Value": "red"}],
        TransitiveTagKeys=["team"],
        SourceIdentity="bob",
    )

    (record,) = house.records(answer["ResponseMetadata"]["RequestId"])
    assert record["requestParameters"] == {
        "roleArn": role["Arn"],
        "roleSessionName": "s1",
        "durationSeconds": 900,
        "externalId": "ext",
        "tags": [{"key": "team", "value": "red"}],
        "transitiveTagKeys": ["team"],
        "sourceIdentity": "bob",
    }
    response = record["responseElements"]
    assert response["credentials"] == {
        "accessKeyId": answer["Credentials"]["AccessKeyId"],
        "expiration": written(answer["Credentials"]["Expiration"]),
    }
    user = answer["AssumedRoleUser"]
    assert response["assumedRoleUser"] == {"assumedRoleId": user["AssumedRoleId"], "arn": user["Arn"]}
    assert record["readOnly"] is True
    assert record["resources"] == [{"accountId": house.account, "type": "AWS::IAM::Role", "ARN": role["Arn"]}]


def test_a_session_of_a_role_is_recorded_with_the_role_that_issued_it(house, role):
    credentials = house.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s2")["Credentials"]

    record = house.recorded(house.client("kms", credentials).generate_random, NumberOfBytes=1)

    identity = record["userIdentity"]
    issued = identity["sessionContext"]["attributes"].pop("creationDate")
    assert datetime.fromisoformat(issued) <= datetime.now(UTC)
    assert identity == {
        "type": "AssumedRole",
        "principalId": f"{role['RoleId']}:s2",
        "arn": f"arn:aws:sts::{house.account}:assumed-role/worker/s2",
        "accountId": house.account,
        "accessKeyId": credentials["AccessKeyId"],
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role["RoleId"],
                "arn": role["Arn"],
                "accountId": house.account,
                "userName": "worker",
            },
            "attributes": {"mfaAuthenticated": "false"},
        },
    }


def test_session_tokens_are_recorded_without_secret_and_token(house):
    house.iam.create_user(UserName="erin")
    key = house.iam.create_access_key(UserName="erin")["AccessKey"]
    answer = house.client("sts", key).get_session_token(DurationSeconds=900)

    (record,) = house.records(answer["ResponseMetadata"]["RequestId"])

    assert record["requestParameters"] == {"durationSeconds": 900}
    assert record["responseElements"]["credentials"].keys() == {"accessKeyId", "expiration"}


def test_a_lookup_is_recorded_like_everything_else(house):
    attribute = {"AttributeKey": "EventName", "AttributeValue": "Encrypt"}

    record = house.recorded(
        house.client("cloudtrail").lookup_events,
        LookupAttributes=[attribute],
        MaxResults=1,
        StartTime=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )

    assert shown(record)[:3] == (
        {
            "lookupAttributes": [{"attributeKey": "EventName", "attributeValue": "Encrypt"}],
            "maxResults": 1,
            "startTime": "Jan 2, 2026, 3:04:05 AM",
        },
        None,
        True,
    )


def test_a_call_that_reaches_another_account_is_in_both_logs(house):
    guest = house.keystead.create_account()
    credentials = {"AccessKeyId": guest.access_key_id, "SecretAccessKey": guest.secret_access_key}
    document = json.loads(house.policy)
    document["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{guest.account}:root"},
            "Action": "kms:Encrypt",
            "Resource": "*",
        }
    )
    key = house.kms.create_key(Policy=json.dumps(document))["KeyMetadata"]

    answer = house.client("kms", credentials).encrypt(KeyId=key["Arn"], Plaintext=b"x")

    records = {
        record["recipientAccountId"]: record for record in house.records(answer["ResponseMetadata"]["RequestId"])
    }
    own, owners = records[guest.account], records[house.account]
    assert own["sharedEventID"] == owners["sharedEventID"]
    assert own["eventID"] != owners["eventID"]
    assert own["userIdentity"]["type"] == "IAMUser"
    assert owners["userIdentity"] == {
        "type": "AWSAccount",
        "principalId": own["userIdentity"]["principalId"],
        "accountId": guest.account,
    }


def test_a_denied_call_to_another_account_is_in_the_callers_log_alone(house):
    guest = house.keystead.create_account()
    credentials = {"AccessKeyId": guest.access_key_id, "SecretAccessKey": guest.secret_access_key}

    record = house.recorded(house.client("kms", credentials).encrypt, KeyId=house.key["Arn"], Plaintext=b"x")

    assert record["recipientAccountId"] == guest.account


def test_rotation_and_deletion_that_fall_due_are_events_of_the_service(house):
    key = house.kms.create_key()["KeyMetadata"]
    house.kms.enable_key_rotation(KeyId=key["KeyId"], RotationPeriodInDays=90)
    house.keystead.do_what_falls_due(at=datetime.now(UTC).timestamp() + 91 * 86400)

    found = [json.loads(record.event) for record in house.reader.after(-1, 10_000)]
    rotations = {event["eventID"]: event for event in found if event["eventName"] == "RotateKey"}
    (record,) = rotations.values()  # the outbox may give one twice (trail.outbox)

    del record["eventID"], record["eventTime"]
    material = house.kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["CurrentKeyMaterialId"]
    assert record == {
        "eventVersion": "1.11",
        "userIdentity": {"accountId": house.account, "invokedBy": "AWS Internal"},
        "eventSource": "kms.amazonaws.com",
        "eventName": "RotateKey",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "AWS Internal",
        "userAgent": "AWS Internal",
        "requestParameters": None,
        "responseElements": None,
        "readOnly": False,
        "resources": [house.resource(key["Arn"])],
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": house.account,
        "serviceEventDetails": {"keyId": key["KeyId"], "keyMaterialId": material},
        "eventCategory": "Management",
    }


def test_a_failed_signature_is_an_event_of_keysteads_own(house):
    wrong = {"AccessKeyId": house.keystead.access_key_id, "SecretAccessKey": "x" * 40}
    with pytest.raises(ClientError):
        house.client("kms", wrong).list_keys()

    found = [json.loads(record.event) for record in house.reader.after(-1, 10_000)]
    record = [event for event in found if event["eventName"] == "AuthenticationFailure"][-1]

    assert record["eventSource"] == "keystead.internal"
    assert record["eventType"] == "AwsServiceEvent"
    assert record["recipientAccountId"] == house.account
    assert record["serviceEventDetails"]["service"] == "kms.amazonaws.com"
