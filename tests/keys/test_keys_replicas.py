"""Multi-Region keys: what their Regions share, what is each Region's own, and in which order they end."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from keystead.keys import deletion, importing, rotation
from keystead.keys.key import DAY
from keystead.trail.outbox import outbox
from world import ACCOUNT, REGION, World, allow, deny, policy, to

WEST, EUROPE = "us-west-2", "eu-west-1"
ONE, TWO, THREE = b"1" * 32, b"2" * 32, b"3" * 32
NEW = "NEW_KEY_MATERIAL"
PENDING, EVERYWHERE = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION", "PENDING_ROTATION"


async def ask(world, operation, region=REGION, caller=None, **asked):
    return await world.run("kms", operation, caller, region=region, **asked)


async def refused(world, operation, region=REGION, caller=None, **asked):
    return await world.refusal("kms", operation, caller, region=region, **asked)


async def described(world, key_id, region=REGION):
    return (await ask(world, "describe_key", region, key_id=key_id))["KeyMetadata"]


async def primary(world, *regions, **asked):
    """The id of a multi-Region key with replicas in these Regions."""
    key = await world.key(multi_region=True, **asked)
    for region in regions:
        await ask(world, "replicate_key", key_id=key["KeyId"], replica_region=region)
    return key["KeyId"]


async def opens(world, blob, region):
    return (await ask(world, "decrypt", region, ciphertext_blob=blob))["Plaintext"]


async def seals(world, key_id, region, plaintext=b"x"):
    return (await ask(world, "encrypt", region, key_id=key_id, plaintext=plaintext))["CiphertextBlob"]


def arn(key_id, region):
    return f"arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}"


# Replication


async def test_a_primary_key_says_that_it_is_one(world):
    async with world:
        key = await world.key(multi_region=True)

        assert key["KeyId"].startswith("mrk-")
        assert len(key["KeyId"]) == 36
        assert key["MultiRegion"] is True
        assert key["MultiRegionConfiguration"] == {
            "MultiRegionKeyType": "PRIMARY",
            "PrimaryKey": {"Arn": key["Arn"], "Region": REGION},
            "ReplicaKeys": [],
        }


async def test_a_replica_shares_what_makes_the_key(world):
    async with world:
        key = await world.key(multi_region=True, description="the first", tags=[{"TagKey": "a", "TagValue": "b"}])
        key_id = key["KeyId"]

        answer = await ask(world, "replicate_key", key_id=key_id, replica_region=EUROPE)

        made = answer["ReplicaKeyMetadata"]
        assert (made["KeyState"], made["Enabled"]) == ("Creating", False)
        assert "CurrentKeyMaterialId" not in made
        assert '"kms:*"' in answer["ReplicaPolicy"]
        assert answer["ReplicaTags"] == []
        replica = await described(world, key_id, EUROPE)
        shared = ("KeyId", "KeySpec", "KeyUsage", "Origin", "CurrentKeyMaterialId", "EncryptionAlgorithms")
        assert {name: replica[name] for name in shared} == {name: key[name] for name in shared}
        assert (replica["Arn"], replica["KeyState"], replica["Description"]) == (arn(key_id, EUROPE), "Enabled", "")
        assert (await ask(world, "list_resource_tags", EUROPE, key_id=key_id))["Tags"] == []


async def test_every_key_of_a_set_names_all_of_them(world):
    async with world:
        key_id = await primary(world, WEST, EUROPE)

        found = [(await described(world, key_id, region))["MultiRegionConfiguration"] for region in (REGION, WEST)]

        everywhere = {
            "PrimaryKey": {"Arn": arn(key_id, REGION), "Region": REGION},
            "ReplicaKeys": [{"Arn": arn(key_id, region), "Region": region} for region in (EUROPE, WEST)],
        }
        assert found == [
            {"MultiRegionKeyType": "PRIMARY", **everywhere},
            {"MultiRegionKeyType": "REPLICA", **everywhere},
        ]


async def test_a_blob_opens_in_every_region_of_the_set_and_nowhere_else(world):
    async with world:
        key_id = await primary(world, EUROPE)

        here, there = await seals(world, key_id, REGION, b"here"), await seals(world, key_id, EUROPE, b"there")

        assert await opens(world, here, EUROPE) == b"here"
        assert await opens(world, there, REGION) == b"there"
        assert (await refused(world, "decrypt", WEST, ciphertext_blob=here))[0] == "AccessDeniedException"


async def test_what_is_not_shared_differs(world):
    async with world:
        key_id = await primary(world, EUROPE)
        await ask(world, "create_alias", EUROPE, alias_name="alias/mine", target_key_id=key_id)
        await ask(world, "tag_resource", EUROPE, key_id=key_id, tags=[{"TagKey": "a", "TagValue": "b"}])
        role = await world.role("grantee")
        await ask(world, "create_grant", EUROPE, key_id=key_id, grantee_principal=role, operations=["Encrypt"])
        await ask(world, "update_key_description", EUROPE, key_id=key_id, description="there")
        await ask(world, "disable_key", EUROPE, key_id=key_id)

        here = await described(world, key_id)

        assert (here["KeyState"], here["Description"]) == ("Enabled", "")
        assert (await world.kms("list_aliases"))["Aliases"] == []
        assert (await world.kms("list_resource_tags", key_id=key_id))["Tags"] == []
        assert (await world.kms("list_grants", key_id=key_id))["Grants"] == []
        assert await opens(world, await seals(world, key_id, REGION), REGION) == b"x"


async def test_a_replica_has_a_policy_of_its_own(world):
    async with world:
        root = f"arn:aws:iam::{ACCOUNT}:root"
        strict = policy(to(root, allow("kms:*")), to("*", deny("kms:Decrypt")))
        key_id = await primary(world)

        answer = await ask(
            world,
            "replicate_key",
            key_id=key_id,
            replica_region=EUROPE,
            policy=strict,
            description="there",
            tags=[{"TagKey": "a", "TagValue": "b"}],
        )

        blob = await seals(world, key_id, EUROPE)
        assert answer["ReplicaPolicy"] == strict
        assert answer["ReplicaTags"] == [{"TagKey": "a", "TagValue": "b"}]
        assert answer["ReplicaKeyMetadata"]["Description"] == "there"
        assert (await refused(world, "decrypt", EUROPE, ciphertext_blob=blob))[0] == "AccessDeniedException"
        assert await opens(world, blob, REGION) == b"x"


async def test_a_policy_that_locks_its_author_out_is_refused_unless_asked_for(world):
    async with world:
        key_id = await primary(world)
        locked = policy(to(f"arn:aws:iam::{ACCOUNT}:root", allow("kms:Decrypt")))
        asked = {"key_id": key_id, "replica_region": EUROPE, "policy": locked}

        told = await refused(world, "replicate_key", **asked)
        await ask(world, "replicate_key", **asked, bypass_policy_lockout_safety_check=True)

        assert told[0] == "MalformedPolicyDocumentException"


@pytest.mark.parametrize("operation", ["replicate_key", "update_primary_region"])
async def test_only_a_primary_key_is_replicated_or_gives_its_place_away(world, operation):
    async with world:
        member = "replica_region" if operation == "replicate_key" else "primary_region"
        single = await world.key()
        key_id = await primary(world, EUROPE)

        of_single = await refused(world, operation, key_id=single["KeyId"], **{member: EUROPE})
        of_replica = await refused(world, operation, EUROPE, key_id=key_id, **{member: WEST})

        text = "{} is not a multi-region primary key."
        assert of_single == ("UnsupportedOperationException", text.format(single["Arn"]))
        assert of_replica == ("UnsupportedOperationException", text.format(arn(key_id, EUROPE)))


@pytest.mark.parametrize(("region", "code"), [(REGION, "AlreadyExistsException"), (EUROPE, "AlreadyExistsException"),
                                              ("ap-south-1", "UnsupportedOperationException")])  # fmt: skip
async def test_a_region_takes_one_key_of_a_set_and_must_be_served(world, region, code):
    async with world:
        key_id = await primary(world, EUROPE)

        assert (await refused(world, "replicate_key", key_id=key_id, replica_region=region))[0] == code


async def test_a_region_whose_replica_is_dying_takes_no_other(world):
    async with world:
        key_id = await primary(world, EUROPE)
        await ask(world, "schedule_key_deletion", EUROPE, key_id=key_id, pending_window_in_days=7)

        told = await refused(world, "replicate_key", key_id=key_id, replica_region=EUROPE)
        await deletion.delete_due(world.keys, world.now + 7 * DAY)
        await ask(world, "replicate_key", key_id=key_id, replica_region=EUROPE)

        assert told[0] == "AlreadyExistsException"
        assert await opens(world, await seals(world, key_id, REGION), EUROPE) == b"x"


# Who may


async def test_a_replica_needs_leave_in_both_regions(world):
    async with world:
        key_id = await primary(world)
        asked = {"key_id": key_id, "replica_region": EUROPE}
        only_here = await world.user("here", allow("kms:ReplicateKey"))
        only_there = await world.user("there", allow("kms:CreateKey"))
        elsewhere = {"StringEquals": {"aws:RequestedRegion": WEST}}
        there_but = await world.user("but", allow("kms:ReplicateKey"), allow("kms:CreateKey", Condition=elsewhere))
        both = await world.user("both", allow("kms:ReplicateKey", "kms:CreateKey", "kms:PutKeyPolicy"))

        for caller in (only_here, only_there, there_but):
            assert (await refused(world, "replicate_key", caller=caller, **asked))[0] == "AccessDeniedException"
        tagged = await refused(world, "replicate_key", caller=both, **asked, tags=[{"TagKey": "a", "TagValue": "b"}])
        assert tagged[0] == "AccessDeniedException"
        await ask(world, "replicate_key", caller=both, **asked)


async def test_conditions_can_rule_where_a_key_goes(world):
    async with world:
        root = f"arn:aws:iam::{ACCOUNT}:root"
        strict = policy(
            to(root, allow("kms:*")),
            to("*", deny("kms:ReplicateKey", Condition={"StringEquals": {"kms:ReplicaRegion": WEST}})),
            to("*", deny("kms:UpdatePrimaryRegion", Condition={"StringEquals": {"kms:PrimaryRegion": EUROPE}})),
            to("*", deny("kms:DisableKey", Condition={"StringEquals": {"kms:MultiRegionKeyType": "PRIMARY"}})),
            to("*", deny("kms:TagResource", Condition={"Bool": {"kms:MultiRegion": "true"}})),
        )
        key_id = await primary(world, EUROPE, policy=strict)

        told = [
            await refused(world, "replicate_key", key_id=key_id, replica_region=WEST),
            await refused(world, "update_primary_region", key_id=key_id, primary_region=EUROPE),
            await refused(world, "disable_key", key_id=key_id),
            await refused(world, "tag_resource", key_id=key_id, tags=[{"TagKey": "a", "TagValue": "b"}]),
        ]

        assert [code for code, _ in told] == ["AccessDeniedException"] * 4


async def test_a_condition_of_iam_can_forbid_multi_region_keys(world):
    async with world:
        single = {"Bool": {"kms:MultiRegion": "false"}}
        of_type = {"StringEquals": {"kms:MultiRegionKeyType": "REPLICA"}}
        careful = await world.user("careful", allow("kms:CreateKey", Condition=single))
        replicator = await world.user(
            "replicator", allow("kms:CreateKey", Condition=of_type), allow("kms:ReplicateKey")
        )

        assert (await world.refused("create_key", careful, multi_region=True))[0] == "AccessDeniedException"
        await world.key(careful)
        assert (await world.refused("create_key", replicator, multi_region=True))[0] == "AccessDeniedException"
        asked = {"key_id": await primary(world), "replica_region": EUROPE}
        await ask(world, "replicate_key", caller=replicator, **asked)


# Rotation


async def test_a_rotation_of_the_primary_reaches_every_region_at_once(world):
    async with world:
        key_id = await primary(world, WEST, EUROPE)
        await ask(world, "disable_key", WEST, key_id=key_id)
        old = await seals(world, key_id, EUROPE, b"old")

        await ask(world, "rotate_key_on_demand", key_id=key_id)

        await ask(world, "enable_key", WEST, key_id=key_id)
        materials = {
            (await described(world, key_id, region))["CurrentKeyMaterialId"] for region in (REGION, WEST, EUROPE)
        }
        assert len(materials) == 1
        new = await seals(world, key_id, WEST, b"new")
        assert [await opens(world, blob, region) for region in (REGION, WEST, EUROPE) for blob in (old, new)] == [
            b"old",
            b"new",
        ] * 3
        async with world.database.read() as connection:
            events = [row.event for row in await connection.execute(select(outbox))]
        assert [b"SynchronizeMultiRegionKey" in one for one in events] == [True, True]


async def test_the_schedule_is_the_primary_s_and_every_region_shows_it(world):
    async with world:
        key_id = await primary(world, EUROPE)
        await ask(world, "enable_key_rotation", key_id=key_id, rotation_period_in_days=90)
        due = world.now + 90 * DAY

        status = await ask(world, "get_key_rotation_status", EUROPE, key_id=key_id)
        done = await rotation.rotate_due(world.keys, due)

        assert (status["KeyRotationEnabled"], status["NextRotationDate"]) == (True, due)
        assert [(one.region, one.key_id) for one in done] == [(REGION, key_id)]
        listed = [(await ask(world, "list_key_rotations", at, key_id=key_id))["Rotations"] for at in (REGION, EUROPE)]
        assert [len(one) for one in listed] == [1, 1]
        assert listed[0][0]["KeyMaterialId"] == listed[1][0]["KeyMaterialId"]
        assert await rotation.rotate_due(world.keys, due) == []


async def test_a_replica_made_later_has_all_the_old_material(world):
    async with world:
        key_id = await primary(world)
        blobs = []
        for number in range(3):
            blobs.append(await seals(world, key_id, REGION, b"%d" % number))
            await ask(world, "rotate_key_on_demand", key_id=key_id)

        await ask(world, "replicate_key", key_id=key_id, replica_region=EUROPE)

        assert [await opens(world, blob, EUROPE) for blob in blobs] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("operation", ["enable_key_rotation", "disable_key_rotation", "rotate_key_on_demand"])
async def test_a_replica_is_not_rotated_by_itself(world, operation):
    async with world:
        key_id = await primary(world, EUROPE)

        told = await refused(world, operation, EUROPE, key_id=key_id)

        assert told == ("UnsupportedOperationException", f"{arn(key_id, EUROPE)} is not a multi-region primary key.")


# Another primary


async def test_a_replica_becomes_the_primary_and_leads(world):
    async with world:
        key_id = await primary(world, WEST, EUROPE)
        await ask(world, "enable_key_rotation", key_id=key_id, rotation_period_in_days=90)

        await ask(world, "update_primary_region", key_id=key_id, primary_region=EUROPE)

        found = {
            region: (await described(world, key_id, region))["MultiRegionConfiguration"]
            for region in (REGION, WEST, EUROPE)
        }
        assert {region: one["MultiRegionKeyType"] for region, one in found.items()} == {
            REGION: "REPLICA",
            WEST: "REPLICA",
            EUROPE: "PRIMARY",
        }
        assert {one["PrimaryKey"]["Region"] for one in found.values()} == {EUROPE}
        done = await rotation.rotate_due(world.keys, world.now + 90 * DAY)
        assert [one.region for one in done] == [EUROPE]
        assert (await refused(world, "rotate_key_on_demand", key_id=key_id))[0] == "UnsupportedOperationException"
        await ask(world, "rotate_key_on_demand", EUROPE, key_id=key_id)


async def test_without_a_replica_there_is_no_new_primary(world):
    async with world:
        key_id = await primary(world, EUROPE)

        told = await refused(world, "update_primary_region", key_id=key_id, primary_region=WEST)

        assert told == ("NotFoundException", f"Key '{arn(key_id, WEST)}' does not exist")


async def test_a_new_primary_needs_leave_on_both_keys(world):
    async with world:
        key_id = await primary(world, EUROPE)
        here = await world.user("here", allow("kms:UpdatePrimaryRegion", resource=arn(key_id, REGION)))

        told = await refused(world, "update_primary_region", caller=here, key_id=key_id, primary_region=EUROPE)

        assert told[0] == "AccessDeniedException"
        assert (await described(world, key_id))["MultiRegionConfiguration"]["MultiRegionKeyType"] == "PRIMARY"


async def test_a_disabled_replica_does_not_become_the_primary(world):
    async with world:
        key_id = await primary(world, EUROPE)
        await ask(world, "disable_key", EUROPE, key_id=key_id)

        told = await refused(world, "update_primary_region", key_id=key_id, primary_region=EUROPE)

        assert told == ("DisabledException", f"{arn(key_id, EUROPE)} is disabled.")


# The end


async def test_a_primary_key_outlives_its_replicas_and_then_its_own_window(world):
    async with world:
        key_id = await primary(world, WEST, EUROPE)

        answer = await ask(world, "schedule_key_deletion", key_id=key_id, pending_window_in_days=9)
        waiting = await described(world, key_id)
        for region, days in ((WEST, 7), (EUROPE, 8)):
            await ask(world, "schedule_key_deletion", region, key_id=key_id, pending_window_in_days=days)
        world.now += 7 * DAY
        await deletion.delete_due(world.keys, world.now)
        still = await described(world, key_id)
        world.now += DAY
        await deletion.delete_due(world.keys, world.now)
        dying = await described(world, key_id)
        early = await deletion.delete_due(world.keys, world.now + 9 * DAY - 1)
        gone = await deletion.delete_due(world.keys, world.now + 9 * DAY)

        assert answer == {
            "KeyId": arn(key_id, REGION),
            "KeyState": "PendingReplicaDeletion",
            "PendingWindowInDays": 9,
        }
        assert (waiting["KeyState"], waiting["PendingDeletionWindowInDays"]) == ("PendingReplicaDeletion", 9)
        assert "DeletionDate" not in waiting
        assert still["KeyState"] == "PendingReplicaDeletion"
        assert [one["Region"] for one in still["MultiRegionConfiguration"]["ReplicaKeys"]] == [EUROPE]
        assert (dying["KeyState"], dying["DeletionDate"]) == ("PendingDeletion", world.now + 9 * DAY)
        assert "PendingDeletionWindowInDays" not in dying
        assert (len(early), len(gone)) == (0, 1)


async def test_a_primary_that_waits_is_used_for_nothing_and_says_why(world):
    async with world:
        key_id = await primary(world, EUROPE)
        blob = await seals(world, key_id, EUROPE)
        await ask(world, "schedule_key_deletion", key_id=key_id, pending_window_in_days=7)

        told = await refused(world, "decrypt", ciphertext_blob=blob)

        assert told == ("KMSInvalidStateException", f"{arn(key_id, REGION)} is pending replica deletion.")
        assert await opens(world, blob, EUROPE) == b"x"
        assert (await refused(world, "replicate_key", key_id=key_id, replica_region=WEST))[
            0
        ] == "KMSInvalidStateException"


async def test_a_waiting_primary_s_deletion_is_cancelled(world):
    async with world:
        key_id = await primary(world, EUROPE)
        await ask(world, "schedule_key_deletion", key_id=key_id, pending_window_in_days=7)

        await ask(world, "cancel_key_deletion", key_id=key_id)
        await ask(world, "schedule_key_deletion", EUROPE, key_id=key_id, pending_window_in_days=7)
        await deletion.delete_due(world.keys, world.now + 7 * DAY)

        after = await described(world, key_id)
        assert after["KeyState"] == "Disabled"
        assert "PendingDeletionWindowInDays" not in after
        assert after["MultiRegionConfiguration"]["ReplicaKeys"] == []


async def test_a_primary_without_replicas_is_deleted_like_any_key(world):
    async with world:
        key_id = await primary(world)

        answer = await ask(world, "schedule_key_deletion", key_id=key_id, pending_window_in_days=7)

        assert (answer["KeyState"], answer["DeletionDate"]) == ("PendingDeletion", world.now + 7 * DAY)


# Imported material


async def external(world, *regions, material=ONE):
    """A multi-Region key with imported material, and the same bytes in these Regions."""
    key_id = (await world.key(multi_region=True, origin="EXTERNAL"))["KeyId"]
    await world.bring(key_id, material)
    for region in regions:
        await ask(world, "replicate_key", key_id=key_id, replica_region=region)
        await world.bring(key_id, material, region)
    return key_id


async def states_of(world, key_id, region):
    asked = {"key_id": key_id, "include_key_material": "ALL_KEY_MATERIAL"}
    found = await ask(world, "list_key_rotations", region, **asked)
    return [(one["KeyMaterialState"], one["ImportState"]) for one in found["Rotations"]]


async def test_a_replica_of_imported_material_waits_for_the_same_bytes(world):
    async with world:
        key_id = await external(world)
        blob = await seals(world, key_id, REGION)

        await ask(world, "replicate_key", key_id=key_id, replica_region=EUROPE)

        assert (await described(world, key_id, EUROPE))["KeyState"] == "PendingImport"
        wrong = {"expiration_model": "KEY_MATERIAL_DOES_NOT_EXPIRE", **await world.wrapped(key_id, TWO, EUROPE)}
        assert (await refused(world, "import_key_material", EUROPE, key_id=key_id, **wrong))[
            0
        ] == "IncorrectKeyMaterialException"
        await world.bring(key_id, ONE, EUROPE)
        assert (await described(world, key_id, EUROPE))["KeyState"] == "Enabled"
        assert await opens(world, blob, EUROPE) == b"x"


async def test_a_key_without_material_is_not_replicated(world):
    async with world:
        key_id = (await world.key(multi_region=True, origin="EXTERNAL"))["KeyId"]

        told = await refused(world, "replicate_key", key_id=key_id, replica_region=EUROPE)

        assert told == ("KMSInvalidStateException", f"{arn(key_id, REGION)} is pending import.")


async def test_new_material_goes_to_every_region_before_it_is_rotated_to(world):
    async with world:
        key_id = await external(world, WEST, EUROPE)

        await world.bring(key_id, TWO, import_type=NEW)
        at_first = [(await states_of(world, key_id, region))[1] for region in (REGION, WEST, EUROPE)]
        too_early = await refused(world, "rotate_key_on_demand", key_id=key_id)
        await world.bring(key_id, TWO, WEST)
        still = await refused(world, "rotate_key_on_demand", key_id=key_id)
        await world.bring(key_id, TWO, EUROPE)
        at_last = [(await states_of(world, key_id, region))[1] for region in (REGION, WEST, EUROPE)]
        await ask(world, "rotate_key_on_demand", key_id=key_id)

        assert at_first == [(PENDING, "IMPORTED"), (PENDING, "PENDING_IMPORT"), (PENDING, "PENDING_IMPORT")]
        assert {too_early[0], still[0]} == {"KMSInvalidStateException"}
        assert at_last == [(EVERYWHERE, "IMPORTED")] * 3
        assert [await states_of(world, key_id, region) for region in (REGION, WEST, EUROPE)] == [
            [("NON_CURRENT", "IMPORTED"), ("CURRENT", "IMPORTED")]
        ] * 3
        assert await opens(world, await seals(world, key_id, WEST), EUROPE) == b"x"


async def test_a_replica_takes_no_new_material(world):
    async with world:
        key_id = await external(world, EUROPE)
        asked = {"expiration_model": "KEY_MATERIAL_DOES_NOT_EXPIRE", "import_type": NEW}

        told = await refused(
            world, "import_key_material", EUROPE, key_id=key_id, **asked, **await world.wrapped(key_id, TWO, EUROPE)
        )

        assert told[0] == "UnsupportedOperationException"


async def test_an_import_token_of_one_region_is_not_good_in_another(world):
    async with world:
        key_id = await external(world, EUROPE)
        asked = {"expiration_model": "KEY_MATERIAL_DOES_NOT_EXPIRE", **await world.wrapped(key_id, ONE)}

        told = await refused(world, "import_key_material", EUROPE, key_id=key_id, **asked)

        assert told == ("InvalidImportTokenException", None)


async def test_pending_material_that_the_primary_drops_goes_everywhere(world):
    async with world:
        key_id = await external(world, EUROPE)
        pending = await world.bring(key_id, TWO, import_type=NEW)
        await world.bring(key_id, TWO, EUROPE)

        await ask(world, "delete_imported_key_material", EUROPE, key_id=key_id, key_material_id=pending)
        in_replica_only = [(await states_of(world, key_id, region))[1] for region in (REGION, EUROPE)]
        await ask(world, "delete_imported_key_material", key_id=key_id, key_material_id=pending)

        assert in_replica_only == [(PENDING, "IMPORTED"), (PENDING, "PENDING_IMPORT")]
        assert [await states_of(world, key_id, region) for region in (REGION, EUROPE)] == [
            [("CURRENT", "IMPORTED")]
        ] * 2
        await world.bring(key_id, THREE, import_type=NEW)


async def test_material_expires_in_each_region_by_itself(world):
    async with world:
        key_id = await external(world, EUROPE)
        await world.bring(key_id, ONE, EUROPE, valid_to=world.now + DAY)

        done = await importing.expire_due(world.keys, world.now + DAY)

        assert [one.region for one in done] == [EUROPE]
        assert (await described(world, key_id, EUROPE))["KeyState"] == "PendingImport"
        assert (await described(world, key_id))["KeyState"] == "Enabled"


# Laws


REGIONS = st.sampled_from([REGION, WEST, EUROPE])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("replicate"), REGIONS),
        st.tuples(st.just("move"), REGIONS),
        st.tuples(st.just("rotate"), REGIONS),
        st.tuples(st.just("seal"), REGIONS),
        st.tuples(st.just("delete"), REGIONS),
    ),
    min_size=4,
    max_size=14,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_whatever_was_sealed_anywhere_opens_wherever_the_key_is(steps):
    asyncio.run(law(steps))


async def law(steps):
    folder = Path(tempfile.mkdtemp())
    try:
        async with World(folder) as world:
            key_id = await primary(world)
            leads, regions, blobs = REGION, {REGION}, []
            for step, region in steps:
                if step == "replicate" and region not in regions:
                    await ask(world, "replicate_key", leads, key_id=key_id, replica_region=region)
                    regions.add(region)
                elif step == "move" and region in regions - {leads}:
                    await ask(world, "update_primary_region", leads, key_id=key_id, primary_region=region)
                    leads = region
                elif step == "rotate":
                    await ask(world, "rotate_key_on_demand", leads, key_id=key_id)
                elif step == "seal" and region in regions:
                    blobs.append((await seals(world, key_id, region, b"%d" % len(blobs)), b"%d" % len(blobs)))
                elif step == "delete" and region in regions - {leads}:
                    await ask(world, "schedule_key_deletion", region, key_id=key_id, pending_window_in_days=7)
                    await deletion.delete_due(world.keys, world.now + 7 * DAY)
                    regions.remove(region)

            shown = [await described(world, key_id, region) for region in regions]
            assert len({one["CurrentKeyMaterialId"] for one in shown}) == 1
            assert {one["MultiRegionConfiguration"]["PrimaryKey"]["Region"] for one in shown} == {leads}
            for region in regions:
                assert [await opens(world, blob, region) for blob, _ in blobs] == [plain for _, plain in blobs]
    finally:
        shutil.rmtree(folder)
