"""Multi-Region keys with clients of two Regions of one Keystead."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from keystead.config import Settings

REGION, EUROPE = "us-east-1", "eu-west-1"


@pytest.fixture
def key(kms):
    """A primary key's id, with a replica in Europe."""
    key_id = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.replicate_key(KeyId=key_id, ReplicaRegion=EUROPE)
    return key_id


def records(keystead, *names):
    """The trail's records with one of these names."""
    deadline = time.monotonic() + 20
    while True:
        log = b"".join(path.read_bytes() for path in sorted((keystead.data / "trail").rglob("*")) if path.is_file())
        found = []
        decoder = json.JSONDecoder()
        text = log.decode("utf-8", "replace")
        place = text.find('{"eventVersion"')
        while place >= 0:
            event, _ = decoder.raw_decode(text[place:])
            found += [event] if event["eventName"] in names else []
            place = text.find('{"eventVersion"', place + 1)
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def test_what_one_region_encrypts_the_other_decrypts(kms, elsewhere, key):
    asked = {"EncryptionContext": {"purpose": "test"}}

    here = kms.encrypt(KeyId=key, Plaintext=b"here", **asked)
    there = elsewhere.generate_data_key(KeyId=key, KeySpec="AES_256", **asked)

    opened = elsewhere.decrypt(CiphertextBlob=here["CiphertextBlob"], **asked)
    assert opened["Plaintext"] == b"here"
    assert opened["KeyId"].startswith(f"arn:aws:kms:{EUROPE}:")
    assert kms.decrypt(CiphertextBlob=there["CiphertextBlob"], **asked)["Plaintext"] == there["Plaintext"]


def test_an_arn_of_the_other_region_is_not_taken(kms, elsewhere, key):
    arn = elsewhere.describe_key(KeyId=key)["KeyMetadata"]["Arn"]

    with pytest.raises(kms.exceptions.NotFoundException) as refused:
        kms.encrypt(KeyId=arn, Plaintext=b"x")

    assert refused.value.response["Error"]["Message"] == f"Invalid arn {EUROPE}"


def test_a_single_region_key_stays_in_its_region(kms, elsewhere):
    blob = kms.encrypt(KeyId=kms.create_key()["KeyMetadata"]["KeyId"], Plaintext=b"x")["CiphertextBlob"]

    with pytest.raises(ClientError) as refused:
        elsewhere.decrypt(CiphertextBlob=blob)

    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"


def test_reencryption_moves_between_keys_of_one_region_only(kms, elsewhere, key):
    other = elsewhere.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    moved = elsewhere.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)

    assert elsewhere.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"x"


def test_aliases_of_one_name_are_two(kms, elsewhere, key):
    kms.create_alias(AliasName="alias/of-two-regions", TargetKeyId=key)
    elsewhere.create_alias(AliasName="alias/of-two-regions", TargetKeyId=key)

    blob = kms.encrypt(KeyId="alias/of-two-regions", Plaintext=b"x")["CiphertextBlob"]

    assert elsewhere.decrypt(KeyId="alias/of-two-regions", CiphertextBlob=blob)["Plaintext"] == b"x"


def test_the_primary_moves(kms, elsewhere, key):
    kms.update_primary_region(KeyId=key, PrimaryRegion=EUROPE)

    configuration = kms.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
    assert configuration["MultiRegionKeyType"] == "REPLICA"
    assert configuration["PrimaryKey"]["Region"] == EUROPE
    assert [one["Region"] for one in configuration["ReplicaKeys"]] == [REGION]
    with pytest.raises(kms.exceptions.UnsupportedOperationException):
        kms.replicate_key(KeyId=key, ReplicaRegion="us-west-2")
    elsewhere.replicate_key(KeyId=key, ReplicaRegion="us-west-2")


def test_each_region_has_its_record(keystead, kms, key):
    kms.update_primary_region(KeyId=key, PrimaryRegion=EUROPE)

    made = [one for one in records(keystead, "ReplicateKey", "CreateKey", "UpdatePrimaryRegion")
            if any(key in resource["ARN"] for resource in one.get("resources", []))]  # fmt: skip

    assert sorted((one["eventName"], one["awsRegion"]) for one in made) == [
        ("CreateKey", EUROPE),
        ("CreateKey", REGION),
        ("ReplicateKey", REGION),
        ("UpdatePrimaryRegion", EUROPE),
        ("UpdatePrimaryRegion", REGION),
    ]


def test_deletion_waits_for_the_replica(keystead, kms, elsewhere, key):
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    elsewhere.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

    keystead.do_what_falls_due(at=time.time() + 8 * 86_400)

    with pytest.raises(elsewhere.exceptions.NotFoundException):
        elsewhere.describe_key(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_the_regions_that_are_served_are_a_setting():
    known = frozenset({REGION, EUROPE, "us-west-2"})

    everything = Settings(data="x").served_regions(known, REGION)
    some = Settings.read({"data": "x"}, {"KEYSTEAD_REGIONS": f"{REGION}, {EUROPE}"}).served_regions(known, REGION)

    assert everything == known
    assert some == {REGION, EUROPE}
    with pytest.raises(ValueError, match="no Region mars-1"):
        Settings(data="x", regions=f"{REGION},mars-1").served_regions(known, REGION)
    with pytest.raises(ValueError, match="home Region"):
        Settings(data="x", regions=EUROPE).served_regions(known, REGION)
