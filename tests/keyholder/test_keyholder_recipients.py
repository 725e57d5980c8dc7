"""What is given out for one recipient alone, opened by OpenSSL, which nobody here has written."""

import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from keystead.keyholder.errors import RequestRefused
from keystead.keyholder.promise import KEY_AGREEMENT, SYMMETRIC_DEFAULT


def spki(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def enclave():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def material(keyholder):
    return keyholder.create_material("1234abcd-12ab-34cd-56ef-1234567890ab", SYMMETRIC_DEFAULT)


@pytest.fixture
def opened(tmp_path, enclave):
    """What OpenSSL finds in CMS EnvelopedData with the enclave's key."""
    path = tmp_path / "enclave.pem"
    path.write_bytes(enclave.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def open_(message):
        asked = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", str(path)]
        return subprocess.run(asked, input=message, capture_output=True, check=True).stdout

    return open_


@pytest.mark.parametrize("plaintext", [b"\x10" * 16, b"x", bytes(4096)])
def test_a_decrypted_plaintext_goes_to_the_recipient_alone(keyholder, material, enclave, opened, plaintext):
    blob = keyholder.encrypt(material, plaintext, b"c")

    answer = keyholder.decrypt(material, blob, b"c", SYMMETRIC_DEFAULT, spki(enclave))

    assert plaintext not in answer or len(plaintext) == 1
    assert opened(answer) == plaintext


def test_a_data_key_goes_to_the_recipient_and_its_blob_to_everybody(keyholder, material, enclave, opened):
    answer, blob = keyholder.generate_data_key(material, 32, b"", spki(enclave))

    assert opened(answer) == keyholder.decrypt(material, blob, b"")


def test_a_private_key_goes_to_the_recipient(keyholder, material, enclave, opened):
    public, answer, blob = keyholder.generate_data_key_pair(material, "ECC_NIST_P256", b"", spki(enclave))

    private = opened(answer)
    assert private == keyholder.decrypt(material, blob, b"")
    assert spki(load_der_private_key(private, None)) == public


def test_an_rsa_private_key_goes_to_the_recipient(keyholder, material, enclave, opened):
    public, answer, _ = keyholder.generate_data_key_pair(material, "RSA_2048", b"", spki(enclave))

    assert spki(load_der_private_key(opened(answer), None)) == public


def test_random_bytes_go_to_the_recipient(keyholder, enclave, opened):
    assert len(opened(keyholder.random(1024, spki(enclave)))) == 1024


def test_a_shared_secret_goes_to_the_recipient(keyholder, made, enclave, opened):
    material = made("ECC_NIST_P256", KEY_AGREEMENT)
    other = ec.generate_private_key(ec.SECP256R1())

    answer = keyholder.derive_shared_secret(material, spki(other), spki(enclave))

    assert opened(answer) == other.exchange(ec.ECDH(), load_der_public_key(keyholder.public_key(material)))


def test_the_same_plaintext_never_gives_the_same_answer(keyholder, material, enclave):
    blob = keyholder.encrypt(material, b"x", b"")

    assert keyholder.decrypt(material, blob, b"", SYMMETRIC_DEFAULT, spki(enclave)) != keyholder.decrypt(
        material, blob, b"", SYMMETRIC_DEFAULT, spki(enclave)
    )


@pytest.mark.parametrize(
    "recipient",
    [
        b"x",
        bytes(1025),
        spki(rsa.generate_private_key(65537, 1024)),  # noqa: S505  # the question
        spki(ec.generate_private_key(ec.SECP256R1())),
    ],
    ids=["noise", "too long", "RSA of 1024 bits", "no RSA"],
)
def test_a_recipient_that_cannot_be_answered_to_gets_nothing(keyholder, recipient):
    with pytest.raises(RequestRefused):
        keyholder.random(32, recipient)
