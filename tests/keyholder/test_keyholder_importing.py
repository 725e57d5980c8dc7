"""Material from outside: what a keyholder promises of wrapping keys and import tokens, whichever backend keeps it."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keystead.keyholder import setup
from keystead.keyholder.errors import (
    CiphertextInvalid,
    ImportTokenExpired,
    ImportTokenInvalid,
    MaterialWrong,
    RequestRefused,
)
from keystead.keyholder.promise import ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT
from keystead.keyholder.seals import FileSeal

KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:us-east-1:111122223333:key/{KEY}"
OAEP = "RSAES_OAEP_SHA_256"
HASHES = {"SHA_1": SHA1, "SHA_256": SHA256}


def wrapped(public_key: bytes, algorithm: str, material: bytes, *, key_length: int = 32) -> bytes:
    """By the KMS developer guide's steps, with the library directly."""
    digest = HASHES[algorithm[algorithm.index("SHA") :]]
    oaep = padding.OAEP(padding.MGF1(digest()), digest(), None)
    public = load_der_public_key(public_key)
    if algorithm.startswith("RSAES"):
        return public.encrypt(material, oaep)
    key = os.urandom(key_length)
    return public.encrypt(key, oaep) + aes_key_wrap_with_padding(key, material)


@pytest.fixture(scope="module")
def offered(keyholder):
    return keyholder.wrapping_key(ARN, SYMMETRIC_DEFAULT, "RSA_2048", OAEP)


def bring(keyholder, offered, material, algorithm=OAEP, arn=ARN, key=KEY, spec=SYMMETRIC_DEFAULT):
    return keyholder.import_material(
        arn, key, spec, ENCRYPT_DECRYPT, offered.token, wrapped(offered.public_key, algorithm, material)
    )


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", pytest.param("RSA_4096", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"]
)
def test_material_that_was_wrapped_outside_encrypts_inside(keyholder, spec, algorithm):
    offered = keyholder.wrapping_key(ARN, SYMMETRIC_DEFAULT, spec, algorithm)

    material = bring(keyholder, offered, os.urandom(32), algorithm)

    assert load_der_public_key(offered.public_key).key_size == int(spec[4:])
    assert len(offered.token) <= 6144
    assert keyholder.decrypt(material, keyholder.encrypt(material, b"x", b"c"), b"c") == b"x"


def test_the_same_material_has_the_same_id_under_one_key_only(keyholder, offered):
    secret = os.urandom(32)

    first, again = bring(keyholder, offered, secret), bring(keyholder, offered, secret)
    other = bring(keyholder, offered, secret, key="another")

    assert first.material_id == again.material_id != other.material_id
    assert keyholder.decrypt(again, keyholder.encrypt(first, b"x", b""), b"") == b"x"


def test_what_one_import_encrypted_another_of_the_same_material_decrypts_elsewhere(keyholder, offered):
    """The material itself was taken, not a derivative of it and of chance."""
    secret = bytes(range(32))
    first = bring(keyholder, offered, secret)
    second = bring(keyholder, keyholder.wrapping_key(ARN, SYMMETRIC_DEFAULT, "RSA_2048", OAEP), secret)

    assert keyholder.decrypt(second, keyholder.encrypt(first, b"x", b""), b"") == b"x"


@pytest.mark.parametrize("change", [{"arn": ARN.replace("us-east-1", "eu-west-1")}, {"arn": ARN[:-1] + "c"}])
def test_a_token_is_good_for_one_key_in_one_region(keyholder, offered, change):
    with pytest.raises(ImportTokenInvalid):
        bring(keyholder, offered, os.urandom(32), **change)


def test_every_bit_of_an_import_token_counts(keyholder, offered):
    cipher = wrapped(offered.public_key, OAEP, os.urandom(32))

    for bit in range(0, len(offered.token) * 8, 61):
        place, mask = divmod(bit, 8)
        token = offered.token[:place] + bytes([offered.token[place] ^ (1 << mask)]) + offered.token[place + 1 :]
        with pytest.raises(ImportTokenInvalid):
            keyholder.import_material(ARN, KEY, SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, token, cipher)


