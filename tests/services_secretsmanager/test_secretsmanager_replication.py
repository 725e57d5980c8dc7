"""Secrets in several Regions of one house."""

import pytest


@pytest.fixture
def elsewhere(house):
    return house.client("secretsmanager", region_name="eu-west-1")


@pytest.fixture
def replicated(sm, name):
    """(the ARN of the primary, that of its replica)."""
    made = sm.create_secret(Name=name, SecretString="one", Description="d", Tags=[{"Key": "a", "Value": "b"}])
    answer = sm.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": "eu-west-1"}])
    assert answer["ReplicationStatus"] == [{"Region": "eu-west-1", "Status": "InSync"}]
    return made["ARN"], made["ARN"].replace("us-east-1", "eu-west-1")


def test_a_replica_has_everything_of_its_primary(sm, elsewhere, name, replicated):
    here, there = sm.describe_secret(SecretId=name), elsewhere.describe_secret(SecretId=name)

    assert there["ARN"] == replicated[1]
    assert (here["PrimaryRegion"], there["PrimaryRegion"]) == ("us-east-1", "us-east-1")
    for member in ("VersionIdsToStages", "Tags", "Description"):
        assert here[member] == there[member]
    assert "ReplicationStatus" not in there
    assert elsewhere.get_secret_value(SecretId=replicated[1])["SecretString"] == "one"


def test_it_follows_values_labels_tags_and_policies(sm, elsewhere, house, name, replicated):
    first = sm.get_secret_value(SecretId=name)["VersionId"]
    second = sm.put_secret_value(SecretId=name, SecretString="two")["VersionId"]
    assert elsewhere.get_secret_value(SecretId=name)["SecretString"] == "two"

    move = {"MoveToVersionId": first, "RemoveFromVersionId": second}
    sm.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", **move)
    sm.tag_resource(SecretId=name, Tags=[{"Key": "c", "Value": "d"}])
    sm.update_secret(SecretId=name, Description="new", SecretString="three")

    assert elsewhere.get_secret_value(SecretId=name)["SecretString"] == "three"
    assert elsewhere.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    there = elsewhere.describe_secret(SecretId=name)
    assert (there["Description"], len(there["Tags"])) == ("new", 2)
    assert there["VersionIdsToStages"] == sm.describe_secret(SecretId=name)["VersionIdsToStages"]


def test_writing_happens_in_the_primary_only(elsewhere, name, replicated, refused):
    told = (
        "InvalidParameterException",
        "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
    )
    for operation, more in (
        (elsewhere.put_secret_value, {"SecretString": "x"}),
        (elsewhere.update_secret, {"Description": "x"}),
        (elsewhere.tag_resource, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (elsewhere.delete_secret, {}),
        (elsewhere.delete_secret, {"ForceDeleteWithoutRecovery": True}),
        (elsewhere.replicate_secret_to_regions, {"AddReplicaRegions": [{"Region": "eu-west-2"}]}),
    ):
        assert refused(operation, SecretId=name, **more) == told


def test_a_primary_with_replicas_stays(sm, elsewhere, name, replicated, refused):
    code, text = refused(sm.delete_secret, SecretId=name, ForceDeleteWithoutRecovery=True)

    assert (code, "eu-west-1" in text) == ("InvalidParameterException", True)
    gone = sm.remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=["eu-west-1"])
    assert gone["ReplicationStatus"] == []
    assert refused(elsewhere.describe_secret, SecretId=name)[0] == "ResourceNotFoundException"
    assert "PrimaryRegion" not in sm.describe_secret(SecretId=name)
    sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def test_a_replica_let_go_is_a_secret_of_its_own(sm, elsewhere, name, replicated):
    assert elsewhere.stop_replication_to_replica(SecretId=name)["ARN"] == replicated[1]

    elsewhere.put_secret_value(SecretId=name, SecretString="its own")
    sm.put_secret_value(SecretId=name, SecretString="two")

    assert elsewhere.get_secret_value(SecretId=name)["SecretString"] == "its own"
    assert "ReplicationStatus" not in sm.describe_secret(SecretId=name)
    assert "PrimaryRegion" not in elsewhere.describe_secret(SecretId=name)


def test_a_name_that_is_taken_fails_and_is_overwritten_by_force(sm, elsewhere, name):
    elsewhere.create_secret(Name=name, SecretString="in the way")
    regions = [{"Region": "eu-west-1"}]

    made = sm.create_secret(Name=name, SecretString="one", AddReplicaRegions=regions)

    (status,) = made["ReplicationStatus"]
    assert (status["Status"], status["StatusMessage"]) == (
        "Failed",
        "Secret with this name already exists in this region",
    )
    assert elsewhere.get_secret_value(SecretId=name)["SecretString"] == "in the way"
    sm.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=regions, ForceOverwriteReplicaSecret=True)
    assert elsewhere.get_secret_value(SecretId=name)["SecretString"] == "one"


def test_each_region_has_its_own_key(sm, elsewhere, house, name):
    kms = house.client("kms", region_name="eu-west-1")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    regions = [{"Region": "eu-west-1", "KmsKeyId": key}]

    sm.create_secret(Name=name, SecretString="one", AddReplicaRegions=regions)

    assert elsewhere.describe_secret(SecretId=name)["KmsKeyId"] == key
    kms.disable_key(KeyId=key)
    sm.put_secret_value(SecretId=name, SecretString="two")
    (status,) = sm.describe_secret(SecretId=name)["ReplicationStatus"]
    assert (status["Status"], status["KmsKeyId"]) == ("Failed", key)
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "two"
    kms.enable_key(KeyId=key)
    assert elsewhere.get_secret_value(SecretId=name)["SecretString"] == "one"
    sm.put_secret_value(SecretId=name, SecretString="three")
    (status,) = sm.describe_secret(SecretId=name)["ReplicationStatus"]
    assert status["Status"] == "InSync"
    assert elsewhere.get_secret_value(SecretId=name)["SecretString"] == "three"
    assert elsewhere.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "two"


def test_regions_that_make_no_sense(sm, name, refused):
    sm.create_secret(Name=name, SecretString="one")

    for regions in (["us-east-1"], ["xx-nowhere-9"], ["eu-west-1", "eu-west-1"]):
        asked = [{"Region": region} for region in regions]
        told = refused(sm.replicate_secret_to_regions, SecretId=name, AddReplicaRegions=asked)
        assert told[0] == "InvalidParameterException"
    assert refused(sm.stop_replication_to_replica, SecretId=name)[0] == "InvalidRequestException"
    told = refused(sm.remove_regions_from_replication, SecretId=name, RemoveReplicaRegions=["eu-west-1"])
    assert told[0] == "InvalidParameterException"
