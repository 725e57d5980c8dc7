"""Encrypt, Decrypt, ReEncrypt and data keys, as operations: which key, which context, whose key."""

import pytest

from world import OTHER_ACCOUNT, allow, policy, to

CONTEXT = {"table": "customers", "Column": "iban"}
NO_SUCH_CIPHERTEXT_KEY = (
    "AccessDeniedException",
    (
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are "
        "not allowed to access."
    ),
)


def hidden(who, action):
    return (
        "AccessDeniedException",
        (
            f"User: {who} is not authorized to perform: {action} on this resource because the resource does not exist in "
            "this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
        ),
    )


async def test_what_is_encrypted_opens_under_the_same_context_whatever_its_order(world):
    async with world:
        key = await world.key()
        sealed = await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"iban", encryption_context=CONTEXT)

        opened = await world.kms(
            "decrypt",
            ciphertext_blob=sealed["CiphertextBlob"],
            encryption_context=dict(reversed(CONTEXT.items())),
        )

        assert opened == {
            "KeyId": key["Arn"],
            "Plaintext": b"iban",
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "KeyMaterialId": key["CurrentKeyMaterialId"],
        }


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"table": "customers"},
        {**CONTEXT, "more": ""},
        {"table": "customers", "column": "iban"},
        {"table": "customersColumn", "": "iban"},
    ],
)
async def test_any_other_context_is_refused_without_a_word(world, context):
    async with world:
        key = await world.key()
        sealed = await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"iban", encryption_context=CONTEXT)

        told = await world.refused("decrypt", ciphertext_blob=sealed["CiphertextBlob"], encryption_context=context)

        assert told == ("InvalidCiphertextException", None)


async def test_a_blob_names_its_key_and_another_name_is_refused(world):
    async with world:
        key, other = await world.key(), await world.key()
        blob = (await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"x"))["CiphertextBlob"]

        told = await world.refused("decrypt", ciphertext_blob=blob, key_id=other["KeyId"])

        assert told == (
            "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
        )


@pytest.mark.parametrize("blob", [b"", b"\x01", b"x" * 100, b"\x03" + b"\0" * 120, b"\x01" + b"\0" * 7000])
async def test_what_is_no_blob_is_an_invalid_ciphertext(world, blob):
    async with world:
        assert await world.refused("decrypt", ciphertext_blob=blob) == ("InvalidCiphertextException", None)


async def test_a_blob_of_an_unknown_material_looks_like_one_that_may_not_be_opened(world):
    async with world:
        assert await world.refused("decrypt", ciphertext_blob=b"\x01" + b"\7" * 120) == NO_SUCH_CIPHERTEXT_KEY


async def test_a_blob_of_a_foreign_key_looks_like_one_of_an_unknown_key(world):
    async with world:
        key = await world.key()
        blob = (await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"x"))["CiphertextBlob"]

        assert await world.refused("decrypt", await world.other(), ciphertext_blob=blob) == NO_SUCH_CIPHERTEXT_KEY


async def test_a_key_of_another_account_is_used_by_its_arn_when_both_sides_allow(world):
    async with world:
        shared = to(f"arn:aws:iam::{OTHER_ACCOUNT}:root", allow("kms:Encrypt", "kms:Decrypt"))
        mine = to("arn:aws:iam::111122223333:root", allow("kms:*"))
        key = await world.key(policy=policy(mine, shared))
        other = await world.other()

        sealed = await world.kms("encrypt", other, key_id=key["Arn"], plaintext=b"x")
        by_blob = await world.kms("decrypt", other, ciphertext_blob=sealed["CiphertextBlob"])
        by_bare_id = await world.kms("decrypt", other, ciphertext_blob=sealed["CiphertextBlob"], key_id=key["KeyId"])

        assert by_blob["Plaintext"] == by_bare_id["Plaintext"] == b"x"
        told = await world.refused("generate_data_key", other, key_id=key["Arn"], key_spec="AES_256")
        assert told == hidden(other.principal.arn, "kms:GenerateDataKey")


async def test_whether_a_foreign_key_exists_is_not_said(world):
    async with world:
        key = await world.key()
        other = await world.other()
        absent = key["Arn"][:-12] + "000000000000"

        for arn in (key["Arn"], absent):
            told = await world.refused("encrypt", other, key_id=arn, plaintext=b"x")
            assert told == hidden(other.principal.arn, "kms:Encrypt")


async def test_an_operation_that_does_not_cross_accounts_hides_the_key_even_if_its_policy_allows(world):
    async with world:
        open_to_all = to("*", allow("kms:*"))
        key = await world.key(policy=policy(open_to_all))
        other = await world.other()

        told = await world.refused("disable_key", other, key_id=key["Arn"])

        assert told == hidden(other.principal.arn, "kms:DisableKey")


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("{id}x", ("NotFoundException", "Invalid keyId '{id}x'")),
        ("nonsense", ("NotFoundException", "Invalid keyId 'nonsense'")),
        ("mrk-x", ("NotFoundException", "Invalid keyId 'mrk-x'")),
        (
            "00000000-0000-0000-0000-000000000000",
            (
                "NotFoundException",
                "Key 'arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000' does not exist",
            ),
        ),
        (
            "alias/none",
            ("NotFoundException", "Alias arn:aws:kms:us-east-1:111122223333:alias/none is not found."),
        ),
        ("arn:aws:kms:eu-west-1:111122223333:key/{id}", ("NotFoundException", "Invalid arn eu-west-1")),
    ],
)
async def test_a_name_of_no_key_is_told_apart(world, named, told):
    async with world:
        key_id = (await world.key())["KeyId"]

        answer = await world.refused("encrypt", key_id=named.replace("{id}", key_id), plaintext=b"x")

        assert answer == (told[0], told[1].replace("{id}", key_id))