@pytest.mark.parametrize("token", [b"", b"\x01", b"\x01" * 17, b"\x01" * 60, b"\x02" * 200])
def test_what_is_no_import_token_is_invalid(keyholder, token):
    with pytest.raises(ImportTokenInvalid):
        keyholder.import_material(ARN, KEY, SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, token, b"x")


def test_another_wrapping_key_s_token_does_not_unwrap(keyholder, offered):
    other = keyholder.wrapping_key(ARN, SYMMETRIC_DEFAULT, "RSA_2048", OAEP)

    with pytest.raises(CiphertextInvalid):
        keyholder.import_material(
            ARN, KEY, SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, other.token, wrapped(offered.public_key, OAEP, os.urandom(32))
        )


@pytest.mark.parametrize("cipher", [b"", b"x", bytes(255), bytes(256), bytes(257), b"\xff" * 6144])
def test_what_does_not_unwrap_is_invalid(keyholder, offered, cipher):
    with pytest.raises(CiphertextInvalid):
        keyholder.import_material(ARN, KEY, SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, offered.token, cipher)


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"])
def test_another_algorithm_than_the_token_s_does_not_unwrap(keyholder, offered, algorithm):
    with pytest.raises(CiphertextInvalid):
        bring(keyholder, offered, os.urandom(32), algorithm)


@pytest.mark.parametrize("key_length", [16, 24])
def test_the_aes_key_of_two_steps_has_256_bits(keyholder, key_length):
    algorithm = "RSA_AES_KEY_WRAP_SHA_256"
    offered = keyholder.wrapping_key(ARN, SYMMETRIC_DEFAULT, "RSA_2048", algorithm)
    cipher = wrapped(offered.public_key, algorithm, os.urandom(32), key_length=key_length)

    with pytest.raises(CiphertextInvalid):
        keyholder.import_material(ARN, KEY, SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, offered.token, cipher)


@pytest.mark.parametrize("length", [1, 16, 31, 33, 64])
def test_material_of_another_length_is_wrong(keyholder, offered, length):
    with pytest.raises(MaterialWrong):
        bring(keyholder, offered, os.urandom(length))


@pytest.mark.parametrize(
    ("spec", "wrapping", "algorithm"),
    [
        ("SM2", "RSA_2048", OAEP),
        (SYMMETRIC_DEFAULT, "SM2", OAEP),
        (SYMMETRIC_DEFAULT, "RSA_1024", OAEP),
        (SYMMETRIC_DEFAULT, "RSA_2048", "RSAES_PKCS1_V1_5"),
        (SYMMETRIC_DEFAULT, "RSA_2048", "SM2PKE"),
    ],
)
def test_a_wrapping_key_of_another_kind_is_refused(keyholder, spec, wrapping, algorithm):
    with pytest.raises(RequestRefused):
        keyholder.wrapping_key(ARN, spec, wrapping, algorithm)


def test_what_is_too_large_is_refused(keyholder, offered):
    with pytest.raises(RequestRefused):
        keyholder.import_material(ARN, KEY, SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, bytes(6145), b"x")
    with pytest.raises(RequestRefused):
        keyholder.import_material(ARN, KEY, SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, offered.token, bytes(6145))


def test_a_wrapping_key_is_good_for_a_day(tmp_path):
    now = [1_750_000_000.5]
    software = setup.create(tmp_path, FileSeal(), clock=lambda: now[0]).software
    offered = software.wrapping_key(ARN, SYMMETRIC_DEFAULT, "RSA_2048", OAEP)
    cipher = wrapped(offered.public_key, OAEP, os.urandom(32))

    assert offered.valid_to == 1_750_000_000 + 86_400
    now[0] = offered.valid_to - 1
    software.import_material(ARN, KEY, SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, offered.token, cipher)
    now[0] = offered.valid_to
    with pytest.raises(ImportTokenExpired):
        software.import_material(ARN, KEY, SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, offered.token, cipher)


def test_a_token_holds_nothing_of_the_private_key_in_clear(keyholder, offered):
    assert load_der_public_key(offered.public_key).public_numbers().n.to_bytes(256, "big")[:16] not in offered.token
    assert repr(offered).count("\\x") == 0
