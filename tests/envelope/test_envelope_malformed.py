"""Bad messages: cut, flipped, reordered, repeated, joined, enormous. Each is refused by one clear error, and nothing leaves."""

import base64
import io
import struct
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.envelope import (
    COMMITTED_SIGNED,
    Envelope,
    EnvelopeFault,
    LimitExceeded,
    Limits,
    Malformed,
    MessageInvalid,
    NotAuthentic,
    RawAesKeyring,
    StoredBytes,
    Truncated,
)
from keystead.envelope import header as headers
from keystead.envelope.context import parse, serialize
from keystead.envelope.frames import FRAME_OVERHEAD

PLAIN = bytes(range(200))


@pytest.fixture(params=[False, True], ids=["unsigned", "signed"])
def sealed(request, keyring):
    suite = {"suite": COMMITTED_SIGNED} if request.param else {}
    return Envelope(keyring, frame_length=64, **suite).encrypt(PLAIN, {"tenant": "a"})


def refused(envelope, message, context=()):
    """The error of all ways of reading; none of them released a byte that is not the plaintext's beginning."""
    sink, buffer = io.BytesIO(), bytearray(b"?" * 1024)
    with pytest.raises(EnvelopeFault) as raised:
        envelope.decrypt(message, dict(context))
    with pytest.raises(EnvelopeFault):
        envelope.decrypt_stream(io.BytesIO(message), sink, dict(context), before_signature=True)
    with pytest.raises(EnvelopeFault):
        envelope.decrypt_into(message, buffer, dict(context))
    assert PLAIN.startswith(sink.getvalue())
    assert PLAIN[:64] not in buffer
    return raised.value


def test_every_byte_counts(envelope, sealed):
    for at in range(len(sealed)):
        for bit in (1, 128):
            changed = bytearray(sealed)
            changed[at] ^= bit

            refused(envelope, bytes(changed))


def test_every_cut_is_refused(envelope, sealed):
    for length in range(len(sealed)):
        assert isinstance(refused(envelope, sealed[:length]), MessageInvalid)


def test_a_cut_within_the_header_says_so(envelope, sealed):
    with pytest.raises(Truncated, match="header"):
        envelope.decrypt(sealed[:50])


@pytest.mark.parametrize("more", [b"\0", b"\xff" * 100, b"sealed again"])
def test_bytes_after_the_end_are_refused(envelope, sealed, more):
    assert isinstance(refused(envelope, sealed + more), MessageInvalid)


def test_two_messages_in_a_row_are_refused(envelope, sealed):
    refused(envelope, sealed + sealed)


def frames_of(sealed, size=64):
    start = headers.parse(sealed).length
    step = size + FRAME_OVERHEAD
    whole = (len(sealed) - start) // step
    pieces = [sealed[start + number * step : start + (number + 1) * step] for number in range(whole)]
    return sealed[:start], pieces, sealed[start + whole * step :]


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 0, 1, 2), (0, 2), (0, 1, 1), (2, 1, 0), (), (1, 2)])
def test_frames_out_of_order_are_refused(envelope, order):
    head, pieces, last = frames_of(envelope.encrypt(PLAIN))

    refused(envelope, head + b"".join(pieces[number] for number in order) + last)


def test_a_frame_of_another_message_is_refused(envelope):
    head, pieces, last = frames_of(envelope.encrypt(PLAIN))
    _, others, _ = frames_of(envelope.encrypt(PLAIN))

    refused(envelope, head + others[0] + b"".join(pieces[1:]) + last)


def test_a_frame_renumbered_is_refused(envelope):
    head, pieces, last = frames_of(envelope.encrypt(PLAIN))
    pieces[0], pieces[1] = pieces[0][:4] + pieces[1][4:], pieces[1][:4] + pieces[0][4:]

    assert isinstance(refused(envelope, head + b"".join(pieces) + last), NotAuthentic)


def test_base64_is_named(envelope, sealed):
    with pytest.raises(Malformed, match="base64"):
        envelope.decrypt(base64.b64encode(sealed))


