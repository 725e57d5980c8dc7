"""Which operation a key's state allows: every operation in every state, against the table of the KMS developer guide."""

import json

import pytest

DISABLED = ("DisabledException", "{arn} is disabled.")
PENDING = ("KMSInvalidStateException", "{arn} is pending deletion.")
NOT_PENDING = ("KMSInvalidStateException", "{arn} is not pending deletion.")

TABLE = [
    #  operation                            Enabled      Disabled     PendingDeletion
    ("encrypt",                             None,        DISABLED,    PENDING),
    ("decrypt",                             None,        DISABLED,    PENDING),
    ("decrypt by key",                      None,        DISABLED,    PENDING),
    ("re_encrypt from",                     None,        DISABLED,    PENDING),
    ("re_encrypt to",                       None,        DISABLED,    PENDING),
    ("generate_data_key",                   None,        DISABLED,    PENDING),
    ("generate_data_key_without_plaintext", None,        DISABLED,    PENDING),
    ("create_grant",                        None,        DISABLED,    PENDING),
    ("rotate_key_on_demand",                None,        DISABLED,    PENDING),
    ("enable_key_rotation",                 None,        DISABLED,    PENDING),
    ("disable_key_rotation",                None,        DISABLED,    PENDING),
    ("get_key_rotation_status",             None,        None,        None),
    ("enable_key",                          None,        None,        PENDING),
    ("disable_key",                         None,        None,        PENDING),
    ("schedule_key_deletion",               None,        None,        PENDING),
    ("cancel_key_deletion",                 NOT_PENDING, NOT_PENDING, None),
    ("create_alias",                        None,        None,        PENDING),
    ("update_alias to",                     None,        None,        PENDING),
    ("update_alias from",                   None,        None,        None),
    ("delete_alias",                        None,        None,        None),
    ("update_key_description",              None,        None,        PENDING),
    ("tag_resource",                        None,        None,        PENDING),
    ("untag_resource",                      None,        None,        PENDING),
    ("describe_key",                        None,        None,        None),
    ("get_key_policy",                      None,        None,        None),
    ("put_key_policy",                      None,        None,        None),
    ("list_key_policies",                   None,        None,        None),
    ("list_grants",                         None,        None,        None),
    ("list_aliases",                        None,        None,        None),
    ("list_resource_tags",                  None,        None,        None),
    ("retire_grant",                        None,        None,        None),
    ("revoke_grant",                        None,        None,        None),
    ("get_key_last_usage",                  None,        None,        None),
    ("list_key_rotations",                  None,        None,        None),
]  # fmt: skip  # a table

STATES = {"Enabled": 1, "Disabled": 2, "PendingDeletion": 3}


class Subject:
    """A key with everything that an operation could be about, brought into a state."""

    def __init__(self, world):
        self.world = world

    async def prepare(self):
        kms = self.world.kms
        self.key = await self.world.key()
        self.id, self.arn = self.key["KeyId"], self.key["Arn"]
        self.other = (await self.world.key())["KeyId"]
        self.blob = (await kms("encrypt", key_id=self.id, plaintext=b"x"))["CiphertextBlob"]
        self.other_blob = (await kms("encrypt", key_id=self.other, plaintext=b"x"))["CiphertextBlob"]
        self.policy = (await kms("get_key_policy", key_id=self.id))["Policy"]
        self.role = await self.world.role("grantee")
        grant = await kms("create_grant", key_id=self.id, grantee_principal=self.role, operations=["Encrypt"])
        self.grant = grant["GrantId"]
        await kms("create_alias", alias_name="alias/there", target_key_id=self.id)
        await kms("create_alias", alias_name="alias/elsewhere", target_key_id=self.other)

    async def bring_into(self, state):
        if state == "Disabled":
            await self.world.kms("disable_key", key_id=self.id)
        if state == "PendingDeletion":
            await self.world.kms("schedule_key_deletion", key_id=self.id, pending_window_in_days=7)

    def arguments(self, operation):
        special = {
            "encrypt": {"key_id": self.id, "plaintext": b"x"},
            "decrypt": {"ciphertext_blob": self.blob},
            "decrypt by key": {"ciphertext_blob": self.blob, "key_id": self.id},
            "re_encrypt from": {"ciphertext_blob": self.blob, "destination_key_id": self.other},
            "re_encrypt to": {"ciphertext_blob": self.other_blob, "destination_key_id": self.id},
            "generate_data_key": {"key_id": self.id, "key_spec": "AES_256"},
            "generate_data_key_without_plaintext": {"key_id": self.id, "key_spec": "AES_256"},
            "create_grant": {"key_id": self.id, "grantee_principal": self.role, "operations": ["Decrypt"]},
            "schedule_key_deletion": {"key_id": self.id, "pending_window_in_days": 7},
            "create_alias": {"alias_name": "alias/new", "target_key_id": self.id},
            "update_alias to": {"alias_name": "alias/elsewhere", "target_key_id": self.id},
            "update_alias from": {"alias_name": "alias/there", "target_key_id": self.other},
            "delete_alias": {"alias_name": "alias/there"},
            "update_key_description": {"key_id": self.id, "description": "new"},
            "tag_resource": {"key_id": self.id, "tags": [{"TagKey": "a", "TagValue": "b"}]},
            "untag_resource": {"key_id": self.id, "tag_keys": ["a"]},
            "put_key_policy": {"key_id": self.id, "policy": self.policy},
            "retire_grant": {"key_id": self.arn, "grant_id": self.grant},
            "revoke_grant": {"key_id": self.id, "grant_id": self.grant},
        }
        return special.get(operation, {"key_id": self.id})


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0].replace(" ", "_"))
async def test_the_state_decides_as_aws_documents(world, row, state):
    async with world:
        subject = Subject(world)
        await subject.prepare()
        await subject.bring_into(state)
        operation, expected = row[0].split(" ")[0], row[STATES[state]]

        if expected is None:
            await world.kms(operation, **subject.arguments(row[0]))
        else:
            told = await world.refused(operation, **subject.arguments(row[0]))
            assert told == (expected[0], expected[1].format(arn=subject.arn))


def test_the_table_covers_every_operation_that_names_a_key():
    from keystead.services.kms import OPERATIONS

    without_state = {"create_key", "list_keys", "generate_random", "list_retirable_grants"}
    listed = {row[0].split(" ")[0] for row in TABLE}

    assert {function.__name__ for function in OPERATIONS} - without_state == listed


async def test_a_refusal_by_state_changes_nothing(world):
    async with world:
        subject = Subject(world)
        await subject.prepare()
        await subject.bring_into("PendingDeletion")
        before = await everything(world, subject)

        for row in TABLE:
            if row[3] is not None:
                await world.refused(row[0].split(" ")[0], **subject.arguments(row[0]))

        assert await everything(world, subject) == before


async def everything(world, subject):
    asked = {"key_id": subject.id}
    facts = [
        await world.kms(operation, **asked)
        for operation in ("describe_key", "get_key_policy", "list_grants", "list_aliases", "list_resource_tags")
    ]
    return json.dumps([*facts, await world.kms("list_key_rotations", **asked)], default=str)
