"""Which operation a key's state allows: every operation in every state, against the table of the KMS developer guide."""

import json

import pytest
from sqlalchemy import update

from keystead.keys.key import DAY
from keystead.keys.store import KIND, keys
from keystead.services.kms import OPERATIONS
from world import REGION

STATES = [
    "Enabled", "Disabled", "PendingDeletion", "PendingReplicaDeletion", "PendingImport", "Unavailable", "Creating", "Updating",
]  # fmt: skip  # a row's columns; PendingReplicaDeletion is refused where PendingDeletion is

TEXTS = {
    "S1": ("DisabledException", "{arn} is disabled."),
    "S3": ("KMSInvalidStateException", "{arn} is pending deletion."),
    "S4": ("KMSInvalidStateException", "{arn} is not pending deletion."),
    "S5": ("KMSInvalidStateException", "{arn} is pending import."),
    "S6": ("UnsupportedOperationException", "{arn} origin is EXTERNAL which is not valid for this operation."),
    "S9": ("UnsupportedOperationException", "{arn} origin is AWS_KMS which is not valid for this operation."),
    "NP": ("UnsupportedOperationException", "{arn} is not a multi-region primary key."),
    "S11": ("KMSInvalidStateException", "{arn} is unavailable."),
    "S14": ("KMSInvalidStateException", "{arn} is creating."),
    "S15": ("KMSInvalidStateException", "{arn} is updating."),
}

TABLE = """
operation                            Enabled Disabled PendingDeletion PendingImport Unavailable Creating Updating
encrypt                              ok      S1       S3              S5            S11         S14      ok
decrypt                              ok      S1       S3              S5            S11         S14      ok
decrypt_by_key                       ok      S1       S3              S5            S11         S14      ok
re_encrypt_from                      ok      S1       S3              S5            S11         S14      ok
re_encrypt_to                        ok      S1       S3              S5            S11         S14      ok
generate_data_key                    ok      S1       S3              S5            S11         S14      ok
generate_data_key_without_plaintext  ok      S1       S3              S5            S11         S14      ok
create_grant                         ok      S1       S3              S5            ok          S14      ok
rotate_key_on_demand                 ok      S1       S3              S5            -           S14      ok
enable_key_rotation                  ok      S1       S3              -             -           S14      ok
disable_key_rotation                 ok      S1       S3              -             -           S14      ok
get_key_rotation_status              ok      ok       ok              -             -           ok       ok
enable_key                           ok      ok       S3              S5            -           S14      S15
disable_key                          ok      ok       S3              S5            -           S14      S15
schedule_key_deletion                ok      ok       S3              ok            ok          ok       S15
cancel_key_deletion                  S4      S4       ok              S4            S4          S4       S4
create_alias                         ok      ok       S3              ok            ok          ok       ok
update_alias_to                      ok      ok       S3              ok            ok          ok       ok
update_alias_from                    ok      ok       ok              ok            ok          ok       ok
delete_alias                         ok      ok       ok              ok            ok          ok       ok
update_key_description               ok      ok       S3              ok            ok          ok       ok
tag_resource                         ok      ok       S3              ok            ok          ok       ok
untag_resource                       ok      ok       S3              ok            ok          ok       ok
describe_key                         ok      ok       ok              ok            ok          ok       ok
get_key_policy                       ok      ok       ok              ok            ok          ok       ok
put_key_policy                       ok      ok       ok              ok            ok          ok       ok
list_key_policies                    ok      ok       ok              ok            ok          ok       ok
list_grants                          ok      ok       ok              ok            ok          ok       ok
list_aliases                         ok      ok       ok              ok            ok          ok       ok
list_resource_tags                   ok      ok       ok              ok            ok          ok       ok
retire_grant                         ok      ok       ok              ok            ok          ok       ok
revoke_grant                         ok      ok       ok              ok            ok          ok       ok
get_key_last_usage                   ok      ok       ok              ok            ok          ok       ok
list_key_rotations                   ok      ok       ok              ok            ok          ok       ok
get_parameters_for_import            S9      S9       S9              S9            S9          S9       S9
import_key_material                  S9      S9       S9              S9            S9          S9       S9
delete_imported_key_material         S9      S9       S9              S9            S9          S9       S9
replicate_key                        NP      NP       NP              NP            NP          NP       NP
update_primary_region                NP      NP       NP              NP            NP          NP       NP
"""
# Where the origin of the key makes a difference. A dash: such a key does not come into that state.
IMPORTED = """
operation                            Enabled Disabled PendingDeletion PendingImport Unavailable Creating Updating
enable_key_rotation                  S6      S1       S3              S6            -           S14      S6
disable_key_rotation                 S6      S1       S3              S6            -           S14      S6
get_key_rotation_status              S6      S6       S6              S6            -           S6       S6
encrypt                              ok      S1       S3              S5            -           S14      ok
rotate_key_on_demand                 ok      S1       S3              S5            -           S14      ok
get_parameters_for_import            ok      ok       S3              ok            -           S14      S15
import_key_material                  ok      ok       S3              ok            -           S14      ok
delete_imported_key_material         ok      ok       ok              ok            -           S14      S15
list_key_rotations                   ok      ok       ok              ok            -           ok       ok
"""

