"""Secrets replicated to another account of one house: made there, associated here, followed, detached and let go."""

import json
import uuid

import pytest

ANOTHER = "arn:aws:secretsmanager:us-east-1:{}:secret:{}-AbCdEf"
WRITE = ("InvalidParameterException", "Operation not permitted on a replica secret. Call must be made in primary secret's account.")  # fmt: skip


class Two:
    """The primary's account and the replica's, and a key of each that the other's account may use as it must."""

    def __init__(self, house):
        self.house = house
        self.there = house.create_account()
        self.here = house.client("sts").get_caller_identity()["Account"]
        asked = {"AccessKeyId": self.there.access_key_id, "SecretAccessKey": self.there.secret_access_key}
        self.theirs = house.client("secretsmanager", asked)
        self.their_kms = house.client("kms", asked)
        self.ours = house.client("secretsmanager")
        self.key = self.their_key(self.encrypting(f"arn:aws:iam::{self.here}:root"))

    def their_key(self, *statements):
        own = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{self.there.account}:root"}, "Action": "kms:*"}
        document = {"Version": "2012-10-17", "Statement": [{**own, "Resource": "*"}, *statements]}
        return self.their_kms.create_key(Policy=json.dumps(document))["KeyMetadata"]["Arn"]

    def our_key(self):
        return self.house.client("kms").create_key()["KeyMetadata"]["Arn"]

    def encrypting(self, principal):
        return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "kms:Encrypt", "Resource": "*"}


@pytest.fixture(scope="session")
def two(house):
    return Two(house)


@pytest.fixture
def pair(two, name):
    """(ARN of a primary with a value, ARN of its replica that waits)"""
    primary = two.ours.create_secret(Name=name, SecretString="one", Description="d")["ARN"]
    return primary, replica_of(two, primary)


def replica_of(two, primary, **more):
    asked = {"Name": f"copy/{uuid.uuid4()}", "KmsKeyId": two.key, "CrossAccountPrimaryARN": primary, **more}
    return two.theirs.create_secret(**asked)["ARN"]


@pytest.fixture
def associated(two, pair):
    primary, replica = pair
    answer = two.ours.associate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    assert told(answer) == {"ARN": primary, "CrossAccountReplicaARN": replica, "ReplicationStatus": "InSync"}
    return pair


