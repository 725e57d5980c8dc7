"""The key of the trail's digests: what it signs verifies with AWS's own validator's library, and it signs nothing else."""

import pytest
import rsa  # the library that `aws cloudtrail validate-logs` verifies with

from keystead.keyholder.errors import RequestRefused, TokenInvalid
from keystead.keyholder.promise import SealedKey

END, PLACE, HASH = "2026-11-24T10:00:00Z", "bucket/AWSLogs/1/x.json.gz", "ab" * 32


@pytest.fixture(scope="module")
def made(caretaker):
    return caretaker.new_digest_key(1)


@pytest.mark.parametrize("previous", ["null", "0f" * 256])
def test_a_signature_verifies_with_the_public_half(caretaker, made, previous):
    sealed, public = made

    signature = caretaker.sign_digest(sealed, END, PLACE, HASH, previous)

    key = rsa.PublicKey.load_pkcs1(public, "DER")
    assert key.n.bit_length() == 2048
    assert rsa.verify(f"{END}\n{PLACE}\n{HASH}\n{previous}".encode(), signature, key) == "SHA-256"


def test_the_same_digest_has_the_same_signature(caretaker, made):
    signed = {caretaker.sign_digest(made[0], END, PLACE, HASH, "null") for _ in range(3)}

    assert len(signed) == 1


@pytest.mark.parametrize(
    ("end", "place", "digest_hash", "previous"),
    [
        ("now", PLACE, HASH, "null"),
        (END + "\n", PLACE, HASH, "null"),
        (END, "bucket", HASH, "null"),
        (END, PLACE + "\nx", HASH, "null"),
        (END, PLACE, HASH.upper(), "null"),
        (END, PLACE, HASH[1:], "null"),
        (END, PLACE, HASH, "nul"),
        (END, PLACE, HASH, ""),
    ],
)
def test_what_is_no_digest_s_is_not_signed(caretaker, made, end, place, digest_hash, previous):
    with pytest.raises(RequestRefused):
        caretaker.sign_digest(made[0], end, place, digest_hash, previous)


def test_a_sealed_key_that_was_altered_or_is_another_s_signs_nothing(caretaker, made):
    sealed = made[0]
    altered = SealedKey(sealed.id, sealed.purpose, sealed.version + 1, sealed.blob)
    another = SealedKey(sealed.id, "domain", 1, sealed.blob)

    with pytest.raises(TokenInvalid):
        caretaker.sign_digest(altered, END, PLACE, HASH, "null")
    with pytest.raises(RequestRefused):
        caretaker.sign_digest(another, END, PLACE, HASH, "null")


def test_a_digest_key_survives_a_new_root_key(caretaker, made):
    """It is resealed like every other key of the keyholder's own."""
    sealed, public = made

    again = caretaker.reseal(sealed)

    signature = caretaker.sign_digest(again, END, PLACE, HASH, "null")
    assert rsa.verify(f"{END}\n{PLACE}\n{HASH}\nnull".encode(), signature, rsa.PublicKey.load_pkcs1(public, "DER"))
