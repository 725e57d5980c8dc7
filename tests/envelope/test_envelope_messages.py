"""Messages there and back: sizes around frames, contexts, suites, streams, ranges, buffers, threads."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.envelope import (
    COMMITTED,
    COMMITTED_SIGNED,
    ContextInvalid,
    ContextMismatch,
    Envelope,
    KeyUnavailable,
    LimitExceeded,
    Limits,
    NotAuthentic,
    PolicyRefused,
    RawAesKeyring,
    StoredBytes,
)
from keystead.envelope.suites import SUITES

SIZES = [0, 1, 63, 64, 65, 127, 128, 129, 1000]
NAMES = st.text(min_size=1, max_size=8).filter(lambda name: not name.startswith("aws-crypto-"))
CONTEXTS = st.dictionaries(
    NAMES.filter(lambda n: n.isprintable()), st.text(max_size=8).filter(str.isprintable), max_size=4
)


class OneByte(io.RawIOBase):
    """A stream that gives one byte at a time."""

    def __init__(self, data):
        self.data = io.BytesIO(data)

    def readinto(self, view):
        return self.data.readinto(memoryview(view)[:1])


@pytest.mark.parametrize("suite", [COMMITTED, COMMITTED_SIGNED], ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_opens(keyring, suite, size):
    envelope = Envelope(keyring, suite=suite, frame_length=64)
    data = bytes(range(256)) * 4

    sealed = envelope.encrypt(data[:size], {"tenant": "a"})

    assert envelope.decrypt(sealed, {"tenant": "a"}).plaintext == data[:size]


@settings(deadline=None)
@given(data=st.binary(max_size=600), frame=st.integers(1, 200), context=CONTEXTS, signed=st.booleans())
def test_any_size_frame_and_context_go_there_and_back(data, frame, context, signed):
    suite = COMMITTED_SIGNED if signed else COMMITTED
    envelope = Envelope(RawAesKeyring("tests", "first", bytes(32)), suite=suite, frame_length=frame)

    opened = envelope.decrypt(envelope.encrypt(data, context), context)

    assert opened.plaintext == data
    assert context.items() <= opened.context.items()


@settings(deadline=None)
@given(data=st.binary(max_size=600), frame=st.integers(1, 200), start=st.integers(0, 700), length=st.integers(0, 700))
def test_a_range_is_a_slice(data, frame, start, length):
    envelope = Envelope(RawAesKeyring("tests", "first", bytes(32)), frame_length=frame)
    stored = StoredBytes(envelope.encrypt(data))

    assert envelope.read_range(stored, start, length) == data[start : start + length]


@settings(deadline=None)
@given(data=st.binary(max_size=600), frame=st.integers(1, 200), signed=st.booleans())
def test_a_stream_seals_what_memory_opens_and_the_other_way_round(data, frame, signed):
    suite = COMMITTED_SIGNED if signed else COMMITTED
    envelope = Envelope(RawAesKeyring("tests", "first", bytes(32)), suite=suite, frame_length=frame)
    sealed, plain = io.BytesIO(), io.BytesIO()

    envelope.encrypt_stream(io.BytesIO(data), sealed)
    envelope.decrypt_stream(io.BytesIO(envelope.encrypt(data)), plain, before_signature=True)

    assert envelope.decrypt(sealed.getvalue()).plaintext == data
    assert plain.getvalue() == data


def test_streams_that_give_one_byte_at_a_time_are_read_to_their_end(envelope):
    data = bytes(500)
    sealed, plain = io.BytesIO(), io.BytesIO()

    envelope.encrypt_stream(OneByte(data), sealed)
    envelope.decrypt_stream(OneByte(sealed.getvalue()), plain)

    assert plain.getvalue() == data


def test_two_messages_share_neither_id_nor_key(envelope):
    first, second = envelope.decrypt(envelope.encrypt(b"x")), envelope.decrypt(envelope.encrypt(b"x"))

    assert first.header.message_id != second.header.message_id
    assert first.header.wrapped_keys != second.header.wrapped_keys
    assert first.header.commitment != second.header.commitment


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_change_the_message(keyring, threads):
    envelope = Envelope(keyring, frame_length=65_536, threads=threads)
    data = bytes(range(256)) * 4096 * 13 + b"end"

    sealed = envelope.encrypt(data)

    assert Envelope(keyring).decrypt(sealed).plaintext == data
    assert envelope.decrypt(sealed).plaintext == data


def test_buffers_of_the_caller_are_filled_in_place(envelope):
    data, sealed, plain = b"y" * 200, bytearray(2000), bytearray(300)

    length = envelope.encrypt_into(data, sealed)
    size = envelope.decrypt_into(memoryview(sealed)[:length], plain)

    assert plain[:size] == data
    assert not any(sealed[length:])


def test_a_buffer_that_is_too_small_is_refused(envelope):
    with pytest.raises(LimitExceeded):
        envelope.encrypt_into(bytes(200), bytearray(100))


def test_a_buffer_holds_zeros_when_a_tag_fails(envelope):
    sealed = bytearray(envelope.encrypt(b"secret " * 100))
    sealed[-1] ^= 1
    plain = bytearray(b"?" * 700)

    with pytest.raises(NotAuthentic):
        envelope.decrypt_into(sealed, plain)

    assert plain == bytes(700)


def test_a_buffer_holds_zeros_when_the_signature_fails(keyring):
    envelope = Envelope(keyring, suite=COMMITTED_SIGNED, frame_length=64)
    sealed = bytearray(envelope.encrypt(b"secret " * 100))
    sealed[-1] ^= 1
    plain = bytearray(b"?" * 700)

    with pytest.raises(NotAuthentic):
        envelope.decrypt_into(sealed, plain)

    assert plain == bytes(700)


def test_another_key_does_not_open_it(envelope):
    sealed = envelope.encrypt(b"x")

    with pytest.raises(KeyUnavailable):
        Envelope(RawAesKeyring("tests", "first", bytes(32))).decrypt(sealed)


def test_another_context_than_expected_is_refused(envelope):
    sealed = envelope.encrypt(b"x", {"tenant": "a"})

    with pytest.raises(ContextMismatch, match="tenant"):
        envelope.decrypt(sealed, {"tenant": "b"})


def test_a_pair_that_the_message_was_not_sealed_with_is_refused(envelope):
    sealed = envelope.encrypt(b"x", {"tenant": "a"})

    with pytest.raises((NotAuthentic, KeyUnavailable)):
        envelope.decrypt(sealed, {"tenant": "a", "table": "t"})


def test_required_pairs_are_not_stored_and_must_be_given(envelope):
    sealed = envelope.encrypt(b"x", {"tenant": "a-secret-name", "table": "t"}, required={"tenant"})

    assert b"a-secret-name" not in sealed
    assert envelope.decrypt(sealed, {"tenant": "a-secret-name"}).context == {"tenant": "a-secret-name", "table": "t"}
    with pytest.raises(KeyUnavailable):
        envelope.decrypt(sealed)
    with pytest.raises(KeyUnavailable):
        envelope.decrypt(sealed, {"tenant": "another"})


def test_names_of_the_format_are_refused(envelope):
    with pytest.raises(ContextInvalid):
        envelope.encrypt(b"x", {"aws-crypto-public-key": "y"})


def test_a_context_that_does_not_fit_is_refused(envelope):
    with pytest.raises(ContextInvalid):
        envelope.encrypt(b"x", {"name": "v" * 65_530})


def test_a_required_name_must_be_there(envelope):
    with pytest.raises(ContextInvalid):
        envelope.encrypt(b"x", {}, required={"tenant"})


@pytest.mark.parametrize("suite", [suite for suite in SUITES.values() if not suite.committed], ids=str)
def test_suites_that_do_not_commit_are_never_written(keyring, suite):
    with pytest.raises(PolicyRefused):
        Envelope(keyring, suite=suite)


def test_a_signed_message_is_not_streamed_unless_asked(keyring):
    envelope = Envelope(keyring, suite=COMMITTED_SIGNED)
    sealed = envelope.encrypt(b"x")

    with pytest.raises(PolicyRefused):
        envelope.decrypt_stream(io.BytesIO(sealed), io.BytesIO())
    with pytest.raises(PolicyRefused):
        envelope.read_range(StoredBytes(sealed), 0, 1)


def test_the_last_frame_of_a_signed_stream_waits_for_the_signature(keyring):
    envelope = Envelope(keyring, suite=COMMITTED_SIGNED, frame_length=64)
    sealed, sink = bytearray(envelope.encrypt(b"z" * 100)), io.BytesIO()
    sealed[-1] ^= 1

    with pytest.raises(NotAuthentic):
        envelope.decrypt_stream(io.BytesIO(sealed), sink, before_signature=True)

    assert sink.getvalue() == b"z" * 64


def test_no_frame_leaves_before_its_tag_is_verified(envelope):
    sealed, sink = bytearray(envelope.encrypt(b"z" * 300)), io.BytesIO()
    sealed[-200] ^= 1

    with pytest.raises(NotAuthentic):
        envelope.decrypt_stream(io.BytesIO(sealed), sink)

    assert set(sink.getvalue()) <= {ord("z")}
    assert len(sink.getvalue()) < 300


def test_memory_does_not_grow_with_a_stream(keyring):
    import tracemalloc

    class Endless(io.RawIOBase):
        left = 64 * 1024 * 1024

        def readinto(self, view):
            taken = min(len(view), self.left)
            self.left -= taken
            return taken

    class Nowhere:
        def write(self, data):
            return len(data)

    tracemalloc.start()
    Envelope(keyring).encrypt_stream(Endless(), Nowhere())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8 * 1024 * 1024


def test_limits_that_the_cipher_cannot_keep_are_refused():
    with pytest.raises(ValueError, match="limited"):
        Limits(frame=2**31)