def told(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def value(client, secret, **more):
    return client.get_secret_value(SecretId=secret, **more)["SecretString"]


def statuses(two, primary, replica):
    """(as the primary says, as the replica says)"""
    (ours,) = two.ours.describe_secret(SecretId=primary).get("CrossAccountReplicas", [None])
    theirs = two.theirs.describe_secret(SecretId=replica).get("CrossAccountPrimary")
    return ours and ours["ReplicationStatus"], theirs and theirs["ReplicationStatus"]


def test_a_replica_waits_without_a_value(two, pair, refused):
    primary, replica = pair

    described = two.theirs.describe_secret(SecretId=replica)

    assert described["CrossAccountPrimary"] == {"PrimarySecretARN": primary, "ReplicationStatus": "Pending"}
    assert "CrossAccountReplicas" not in two.ours.describe_secret(SecretId=primary)
    assert refused(two.theirs.get_secret_value, SecretId=replica)[0] == "ResourceNotFoundException"


def test_it_gets_what_the_primary_has_and_follows(two, associated):
    primary, replica = associated
    here, there = two.ours.describe_secret(SecretId=primary), two.theirs.describe_secret(SecretId=replica)

    assert here["CrossAccountReplicas"] == [{"ReplicaSecretARN": replica, "ReplicationStatus": "InSync"}]
    assert there["CrossAccountPrimary"] == {"PrimarySecretARN": primary, "ReplicationStatus": "InSync"}
    assert (there["KmsKeyId"], there["Description"]) == (two.key, "d")
    assert value(two.theirs, replica) == "one"

    first = two.ours.get_secret_value(SecretId=primary)["VersionId"]
    second = two.ours.put_secret_value(SecretId=primary, SecretString="two")["VersionId"]
    assert value(two.theirs, replica) == "two"
    move = {"MoveToVersionId": first, "RemoveFromVersionId": second}
    two.ours.update_secret_version_stage(SecretId=primary, VersionStage="AWSCURRENT", **move)
    assert value(two.theirs, replica) == "one"
    assert value(two.theirs, replica, VersionStage="AWSPREVIOUS") == "two"
    two.ours.update_secret(SecretId=primary, SecretString="three", Description="e")

    here, there = two.ours.describe_secret(SecretId=primary), two.theirs.describe_secret(SecretId=replica)
    assert there["VersionIdsToStages"] == here["VersionIdsToStages"]
    assert (value(two.theirs, replica), there["Description"]) == ("three", "e")
    found = two.theirs.list_secrets(Filters=[{"Key": "description", "Values": ["e"]}])["SecretList"]
    assert [one["ARN"] for one in found if one["ARN"] == replica] == [replica]


def test_tags_policies_and_key_are_its_own(two, associated):
    primary, replica = associated
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Deny",
                    "Principal": {"AWS": f"arn:aws:iam::{two.here}:root"},
                    "Action": "secretsmanager:GetSecretValue",
                    "Resource": "*",
                }
            ],
        }
    )
    other = two.their_key(two.encrypting(f"arn:aws:iam::{two.here}:root"))

    two.theirs.tag_resource(SecretId=replica, Tags=[{"Key": "a", "Value": "b"}])
    two.theirs.put_resource_policy(SecretId=replica, ResourcePolicy=document)
    two.theirs.update_secret(SecretId=replica, KmsKeyId=other)
    two.ours.tag_resource(SecretId=primary, Tags=[{"Key": "c", "Value": "d"}])
    two.ours.put_secret_value(SecretId=primary, SecretString="two")

    described = two.theirs.describe_secret(SecretId=replica)
    assert (described["Tags"], described["KmsKeyId"]) == ([{"Key": "a", "Value": "b"}], other)
    assert value(two.theirs, replica) == "two"
    assert value(two.theirs, replica, VersionStage="AWSPREVIOUS") == "one"
    assert "ResourcePolicy" not in two.ours.get_resource_policy(SecretId=primary)
    assert two.theirs.get_resource_policy(SecretId=replica)["ResourcePolicy"] == document


def test_the_managed_policy_is_there_while_it_is_a_replica(two, pair, refused):
    _, replica = pair
    name = {"SecretId": replica, "PolicyName": "cross-account-replication"}

    shown = json.loads(two.theirs.get_resource_policy(**name)["ResourcePolicy"])

    (statement,) = shown["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{two.here}:root"}
    assert statement["Action"] == "secretsmanager:AcceptCrossAccountReplication"
    pages = two.theirs.get_paginator("list_resource_policies")
    two.theirs.put_resource_policy(SecretId=replica, ResourcePolicy=json.dumps(shown))
    listed = pages.paginate(SecretId=replica, PaginationConfig={"PageSize": 1}).search("ResourcePolicies[].PolicyName")
    assert list(listed) == ["default", "cross-account-replication"]
    assert refused(two.theirs.delete_resource_policy, **name)[0] == "InvalidParameterException"
    two.theirs.stop_replication_to_replica(SecretId=replica)
    assert refused(two.theirs.get_resource_policy, **name)[0] == "ResourceNotFoundException"


def test_what_the_primary_decides_is_not_written_in_the_replica(two, associated, refused):
    _, replica = associated
    version = two.theirs.get_secret_value(SecretId=replica)["VersionId"]

    for operation, more in (
        (two.theirs.put_secret_value, {"SecretString": "x"}),
        (two.theirs.update_secret, {"SecretString": "x"}),
        (two.theirs.update_secret, {"Description": "x"}),
        (two.theirs.update_secret, {"Type": "x"}),
        (two.theirs.update_secret_version_stage, {"VersionStage": "x", "MoveToVersionId": version}),
        (two.theirs.rotate_secret, {}),
        (two.theirs.cancel_rotate_secret, {}),
        (two.theirs.replicate_secret_to_regions, {"AddReplicaRegions": [{"Region": "eu-west-1"}]}),
        (two.theirs.remove_regions_from_replication, {"RemoveReplicaRegions": ["eu-west-1"]}),
    ):
        assert refused(operation, SecretId=replica, **more) == WRITE
    told = refused(two.theirs.update_secret, SecretId=replica, KmsKeyId="")
    assert told[0] == "InvalidParameterException"
    assert value(two.theirs, replica) == "one"


