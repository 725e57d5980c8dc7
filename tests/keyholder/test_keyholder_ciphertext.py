"""The blob's form and the canonical encryption context."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.keyholder.ciphertext import BLOB_LIMIT, OVERHEAD, canonical, header, material_id_of
from keystead.keyholder.errors import CiphertextInvalid, RequestRefused

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
contexts = st.dictionaries(texts, texts, max_size=4)


def read(encoded: bytes) -> dict[str, str]:
    """The context that a canonical form stands for."""
    parts = []
    while encoded:
        length = int.from_bytes(encoded[:4], "big")
        parts.append(encoded[4 : 4 + length].decode())
        encoded = encoded[4 + length :]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@given(contexts)
def test_the_canonical_form_can_be_read_back_so_no_two_contexts_share_one(context):
    assert read(canonical(context)) == context


@given(contexts, contexts)
def test_different_contexts_have_different_forms(one, other):
    assert (canonical(one) == canonical(other)) == (one == other)


@given(contexts)
def test_the_order_of_the_pairs_does_not_matter(context):
    assert canonical(dict(reversed(context.items()))) == canonical(context)


def test_pairs_are_ordered_by_the_bytes_of_the_key_and_not_by_its_length():
    assert canonical({"b": "", "aa": ""}) == b"\0\0\0\x02aa\0\0\0\0\0\0\0\x01b\0\0\0\0"


def test_pairs_are_ordered_by_utf8_and_not_by_utf16():
    assert list(read(canonical({"\U00010000": "", "\uffff": ""}))) == ["\uffff", "\U00010000"]


def test_an_empty_context_is_an_absent_one():
    assert canonical({}) == b""


def test_text_without_a_utf8_form_is_refused():
    with pytest.raises(RequestRefused):
        canonical({"a": "\ud800"})


def test_the_material_id_is_read_from_the_blob():
    material_id = "ab" * 32

    assert material_id_of(header(material_id) + bytes(OVERHEAD)) == material_id


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x01",
        b"\x01" + bytes(OVERHEAD - 1),
        b"\x03" + bytes(OVERHEAD),
        b"\x00" + bytes(OVERHEAD),
        b"\x01" + bytes(BLOB_LIMIT),
    ],
)
def test_what_cannot_be_a_blob_has_no_material_id(blob):
    with pytest.raises(CiphertextInvalid):
        material_id_of(blob)


@pytest.mark.parametrize("material_id", ["", "ab" * 31, "ab" * 33, "AB" * 32, "ab " * 32, "zz" * 32])
def test_only_64_lower_case_hex_digits_are_a_material_id(material_id):
    with pytest.raises(RequestRefused):
        header(material_id)
