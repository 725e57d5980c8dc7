"""The outside vectors: every way of reading gives their plaintext, and every change to one of them is refused."""

import io

import pytest

from keystead.envelope import MessageInvalid, PolicyRefused, StoredBytes
from keystead.envelope import header as headers
from keystead.envelope.context import serialize
from keystead.envelope.envelope import Envelope


def test_the_set_is_whole(messages, offline):
    assert (len(messages), len(offline)) == (132, 99)


def test_all_offline_vectors_decrypt(offline):
    for vector in offline:
        opened = vector.envelope().decrypt(vector.message, vector.context)

        assert opened.plaintext == vector.plaintext, vector.name


def test_the_context_handed_back_is_what_was_sealed_with(offline):
    for vector in offline:
        opened = vector.envelope().decrypt(vector.message, vector.context)

        assert vector.context.items() <= opened.context.items(), vector.name


def test_all_suites_are_among_them(offline):
    suites = {headers.parse(vector.message).suite.id for vector in offline}

    assert suites == {0x14, 0x46, 0x78, 0x114, 0x146, 0x178, 0x214, 0x346, 0x378, 0x478, 0x578}


def test_vectors_of_aws_keys_parse_to_their_last_byte(messages):
    for vector in messages:
        header = headers.parse(vector.message)

        assert vector.message[: len(header.body)] == header.body
        assert vector.keyrings or {key.provider for key in header.wrapped_keys} == {"aws-kms"}


def test_vectors_stream(offline):
    for vector in offline:
        sink = io.BytesIO()

        vector.envelope().decrypt_stream(io.BytesIO(vector.message), sink, vector.context, before_signature=True)

        assert sink.getvalue() == vector.plaintext, vector.name


@pytest.mark.parametrize(("offset", "length"), [(0, 1), (0, 10_240), (511, 2), (9_728, 512), (10_239, 9), (10_240, 5)])
def test_a_range_is_that_part_of_the_plaintext(offline, offset, length):
    for vector in offline:
        stored = StoredBytes(vector.message)

        found = vector.envelope().read_range(stored, offset, length, vector.context, without_signature=True)

        assert found == vector.plaintext[offset : offset + length], vector.name


def test_required_context_must_be_given(offline):
    withheld = [vector for vector in offline if "Required" in vector.name and vector.context]

    for vector in withheld:
        stored = headers.parse(vector.message).context
        if vector.context.items() <= stored.items():
            continue
        with pytest.raises((MessageInvalid, Exception)) as refused:
            vector.envelope().decrypt(vector.message)
        assert refused.type.__module__ == "keystead.envelope.errors", vector.name


def test_the_default_policy_refuses_what_does_not_commit(offline):
    for vector in offline:
        header = headers.parse(vector.message)
        if header.suite.committed:
            continue
        with pytest.raises(PolicyRefused):
            Envelope(vector.keyrings[0]).decrypt(vector.message, vector.context)


def test_contexts_are_serialized_as_the_outside_does(messages):
    for vector in messages:
        context = headers.parse(vector.message).context

        assert serialize(context) in vector.message


def test_a_vector_with_one_bit_changed_is_refused(offline):
    for number, vector in enumerate(offline):
        changed = bytearray(vector.message)
        changed[(number * 7919) % len(changed)] ^= 1 << number % 8

        with pytest.raises(Exception) as refused:
            vector.envelope().decrypt(bytes(changed), vector.context)

        assert refused.type.__module__ == "keystead.envelope.errors", vector.name