def test_neither_end_is_deleted_while_it_is_one(two, associated, refused):
    primary, replica = associated

    for client, secret in ((two.ours, primary), (two.theirs, replica)):
        for more in ({}, {"ForceDeleteWithoutRecovery": True}):
            assert refused(client.delete_secret, SecretId=secret, **more)[0] == "InvalidRequestException"
    two.ours.disassociate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    assert refused(two.theirs.delete_secret, SecretId=replica)[0] == "InvalidRequestException"
    two.ours.delete_secret(SecretId=primary, ForceDeleteWithoutRecovery=True)
    assert value(two.theirs, replica) == "one"
    two.theirs.stop_replication_to_replica(SecretId=replica)
    two.theirs.delete_secret(SecretId=replica, ForceDeleteWithoutRecovery=True)


def test_a_detached_replica_stays_as_it_is_until_it_is_associated_again(two, associated, refused):
    primary, replica = associated

    answer = two.ours.disassociate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)

    assert told(answer) == {"ARN": primary, "CrossAccountReplicaARN": replica}
    two.ours.put_secret_value(SecretId=primary, SecretString="two")
    assert statuses(two, primary, replica) == (None, "Detached")
    assert value(two.theirs, replica) == "one"
    assert refused(two.theirs.put_secret_value, SecretId=replica, SecretString="x") == WRITE
    again = {"SecretId": primary, "CrossAccountReplicaARN": replica}
    assert refused(two.ours.disassociate_cross_account_replica, **again)[0] == "InvalidParameterException"
    two.ours.associate_cross_account_replica(**again)
    assert statuses(two, primary, replica) == ("InSync", "InSync")
    assert (value(two.theirs, replica), value(two.theirs, replica, VersionStage="AWSPREVIOUS")) == ("two", "one")


def test_a_replica_let_go_is_a_secret_of_its_own(two, associated, refused):
    primary, replica = associated

    assert two.theirs.stop_replication_to_replica(SecretId=replica)["ARN"] == replica

    assert statuses(two, primary, replica) == ("Detached", None)
    two.ours.put_secret_value(SecretId=primary, SecretString="two")
    two.theirs.put_secret_value(SecretId=replica, SecretString="its own")
    assert value(two.theirs, replica) == "its own"
    told = refused(two.ours.associate_cross_account_replica, SecretId=primary, CrossAccountReplicaARN=replica)
    assert told[0] == "AccessDeniedException"
    assert refused(two.theirs.stop_replication_to_replica, SecretId=replica)[0] == "InvalidRequestException"
    assert refused(two.ours.delete_secret, SecretId=primary)[0] == "InvalidRequestException"
    two.ours.disassociate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    two.ours.delete_secret(SecretId=primary)


def test_a_primary_has_one_replica(two, associated, refused):
    primary, replica = associated
    second = replica_of(two, primary)

    told = refused(two.ours.associate_cross_account_replica, SecretId=primary, CrossAccountReplicaARN=second)

    assert told == ("LimitExceededException", "A primary secret can have at most one cross-account replica.")
    assert statuses(two, primary, second) == ("InSync", "Pending")
    assert "VersionIdsToStages" not in two.theirs.describe_secret(SecretId=second)
    two.ours.associate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)  # again is well


def test_a_replica_is_of_the_primary_that_it_names(two, pair, name, refused):
    _, replica = pair
    other = two.ours.create_secret(Name=f"{name}/other", SecretString="x")["ARN"]
    plain = two.theirs.create_secret(Name=name, SecretString="x", KmsKeyId=two.key)["ARN"]

    told = refused(two.ours.associate_cross_account_replica, SecretId=other, CrossAccountReplicaARN=replica)

    assert told[0] == "InvalidRequestException"
    told = refused(two.ours.associate_cross_account_replica, SecretId=other, CrossAccountReplicaARN=plain)
    assert told[0] == "AccessDeniedException"
    assert "CrossAccountReplicas" not in two.ours.describe_secret(SecretId=other)


