"""Imported material: which of it counts, what may follow on what, and when it is gone."""

import pytest
from sqlalchemy import select

from keystead.keys import deletion, importing
from keystead.keys.key import DAY
from keystead.keys.store import materials
from keystead.trail.outbox import outbox
from world import ACCOUNT, allow, deny, policy, to

ONE, TWO, THREE = b"1" * 32, b"2" * 32, b"3" * 32
NEW, EXISTING = "NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"
MISMATCH = ("IncorrectKeyMaterialException", None)


async def external(world, **asked):
    return (await world.key(origin="EXTERNAL", **asked))["KeyId"]


async def described(world, key_id):
    return (await world.kms("describe_key", key_id=key_id))["KeyMetadata"]


async def listed(world, key_id):
    """(id, state, import state) of all material, oldest first."""
    found = await world.kms("list_key_rotations", key_id=key_id, include_key_material="ALL_KEY_MATERIAL")
    return [(one["KeyMaterialId"], one["KeyMaterialState"], one["ImportState"]) for one in found["Rotations"]]


async def refusal_to_bring(world, key_id, material, **asked):
    asked = {"expiration_model": "KEY_MATERIAL_DOES_NOT_EXPIRE", **asked, **await world.wrapped(key_id, material)}
    return await world.refused("import_key_material", key_id=key_id, **asked)


async def test_a_key_without_material_is_pending_import_and_has_none(world):
    async with world:
        key = await world.key(origin="EXTERNAL")

        assert (key["KeyState"], key["Enabled"], key["Origin"]) == ("PendingImport", False, "EXTERNAL")
        assert not key.keys() & {"CurrentKeyMaterialId", "ExpirationModel", "ValidTo"}
        assert await listed(world, key["KeyId"]) == []


