"""What every keyholder promises, whichever backend keeps it."""

import base64
import hmac
import uuid

import pytest

from keystead.keyholder.ciphertext import (
    BLOB_LIMIT,
    CONTEXT_LIMIT,
    OVERHEAD,
    PLAINTEXT_LIMIT,
    canonical,
    material_id_of,
)
from keystead.keyholder.errors import CiphertextInvalid, RequestRefused, TokenInvalid
from keystead.keyholder.promise import SYMMETRIC_DEFAULT, Material, SealedKey, wrapped_under

CONTEXT = canonical({"purpose": "test", "Ünïcode": "✓"})


@pytest.fixture(scope="module")
def material(keyholder):
    return keyholder.create_material("1234abcd-12ab-34cd-56ef-1234567890ab", SYMMETRIC_DEFAULT)


@pytest.fixture(scope="module")
def other(keyholder):
    return keyholder.create_material("mrk-1234abcd12ab34cd56ef1234567890ab", SYMMETRIC_DEFAULT)


def altered(material: Material, **changes: object) -> Material:
    fields = {name: getattr(material, name) for name in Material.__struct_fields__}
    return Material(**{**fields, **changes})


def flip(data: bytes, bit: int) -> bytes:
    place, mask = divmod(bit, 8)
    return data[:place] + bytes([data[place] ^ (1 << mask)]) + data[place + 1 :]


# Encryption


@pytest.mark.parametrize("plaintext", [b"\0", b"x" * 64, bytes(PLAINTEXT_LIMIT)])
@pytest.mark.parametrize("context", [b"", CONTEXT, bytes(CONTEXT_LIMIT)])
def test_what_was_encrypted_decrypts(keyholder, material, plaintext, context):
    blob = keyholder.encrypt(material, plaintext, context)

    assert keyholder.decrypt(material, blob, context) == plaintext
    assert len(blob) == len(plaintext) + OVERHEAD
    assert material_id_of(blob) == material.material_id


def test_the_same_plaintext_never_gives_the_same_blob(keyholder, material):
    assert keyholder.encrypt(material, b"x", b"") != keyholder.encrypt(material, b"x", b"")


@pytest.mark.parametrize("length", [0, PLAINTEXT_LIMIT + 1])
def test_a_plaintext_of_another_size_is_refused(keyholder, material, length):
    with pytest.raises(RequestRefused):
        keyholder.encrypt(material, bytes(length), b"")


def test_a_context_over_the_limit_is_refused(keyholder, material):
    blob = keyholder.encrypt(material, b"x", b"")

    with pytest.raises(RequestRefused):
        keyholder.encrypt(material, b"x", bytes(CONTEXT_LIMIT + 1))
    with pytest.raises(RequestRefused):
        keyholder.decrypt(material, blob, bytes(CONTEXT_LIMIT + 1))


def test_every_single_bit_of_a_blob_counts(keyholder, material):
    blob = keyholder.encrypt(material, b"secret", CONTEXT)

    for bit in range(len(blob) * 8):
        with pytest.raises(CiphertextInvalid):
            keyholder.decrypt(material, flip(blob, bit), CONTEXT)


@pytest.mark.parametrize("length", [0, 1, 33, OVERHEAD - 1, OVERHEAD, BLOB_LIMIT + 1])
def test_a_blob_of_impossible_length_is_invalid(keyholder, material, length):
    blob = (keyholder.encrypt(material, b"x", b"") + bytes(BLOB_LIMIT))[:length]

    with pytest.raises(CiphertextInvalid):
        keyholder.decrypt(material, blob, b"")


@pytest.mark.parametrize(
    "context", [{}, {"a": "b", "c": ""}, {"a": "B"}, {"A": "b"}, {"ab": ""}, {"": "ab"}, {"a": "b "}]
)
def test_a_blob_opens_only_under_its_context(keyholder, material, context):
    blob = keyholder.encrypt(material, b"x", canonical({"a": "b"}))

    with pytest.raises(CiphertextInvalid):
        keyholder.decrypt(material, blob, canonical(context))


def test_a_blob_of_another_key_is_invalid(keyholder, material, other):
    blob = keyholder.encrypt(material, b"x", b"")

    with pytest.raises(CiphertextInvalid):
        keyholder.decrypt(other, blob, b"")