def test_a_primary_without_a_value_brings_the_first_one_later(two, name):
    primary = two.ours.create_secret(Name=name)["ARN"]
    replica = replica_of(two, primary)

    two.ours.associate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    two.ours.put_secret_value(SecretId=primary, SecretString="first")

    assert value(two.theirs, replica) == "first"


def test_a_replica_has_no_replicas_and_is_not_associated(two, associated, name, refused):
    _, replica = associated
    further = two.ours.create_secret(Name=f"{name}/x", KmsKeyId=two.our_key(), CrossAccountPrimaryARN=replica)["ARN"]

    told = refused(two.theirs.associate_cross_account_replica, SecretId=replica, CrossAccountReplicaARN=further)

    assert told == WRITE


def test_regional_and_cross_account_replicas_go_together(two, associated, house):
    primary, replica = associated
    elsewhere = house.client("secretsmanager", region_name="eu-west-1")

    two.ours.replicate_secret_to_regions(SecretId=primary, AddReplicaRegions=[{"Region": "eu-west-1"}])
    two.ours.put_secret_value(SecretId=primary, SecretString="two")

    copy = primary.replace("us-east-1", "eu-west-1")
    assert (value(elsewhere, copy), value(two.theirs, replica)) == ("two", "two")
    assert "CrossAccountReplicas" not in elsewhere.describe_secret(SecretId=copy)
    two.ours.remove_regions_from_replication(SecretId=primary, RemoveReplicaRegions=["eu-west-1"])
    assert statuses(two, primary, replica) == ("InSync", "InSync")


@pytest.mark.parametrize(
    "more",
    [
        {"SecretString": "x"},
        {"SecretBinary": b"x"},
        {"Description": "x"},
        {"Type": "x"},
        {"AddReplicaRegions": [{"Region": "eu-west-1"}]},
        {"KmsKeyId": "alias/aws/secretsmanager"},
        {"KmsKeyId": ""},
        {"CrossAccountPrimaryARN": "arn:aws:secretsmanager:us-east-1:111122223333:secret:without-suffix!"},
        {"CrossAccountPrimaryARN": ANOTHER.format("111122223333", "x").replace("us-east-1", "eu-west-1")},
        {"CrossAccountPrimaryARN": ANOTHER.format("111122223333", "x").replace("aws:", "aws-cn:")},
        {"CrossAccountPrimaryARN": "OWN"},
        {"CrossAccountPrimaryARN": "not an ARN, but long enough"},
    ],
)
def test_replicas_that_are_not_made(two, name, refused, more):
    asked = {"Name": name, "KmsKeyId": two.key, "CrossAccountPrimaryARN": ANOTHER.format(two.here, "any")} | more
    if asked["CrossAccountPrimaryARN"] == "OWN":
        asked["CrossAccountPrimaryARN"] = ANOTHER.format(two.there.account, "any")

    assert refused(two.theirs.create_secret, **asked)[0] == "InvalidParameterException"
    assert refused(two.theirs.describe_secret, SecretId=name)[0] == "ResourceNotFoundException"


