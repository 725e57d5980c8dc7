"""Importing key material as an unmodified client does it (KMS developer guide, importing key material)."""

import hmac
import os
import time
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

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


# Key pairs and HMAC keys


def two_steps(public_key, material):
    key = os.urandom(32)
    oaep = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
    return load_der_public_key(public_key).encrypt(key, oaep) + aes_key_wrap_with_padding(key, material)


def bring(kms, key_id, material, spec="RSA_2048", algorithm="RSA_AES_KEY_WRAP_SHA_256"):
    if not algorithm.startswith("RSA_AES"):
        asked, _ = wrapped(kms, key_id, material, spec, algorithm)
    else:
        offered = kms.get_parameters_for_import(KeyId=key_id, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)
        cipher = two_steps(offered["PublicKey"], material)
        asked = {"ImportToken": offered["ImportToken"], "EncryptedKeyMaterial": cipher}
    return kms.import_key_material(KeyId=key_id, **asked, **KEEPS)


def pkcs8(key):
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def spki(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


CURVES = {
    "ECC_NIST_P256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ECC_NIST_P384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ECC_NIST_P521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ECC_SECG_P256K1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "ECC_NIST_EDWARDS25519": ed25519.Ed25519PrivateKey.generate,
    "RSA_2048": lambda: rsa.generate_private_key(65537, 2048),
    "ML_DSA_44": mldsa.MLDSA44PrivateKey.generate,
}


def pair(kms, spec, usage="SIGN_VERIFY"):
    return kms.create_key(Origin="EXTERNAL", KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]


@pytest.mark.parametrize("spec", CURVES)
def test_a_key_pair_is_imported_and_is_the_same_pair(kms, spec):
    key_id, key = pair(kms, spec), CURVES[spec]()

    bring(kms, key_id, pkcs8(key))

    metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["ExpirationModel"]) == ("Enabled", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert "CurrentKeyMaterialId" not in metadata
    assert kms.get_public_key(KeyId=key_id)["PublicKey"] == spki(key)
    algorithm = metadata["SigningAlgorithms"][0]
    signature = kms.sign(KeyId=key_id, Message=b"x", SigningAlgorithm=algorithm)["Signature"]
    assert kms.verify(KeyId=key_id, Message=b"x", SigningAlgorithm=algorithm, Signature=signature)["SignatureValid"]


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P521"])
def test_a_curve_s_key_is_imported_in_one_step_too(kms, spec):
    key_id, key = pair(kms, spec), CURVES[spec]()

    bring(kms, key_id, pkcs8(key), "RSA_3072", "RSAES_OAEP_SHA_256")

    assert kms.get_public_key(KeyId=key_id)["PublicKey"] == spki(key)


@pytest.mark.parametrize(("spec", "length"), [("HMAC_224", 28), ("HMAC_256", 32), ("HMAC_384", 48), ("HMAC_512", 64)])
def test_an_hmac_key_is_imported_and_is_the_same_key(kms, spec, length):
    key_id, secret = pair(kms, spec, "GENERATE_VERIFY_MAC"), os.urandom(length)

    bring(kms, key_id, secret, "RSA_2048", "RSAES_OAEP_SHA_256")

    algorithm = "HMAC_SHA_" + spec[5:]
    mac = kms.generate_mac(KeyId=key_id, Message=b"x", MacAlgorithm=algorithm)["Mac"]
    assert mac == hmac.digest(secret, b"x", "sha" + spec[5:])


def test_a_key_pair_comes_back_and_no_other(kms):
    key_id, key = pair(kms, "ECC_NIST_P256"), CURVES["ECC_NIST_P256"]()
    first = bring(kms, key_id, pkcs8(key))
    kms.delete_imported_key_material(KeyId=key_id)

    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.sign(KeyId=key_id, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    with pytest.raises(kms.exceptions.IncorrectKeyMaterialException):
        bring(kms, key_id, pkcs8(CURVES["ECC_NIST_P256"]()))
    assert bring(kms, key_id, pkcs8(key))["KeyMaterialId"] == first["KeyMaterialId"]
    kms.sign(KeyId=key_id, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "HMAC_256"])
def test_only_symmetric_keys_take_more_than_one_material(kms, spec):
    usage = "GENERATE_VERIFY_MAC" if spec == "HMAC_256" else "SIGN_VERIFY"
    key_id = pair(kms, spec, usage)
    material = os.urandom(32) if spec == "HMAC_256" else pkcs8(CURVES[spec]())
    asked, _ = wrapped(kms, key_id, material)

    for more in ({"ImportType": "NEW_KEY_MATERIAL"}, {"KeyMaterialDescription": "x"}, {"KeyMaterialId": "ab" * 32}):
        with pytest.raises(ClientError) as refused:
            kms.import_key_material(KeyId=key_id, **asked, **KEEPS, **more)
        assert refused.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    ("spec", "material"),
    [
        ("ECC_NIST_P256", lambda: pkcs8(CURVES["ECC_NIST_P384"]())),
        ("ECC_NIST_P256", lambda: pkcs8(CURVES["ECC_SECG_P256K1"]())),
        ("ECC_NIST_P256", lambda: os.urandom(138)),
        ("RSA_3072", lambda: pkcs8(CURVES["RSA_2048"]())),
        ("ECC_NIST_EDWARDS25519", lambda: pkcs8(CURVES["ECC_NIST_P256"]())),
    ],
)
def test_material_of_another_kind_is_not_taken(kms, spec, material):
    with pytest.raises(kms.exceptions.IncorrectKeyMaterialException):
        bring(kms, pair(kms, spec), material())


@pytest.mark.parametrize(
    ("spec", "usage", "wrapping", "algorithm"),
    [
        ("RSA_2048", "SIGN_VERIFY", "RSA_4096", "RSAES_OAEP_SHA_256"),
        ("ECC_NIST_P521", "SIGN_VERIFY", "RSA_2048", "RSAES_OAEP_SHA_1"),
        ("ECC_NIST_P521", "SIGN_VERIFY", "RSA_2048", "RSAES_OAEP_SHA_256"),
        ("HMAC_256", "GENERATE_VERIFY_MAC", "RSA_2048", "RSA_AES_KEY_WRAP_SHA_256"),
    ],
)
def test_a_wrapping_that_does_not_fit_the_spec_is_refused(kms, spec, usage, wrapping, algorithm):
    with pytest.raises(kms.exceptions.UnsupportedOperationException):
        kms.get_parameters_for_import(
            KeyId=pair(kms, spec, usage), WrappingAlgorithm=algorithm, WrappingKeySpec=wrapping
        )


def test_an_imported_key_pair_of_two_regions_signs_in_both(kms, elsewhere):
    key = CURVES["ECC_NIST_P256"]()
    made = kms.create_key(Origin="EXTERNAL", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", MultiRegion=True)
    key_id = made["KeyMetadata"]["KeyId"]
    bring(kms, key_id, pkcs8(key))
    kms.replicate_key(KeyId=key_id, ReplicaRegion="eu-west-1")

    bring(elsewhere, key_id, pkcs8(key))

    how = {"KeyId": key_id, "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert elsewhere.verify(**how, Signature=kms.sign(**how)["Signature"])["SignatureValid"]
