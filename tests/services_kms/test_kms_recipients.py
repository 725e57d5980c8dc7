"""Answers for an attested environment alone, with documents that a hypervisor of the tests' own has signed."""

import json
import subprocess
import time
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from enclaves import IMAGE, Hypervisor, enclave_key
from keystead.testing import running

CONTEXT = {"purpose": "test"}


@dataclass
class Enclave:
    """What runs attested: its key pair never leaves it."""

    hypervisor: Hypervisor
    key: Any
    public: bytes
    folder: Any

    def recipient(self, **changes):
        document = self.hypervisor.attest(self.public, **changes)
        return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": document}

    def opened(self, answer):
        path = self.folder / "key.pem"
        path.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        asked = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", str(path)]
        given = answer["CiphertextForRecipient"]
        return subprocess.run(asked, input=given, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def enclave(hypervisor, tmp_path_factory):
    return Enclave(hypervisor, *enclave_key(), tmp_path_factory.mktemp("enclave"))


@pytest.fixture(scope="module")
def key_id(kms):
    return kms.create_key()["KeyMetadata"]["KeyId"]


def code(refused):
    return refused.value.response["Error"]["Code"]


def test_decrypt_answers_the_enclave_alone(kms, key_id, enclave):
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]

    answer = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, Recipient=enclave.recipient())

    assert not answer.keys() & {"Plaintext", "KeyMaterialId"}
    assert answer["KeyId"].endswith(key_id)
    assert enclave.opened(answer) == b"secret"


def test_a_data_key_is_the_enclave_s(kms, key_id, enclave):
    answer = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", Recipient=enclave.recipient())

    assert not answer.keys() & {"Plaintext", "KeyMaterialId"}
    assert enclave.opened(answer) == kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])["Plaintext"]


def test_a_private_key_is_the_enclave_s(kms, key_id, enclave):
    answer = kms.generate_data_key_pair(KeyId=key_id, KeyPairSpec="ECC_NIST_P256", Recipient=enclave.recipient())

    private = load_der_private_key(enclave.opened(answer), None)
    assert "PrivateKeyPlaintext" not in answer
    assert private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == answer["PublicKey"]


def test_random_bytes_are_the_enclave_s(kms, enclave):
    answer = kms.generate_random(NumberOfBytes=64, Recipient=enclave.recipient())

    assert "Plaintext" not in answer
    assert len(enclave.opened(answer)) == 64


def test_a_shared_secret_is_the_enclave_s(kms, enclave):
    agreed = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["KeyId"]
    other = ec.generate_private_key(ec.SECP256R1())

    answer = kms.derive_shared_secret(
        KeyId=agreed,
        KeyAgreementAlgorithm="ECDH",
        PublicKey=other.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        Recipient=enclave.recipient(),
    )

    public = load_der_public_key(kms.get_public_key(KeyId=agreed)["PublicKey"])
    assert "SharedSecret" not in answer
    assert enclave.opened(answer) == other.exchange(ec.ECDH(), public)