def test_the_aws_managed_key_does_not_do_by_its_id_either(two, name, refused):
    two.theirs.create_secret(Name=f"{name}/x", SecretString="x")
    key = two.their_kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]["Arn"]

    told = refused(
        two.theirs.create_secret, Name=name, KmsKeyId=key, CrossAccountPrimaryARN=ANOTHER.format(two.here, "any")
    )

    assert told[0] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:secretsmanager:us-east-1:{there}:secret:nothing-AbCdEf", "AccessDeniedException"),
        ("arn:aws:secretsmanager:us-east-1:999988887777:secret:nothing-AbCdEf", "AccessDeniedException"),
        ("arn:aws:secretsmanager:eu-west-1:{there}:secret:nothing-AbCdEf", "InvalidParameterException"),
        ("arn:aws:secretsmanager:us-east-1:{here}:secret:nothing-AbCdEf", "InvalidParameterException"),
        ("arn:aws-cn:secretsmanager:us-east-1:{there}:secret:nothing-AbCdEf", "InvalidParameterException"),
        ("arn:aws:secretsmanager:us-east-1:{there}:secret:nothing", "InvalidParameterException"),
        ("nothing, but more than twenty characters", "InvalidParameterException"),
    ],
)
def test_replicas_that_are_not_associated(two, name, refused, arn, code):
    primary = two.ours.create_secret(Name=name, SecretString="one")["ARN"]
    replica = arn.format(here=two.here, there=two.there.account)

    told = refused(two.ours.associate_cross_account_replica, SecretId=primary, CrossAccountReplicaARN=replica)

    assert told[0] == code
    assert "CrossAccountReplicas" not in two.ours.describe_secret(SecretId=primary)


def test_a_key_that_fails_makes_both_ends_say_so_and_a_later_write_brings_everything(two, name):
    key = two.their_key(two.encrypting(f"arn:aws:iam::{two.here}:root"))
    primary = two.ours.create_secret(Name=name, SecretString="one")["ARN"]
    replica = replica_of(two, primary, KmsKeyId=key)
    two.ours.associate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)

    two.their_kms.disable_key(KeyId=key)
    two.ours.put_secret_value(SecretId=primary, SecretString="two")

    assert statuses(two, primary, replica) == ("Failed", "Failed")
    assert "KMS key" in two.ours.describe_secret(SecretId=primary)["CrossAccountReplicas"][0]["StatusMessage"]
    assert value(two.ours, primary) == "two"
    two.their_kms.enable_key(KeyId=key)
    assert value(two.theirs, replica) == "one"
    two.ours.associate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    assert statuses(two, primary, replica) == ("InSync", "InSync")
    assert "StatusMessage" not in two.theirs.describe_secret(SecretId=replica)["CrossAccountPrimary"]
    assert (value(two.theirs, replica), value(two.theirs, replica, VersionStage="AWSPREVIOUS")) == ("two", "one")


def test_an_association_that_fails_changes_neither_end(two, name, refused):
    key = two.their_key(two.encrypting(f"arn:aws:iam::{two.here}:root"))
    primary = two.ours.create_secret(Name=name, SecretString="one")["ARN"]
    replica = replica_of(two, primary, KmsKeyId=key)
    before = [told(one.describe_secret(SecretId=of)) for one, of in ((two.ours, primary), (two.theirs, replica))]

    two.their_kms.disable_key(KeyId=key)
    code, _ = refused(two.ours.associate_cross_account_replica, SecretId=primary, CrossAccountReplicaARN=replica)

    assert code == "InvalidRequestException"
    assert before == [
        told(one.describe_secret(SecretId=of)) for one, of in ((two.ours, primary), (two.theirs, replica))
    ]


def test_both_accounts_have_it_on_record(two, associated, events):
    primary, replica = associated
    two.ours.disassociate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=replica)
    two.theirs.stop_replication_to_replica(SecretId=replica)

    def recipients(name, arn):
        found = [
            one
            for one in events()
            if one["eventName"] == name and one.get("additionalEventData", {}).get("SecretId") == arn
        ]
        return sorted(one["recipientAccountId"] for one in found)

    both = sorted([two.here, two.there.account])
    assert recipients("AssociateCrossAccountReplica", primary) == [two.here]
    assert recipients("AcceptCrossAccountReplication", replica) == both
    assert recipients("DisassociateCrossAccountReplica", primary) == both
    assert recipients("StopReplicationToReplica", replica) == [two.there.account]
    encrypted = [
        one
        for one in events()
        if one["eventName"] == "Encrypt"
        and one["requestParameters"]["encryptionContext"].get("SecretARN") == replica
        and one["requestParameters"]["encryptionContext"]["SecretVersionId"] != "RequestToValidateKeyAccess"
    ]
    assert sorted(one["recipientAccountId"] for one in encrypted) == both
    assert {one["userIdentity"].get("invokedBy") for one in encrypted} == {"secretsmanager.amazonaws.com"}
