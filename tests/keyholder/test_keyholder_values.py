"""Values under a data key of their own: what is sealed opens for the same key, context and kind, and for nothing else."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode

from keystead.keyholder.ciphertext import canonical
from keystead.keyholder.errors import CiphertextInvalid, RequestRefused
from keystead.keyholder.promise import SYMMETRIC_DEFAULT
from keystead.keyholder.values import OVERHEAD, VALUE_LIMIT

CONTEXT = canonical(
    {"SecretARN": "arn:aws:secretsmanager:us-east-1:111122223333:secret:app-AbCdEf", "SecretVersionId": "v"}
)
KIND = b"string"


@pytest.fixture(scope="module")
def material(keyholder):
    return keyholder.create_material("1234abcd-12ab-34cd-56ef-1234567890ab", SYMMETRIC_DEFAULT)


@pytest.mark.parametrize("value", [b"\0", b"hunter2", bytes(VALUE_LIMIT)])
def test_what_was_sealed_opens(keyholder, material, value):
    blob, sealed = keyholder.seal_value(material, value, CONTEXT, KIND)

    assert keyholder.open_value(material, blob, sealed, CONTEXT, KIND) == value
    assert len(sealed) == len(value) + OVERHEAD


def test_the_blob_is_what_generate_data_key_makes_and_the_rest_is_sealed_under_it(keyholder, material):
    blob, sealed = keyholder.seal_value(material, b"hunter2", CONTEXT, KIND)
    data_key = keyholder.decrypt(material, blob, CONTEXT)
    nonce, iv, ciphertext = sealed[1:17], sealed[17:29], sealed[29:]
    fixed = b"keystead value\0" + nonce + (256).to_bytes(4, "big")
    derived = KBKDFHMAC(SHA256(), Mode.CounterMode, 32, 4, None, CounterLocation.BeforeFixed, None, None, fixed)

    opened = AESGCM(derived.derive(data_key)).decrypt(
        iv, ciphertext, sealed[:29] + len(CONTEXT).to_bytes(4, "big") + CONTEXT + KIND
    )

    assert opened == b"hunter2"


def test_two_sealings_of_a_value_have_nothing_in_common(keyholder, material):
    first, second = (keyholder.seal_value(material, b"x" * 64, CONTEXT, KIND) for _ in range(2))

    assert first[0] != second[0]
    assert first[1][1:] != second[1][1:]


@pytest.mark.parametrize("length", [0, VALUE_LIMIT + 1])
def test_a_value_of_another_size_is_refused(keyholder, material, length):
    with pytest.raises(RequestRefused):
        keyholder.seal_value(material, bytes(length), CONTEXT, KIND)


@pytest.mark.parametrize(
    ("context", "kind"), [(b"", KIND), (CONTEXT, b"binary"), (CONTEXT + KIND, b""), (CONTEXT, KIND + bytes(32))]
)
def test_it_opens_for_no_other_context_or_kind(keyholder, material, context, kind):
    blob, sealed = keyholder.seal_value(material, b"x", CONTEXT, KIND)

    with pytest.raises(CiphertextInvalid):
        keyholder.open_value(material, blob, sealed, context, kind)


def test_every_bit_counts(keyholder, material):
    blob, sealed = keyholder.seal_value(material, b"secret", CONTEXT, KIND)

    for bit in range(len(sealed) * 8):
        place, mask = divmod(bit, 8)
        flipped = sealed[:place] + bytes([sealed[place] ^ 1 << mask]) + sealed[place + 1 :]
        with pytest.raises(CiphertextInvalid):
            keyholder.open_value(material, blob, flipped, CONTEXT, KIND)


def test_a_value_of_another_data_key_is_invalid(keyholder, material):
    blob, _ = keyholder.seal_value(material, b"x", CONTEXT, KIND)
    _, sealed = keyholder.seal_value(material, b"x", CONTEXT, KIND)

    with pytest.raises(CiphertextInvalid):
        keyholder.open_value(material, blob, sealed, CONTEXT, KIND)


@pytest.mark.parametrize("length", [0, 1, OVERHEAD, VALUE_LIMIT + OVERHEAD + 1])
def test_what_cannot_be_a_value_is_invalid(keyholder, material, length):
    blob, sealed = keyholder.seal_value(material, b"x", CONTEXT, KIND)

    with pytest.raises(CiphertextInvalid):
        keyholder.open_value(material, blob, (sealed + bytes(VALUE_LIMIT * 2))[:length], CONTEXT, KIND)


@pytest.mark.parametrize("length", [16, 33])
def test_a_data_key_of_another_length_opens_nothing(keyholder, material, length):
    _, blob = keyholder.generate_data_key(material, length, CONTEXT)
    _, sealed = keyholder.seal_value(material, b"x", CONTEXT, KIND)

    with pytest.raises(CiphertextInvalid):
        keyholder.open_value(material, blob, sealed, CONTEXT, KIND)