def test_rsa_ciphertexts_are_decrypted_for_the_enclave(kms, enclave):
    asymmetric = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    how = {"KeyId": asymmetric, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = kms.encrypt(Plaintext=b"secret", **how)["CiphertextBlob"]

    answer = kms.decrypt(CiphertextBlob=blob, **how, Recipient=enclave.recipient())

    assert enclave.opened(answer) == b"secret"


# Documents that are not believed


def test_a_document_of_another_hypervisor_is_refused(kms, key_id, enclave):
    other = Enclave(Hypervisor(), enclave.key, enclave.public, enclave.folder)

    with pytest.raises(ClientError) as refused:
        kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", Recipient=other.recipient())

    assert code(refused) == "ValidationException"


@pytest.mark.parametrize(
    "changes", [{"at": time.time() - 4000}, {"pcrs": {}}, {"digest": "SHA512"}], ids=["old", "no PCRs", "other digest"]
)
def test_a_document_that_is_not_as_it_should_be_is_refused(kms, key_id, enclave, changes):
    with pytest.raises(ClientError) as refused:
        kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", Recipient=enclave.recipient(**changes))

    assert code(refused) == "ValidationException"


def test_a_tampered_document_is_refused(kms, key_id, enclave):
    recipient = enclave.recipient()
    recipient["AttestationDocument"] = recipient["AttestationDocument"].replace(IMAGE, bytes(48))

    with pytest.raises(ClientError) as refused:
        kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", Recipient=recipient)

    assert code(refused) == "ValidationException"


@pytest.mark.parametrize("length", [262_144, 262_145])
def test_an_oversized_document_is_refused(kms, key_id, enclave, length):
    recipient = {**enclave.recipient(), "AttestationDocument": bytes(length)}

    with pytest.raises(ClientError) as refused:
        kms.generate_random(NumberOfBytes=1, Recipient=recipient)

    assert code(refused) == "ValidationException"


@pytest.mark.parametrize("missing", ["AttestationDocument", "KeyEncryptionAlgorithm"])
def test_half_a_recipient_is_refused(kms, enclave, missing):
    recipient = {name: value for name, value in enclave.recipient().items() if name != missing}

    with pytest.raises(ClientError) as refused:
        kms.generate_random(NumberOfBytes=1, Recipient=recipient)

    assert code(refused) == "ValidationException"


def test_without_a_trusted_root_the_parameter_is_refused(enclave):
    with running() as keystead:
        kms = keystead.client("kms")

        with pytest.raises(ClientError) as refused:
            kms.generate_random(NumberOfBytes=1, Recipient=enclave.recipient())

    assert code(refused) == "UnsupportedOperationException"


# Conditions


def guarded(kms, keystead, condition):
    """A key that gives its plaintexts only under this condition."""
    root = {"AWS": f"arn:aws:iam::{keystead.account}:root"}
    statements = [
        {"Effect": "Allow", "Principal": root, "NotAction": "kms:Decrypt", "Resource": "*"},
        {"Effect": "Allow", "Principal": root, "Action": "kms:Decrypt", "Resource": "*", "Condition": condition},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return kms.create_key(Policy=policy)["KeyMetadata"]["KeyId"]


RIGHT = [
    {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:ImageSha384": IMAGE.hex().upper()}},
    {"StringEquals": {"kms:RecipientAttestation:PCR0": IMAGE.hex(), "kms:RecipientAttestation:PCR8": "08" * 48}},
]
WRONG = [
    {"StringEquals": {"kms:RecipientAttestation:ImageSha384": "00" * 48}},
    {"StringEquals": {"kms:RecipientAttestation:PCR0": IMAGE.hex(), "kms:RecipientAttestation:PCR8": "09" * 48}},
    {"StringEquals": {"kms:RecipientAttestation:PCR3": "03" * 48}},
    {"StringEquals": {"kms:RecipientAttestation:NitroTPMPCR0": IMAGE.hex()}},
]


@pytest.mark.parametrize("condition", RIGHT)
def test_the_right_measurements_open_the_key(kms, keystead, enclave, condition):
    key_id = guarded(kms, keystead, condition)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]

    assert enclave.opened(kms.decrypt(CiphertextBlob=blob, Recipient=enclave.recipient())) == b"x"


@pytest.mark.parametrize("condition", WRONG)
def test_wrong_measurements_do_not(kms, keystead, enclave, condition):
    key_id = guarded(kms, keystead, condition)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]

    with pytest.raises(ClientError) as refused:
        kms.decrypt(CiphertextBlob=blob, Recipient=enclave.recipient())

    assert code(refused) == "AccessDeniedException"


def test_without_a_document_there_are_no_measurements(kms, keystead):
    key_id = guarded(kms, keystead, RIGHT[0])
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]

    with pytest.raises(ClientError) as refused:
        kms.decrypt(CiphertextBlob=blob)

    assert code(refused) == "AccessDeniedException"


def test_a_tpm_s_measurements_have_names_of_their_own(kms, keystead, enclave):
    condition = {"StringEquals": {"kms:RecipientAttestation:NitroTPMPCR4": "04" * 48}}
    key_id = guarded(kms, keystead, condition)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]

    answer = kms.decrypt(CiphertextBlob=blob, Recipient=enclave.recipient(pcrs=None, nitrotpm_pcrs={4: b"\x04" * 48}))

    assert enclave.opened(answer) == b"x"


def test_the_record_tells_what_was_attested(keystead, kms, key_id, enclave):
    answer = kms.generate_data_key(KeyId=key_id, NumberOfBytes=7, Recipient=enclave.recipient())

    log = b"".join(path.read_bytes() for path in (keystead.data / "trail").rglob("*") if path.is_file())
    asked = answer["ResponseMetadata"]["RequestId"].encode()
    event = next(line for line in log.split(b'{"eventVersion"') if asked in line)
    assert f'"attestationDocumentEnclaveImageDigest":"{IMAGE.hex()}"'.encode() in event
    assert b'"attestationDocumentEnclavePCR8"' in event
    assert b'attestationDocument"' not in event