MULTI_REGION = """
operation                            Enabled Disabled PendingDeletion PendingImport Unavailable Creating Updating
replicate_key                        ok      S1       S3              S5            -           S14      S15
update_primary_region                ok      S1       S3              S5            -           S14      ok
"""


def rows(table):
    """(operation, {state: what it is answered with})"""
    head, *lines = [line.split() for line in table.strip().splitlines()]
    for operation, *cells in lines:
        found = dict(zip(head[1:], cells, strict=True))
        found["PendingReplicaDeletion"] = found["PendingDeletion"]
        yield operation, found


TABLES = {"made_here": TABLE, "imported": IMPORTED, "multi_region": MULTI_REGION}
KINDS = {"made_here": {}, "imported": {"origin": "EXTERNAL"}, "multi_region": {"multi_region": True}}


class Subject:
    """A key with everything that an operation could be about."""

    def __init__(self, world, number):
        self.world, self.number = world, number

    async def prepare(self, kind):
        kms = self.world.kms
        self.key = await self.world.key(**KINDS[kind])
        self.id, self.arn = self.key["KeyId"], self.key["Arn"]
        if kind == "multi_region":
            await kms("replicate_key", key_id=self.id, replica_region="us-west-2")
        if kind == "imported":
            await self.world.bring(self.id, b"1" * 32)
            await self.world.bring(self.id, b"2" * 32, import_type="NEW_KEY_MATERIAL")
            self.material = await self.world.wrapped(self.id, b"1" * 32)
        self.blob = (await kms("encrypt", key_id=self.id, plaintext=b"x"))["CiphertextBlob"]
        self.policy = (await kms("get_key_policy", key_id=self.id))["Policy"]
        grant = await kms("create_grant", key_id=self.id, grantee_principal=self.world.grantee, operations=["Encrypt"])
        self.grant = grant["GrantId"]
        await kms("create_alias", alias_name=f"alias/there-{self.number}", target_key_id=self.id)

    async def bring_into(self, state):
        asked = {"state": state, "deletion_at": self.world.now + 7 * DAY if state == "PendingDeletion" else None}
        async with self.world.database.write("test") as tx:
            await tx.execute(update(keys).where(keys.c.id == self.id, keys.c.region == REGION).values(**asked))
            tx.changed(KIND, f"{REGION}/{self.id}")
        await self.world.feed.catch_up()

    def arguments(self, operation):
        new, there, elsewhere = (f"alias/{name}-{self.number}" for name in ("new", "there", "elsewhere"))
        other = self.world.other_key
        special = {
            "encrypt": lambda: {"key_id": self.id, "plaintext": b"x"},
            "decrypt": lambda: {"ciphertext_blob": self.blob},
            "decrypt_by_key": lambda: {"ciphertext_blob": self.blob, "key_id": self.id},
            "re_encrypt_from": lambda: {"ciphertext_blob": self.blob, "destination_key_id": other},
            "re_encrypt_to": lambda: {"ciphertext_blob": self.world.other_blob, "destination_key_id": self.id},
            "generate_data_key": lambda: {"key_id": self.id, "key_spec": "AES_256"},
            "generate_data_key_without_plaintext": lambda: {"key_id": self.id, "key_spec": "AES_256"},
            "create_grant": lambda: {
                "key_id": self.id, "grantee_principal": self.world.grantee, "operations": ["Decrypt"],
            },
            "schedule_key_deletion": lambda: {"key_id": self.id, "pending_window_in_days": 7},
            "create_alias": lambda: {"alias_name": new, "target_key_id": self.id},
            "update_alias_to": lambda: {"alias_name": elsewhere, "target_key_id": self.id},
            "update_alias_from": lambda: {"alias_name": there, "target_key_id": other},
            "delete_alias": lambda: {"alias_name": there},
            "update_key_description": lambda: {"key_id": self.id, "description": "new"},
            "tag_resource": lambda: {"key_id": self.id, "tags": [{"TagKey": "a", "TagValue": "b"}]},
            "untag_resource": lambda: {"key_id": self.id, "tag_keys": ["a"]},
            "put_key_policy": lambda: {"key_id": self.id, "policy": self.policy},
            "replicate_key": lambda: {"key_id": self.id, "replica_region": "eu-west-1"},
            "update_primary_region": lambda: {"key_id": self.id, "primary_region": "us-west-2"},
            "retire_grant": lambda: {"key_id": self.arn, "grant_id": self.grant},
            "revoke_grant": lambda: {"key_id": self.id, "grant_id": self.grant},
            "get_parameters_for_import": lambda: {
                "key_id": self.id, "wrapping_key_spec": "RSA_2048", "wrapping_algorithm": "RSAES_OAEP_SHA_256",
            },
            "import_key_material": lambda: {
                "key_id": self.id, "expiration_model": "KEY_MATERIAL_DOES_NOT_EXPIRE",
                **getattr(self, "material", {"import_token": b"x", "encrypted_key_material": b"x"}),
            },
        }  # fmt: skip  # a table
        return special.get(operation, lambda: {"key_id": self.id})()