def test_the_material_named_in_a_blob_cannot_be_swapped(keyholder, material, other):
    blob = keyholder.encrypt(material, b"x", b"")
    swapped = b"\x01" + bytes.fromhex(other.material_id) + blob[33:]

    with pytest.raises(CiphertextInvalid):
        keyholder.decrypt(other, swapped, b"")


def test_reencrypt_moves_a_blob_to_another_key_and_context(keyholder, material, other):
    blob = keyholder.encrypt(material, b"moved", CONTEXT)

    moved = keyholder.reencrypt(material, blob, CONTEXT, other, b"")

    assert keyholder.decrypt(other, moved, b"") == b"moved"
    with pytest.raises(CiphertextInvalid):
        keyholder.reencrypt(material, blob, b"", other, b"")


# Data keys and random bytes


@pytest.mark.parametrize("length", [1, 16, 32, 1024])
def test_a_data_key_comes_with_the_blob_that_opens_to_it(keyholder, material, length):
    plaintext, blob = keyholder.generate_data_key(material, length, CONTEXT)

    assert len(plaintext) == length
    assert keyholder.decrypt(material, blob, CONTEXT) == plaintext


@pytest.mark.parametrize("length", [1, 32])
def test_a_data_key_without_plaintext_opens_later(keyholder, material, length):
    blob = keyholder.generate_data_key_without_plaintext(material, length, CONTEXT)

    assert len(keyholder.decrypt(material, blob, CONTEXT)) == length


def test_random_bytes_have_the_length_asked_for_and_differ(keyholder):
    assert len(keyholder.random(1024)) == 1024
    assert keyholder.random(32) != keyholder.random(32)


@pytest.mark.parametrize("length", [-1, 0, 1025])
def test_other_lengths_are_refused(keyholder, material, length):
    with pytest.raises(RequestRefused):
        keyholder.random(length)
    with pytest.raises(RequestRefused):
        keyholder.generate_data_key(material, length, b"")
    with pytest.raises(RequestRefused):
        keyholder.generate_data_key_without_plaintext(material, length, b"")


# Tokens


def test_material_ids_are_64_hex_and_differ_even_for_one_key(keyholder, material):
    again = keyholder.create_material(material.key_id, SYMMETRIC_DEFAULT)

    assert len(bytes.fromhex(again.material_id)) == 32
    assert again.material_id != material.material_id


@pytest.mark.parametrize("spec", ["", "ML_KEM_512", "HMAC_1", "symmetric_default", "SM2"])
def test_a_spec_without_an_implementation_is_refused(keyholder, material, spec):
    with pytest.raises(RequestRefused):
        keyholder.create_material("key", spec)
    with pytest.raises(RequestRefused):
        keyholder.encrypt(altered(material, spec=spec), b"x", b"")


@pytest.mark.parametrize("key_id", ["", "k" * 257])
def test_a_key_id_of_impossible_length_is_refused(keyholder, key_id):
    with pytest.raises(RequestRefused):
        keyholder.create_material(key_id, SYMMETRIC_DEFAULT)


def test_text_without_a_utf8_form_is_refused(keyholder):
    with pytest.raises(RequestRefused):
        keyholder.create_material("\ud800", SYMMETRIC_DEFAULT)


def test_a_token_does_not_open_under_another_key_id(keyholder, material, other):
    with pytest.raises(TokenInvalid):
        keyholder.encrypt(altered(material, key_id=other.key_id), b"x", b"")


def test_a_token_does_not_open_under_another_material_id(keyholder, material, other):
    with pytest.raises(TokenInvalid):
        keyholder.encrypt(altered(material, material_id=other.material_id), b"x", b"")


def test_tokens_of_two_keys_cannot_be_swapped(keyholder, caretaker, material, other):
    blob = keyholder.encrypt(material, b"x", b"")

    with pytest.raises(TokenInvalid):
        keyholder.decrypt(altered(material, token=other.token), blob, b"")
    with pytest.raises(TokenInvalid):
        caretaker.rewrap(altered(material, token=other.token))


def test_every_single_bit_of_a_token_counts(keyholder, material):
    for bit in range(len(material.token) * 8):
        with pytest.raises(TokenInvalid):
            keyholder.encrypt(altered(material, token=flip(material.token, bit)), b"x", b"")


@pytest.mark.parametrize("token", [b"", b"\x01", b"\x01" * 17, b"\x01" * 60])
def test_what_cannot_be_a_token_is_invalid(keyholder, material, token):
    with pytest.raises(TokenInvalid):
        keyholder.encrypt(altered(material, token=token), b"x", b"")


