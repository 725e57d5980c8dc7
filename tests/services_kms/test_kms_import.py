"""Importing key material as an unmodified client does it (KMS developer guide, importing key material)."""

import os
import time
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

DAY = 86_400
KEEPS = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


def wrapped(kms, key_id, material, spec="RSA_2048", algorithm="RSAES_OAEP_SHA_256"):
    offered = kms.get_parameters_for_import(KeyId=key_id, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)
    digest = SHA1 if algorithm.endswith("SHA_1") else SHA256
    oaep = padding.OAEP(padding.MGF1(digest()), digest(), None)
    public = load_der_public_key(offered["PublicKey"])
    return {"ImportToken": offered["ImportToken"], "EncryptedKeyMaterial": public.encrypt(material, oaep)}, offered


def external(kms):
    return kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]


@pytest.mark.parametrize(("spec", "algorithm"), [("RSA_2048", "RSAES_OAEP_SHA_1"), ("RSA_3072", "RSAES_OAEP_SHA_256")])
def test_material_is_imported_and_used(kms, spec, algorithm):
    key_id = external(kms)

    asked, offered = wrapped(kms, key_id, os.urandom(32), spec, algorithm)
    imported = kms.import_key_material(KeyId=key_id, **asked, **KEEPS)

    metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert imported["KeyId"] == offered["KeyId"] == metadata["Arn"]
    assert imported["KeyMaterialId"] == metadata["CurrentKeyMaterialId"]
    assert metadata["KeyState"] == "Enabled"
    assert abs(offered["ParametersValidTo"].timestamp() - time.time() - DAY) < 60
    sealed = kms.encrypt(KeyId=key_id, Plaintext=b"x", EncryptionContext={"a": "b"})["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"a": "b"})
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"x", imported["KeyMaterialId"])


def test_material_expires_and_comes_back(keystead, kms):
    key_id = external(kms)
    material = os.urandom(32)
    due = datetime.fromtimestamp(int(time.time()) + 300 * DAY, UTC)
    asked, _ = wrapped(kms, key_id, material)
    kms.import_key_material(KeyId=key_id, **asked, ValidTo=due)
    sealed = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]

    keystead.do_what_falls_due(at=due.timestamp())

    with pytest.raises(ClientError) as refused:
        kms.decrypt(CiphertextBlob=sealed)
    assert refused.value.response["Error"]["Code"] == "KMSInvalidStateException"
    assert refused.value.response["Error"]["Message"].endswith(" is pending import.")
    (away,) = kms.list_key_rotations(KeyId=key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert (away["ImportState"], away["KeyMaterialState"]) == ("PENDING_IMPORT", "CURRENT")
    kms.import_key_material(KeyId=key_id, **wrapped(kms, key_id, material)[0], **KEEPS)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_an_expiry_is_on_the_record(keystead, kms):
    key_id = external(kms)
    due = datetime.fromtimestamp(int(time.time()) + 100 * DAY, UTC)
    kms.import_key_material(KeyId=key_id, **wrapped(kms, key_id, os.urandom(32))[0], ValidTo=due)
    arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]

    keystead.do_what_falls_due(at=due.timestamp())

    log = b"".join(path.read_bytes() for path in (keystead.data / "trail").rglob("*") if path.is_file())
    (event,) = [
        line for line in log.split(b'{"eventVersion"') if b"DeleteExpiredKeyMaterial" in line and arn.encode() in line
    ]
    assert b'"eventType":"AwsServiceEvent"' in event


def test_nothing_of_an_import_that_is_secret_is_on_the_record(keystead, kms):
    key_id = external(kms)
    asked, _ = wrapped(kms, key_id, os.urandom(32))

    kms.import_key_material(KeyId=key_id, **asked, **KEEPS, KeyMaterialDescription="from the safe")

    log = b"".join(path.read_bytes() for path in (keystead.data / "trail").rglob("*") if path.is_file())
    (event,) = [
        line for line in log.split(b'{"eventVersion"') if b'"ImportKeyMaterial"' in line and key_id.encode() in line
    ]
    assert b"importToken" not in event
    assert b"encryptedKeyMaterial" not in event
    assert b'"keyMaterialDescription":"from the safe"' in event


def test_the_cli_s_own_kind_of_key_is_not_imported_into(kms):
    metadata = kms.create_key()["KeyMetadata"]

    with pytest.raises(kms.exceptions.UnsupportedOperationException) as refused:
        wrapped(kms, metadata["KeyId"], os.urandom(32))

    assert refused.value.response["Error"]["Message"] == (
        f"{metadata['Arn']} origin is AWS_KMS which is not valid for this operation."
    )


def test_errors_of_an_import_are_those_of_the_model(kms):
    one, other = external(kms), external(kms)
    asked, _ = wrapped(kms, one, os.urandom(32))

    with pytest.raises(kms.exceptions.InvalidImportTokenException):
        kms.import_key_material(KeyId=other, **asked, **KEEPS)
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.import_key_material(KeyId=one, ImportToken=asked["ImportToken"], EncryptedKeyMaterial=b"x", **KEEPS)
    with pytest.raises(kms.exceptions.IncorrectKeyMaterialException):
        kms.import_key_material(KeyId=one, **wrapped(kms, one, os.urandom(16))[0], **KEEPS)