NAMES = {"decrypt_by_key": "decrypt", "re_encrypt_from": "re_encrypt", "re_encrypt_to": "re_encrypt",
         "update_alias_to": "update_alias", "update_alias_from": "update_alias"}  # fmt: skip


async def prepare(world):
    world.grantee = await world.role("grantee")
    world.other_key = (await world.key())["KeyId"]
    world.other_blob = (await world.kms("encrypt", key_id=world.other_key, plaintext=b"x"))["CiphertextBlob"]


async def answered(world, subject, row):
    """The code of the table that the answer stands for, or the answer."""
    operation = NAMES.get(row, row)
    arguments = subject.arguments(row)
    try:
        await world.kms(operation, **arguments)
    except Exception as error:  # noqa: BLE001  # which one it is, is the question
        told = world.told("kms", error)
    else:
        return "ok"
    texts = {code: (name, text.format(arn=subject.arn)) for code, (name, text) in TEXTS.items()}
    texts["S3 "] = ("KMSInvalidStateException", f"{subject.arn} is pending replica deletion.")
    return next((code.strip() for code, text in texts.items() if text == told), told)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", TABLES)
async def test_the_state_decides_as_aws_documents(world, kind, state):
    async with world:
        await prepare(world)
        found, expected = {}, {}

        for number, (row, cells) in enumerate(rows(TABLES[kind])):
            if cells[state] == "-":
                continue
            subject = Subject(world, number)
            await subject.prepare(kind)
            if row == "update_alias_to":
                await world.kms("create_alias", alias_name=f"alias/elsewhere-{number}", target_key_id=world.other_key)
            await subject.bring_into(state)
            found[row] = await answered(world, subject, row)
            expected[row] = cells[state]

        assert found == expected


def test_the_table_covers_every_operation_that_names_a_key():
    without_state = {"create_key", "list_keys", "generate_random", "list_retirable_grants"}
    listed = {NAMES.get(row, row) for row, _ in rows(TABLE)}

    assert {function.__name__ for function in OPERATIONS} - without_state == listed


async def test_a_refusal_by_state_changes_nothing(world):
    async with world:
        await prepare(world)
        subject = Subject(world, 0)
        await subject.prepare("made_here")
        await world.kms("schedule_key_deletion", key_id=subject.id, pending_window_in_days=7)
        before = await everything(world, subject)

        for row, cells in rows(TABLE):
            if cells["PendingDeletion"] != "ok":
                await world.refused(NAMES.get(row, row), **subject.arguments(row))

        assert await everything(world, subject) == before


async def everything(world, subject):
    asked = {"key_id": subject.id}
    facts = [
        await world.kms(operation, **asked)
        for operation in ("describe_key", "get_key_policy", "list_grants", "list_aliases", "list_resource_tags")
    ]
    return json.dumps([*facts, await world.kms("list_key_rotations", **asked)], default=str)