async def test_a_foreign_algorithm_is_an_invalid_usage(world):
    async with world:
        key = await world.key()

        told = await world.refused(
            "encrypt", key_id=key["KeyId"], plaintext=b"x", encryption_algorithm="RSAES_OAEP_SHA_256"
        )

        assert told == (
            "InvalidKeyUsageException",
            "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.",
        )


async def test_reencrypt_asks_both_keys(world):
    async with world:
        key, other = await world.key(), await world.key()
        blob = (await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"x"))["CiphertextBlob"]
        only_from = await world.user("from", allow("kms:ReEncryptFrom"))
        only_to = await world.user("to", allow("kms:ReEncryptTo"))
        both = await world.user("both", allow("kms:ReEncrypt*"))
        asked = {"ciphertext_blob": blob, "destination_key_id": other["KeyId"]}

        moved = await world.kms("re_encrypt", both, **asked)

        assert moved["SourceKeyId"], moved["KeyId"] == (key["Arn"], other["Arn"])
        assert (await world.refused("re_encrypt", only_from, **asked))[0] == "AccessDeniedException"
        assert (await world.refused("re_encrypt", only_to, **asked))[0] == "AccessDeniedException"


async def test_reencrypt_on_the_same_key_is_a_condition(world):
    async with world:
        key, other = await world.key(), await world.key()
        blob = (await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"x"))["CiphertextBlob"]
        same_only = allow("kms:ReEncrypt*", Condition={"Bool": {"kms:ReEncryptOnSameKey": "true"}})
        user = await world.user("same", same_only)

        await world.kms("re_encrypt", user, ciphertext_blob=blob, destination_key_id=key["KeyId"])

        told = await world.refused("re_encrypt", user, ciphertext_blob=blob, destination_key_id=other["KeyId"])
        assert told[0] == "AccessDeniedException"


async def test_the_record_names_source_then_destination_and_the_material(world):
    async with world:
        key, other = await world.key(), await world.key()
        blob = (await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"x"))["CiphertextBlob"]
        call = world.call(await world.caller(), "kms", "ReEncrypt")

        await world.run_call(call, "re_encrypt", ciphertext_blob=blob, destination_key_id=other["KeyId"])

        assert [resource.arn for resource in call.notes.resources] == [key["Arn"], other["Arn"]]
        assert call.notes.additional == {"keyMaterialId": key["CurrentKeyMaterialId"]}


@pytest.mark.parametrize("asked", [{}, {"key_spec": "AES_256", "number_of_bytes": 32}])
async def test_a_data_key_has_one_length(world, asked):
    async with world:
        key = await world.key()

        told = await world.refused("generate_data_key", key_id=key["KeyId"], **asked)

        assert told == ("ValidationException", "Please specify either number of bytes or key spec.")


async def test_a_dry_run_does_not_act(world):
    async with world:
        key = await world.key()
        blob = (await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"x"))["CiphertextBlob"]
        told = ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")

        asked = {
            "encrypt": {"key_id": key["KeyId"], "plaintext": b"x"},
            "decrypt": {"ciphertext_blob": blob},
            "re_encrypt": {"ciphertext_blob": blob, "destination_key_id": key["KeyId"]},
            "generate_data_key": {"key_id": key["KeyId"], "key_spec": "AES_256"},
            "generate_data_key_without_plaintext": {"key_id": key["KeyId"], "key_spec": "AES_256"},
            "create_grant": {
                "key_id": key["KeyId"],
                "grantee_principal": await world.role("r"),
                "operations": ["Decrypt"],
            },
        }

        for operation, arguments in asked.items():
            assert await world.refused(operation, **arguments, dry_run=True) == told
        assert (await world.kms("list_grants", key_id=key["KeyId"]))["Grants"] == []


async def test_a_dry_run_of_what_is_not_allowed_says_so(world):
    async with world:
        key = await world.key()
        user = await world.user("nobody")

        told = await world.refused("encrypt", user, key_id=key["KeyId"], plaintext=b"x", dry_run=True)

        assert told[0] == "AccessDeniedException"


async def test_a_dry_run_may_ignore_the_ciphertext_and_only_a_dry_run(world):
    async with world:
        key = await world.key()
        ignoring = {"dry_run_modifiers": ["IGNORE_CIPHERTEXT"]}

        assert (await world.refused("decrypt", key_id=key["KeyId"], dry_run=True, **ignoring))[0] == (
            "DryRunOperationException"
        )
        assert (await world.refused("decrypt", key_id=key["KeyId"], **ignoring))[0] == "ValidationException"
        assert (await world.refused("decrypt", dry_run=True, **ignoring))[0] == "ValidationException"


async def test_a_grant_token_that_is_none_is_refused(world):
    async with world:
        key = await world.key()

        told = await world.refused("encrypt", key_id=key["KeyId"], plaintext=b"x", grant_tokens=["bm90IG9uZQ=="])

        assert told == ("InvalidGrantTokenException", None)


async def test_random_bytes_need_a_number_and_leave(world):
    async with world:
        user = await world.user("nobody")

        assert await world.refused("generate_random") == ("ValidationException", "NumberOfBytes is required.")
        assert (await world.refused("generate_random", user, number_of_bytes=1))[0] == "AccessDeniedException"
        assert len((await world.kms("generate_random", number_of_bytes=99))["Plaintext"]) == 99


async def test_a_use_does_not_show_what_it_works_with(world):
    async with world:
        key = await world.key()
        call = world.call(await world.caller(), "kms", "Encrypt")

        use = await world.keys.use(call, "Encrypt", key["KeyId"], context=CONTEXT)

        assert "iban" not in repr(use)
        assert use.material.token.hex() not in repr(use)
        assert repr(use.material.token) not in repr(use)