def test_every_vector_in_base64_is_named(messages, envelope):
    for vector in messages:
        with pytest.raises(Malformed, match="base64"):
            envelope.decrypt(base64.b64encode(vector.message))


def enormous():
    """Small files that promise much."""
    head = b"\x02\x04\x78" + bytes(32)
    context = serialize({"a": "b"})
    one_key = b"\x00\x01" + b"\x00\x01p\x00\x01i\x00\x01c"
    return {
        "context length": head + b"\xff\xff",
        "context pairs": head + b"\xff\xff\xff\xff" + bytes(65_533),
        "wrapped keys": head + b"\0\0\xff\xff",
        "wrapped keys 65": head + b"\0\0\x00\x41",
        "wrapped key length": head + b"\0\0\0\1\xff\xff",
        "frame length": head + struct.pack(">H", len(context)) + context + one_key + b"\2\xff\xff\xff\xff" + bytes(48),
        "frame over limit": head + b"\0\0" + one_key + b"\2" + struct.pack(">L", 2**24 + 1) + bytes(48),
        "one piece": b"\x01\x80\x01\x78" + bytes(16) + b"\0\0" + one_key + b"\1\0\0\0\0\x0c" + bytes(4) + bytes(28)
        + bytes(12) + b"\xff" * 8 + bytes(100),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(enormous()))
def test_small_messages_that_promise_much_take_no_memory(envelope, name):
    message = enormous()[name]
    tracemalloc.start()

    refused(envelope, message)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


@pytest.mark.parametrize(
    ("at", "value", "text"),
    [
        (0, b"\x03", "neither version"),
        (1, b"\x04\x79", "no algorithm suite"),
        (1, b"\x01\x78", "does not belong"),
        (0, b"\x01\x80\x04\x78", "does not belong"),
        (0, b"\x01\x81", "type"),
    ],
)
def test_openings_that_mean_nothing_are_named(envelope, sealed, at, value, text):
    changed = sealed[:at] + value + sealed[at + len(value) :]

    with pytest.raises(Malformed, match=text):
        envelope.decrypt(changed)


@pytest.mark.parametrize(
    "serialized",
    [
        b"\0",
        b"\0\0",
        b"\0\1",
        b"\0\1\0\1a\0\1b!",
        b"\0\2\0\1b\0\1x\0\1a\0\1x",
        b"\0\2\0\1a\0\1x\0\1a\0\1x",
        b"\0\1\0\1\xff\0\1b",
        b"\0\2\0\1a\0\1b",
    ],
    ids=["short", "empty with a count", "no pair", "a byte over", "unsorted", "twice", "not UTF-8", "one pair too few"],
)
def test_contexts_in_another_form_than_the_one_are_refused(serialized):
    with pytest.raises(Malformed):
        parse(serialized)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=6))
def test_a_context_has_one_form(context):
    serialized = serialize(context)

    assert parse(serialized) == context
    assert serialize(parse(serialized)) == serialized


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_noise_is_refused(noise):
    envelope = Envelope(RawAesKeyring("tests", "first", bytes(32)))

    for message in (noise, b"\x02\x04\x78" + noise, b"\x01\x80\x01\x78" + noise):
        refused(envelope, message)


def test_limits_can_be_lowered(keyring, sealed):
    for limits in (Limits(header=100), Limits(context=4), Limits(frame=63), Limits(pairs=0)):
        with pytest.raises(LimitExceeded):
            Envelope(keyring, limits=limits).decrypt(sealed)


def test_a_range_of_a_cut_message_is_refused(envelope):
    sealed = envelope.encrypt(PLAIN)

    for length in range(len(sealed)):
        with pytest.raises(EnvelopeFault):
            envelope.read_range(StoredBytes(sealed[:length]), 0, 10)


def test_errors_hold_no_plaintext(envelope, sealed):
    changed = bytearray(sealed)
    changed[-1] ^= 1

    error = refused(envelope, bytes(changed))

    assert PLAIN[:8] not in str(error).encode()
    assert error.__context__ is None or error.__suppress_context__