async def test_the_first_material_is_current_and_enables_the_key(world):
    async with world:
        key_id = await external(world)

        material_id = await world.bring(key_id, ONE)

        after = await described(world, key_id)
        assert (after["KeyState"], after["CurrentKeyMaterialId"]) == ("Enabled", material_id)
        assert after["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
        assert "ValidTo" not in after
        assert await listed(world, key_id) == [(material_id, "CURRENT", "IMPORTED")]


async def test_an_import_into_a_disabled_key_leaves_it_disabled(world):
    async with world:
        key_id = await external(world)
        await world.bring(key_id, ONE)
        await world.kms("disable_key", key_id=key_id)

        await world.bring(key_id, ONE)
        await world.bring(key_id, TWO, import_type=NEW)

        assert (await described(world, key_id))["KeyState"] == "Disabled"


async def test_material_that_comes_back_opens_what_it_sealed(world):
    async with world:
        key_id = await external(world)
        material_id = await world.bring(key_id, ONE)
        blob = (await world.kms("encrypt", key_id=key_id, plaintext=b"kept"))["CiphertextBlob"]

        deleted = await world.kms("delete_imported_key_material", key_id=key_id)
        away = await described(world, key_id)
        refused = await world.refused("decrypt", ciphertext_blob=blob)
        again = await world.bring(key_id, ONE)

        assert deleted == {"KeyId": away["Arn"], "KeyMaterialId": material_id}
        assert (away["KeyState"], away["CurrentKeyMaterialId"]) == ("PendingImport", material_id)
        assert "ExpirationModel" not in away
        assert refused == ("KMSInvalidStateException", f"{away['Arn']} is pending import.")
        assert again == material_id
        assert (await world.kms("decrypt", ciphertext_blob=blob))["Plaintext"] == b"kept"


async def test_only_the_same_material_comes_back(world):
    async with world:
        key_id = await external(world)
        material_id = await world.bring(key_id, ONE)
        await world.kms("delete_imported_key_material", key_id=key_id)

        assert await refusal_to_bring(world, key_id, TWO) == MISMATCH
        assert await refusal_to_bring(world, key_id, TWO, import_type=EXISTING) == MISMATCH
        assert await refusal_to_bring(world, key_id, TWO, key_material_id=material_id) == MISMATCH
        assert (await described(world, key_id))["KeyState"] == "PendingImport"
        assert await world.bring(key_id, ONE, import_type=EXISTING, key_material_id=material_id) == material_id


@pytest.mark.parametrize("length", [16, 31, 33])
async def test_material_of_another_length_is_refused(world, length):
    async with world:
        assert await refusal_to_bring(world, await external(world), b"x" * length) == MISMATCH


async def test_new_material_waits_for_a_rotation_and_then_encrypts(world):
    async with world:
        key_id = await external(world)
        first = await world.bring(key_id, ONE)
        old = await world.kms("encrypt", key_id=key_id, plaintext=b"old")

        second = await world.bring(key_id, TWO, import_type=NEW)

        assert await listed(world, key_id) == [(first, "CURRENT", "IMPORTED"), (second, "PENDING_ROTATION", "IMPORTED")]
        still = await world.kms("encrypt", key_id=key_id, plaintext=b"x")
        assert (await world.kms("decrypt", ciphertext_blob=still["CiphertextBlob"]))["KeyMaterialId"] == first
        assert (await world.kms("list_key_rotations", key_id=key_id))["Rotations"] == []
        world.now += DAY
        await world.kms("rotate_key_on_demand", key_id=key_id)
        new = await world.kms("encrypt", key_id=key_id, plaintext=b"new")
        opened = [await world.kms("decrypt", ciphertext_blob=made["CiphertextBlob"]) for made in (old, new)]
        assert [(one["Plaintext"], one["KeyMaterialId"]) for one in opened] == [(b"old", first), (b"new", second)]
        (rotation,) = (await world.kms("list_key_rotations", key_id=key_id))["Rotations"]
        assert (rotation["RotationType"], rotation["RotationDate"]) == ("ON_DEMAND", world.now)
        assert (await described(world, key_id))["CurrentKeyMaterialId"] == second


async def test_one_material_at_a_time_waits_for_a_rotation(world):
    async with world:
        key_id = await external(world)
        await world.bring(key_id, ONE)
        pending = await world.bring(key_id, TWO, import_type=NEW)
        arn = (await described(world, key_id))["Arn"]

        code, text = await refusal_to_bring(world, key_id, THREE, import_type=NEW)

        assert code == "KMSInvalidStateException"
        assert text.startswith("New key material (id: ")
        assert text.endswith(
            f") cannot be imported into KMS key {arn}, because another key material (id: {pending}) is pending rotation."
        )


async def test_material_that_the_key_has_is_not_new(world):
    async with world:
        key_id = await external(world)
        await world.bring(key_id, ONE)
        await world.bring(key_id, TWO, import_type=NEW)

        assert await refusal_to_bring(world, key_id, ONE, import_type=NEW) == MISMATCH
        assert await refusal_to_bring(world, key_id, TWO, import_type=NEW) == MISMATCH


async def test_pending_material_that_is_deleted_makes_room_for_other(world):
    async with world:
        key_id = await external(world)
        first = await world.bring(key_id, ONE)
        second = await world.bring(key_id, TWO, import_type=NEW)

        await world.kms("delete_imported_key_material", key_id=key_id, key_material_id=second)

        assert (await described(world, key_id))["KeyState"] == "Enabled"
        assert await listed(world, key_id) == [(first, "CURRENT", "IMPORTED")]
        third = await world.bring(key_id, THREE, import_type=NEW)
        assert (await listed(world, key_id))[1] == (third, "PENDING_ROTATION", "IMPORTED")


async def test_without_pending_material_there_is_nothing_to_rotate_to(world):
    async with world:
        key_id = await external(world)
        await world.bring(key_id, ONE)
        arn = (await described(world, key_id))["Arn"]

        assert await world.refused("rotate_key_on_demand", key_id=key_id) == (
            "KMSInvalidStateException",
            f"No available key material pending rotation for the key: {arn}.",
        )


async def test_a_key_needs_all_its_material_to_be_enabled(world):
    async with world:
        key_id = await external(world)
        first = await world.bring(key_id, ONE)
        second = await world.bring(key_id, TWO, import_type=NEW)
        await world.kms("rotate_key_on_demand", key_id=key_id)
        blob = (await world.kms("encrypt", key_id=key_id, plaintext=b"x"))["CiphertextBlob"]
        await world.kms("delete_imported_key_material", key_id=key_id, key_material_id=first)
        await world.kms("delete_imported_key_material", key_id=key_id)

        assert await listed(world, key_id) == [
            (first, "NON_CURRENT", "PENDING_IMPORT"),
            (second, "CURRENT", "PENDING_IMPORT"),
        ]
        await world.bring(key_id, TWO)
        assert (await described(world, key_id))["KeyState"] == "PendingImport"
        assert (await world.refused("decrypt", ciphertext_blob=blob))[0] == "KMSInvalidStateException"
        await world.bring(key_id, ONE)
        assert (await described(world, key_id))["KeyState"] == "Enabled"
        assert (await world.kms("decrypt", ciphertext_blob=blob))["Plaintext"] == b"x"


async def test_deleting_what_is_away_changes_nothing(world):
    async with world:
        key_id = await external(world)
        never = await world.kms("delete_imported_key_material", key_id=key_id)
        material_id = await world.bring(key_id, ONE)

        first = await world.kms("delete_imported_key_material", key_id=key_id)
        second = await world.kms("delete_imported_key_material", key_id=key_id)

        assert never["KeyMaterialId"] == ""
        assert first == second
        assert await listed(world, key_id) == [(material_id, "CURRENT", "PENDING_IMPORT")]


async def test_material_that_a_key_never_had_cannot_be_deleted(world):
    async with world:
        key_id = await external(world)
        await world.bring(key_id, ONE)

        told = await world.refused("delete_imported_key_material", key_id=key_id, key_material_id="ab" * 32)

        assert told[0] == "NotFoundException"
        assert (await described(world, key_id))["KeyState"] == "Enabled"


async def test_deleting_material_of_a_dying_key_leaves_its_state(world):
    async with world:
        key_id = await external(world)
        await world.bring(key_id, ONE)
        await world.kms("schedule_key_deletion", key_id=key_id, pending_window_in_days=7)

        await world.kms("delete_imported_key_material", key_id=key_id)

        assert (await described(world, key_id))["KeyState"] == "PendingDeletion"
        await world.kms("cancel_key_deletion", key_id=key_id)
        assert (await described(world, key_id))["KeyState"] == "PendingImport"


async def test_a_key_that_never_had_material_can_be_deleted(world):
    async with world:
        key_id = await external(world)
        await world.kms("schedule_key_deletion", key_id=key_id, pending_window_in_days=7)

        assert len(await deletion.delete_due(world.keys, world.now + 7 * DAY)) == 1


# Expiry


async def test_material_expires_when_it_is_due_and_the_record_says_so(world):
    async with world:
        key_id = await external(world)
        due = world.now + 10 * DAY
        material_id = await world.bring(key_id, ONE, valid_to=due)
        before = await described(world, key_id)

        early = await importing.expire_due(world.keys, due - 1)
        on_time = await importing.expire_due(world.keys, due)
        again = await importing.expire_due(world.keys, due)

        assert (before["ExpirationModel"], before["ValidTo"]) == ("KEY_MATERIAL_EXPIRES", due)
        assert (len(early), len(on_time), len(again)) == (0, 1, 0)
        after = await described(world, key_id)
        assert after["KeyState"] == "PendingImport"
        assert not after.keys() & {"ExpirationModel", "ValidTo"}
        async with world.database.read() as connection:
            events = [row.event for row in await connection.execute(select(outbox))]
            tokens = [row.token for row in await connection.execute(select(materials))]
        assert [b'"DeleteExpiredKeyMaterial"' in one and material_id.encode() in one for one in events] == [True]
        assert tokens == [None]


async def test_material_is_not_used_past_its_time_though_nobody_has_deleted_it(world):
    async with world:
        key_id = await external(world)
        await world.bring(key_id, ONE, valid_to=world.now + DAY)
        blob = (await world.kms("encrypt", key_id=key_id, plaintext=b"x"))["CiphertextBlob"]

        world.now += DAY

        assert (await world.refused("encrypt", key_id=key_id, plaintext=b"x"))[0] == "KMSInvalidStateException"
        assert (await world.refused("decrypt", ciphertext_blob=blob))[0] == "KMSInvalidStateException"


async def test_the_earliest_expiry_of_permanent_material_is_shown(world):
    async with world:
        key_id = await external(world)
        await world.bring(key_id, ONE, valid_to=world.now + 20 * DAY)
        await world.bring(key_id, TWO, import_type=NEW, valid_to=world.now + 10 * DAY)
        while_pending = (await described(world, key_id))["ValidTo"]

        await world.kms("rotate_key_on_demand", key_id=key_id)

        assert while_pending == world.now + 20 * DAY
        assert (await described(world, key_id))["ValidTo"] == world.now + 10 * DAY


async def test_pending_material_that_expires_leaves_no_trace(world):
    async with world:
        key_id = await external(world)
        first = await world.bring(key_id, ONE)
        await world.bring(key_id, TWO, import_type=NEW, valid_to=world.now + DAY)

        await importing.expire_due(world.keys, world.now + DAY)

        assert await listed(world, key_id) == [(first, "CURRENT", "IMPORTED")]
        assert (await described(world, key_id))["KeyState"] == "Enabled"


async def test_importing_again_changes_the_expiry(world):
    async with world:
        key_id = await external(world)
        await world.bring(key_id, ONE, valid_to=world.now + DAY)

        await world.bring(key_id, ONE)

        assert await importing.expire_due(world.keys, world.now + DAY) == []
        assert (await described(world, key_id))["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({}, "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"),
        ({"expiration_model": "KEY_MATERIAL_DOES_NOT_EXPIRE", "valid_to": DAY}, None),
        ({"valid_to": 0}, None),
        ({"valid_to": -1}, None),
        ({"valid_to": 365 * DAY + 1}, None),
    ],
)
async def test_an_expiry_that_cannot_be_is_refused(world, asked, text):
    async with world:
        key_id = await external(world)
        if "valid_to" in asked:
            asked = {**asked, "valid_to": world.now + asked["valid_to"]}

        code, told = await world.refused(
            "import_key_material", key_id=key_id, **asked, **await world.wrapped(key_id, ONE)
        )

        assert code == "ValidationException"
        assert text in {None, told}
        assert (await described(world, key_id))["KeyState"] == "PendingImport"


