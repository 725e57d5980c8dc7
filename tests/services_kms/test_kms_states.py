"""Which operation a key's state allows: every operation in every state, against the table of the KMS developer guide.

A kind of key with rules of its own is a further block of rows and a row in KINDS; an operation is a row and, where it asks
for more than the key's id, a row in `arguments`. States that a client cannot bring a key into are written to its record.
"""

import json
from functools import cached_property

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import update

from keystead.keys.key import DAY
from keystead.keys.store import KIND, keys
from keystead.services.kms import OPERATIONS

TEXTS = {
    "S1": ("DisabledException", "{arn} is disabled."),
    "S3": ("KMSInvalidStateException", "{arn} is pending deletion."),
    "S4": ("KMSInvalidStateException", "{arn} is not pending deletion."),
    "S5": ("KMSInvalidStateException", "{arn} is pending import."),
    "S6": ("UnsupportedOperationException", "{arn} origin is EXTERNAL which is not valid for this operation."),
    "S7": ("UnsupportedOperationException", ""),
    "S9": ("UnsupportedOperationException", "{arn} origin is AWS_KMS which is not valid for this operation."),
    "NP": ("UnsupportedOperationException", "{arn} is not a multi-region primary key."),
    "S11": ("KMSInvalidStateException", "{arn} is unavailable."),
    "S14": ("KMSInvalidStateException", "{arn} is creating."),
    "S15": ("KMSInvalidStateException", "{arn} is updating."),
}

# A dash: a key of this kind does not come into that state. PendingReplicaDeletion is refused where PendingDeletion is.
TABLE = """
kind      operation                                Enabled Disabled PendingDeletion PendingImport Unavailable Creating Updating
symmetric encrypt                                  ok      S1       S3              S5            S11         S14      ok
symmetric decrypt                                  ok      S1       S3              S5            S11         S14      ok
symmetric decrypt_by_key                           ok      S1       S3              S5            S11         S14      ok
symmetric re_encrypt_from                          ok      S1       S3              S5            S11         S14      ok
symmetric re_encrypt_to                            ok      S1       S3              S5            S11         S14      ok
symmetric generate_data_key                        ok      S1       S3              S5            S11         S14      ok
symmetric generate_data_key_without_plaintext      ok      S1       S3              S5            S11         S14      ok
symmetric generate_data_key_pair                   ok      S1       S3              S5            S11         S14      ok
symmetric generate_data_key_pair_without_plaintext ok      S1       S3              S5            S11         S14      ok
symmetric create_grant                             ok      S1       S3              S5            ok          S14      ok
symmetric rotate_key_on_demand                     ok      S1       S3              S5            -           S14      ok
symmetric enable_key_rotation                      ok      S1       S3              -             -           S14      ok
symmetric disable_key_rotation                     ok      S1       S3              -             -           S14      ok
symmetric get_key_rotation_status                  ok      ok       ok              -             -           ok       ok
symmetric enable_key                               ok      ok       S3              S5            -           S14      S15
symmetric disable_key                              ok      ok       S3              S5            -           S14      S15
symmetric schedule_key_deletion                    ok      ok       S3              ok            ok          ok       S15
symmetric cancel_key_deletion                      S4      S4       ok              S4            S4          S4       S4
symmetric create_alias                             ok      ok       S3              ok            ok          ok       ok
symmetric update_alias_to                          ok      ok       S3              ok            ok          ok       ok
symmetric update_alias_from                        ok      ok       ok              ok            ok          ok       ok
symmetric delete_alias                             ok      ok       ok              ok            ok          ok       ok
symmetric update_key_description                   ok      ok       S3              ok            ok          ok       ok
symmetric tag_resource                             ok      ok       S3              ok            ok          ok       ok
symmetric untag_resource                           ok      ok       S3              ok            ok          ok       ok
symmetric describe_key                             ok      ok       ok              ok            ok          ok       ok
symmetric get_key_policy                           ok      ok       ok              ok            ok          ok       ok
symmetric put_key_policy                           ok      ok       ok              ok            ok          ok       ok
symmetric list_key_policies                        ok      ok       ok              ok            ok          ok       ok
symmetric list_grants                              ok      ok       ok              ok            ok          ok       ok
symmetric list_aliases                             ok      ok       ok              ok            ok          ok       ok
symmetric list_resource_tags                       ok      ok       ok              ok            ok          ok       ok
symmetric retire_grant                             ok      ok       ok              ok            ok          ok       ok
symmetric revoke_grant                             ok      ok       ok              ok            ok          ok       ok
symmetric get_key_last_usage                       ok      ok       ok              ok            ok          ok       ok
symmetric list_key_rotations                       ok      ok       ok              ok            ok          ok       ok
symmetric get_parameters_for_import                S9      S9       S9              S9            S9          S9       S9
symmetric import_key_material                      S9      S9       S9              S9            S9          S9       S9
symmetric delete_imported_key_material             S9      S9       S9              S9            S9          S9       S9

symmetric replicate_key                            NP      NP       NP              NP            NP          NP       NP
symmetric update_primary_region                    NP      NP       NP              NP            NP          NP       NP

primary   replicate_key                            ok      S1       S3              S5            -           S14      S15
primary   update_primary_region                    ok      S1       S3              S5            -           S14      ok

imported  encrypt                                  ok      S1       S3              S5            -           S14      ok
imported  enable_key_rotation                      S6      S1       S3              S6            -           S14      S6
imported  disable_key_rotation                     S6      S1       S3              S6            -           S14      S6
imported  get_key_rotation_status                  S6      S6       S6              S6            -           S6       S6
imported  rotate_key_on_demand                     ok      S1       S3              S5            -           S14      ok
imported  get_parameters_for_import                ok      ok       S3              ok            -           S14      S15
imported  import_key_material                      ok      ok       S3              ok            -           S14      ok
imported  delete_imported_key_material             ok      ok       ok              ok            -           S14      S15
imported  list_key_rotations                       ok      ok       ok              ok            -           ok       ok

signing   sign                                     ok      S1       S3              S5            -           S14      ok
signing   verify                                   ok      S1       S3              S5            -           S14      ok
signing   get_public_key                           ok      S1       S3              S5            -           S14      ok
signing   create_grant                             ok      S1       S3              S5            -           S14      ok
signing   enable_key_rotation                      S7      S1       S3              -             -           S14      S7
signing   get_key_rotation_status                  S7      S7       S7              -             -           S7       S7
mac       generate_mac                             ok      S1       S3              S5            -           S14      ok
mac       verify_mac                               ok      S1       S3              S5            -           S14      ok
agreement derive_shared_secret                     ok      S1       S3              S5            -           S14      ok
agreement get_public_key                           ok      S1       S3              S5            -           S14      ok
kem       encapsulate                              ok      S1       S3              S5            -           S14      ok
kem       decapsulate                              ok      S1       S3              S5            -           S14      ok
kem       get_public_key                           ok      S1       S3              S5            -           S14      ok
"""

