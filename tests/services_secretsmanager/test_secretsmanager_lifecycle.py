"""Updating, tagging, deleting and restoring with boto3."""

import time

DAY = 86_400
MARKED = (
    "InvalidRequestException",
    "You can't perform this operation on the secret because it was marked for deletion.",
)


def test_describe_shows_what_has_a_value_and_nothing_else(sm, name):
    made = sm.create_secret(Name=name)

    described = sm.describe_secret(SecretId=name)

    del described["ResponseMetadata"]
    assert set(described) == {"ARN", "Name", "LastChangedDate", "CreatedDate"}
    assert described["ARN"] == made["ARN"]
    assert "VersionId" not in made


def test_metadata_changes_without_a_version(sm, name):
    first = sm.create_secret(Name=name, SecretString="one")["VersionId"]

    updated = sm.update_secret(SecretId=name, Description="for the database")

    assert "VersionId" not in updated
    assert sm.describe_secret(SecretId=name)["Description"] == "for the database"
    assert sm.describe_secret(SecretId=name)["VersionIdsToStages"] == {first: ["AWSCURRENT"]}
    sm.update_secret(SecretId=name, Description="")
    assert "Description" not in sm.describe_secret(SecretId=name)


def test_update_with_a_value_is_put(sm, name):
    first = sm.create_secret(Name=name, SecretString="one")["VersionId"]

    second = sm.update_secret(SecretId=name, SecretString="two")["VersionId"]

    assert sm.get_secret_value(SecretId=name)["SecretString"] == "two"
    assert sm.describe_secret(SecretId=name)["VersionIdsToStages"] == {
        first: ["AWSPREVIOUS"],
        second: ["AWSCURRENT"],
    }


def test_a_changed_key_takes_the_labelled_versions_along(sm, house, name):
    kms = house.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    sm.create_secret(Name=name, SecretString="one")
    sm.put_secret_value(SecretId=name, SecretString="two")
    sm.put_secret_value(SecretId=name, SecretString="three")

    sm.update_secret(SecretId=name, KmsKeyId=key)

    assert sm.describe_secret(SecretId=name)["KmsKeyId"] == key
    listed = sm.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
    under = [(version.get("VersionStages"), version["KmsKeyIds"]) for version in listed]
    mine = [key.rpartition("/")[2]]
    assert under == [(None, ["DefaultEncryptionKey"]), (["AWSPREVIOUS"], mine), (["AWSCURRENT"], mine)]
    assert [sm.get_secret_value(SecretId=name, VersionId=one["VersionId"])["SecretString"] for one in listed] == [
        "one",
        "two",
        "three",
    ]
    sm.update_secret(SecretId=name, KmsKeyId="")
    assert "KmsKeyId" not in sm.describe_secret(SecretId=name)


def test_a_disabled_key_fails_each_side_in_its_words(sm, house, name, refused):
    kms = house.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sm.create_secret(Name=name, SecretString="one", KmsKeyId=key)
    kms.disable_key(KeyId=key)

    assert refused(sm.get_secret_value, SecretId=name)[0] == "DecryptionFailure"
    assert refused(sm.put_secret_value, SecretId=name, SecretString="two")[0] == "EncryptionFailure"