async def test_365_days_are_allowed(world):
    async with world:
        key_id = await external(world)

        await world.bring(key_id, ONE, valid_to=world.now + 365 * DAY)

        assert (await described(world, key_id))["ValidTo"] == world.now + 365 * DAY


# Parameters


async def test_new_material_is_not_named_beforehand(world):
    async with world:
        told = await refusal_to_bring(world, await external(world), ONE, import_type=NEW, key_material_id="ab" * 32)

        assert told[0] == "ValidationException"


async def test_a_description_stays_until_another_is_given(world):
    async with world:
        key_id = await external(world)

        await world.bring(key_id, ONE, key_material_description="from the safe")
        await world.bring(key_id, ONE)
        kept = await world.kms("list_key_rotations", key_id=key_id, include_key_material="ALL_KEY_MATERIAL")
        await world.bring(key_id, ONE, key_material_description="")

        now = await world.kms("list_key_rotations", key_id=key_id, include_key_material="ALL_KEY_MATERIAL")
        assert kept["Rotations"][0]["KeyMaterialDescription"] == "from the safe"
        assert now["Rotations"][0]["KeyMaterialDescription"] == ""


@pytest.mark.parametrize(
    ("spec", "algorithm"),
    [
        ("RSA_2048", "RSAES_PKCS1_V1_5"),
        ("RSA_2048", "SM2PKE"),
        ("SM2", "SM2PKE"),
        ("SM2", "RSAES_OAEP_SHA_256"),
        ("RSA_2048", "RSA_AES_KEY_WRAP_SHA_256"),
    ],
)
async def test_a_wrapping_that_is_not_for_the_key_is_refused(world, spec, algorithm):
    async with world:
        key_id = await external(world)

        told = await world.refused(
            "get_parameters_for_import", key_id=key_id, wrapping_key_spec=spec, wrapping_algorithm=algorithm
        )

        assert told[0] == "UnsupportedOperationException"