KINDS = {
    "symmetric": {},
    "primary": {"MultiRegion": True},
    "imported": {"Origin": "EXTERNAL"},
    "signing": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
    "mac": {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
    "agreement": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"},
    "kem": {"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"},
}
"""What CreateKey is asked."""

NAMES = {
    "decrypt_by_key": "decrypt",
    "re_encrypt_from": "re_encrypt",
    "re_encrypt_to": "re_encrypt",
    "update_alias_to": "update_alias",
    "update_alias_from": "update_alias",
}
"""Rows that are not named as their operation is."""

WITHOUT_STATE = {
    "create_key", "list_keys", "generate_random", "list_retirable_grants", "create_custom_key_store",
    "describe_custom_key_stores", "update_custom_key_store", "connect_custom_key_store",
    "disconnect_custom_key_store", "delete_custom_key_store",
}  # fmt: skip  # names
"""Operations that are not about one key."""

ONCE = {
    "create_alias", "delete_alias", "update_alias_to", "update_alias_from", "retire_grant", "revoke_grant",
    "rotate_key_on_demand", "replicate_key", "update_primary_region", "delete_imported_key_material",
}  # fmt: skip  # a list
"""Rows that a key can be asked for once."""

KEEPS = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
WRAPPING = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
ECDSA = {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
HMAC = {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
ML_KEM = {"EncapsulationAlgorithm": "ML_KEM"}


def rows():
    """(kind, row, {state: what it is answered with})"""
    head, *lines = [line.split() for line in TABLE.strip().splitlines() if line]
    for kind, row, *cells in lines:
        found = dict(zip(head[2:], cells, strict=True))
        found["PendingReplicaDeletion"] = found["PendingDeletion"]
        yield kind, row, {state: cell for state, cell in found.items() if cell != "-"}


class Subject:
    """A key, and whatever an operation is about: made when the operation's arguments are asked for."""

    def __init__(self, kms, kind, number):
        self.kms, self.kind = kms, kind
        self.key = kms.create_key(**KINDS[kind])["KeyMetadata"]
        self.id, self.arn = self.key["KeyId"], self.key["Arn"]
        self.new, self.there, self.elsewhere = (f"alias/{name}-{number}" for name in ("new", "there", "elsewhere"))
        root = f"arn:aws:iam::{self.key['AWSAccountId']}:root"
        self.granting = {"GranteePrincipal": root, "Operations": ["DescribeKey"]}
        if kind == "imported":
            self.bring(b"1" * 32)

    @cached_property
    def other(self):
        return self.kms.create_key(**KINDS[self.kind])["KeyMetadata"]["KeyId"]

    def alias(self, name, target):
        self.kms.create_alias(AliasName=name, TargetKeyId=target)
        return name

    def grant(self):
        return self.kms.create_grant(KeyId=self.id, **self.granting)["GrantId"]

    def wrapped(self, material):
        offered = self.kms.get_parameters_for_import(KeyId=self.id, **WRAPPING)
        oaep = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
        sealed = load_der_public_key(offered["PublicKey"]).encrypt(material, oaep)
        return {"ImportToken": offered["ImportToken"], "EncryptedKeyMaterial": sealed, **KEEPS}

    def bring(self, material, **asked):
        self.kms.import_key_material(KeyId=self.id, **self.wrapped(material), **asked)

    def replica(self):
        if self.kind == "primary":
            self.kms.replicate_key(KeyId=self.id, ReplicaRegion="us-west-2")
        return "us-west-2"

    def blob(self, key_id):
        return self.kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]

    def signature(self):
        return self.kms.sign(KeyId=self.id, **ECDSA)["Signature"]

    def mac(self):
        return self.kms.generate_mac(KeyId=self.id, **HMAC)["Mac"]

    def encapsulated(self):
        return self.kms.encapsulate(KeyId=self.id, **ML_KEM)["SharedSecretCiphertextBlob"]

    def public(self):
        return self.kms.get_public_key(KeyId=self.other)["PublicKey"]

    def import_(self):
        return (
            {"ImportToken": b"x", "EncryptedKeyMaterial": b"x"} if self.kind != "imported" else self.wrapped(b"1" * 32)
        )

    def bring_into(self, keystead, state):
        columns = {"state": state, "deletion_at": 2**32 + 7 * DAY if state == "PendingDeletion" else None}

        async def write(house):
            async with house.database.write("test") as tx:
                await tx.execute(
                    update(keys).where(keys.c.id == self.id, keys.c.region == keystead.region).values(**columns)
                )
                tx.changed(KIND, f"{keystead.region}/{self.id}")

        keystead._call(write)

    def arguments(self, row):
        special = {
            "encrypt":                lambda: {"KeyId": self.id, "Plaintext": b"x"},
            "decrypt":                lambda: {"CiphertextBlob": self.blob(self.id)},
            "decrypt_by_key":         lambda: {"KeyId": self.id, "CiphertextBlob": self.blob(self.id)},
            "re_encrypt_from":        lambda: {"CiphertextBlob": self.blob(self.id), "DestinationKeyId": self.other},
            "re_encrypt_to":          lambda: {"CiphertextBlob": self.blob(self.other), "DestinationKeyId": self.id},
            "create_grant":           lambda: {"KeyId": self.id, **self.granting},
            "schedule_key_deletion":  lambda: {"KeyId": self.id, "PendingWindowInDays": 7},
            "create_alias":           lambda: {"AliasName": self.new, "TargetKeyId": self.id},
            "update_alias_to":        lambda: {"AliasName": self.alias(self.elsewhere, self.other), "TargetKeyId": self.id},
            "update_alias_from":      lambda: {"AliasName": self.alias(self.there, self.id), "TargetKeyId": self.other},
            "delete_alias":           lambda: {"AliasName": self.alias(self.there, self.id)},
            "update_key_description": lambda: {"KeyId": self.id, "Description": "new"},
            "tag_resource":           lambda: {"KeyId": self.id, "Tags": [{"TagKey": "a", "TagValue": "b"}]},
            "untag_resource":         lambda: {"KeyId": self.id, "TagKeys": ["a"]},
            "put_key_policy":         lambda: {"KeyId": self.id, "Policy": self.kms.get_key_policy(KeyId=self.id)["Policy"]},
            "retire_grant":           lambda: {"KeyId": self.arn, "GrantId": self.grant()},
            "revoke_grant":           lambda: {"KeyId": self.id, "GrantId": self.grant()},
            "get_parameters_for_import": lambda: {"KeyId": self.id, **WRAPPING},
            "import_key_material":    lambda: {"KeyId": self.id, **self.import_()},
            "replicate_key":          lambda: {"KeyId": self.id, "ReplicaRegion": "eu-west-1"},
            "update_primary_region":  lambda: {"KeyId": self.id, "PrimaryRegion": self.replica()},
            "sign":                   lambda: {"KeyId": self.id, **ECDSA},
            "verify":                 lambda: {"KeyId": self.id, **ECDSA, "Signature": self.signature()},
            "generate_mac":           lambda: {"KeyId": self.id, **HMAC},
            "verify_mac":             lambda: {"KeyId": self.id, **HMAC, "Mac": self.mac()},
            "derive_shared_secret":   lambda: {"KeyId": self.id, "KeyAgreementAlgorithm": "ECDH", "PublicKey": self.public()},
            "encapsulate":            lambda: {"KeyId": self.id, **ML_KEM},
            "decapsulate":            lambda: {"KeyId": self.id, **ML_KEM, "SharedSecretCiphertextBlob": self.encapsulated()},
        }  # fmt: skip  # a table
        if row == "rotate_key_on_demand" and self.kind == "imported":
            self.bring(b"2" * 32, ImportType="NEW_KEY_MATERIAL")
        if row.startswith("generate_data_key"):
            return {"KeyId": self.id, **({"KeyPairSpec": "ECC_NIST_P256"} if "pair" in row else {"KeySpec": "AES_256"})}
        return special.get(row, lambda: {"KeyId": self.id})()

    def answered(self, row, arguments):
        """The code of the table that the answer stands for, or the answer."""
        try:
            getattr(self.kms, NAMES.get(row, row))(**arguments)
        except ClientError as error:
            told = (error.response["Error"]["Code"], error.response["Error"].get("Message", ""))
        else:
            return "ok"
        texts = {code: (name, text.format(arn=self.arn)) for code, (name, text) in TEXTS.items()}
        texts["S3 "] = ("KMSInvalidStateException", f"{self.arn} is pending replica deletion.")
        return next((code.strip() for code, text in texts.items() if text == told), told)

    def everything(self):
        """What a refusal must not change: all but the state, which the test itself has changed."""
        asked = [self.kms.describe_key, self.kms.get_key_policy, self.kms.list_grants, self.kms.list_aliases,
                 self.kms.list_resource_tags]  # fmt: skip
        if self.kind in {"symmetric", "imported"}:
            asked.append(self.kms.list_key_rotations)
        facts = [operation(KeyId=self.id) for operation in asked]
        for state in ("Enabled", "KeyState", "DeletionDate"):
            facts[0]["KeyMetadata"].pop(state, None)
        return json.dumps([{k: v for k, v in fact.items() if k != "ResponseMetadata"} for fact in facts], default=str)


CASES = list(rows())


@pytest.mark.parametrize(
    ("number", "kind", "row", "cells"),
    [pytest.param(number, *case, id="-".join(case[:2])) for number, case in enumerate(CASES)],
)
def test_the_state_decides_as_aws_documents(keystead, kms, number, kind, row, cells):
    """One key goes through all states that refuse, unchanged, and then through those that allow."""
    subject = Subject(kms, kind, number)
    arguments, found = subject.arguments(row), {}
    before = subject.everything()

    for state in (state for state in cells if cells[state] != "ok"):
        subject.bring_into(keystead, state)
        found[state] = subject.answered(row, arguments)
    assert subject.everything() == before

    for state in (state for state in cells if cells[state] == "ok"):
        if row in ONCE:
            subject = Subject(kms, kind, f"{number}-{state}")
            arguments = subject.arguments(row)
        subject.bring_into(keystead, state)
        found[state] = subject.answered(row, arguments)
    assert found == cells


def test_the_table_covers_every_operation_that_names_a_key():
    listed = {NAMES.get(row, row) for _, row, _ in CASES}

    assert {function.__name__ for function in OPERATIONS} - WITHOUT_STATE == listed
