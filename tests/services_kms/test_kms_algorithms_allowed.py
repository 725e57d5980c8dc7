"""Who may use which algorithm: policies with the algorithms' condition keys, grants, other accounts; and the record of it."""

import base64
import json
import time

import pytest

SIGN, ENCRYPT, AGREE, MAC, KEM = (
    "SIGN_VERIFY", "ENCRYPT_DECRYPT", "KEY_AGREEMENT", "GENERATE_VERIFY_MAC", "ENCAPSULATE_DECAPSULATE",
)  # fmt: skip  # names
ECDSA = {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}


def allow(condition=None, *actions, resource="*"):
    made = {"Effect": "Allow", "Action": list(actions) or "kms:*", "Resource": resource}
    return {**made, "Condition": {"StringEquals": condition}} if condition else made


# Condition keys (KMS developer guide, AWS KMS condition keys)


CONDITIONS = [
    #  condition key, value that is allowed, kind of key, operation, what passes, what does not
    ("kms:SigningAlgorithm", "RSASSA_PSS_SHA_256", ("RSA_2048", SIGN), "sign",
     {"Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}, {"Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_512"}),
    ("kms:MessageType", "RAW", ("ECC_NIST_P256", SIGN), "sign",
     ECDSA, {"Message": bytes(32), "SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "DIGEST"}),
    ("kms:MessageType", "DIGEST", ("ECC_NIST_P256", SIGN), "sign",
     {"Message": bytes(32), "SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "DIGEST"}, ECDSA),
    ("kms:MacAlgorithm", "HMAC_SHA_256", ("HMAC_256", MAC), "generate_mac",
     {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}, None),
    ("kms:KeyAgreementAlgorithm", "ECDH", ("ECC_NIST_P256", AGREE), "derive_shared_secret",
     {"KeyAgreementAlgorithm": "ECDH"}, None),
    ("kms:EncapsulationAlgorithm", "ML_KEM", ("ML_KEM_768", KEM), "encapsulate", {"EncapsulationAlgorithm": "ML_KEM"}, None),
    ("kms:EncryptionAlgorithm", "RSAES_OAEP_SHA_256", ("RSA_2048", ENCRYPT), "encrypt",
     {"Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, {"Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}),
    ("kms:DataKeyPairSpec", "ECC_NIST_P256", ("SYMMETRIC_DEFAULT", ENCRYPT), "generate_data_key_pair",
     {"KeyPairSpec": "ECC_NIST_P256"}, {"KeyPairSpec": "ECC_NIST_P384"}),
    ("kms:DataKeyPairSpec", "ECC_NIST_P256", ("SYMMETRIC_DEFAULT", ENCRYPT), "generate_data_key_pair_without_plaintext",
     {"KeyPairSpec": "ECC_NIST_P256"}, {"KeyPairSpec": "ML_KEM_768"}),
    ("kms:KeySpec", "ECC_NIST_P256", ("ECC_NIST_P256", SIGN), "get_public_key", {}, None),
    ("kms:KeyUsage", SIGN, ("ECC_NIST_P256", SIGN), "get_public_key", {}, None),
]  # fmt: skip  # a table


@pytest.mark.parametrize(
    ("number", "name", "value", "kind", "operation", "passes", "fails"), [(n, *row) for n, row in enumerate(CONDITIONS)]
)
def test_a_policy_can_tie_a_caller_to_an_algorithm(
    kms, key_of, user, refused, number, name, value, kind, operation, passes, fails
):
    tied = user(f"tied-{number}", allow({name: value}))
    elsewhere = user(f"otherwise-{number}", allow({name: "another"}))
    key = key_of(*kind)["KeyId"]
    if operation == "derive_shared_secret":
        passes = {**passes, "PublicKey": kms.get_public_key(KeyId=key)["PublicKey"]}

    getattr(tied, operation)(KeyId=key, **passes)

    with refused() as told:
        getattr(elsewhere, operation)(KeyId=key, **passes)
    assert told[0] == "AccessDeniedException"
    if fails is not None:
        with refused() as told:
            getattr(tied, operation)(KeyId=key, **fails)
        assert told[0] == "AccessDeniedException"


def test_verify_and_decapsulate_see_the_same_condition_keys(kms, key_of, user, refused):
    signer = user("verifier", allow({"kms:SigningAlgorithm": "ECDSA_SHA_256", "kms:MessageType": "RAW"}, "kms:Verify"))
    opener = user("opener", allow({"kms:EncapsulationAlgorithm": "ML_KEM"}, "kms:Decapsulate"))
    key, kem = key_of("ECC_NIST_P256", SIGN)["KeyId"], key_of("ML_KEM_768", KEM)["KeyId"]
    signature = kms.sign(KeyId=key, **ECDSA)["Signature"]
    made = kms.encapsulate(KeyId=kem, EncapsulationAlgorithm="ML_KEM")

    assert signer.verify(KeyId=key, Signature=signature, **ECDSA)["SignatureValid"]
    asked = {"KeyId": kem, "EncapsulationAlgorithm": "ML_KEM"}
    opened = opener.decapsulate(SharedSecretCiphertextBlob=made["SharedSecretCiphertextBlob"], **asked)

    assert opened["SharedSecret"] == made["SharedSecret"]
    for operation, more in ((signer.sign, {"KeyId": key, **ECDSA}), (opener.encapsulate, asked)):
        with refused() as told:
            operation(**more)
        assert told[0] == "AccessDeniedException"


# Grants


COMMON = {"CreateGrant", "DescribeKey", "RetireGrant"}
CIPHERTEXTS = {"Decrypt", "Encrypt", "ReEncryptFrom", "ReEncryptTo"}
DATA_KEYS = {
    "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext",
}  # fmt: skip
GRANTABLE = [
    #  kind of key                      operations of a grant          source: KMS developer guide, grant operations
    (("SYMMETRIC_DEFAULT", ENCRYPT),    COMMON | CIPHERTEXTS | DATA_KEYS),
    (("RSA_2048", ENCRYPT),             COMMON | CIPHERTEXTS | {"GetPublicKey"}),
    (("RSA_2048", SIGN),                COMMON | {"Sign", "Verify", "GetPublicKey"}),
    (("ECC_NIST_P256", AGREE),          COMMON | {"DeriveSharedSecret", "GetPublicKey"}),
    (("ML_KEM_768", KEM),               COMMON | {"Encapsulate", "Decapsulate", "GetPublicKey"}),
    (("HMAC_256", MAC),                 COMMON | {"GenerateMac", "VerifyMac"}),
]  # fmt: skip  # a table
EVERY = set().union(*(operations for _, operations in GRANTABLE))


def test_the_table_has_every_operation_of_the_model(kms):
    assert set(kms.meta.service_model.shape_for("GrantOperation").enum) == EVERY


@pytest.mark.parametrize(
    ("kind", "operations"), GRANTABLE, ids=lambda value: value[0] if isinstance(value, tuple) else ""
)
def test_a_grant_carries_what_its_key_can_do(keystead, kms, key_of, refused, kind, operations):
    key = key_of(*kind)["KeyId"]
    asked = {"KeyId": key, "GranteePrincipal": f"arn:aws:iam::{keystead.account}:root"}

    made = kms.create_grant(Operations=sorted(operations), **asked)["GrantId"]

    (found,) = kms.list_grants(KeyId=key, GrantId=made)["Grants"]
    assert set(found["Operations"]) == operations
    for operation in sorted(EVERY - operations):
        with refused() as told:
            kms.create_grant(Operations=[operation], **asked)
        assert told[0] == "ValidationException"


@pytest.mark.parametrize("constraint", ["EncryptionContextEquals", "EncryptionContextSubset"])
def test_an_encryption_context_constrains_grants_on_symmetric_keys_alone(keystead, kms, key_of, refused, constraint):
    with refused() as told:
        kms.create_grant(
            KeyId=key_of("RSA_2048", SIGN)["KeyId"],
            GranteePrincipal=f"arn:aws:iam::{keystead.account}:root",
            Operations=["Sign"],
            Constraints={constraint: {"a": "b"}},
        )

    assert told[0] == "ValidationException"


def test_a_grant_lets_its_grantee_use_a_key_pair_until_it_is_revoked(keystead, kms, key_of, user, refused):
    key, grantee = key_of("ECC_NIST_P256", SIGN, 1)["KeyId"], user("grantee-of-a-pair")
    with refused() as told:
        grantee.sign(KeyId=key, **ECDSA)
    assert told[0] == "AccessDeniedException"

    grant = kms.create_grant(
        KeyId=key,
        GranteePrincipal=f"arn:aws:iam::{keystead.account}:user/grantee-of-a-pair",
        Operations=["Sign", "GetPublicKey"],
    )

    grantee.sign(KeyId=key, GrantTokens=[grant["GrantToken"]], **ECDSA)
    grantee.get_public_key(KeyId=key)
    with refused() as told:
        grantee.verify(KeyId=key, Signature=b"x", **ECDSA)
    assert told[0] == "AccessDeniedException"
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    with refused() as told:
        grantee.sign(KeyId=key, **ECDSA)
    assert told[0] == "AccessDeniedException"


# Another account's key


def test_a_key_pair_serves_another_account_that_its_policy_names(keystead, kms, refused):
    far = keystead.create_account()
    theirs = keystead.client("kms", {"AccessKeyId": far.access_key_id, "SecretAccessKey": far.secret_access_key})
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage=SIGN)["KeyMetadata"]
    with refused() as told:
        theirs.sign(KeyId=key["Arn"], **ECDSA)
    assert told[0] == "AccessDeniedException"

    statements = json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"])["Statement"]
    shared = {"Effect": "Allow", "Principal": {"AWS": far.account}, "Resource": "*"}
    statements.append({**shared, "Action": ["kms:Sign", "kms:Verify", "kms:GetPublicKey"]})
    kms.put_key_policy(KeyId=key["KeyId"], Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))

    signature = theirs.sign(KeyId=key["Arn"], **ECDSA)["Signature"]
    assert theirs.verify(KeyId=key["Arn"], Signature=signature, **ECDSA)["SignatureValid"]
    assert theirs.get_public_key(KeyId=key["Arn"])["PublicKey"]


# The record


def test_the_record_names_key_and_algorithm_and_shows_no_secret(keystead, kms, records):
    message = b"never to be seen in a record"
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage=SIGN)["KeyMetadata"]
    mac_key = kms.create_key(KeySpec="HMAC_256", KeyUsage=MAC)["KeyMetadata"]
    agreeing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage=AGREE)["KeyMetadata"]
    kem = kms.create_key(KeySpec="ML_KEM_768", KeyUsage=KEM)["KeyMetadata"]
    symmetric = kms.create_key()["KeyMetadata"]

    signature = kms.sign(KeyId=key["KeyId"], Message=message, SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    mac = kms.generate_mac(KeyId=mac_key["KeyId"], Message=message, MacAlgorithm="HMAC_SHA_256")["Mac"]
    public = kms.get_public_key(KeyId=agreeing["KeyId"])["PublicKey"]
    agreed = kms.derive_shared_secret(KeyId=agreeing["KeyId"], KeyAgreementAlgorithm="ECDH", PublicKey=public)
    shared = kms.encapsulate(KeyId=kem["KeyId"], EncapsulationAlgorithm="ML_KEM")
    pair = kms.generate_data_key_pair(KeyId=symmetric["KeyId"], KeyPairSpec="ECC_NIST_P256")

    (signed,) = records("Sign", key["Arn"])
    assert signed["requestParameters"] == {
        "keyId": key["KeyId"], "messageType": "RAW", "signingAlgorithm": "ECDSA_SHA_256",
    }  # fmt: skip  # one record
    assert (signed["readOnly"], signed["responseElements"]) == (True, None)
    assert [resource["ARN"] for resource in signed["resources"]] == [key["Arn"]]
    (agreement,) = records("DeriveSharedSecret", agreeing["Arn"])
    assert agreement["requestParameters"]["keyAgreementAlgorithm"] == "ECDH"
    (made,) = records("GenerateDataKeyPair", symmetric["Arn"])
    assert made["requestParameters"]["keyPairSpec"] == "ECC_NIST_P256"
    assert made["additionalEventData"]["keyMaterialId"] == symmetric["CurrentKeyMaterialId"]
    (encapsulated,) = records("Encapsulate", kem["Arn"])
    everything = json.dumps([signed, agreement, made, encapsulated, *records("GenerateMac", mac_key["Arn"])])
    secrets = [message, signature, mac, agreed["SharedSecret"], shared["SharedSecret"], pair["PrivateKeyPlaintext"]]
    for secret in secrets:
        assert base64.b64encode(secret).decode() not in everything
        assert secret.hex() not in everything


def test_a_signature_that_is_not_valid_is_on_the_record(kms, records, refused):
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage=SIGN)["KeyMetadata"]

    with refused():
        kms.verify(KeyId=key["KeyId"], Signature=b"x", **ECDSA)

    (verified,) = records("Verify", key["Arn"])
    assert verified["errorCode"] == "KMSInvalidSignatureException"


@pytest.mark.parametrize(
    ("kind", "operation", "asked", "name"),
    [
        (("ECC_NIST_P256", SIGN), "sign", ECDSA, "Sign"),
        (("HMAC_256", MAC), "generate_mac", {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}, "GenerateMac"),
        (("ML_KEM_768", KEM), "encapsulate", {"EncapsulationAlgorithm": "ML_KEM"}, "Encapsulate"),
        (("ECC_NIST_P256", SIGN), "get_public_key", {}, None),
    ],
)
def test_a_cryptographic_use_is_the_keys_last_usage(kms, kind, operation, asked, name):
    key = kms.create_key(KeySpec=kind[0], KeyUsage=kind[1])["KeyMetadata"]["KeyId"]

    getattr(kms, operation)(KeyId=key, **asked)

    if name is None:
        assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"] == {}
        return
    deadline = time.monotonic() + 30
    while not (used := kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert used["Operation"] == name