async def test_an_import_token_is_good_for_one_key(world):
    async with world:
        one, other = await external(world), await external(world)

        told = await world.refused(
            "import_key_material",
            key_id=other,
            expiration_model="KEY_MATERIAL_DOES_NOT_EXPIRE",
            **await world.wrapped(one, ONE),
        )

        assert told == ("InvalidImportTokenException", None)


async def test_an_import_token_expires_after_a_day(world):
    async with world:
        key_id = await external(world)
        asked = {"expiration_model": "KEY_MATERIAL_DOES_NOT_EXPIRE", **await world.wrapped(key_id, ONE)}
        world.now += 24 * 3600 + 1

        assert await world.refused("import_key_material", key_id=key_id, **asked) == (
            "ExpiredImportTokenException",
            None,
        )


async def test_material_that_does_not_unwrap_is_an_invalid_ciphertext(world):
    async with world:
        key_id = await external(world)
        asked = {**await world.wrapped(key_id, ONE), "encrypted_key_material": bytes(256)}

        told = await world.refused(
            "import_key_material", key_id=key_id, expiration_model="KEY_MATERIAL_DOES_NOT_EXPIRE", **asked
        )

        assert told == ("InvalidCiphertextException", None)


async def test_conditions_can_rule_how_material_comes_in(world):
    async with world:
        root = f"arn:aws:iam::{ACCOUNT}:root"
        expires = {"kms:ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
        late = {"DateGreaterThan": {"kms:ValidTo": "2025-07-01T00:00:00Z"}}  # the world begins on June 15, 2025
        strict = policy(
            to(root, allow("kms:*")),
            to("*", deny("kms:ImportKeyMaterial", Condition={"StringEquals": expires})),
            to("*", deny("kms:ImportKeyMaterial", Condition=late)),
            to(
                "*", deny("kms:GetParametersForImport", Condition={"StringEquals": {"kms:WrappingKeySpec": "RSA_3072"}})
            ),
            to(
                "*",
                deny(
                    "kms:GetParametersForImport",
                    Condition={"StringEquals": {"kms:WrappingAlgorithm": "RSAES_OAEP_SHA_1"}},
                ),
            ),
        )
        key_id = await external(world, policy=strict)
        asked = await world.wrapped(key_id, ONE)
        ways = [{"expiration_model": "KEY_MATERIAL_DOES_NOT_EXPIRE"}, {"valid_to": world.now + 60 * DAY}]

        refused = [await world.refused("import_key_material", key_id=key_id, **asked, **way) for way in ways]
        for spec, algorithm in (("RSA_3072", "RSAES_OAEP_SHA_256"), ("RSA_2048", "RSAES_OAEP_SHA_1")):
            wrapping = {"wrapping_key_spec": spec, "wrapping_algorithm": algorithm}
            refused.append(await world.refused("get_parameters_for_import", key_id=key_id, **wrapping))

        assert [code for code, _ in refused] == ["AccessDeniedException"] * 4
        await world.bring(key_id, ONE, valid_to=world.now + DAY)


async def test_an_expiration_model_that_is_not_given_is_no_condition_key_and_the_end_is_a_number(world):
    async with world:
        root = f"arn:aws:iam::{ACCOUNT}:root"
        limit = str(int(world.now) + 30 * DAY)
        strict = policy(
            to(root, allow("kms:*")),
            to("*", deny("kms:ImportKeyMaterial", Condition={"Null": {"kms:ExpirationModel": "false"}})),
            to("*", deny("kms:ImportKeyMaterial", Condition={"NumericGreaterThan": {"kms:ValidTo": limit}})),
        )
        key_id = await external(world, policy=strict)
        asked = await world.wrapped(key_id, ONE)
        given = {"expiration_model": "KEY_MATERIAL_EXPIRES", "valid_to": world.now + DAY}

        refused = [
            await world.refused("import_key_material", key_id=key_id, **asked, **way)
            for way in (given, {"valid_to": world.now + 60 * DAY})
        ]

        assert [code for code, _ in refused] == ["AccessDeniedException"] * 2
        await world.bring(key_id, ONE, valid_to=world.now + DAY)


async def test_another_account_imports_nothing(world):
    async with world:
        key = await world.key(origin="EXTERNAL")
        asked = {"wrapping_key_spec": "RSA_2048", "wrapping_algorithm": "RSAES_OAEP_SHA_256"}

        told = await world.refused("get_parameters_for_import", await world.other(), key_id=key["Arn"], **asked)

        assert told[0] == "AccessDeniedException"