def test_tags(sm, name):
    sm.create_secret(Name=name)
    sm.tag_resource(SecretId=name, Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": ""}])
    sm.tag_resource(SecretId=name, Tags=[{"Key": "b", "Value": "2"}])

    assert sm.describe_secret(SecretId=name)["Tags"] == [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": ""}]
    sm.untag_resource(SecretId=name, TagKeys=["a", "b", "c"])
    assert sm.describe_secret(SecretId=name)["Tags"] == []


def test_a_marked_secret_waits_and_is_restored(sm, name, refused, events):
    version = sm.create_secret(Name=name, SecretString="one")["VersionId"]

    marked = sm.delete_secret(SecretId=name, RecoveryWindowInDays=7)

    assert abs(marked["DeletionDate"].timestamp() - time.time() - 7 * DAY) < 60
    assert sm.describe_secret(SecretId=name)["DeletedDate"] == marked["DeletionDate"]
    assert sm.describe_secret(SecretId=name)["VersionIdsToStages"] == {version: ["AWSCURRENT"]}
    for operation, more in (
        (sm.get_secret_value, {}),
        (sm.put_secret_value, {"SecretString": "x"}),
        (sm.update_secret, {"Description": "x"}),
        (sm.update_secret_version_stage, {"VersionStage": "x", "MoveToVersionId": version}),
        (sm.tag_resource, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (sm.untag_resource, {"TagKeys": ["a"]}),
        (sm.put_resource_policy, {"ResourcePolicy": "{}"}),
        (sm.delete_resource_policy, {}),
        (sm.delete_secret, {}),
    ):
        assert refused(operation, SecretId=name, **more) == MARKED
    assert refused(sm.create_secret, Name=name) == (
        "InvalidRequestException",
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
    )
    sm.restore_secret(SecretId=name)
    sm.restore_secret(SecretId=name)
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "one"


def test_a_secret_goes_when_its_time_has_come(sm, house, name, refused, events):
    made = sm.create_secret(Name=name, SecretString="one")
    sm.put_secret_value(SecretId=name, SecretString="two")
    sm.delete_secret(SecretId=name, RecoveryWindowInDays=7)

    house.do_what_falls_due(time.time() + 6.9 * DAY)
    assert sm.describe_secret(SecretId=name)
    house.do_what_falls_due(time.time() + 7.1 * DAY)

    assert refused(sm.describe_secret, SecretId=name)[0] == "ResourceNotFoundException"
    told = [one for one in events() if one.get("additionalEventData", {}).get("SecretId") == made["ARN"]]
    done = [one["eventName"] for one in told if one["eventType"] == "AwsServiceEvent"]
    assert done == ["StartSecretVersionDelete"] * 2 + ["EndSecretVersionDelete"] * 2
    assert sm.create_secret(Name=name)["ARN"] != made["ARN"]


def test_a_restored_secret_says_so_of_each_version(sm, house, name, events):
    made = sm.create_secret(Name=name, SecretString="one")
    sm.delete_secret(SecretId=name)
    sm.restore_secret(SecretId=name)
    house.do_what_falls_due()

    told = [one for one in events() if one.get("additionalEventData", {}).get("SecretId") == made["ARN"]]
    last = [one for one in told if one["eventType"] == "AwsServiceEvent"][-1]
    assert last["eventName"] == "CancelSecretVersionDelete"
    assert last["serviceEventDetails"] == {"SecretVersionId": made["VersionId"]}
    assert (last["requestParameters"], last["userIdentity"]["accountId"]) == (None, house.account)


def test_force_deletes_at_once_and_again(sm, name, refused):
    first = sm.create_secret(Name=name, SecretString="one")["ARN"]

    gone = sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    again = sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

    assert (gone["ARN"], gone["Name"], again["Name"]) == (first, name, name)
    assert refused(sm.describe_secret, SecretId=name)[0] == "ResourceNotFoundException"
    assert refused(sm.delete_secret, SecretId=name)[0] == "ResourceNotFoundException"
    sm.create_secret(Name=name, SecretString="two")
    sm.delete_secret(SecretId=name)
    sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert refused(sm.describe_secret, SecretId=name)[0] == "ResourceNotFoundException"


def test_the_window(sm, name, refused):
    sm.create_secret(Name=name)

    for days in (6, 31):
        assert refused(sm.delete_secret, SecretId=name, RecoveryWindowInDays=days)[0] == "InvalidParameterException"
    both = {"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True}
    assert refused(sm.delete_secret, SecretId=name, **both)[0] == "InvalidParameterException"
    assert abs(sm.delete_secret(SecretId=name)["DeletionDate"].timestamp() - time.time() - 30 * DAY) < 60