def test_a_token_over_the_limit_is_refused(keyholder, material):
    with pytest.raises(RequestRefused):
        keyholder.encrypt(altered(material, token=b"\x01" * 4097), b"x", b"")


def test_a_signing_secret_cannot_be_used_as_key_material(keyholder):
    _, token = keyholder.create_secret("AKIAEXAMPLE")

    with pytest.raises(TokenInvalid):
        keyholder.encrypt(Material("AKIAEXAMPLE", "00" * 32, SYMMETRIC_DEFAULT, token), b"x", b"")


# Secrets that sign requests


def test_a_secret_is_40_characters_of_base64_and_new_each_time(keyholder):
    secret, _ = keyholder.create_secret("AKIAEXAMPLE")
    again, _ = keyholder.create_secret("AKIAEXAMPLE")

    assert len(secret) == 40
    assert len(base64.b64decode(secret, validate=True)) == 30
    assert secret != again


def test_the_signing_key_is_that_of_the_secret_shown(keyholder):
    secret, token = keyholder.create_secret("AKIAEXAMPLE")

    made = keyholder.signing_key(token, "AKIAEXAMPLE", "20150830", "us-east-1", "iam")

    key = b"AWS4" + secret.encode()
    for part in ("20150830", "us-east-1", "iam", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    assert made == key


def test_a_secret_belongs_to_one_access_key(keyholder):
    _, token = keyholder.create_secret("AKIAEXAMPLE")

    with pytest.raises(TokenInvalid):
        keyholder.signing_key(token, "AKIAOTHER", "20150830", "us-east-1", "iam")


def test_key_material_cannot_be_used_as_a_signing_secret(keyholder, material):
    with pytest.raises(TokenInvalid):
        keyholder.signing_key(material.token, material.key_id, "20150830", "us-east-1", "iam")


@pytest.mark.parametrize("scope", [("", "r", "s"), ("d", "", "s"), ("d", "r", ""), ("d", "r" * 257, "s")])
def test_a_scope_of_impossible_length_is_refused(keyholder, scope):
    _, token = keyholder.create_secret("AKIAEXAMPLE")

    with pytest.raises(RequestRefused):
        keyholder.signing_key(token, "AKIAEXAMPLE", *scope)


# Page markers


@pytest.mark.parametrize("place", [b"", b"last name given out", bytes(4096)])
def test_a_marker_opens_under_its_context(keyholder, place):
    marker = keyholder.seal_marker(b"ListKeys", place)

    assert keyholder.open_marker(b"ListKeys", marker) == place
    assert len(marker) == len(place) + 61


def test_a_marker_is_bound_to_its_context(keyholder):
    marker = keyholder.seal_marker(b"ListKeys", b"place")

    with pytest.raises(CiphertextInvalid):
        keyholder.open_marker(b"ListAliases", marker)


def test_every_single_bit_of_a_marker_counts(keyholder):
    marker = keyholder.seal_marker(b"", b"place")

    for bit in range(len(marker) * 8):
        with pytest.raises(CiphertextInvalid):
            keyholder.open_marker(b"", flip(marker, bit))


@pytest.mark.parametrize("marker", [b"", b"\x01", b"\x01" * 40, b"garbage", b"\x01" * 9000])
def test_what_is_no_marker_is_invalid(keyholder, marker):
    with pytest.raises(CiphertextInvalid):
        keyholder.open_marker(b"", marker)


def test_a_token_is_no_marker(keyholder, material):
    with pytest.raises(CiphertextInvalid):
        keyholder.open_marker(b"", material.token)


def test_a_marker_over_the_limit_is_refused(keyholder):
    with pytest.raises(RequestRefused):
        keyholder.seal_marker(b"", bytes(4097))


# Domain keys


def test_a_new_domain_key_serves_new_tokens_once_it_is_loaded(keyholder, caretaker, material):
    before = keyholder.create_material("key", SYMMETRIC_DEFAULT).token[:17]
    made = caretaker.new_domain_key()
    still = keyholder.create_material("key", SYMMETRIC_DEFAULT).token[:17]
    caretaker.load((made,))
    after = keyholder.create_material("key", SYMMETRIC_DEFAULT).token[:17]

    assert before == still
    assert after[1:] == uuid.UUID(made.id).bytes
    assert keyholder.decrypt(material, keyholder.encrypt(material, b"x", b""), b"") == b"x"


def test_rewrapping_changes_the_token_and_nothing_else(keyholder, caretaker, material):
    blob = keyholder.encrypt(material, b"x", CONTEXT)
    caretaker.load((caretaker.new_domain_key(),))

    rewrapped = caretaker.rewrap(material)

    assert rewrapped.token[:17] != material.token[:17]
    assert altered(rewrapped, token=b"") == altered(material, token=b"")
    assert keyholder.decrypt(rewrapped, blob, CONTEXT) == b"x"


def test_versions_of_domain_keys_count_up(caretaker):
    first = caretaker.new_domain_key()
    caretaker.load((first,))

    assert caretaker.new_domain_key().version == first.version + 1


def test_loading_again_changes_nothing(keyholder, caretaker, sealed):
    caretaker.load((caretaker.new_domain_key(),))
    newest = keyholder.create_material("key", SYMMETRIC_DEFAULT).token[:17]

    keyholder.load(sealed)

    assert keyholder.create_material("key", SYMMETRIC_DEFAULT).token[:17] == newest


def test_a_token_tells_the_store_which_domain_key_it_needs(keyholder, caretaker):
    made = caretaker.new_domain_key()
    caretaker.load((made,))

    assert wrapped_under(keyholder.create_material("key", SYMMETRIC_DEFAULT).token) == made.id
    assert wrapped_under(keyholder.create_secret("AKIAEXAMPLE")[1]) == made.id


@pytest.mark.parametrize("token", [b"", b"\x03" * 17, b"\x01" * 16])
def test_what_cannot_be_a_token_needs_no_domain_key(token):
    with pytest.raises(ValueError):
        wrapped_under(token)


def test_a_rewrapped_secret_still_signs(keyholder, caretaker):
    _, token = keyholder.create_secret("AKIAEXAMPLE")
    made = caretaker.new_domain_key()
    caretaker.load((made,))

    rewrapped = caretaker.rewrap_secret(token, "AKIAEXAMPLE")

    scope = ("20150830", "us-east-1", "iam")
    assert wrapped_under(rewrapped) == made.id != wrapped_under(token)
    assert keyholder.signing_key(rewrapped, "AKIAEXAMPLE", *scope) == keyholder.signing_key(
        token, "AKIAEXAMPLE", *scope
    )


def test_a_secret_is_rewrapped_only_for_its_access_key(keyholder, caretaker):
    _, token = keyholder.create_secret("AKIAEXAMPLE")

    with pytest.raises(TokenInvalid):
        caretaker.rewrap_secret(token, "AKIAOTHER")


def test_a_forgotten_key_is_opened_again_from_its_token(keyholder, caretaker, material):
    blob = keyholder.encrypt(material, b"x", b"")

    keyholder.forget(material.key_id)
    caretaker.forget("a key that nobody knows")

    assert keyholder.decrypt(material, blob, b"") == b"x"


def test_a_sealed_key_that_lies_under_the_newest_root_key_is_left_as_it_is(caretaker, sealed):
    assert [caretaker.reseal(key) for key in sealed] == list(sealed)


def test_what_does_not_open_is_not_resealed(caretaker, sealed):
    key = sealed[0]

    with pytest.raises(TokenInvalid):
        caretaker.reseal(SealedKey(key.id, key.purpose, key.version, flip(key.blob, 300)))


@pytest.mark.parametrize(
    "change", [{"id": str(uuid.UUID(int=1))}, {"id": "x"}, {"purpose": "checkpoint"}, {"version": 9}, {"version": 0}]
)
def test_a_sealed_key_does_not_open_as_another(keyholder, sealed, change):
    identifier = next(key for key in sealed if key.purpose == "identifier")
    fields = {name: getattr(identifier, name) for name in SealedKey.__struct_fields__}

    with pytest.raises(TokenInvalid):
        keyholder.load((SealedKey(**{**fields, **change}),))


def test_every_single_bit_of_a_sealed_key_counts(keyholder, sealed):
    key = sealed[0]

    for bit in range(len(key.blob) * 8):
        with pytest.raises(TokenInvalid):
            keyholder.load((SealedKey(key.id, key.purpose, key.version, flip(key.blob, bit)),))


# What must not show


def test_nothing_secret_is_in_a_repr(keyholder, material, sealed):
    _, token = keyholder.create_secret("AKIAEXAMPLE")

    for shown in (repr(material), repr(sealed[0]), str(material)):
        assert "\\x" not in shown
        assert "token" not in shown
    assert repr(token)[2:8] not in repr(material)
