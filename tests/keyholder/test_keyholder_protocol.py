"""The keyholder process against clients that do not keep to the protocol, or to their role."""

import os
import socket
import struct
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.keyholder import protocol, requests
from keystead.keyholder.promise import SYMMETRIC_DEFAULT, Material, SealedKey
from keystead.keyholder.protocol import FRAME_LIMIT, NUMBER_LENGTH
from keystead.keyholder.serving import DOOR_LIMIT

OK, REFUSED = 0, 4
MATERIAL = Material("key", "00" * 32, SYMMETRIC_DEFAULT, b"token")
SEALED = SealedKey("00000000-0000-0000-0000-000000000000", "checkpoint", 1, b"blob")
RANDOM = protocol.encode(requests.Random(16))

WORKER, SCHEDULER, RECORDER = "worker", "scheduler", "recorder"
# Who may ask for what: insider.md section 2. A worker rewraps nothing and makes no domain key; a scheduler neither opens
# nor seals anything; a recorder gets its signing seeds and nothing else.
MAY = [
    (requests.CreateMaterial("key", "none"), {WORKER, SCHEDULER}),
    (requests.Encrypt(MATERIAL, b"x", b""), {WORKER}),
    (requests.Decrypt(MATERIAL, b"x", b""), {WORKER}),
    (requests.ReEncrypt(MATERIAL, b"x", b"", MATERIAL, b""), {WORKER}),
    (requests.GenerateDataKey(MATERIAL, 32, b""), {WORKER}),
    (requests.GenerateDataKeyWithoutPlaintext(MATERIAL, 32, b""), {WORKER}),
    (requests.Random(32), {WORKER, SCHEDULER}),
    (requests.CreateSecret("AKIAEXAMPLE"), {WORKER}),
    (requests.SigningKey(b"token", "AKIAEXAMPLE", "20260101", "us-east-1", "kms"), {WORKER}),
    (requests.SealMarker(b"", b"place"), {WORKER, SCHEDULER}),
    (requests.OpenMarker(b"", b"marker"), {WORKER, SCHEDULER}),
    (requests.NewDomainKey(), {SCHEDULER}),
    (requests.Rewrap(MATERIAL), {SCHEDULER}),
    (requests.Load(()), {WORKER, SCHEDULER}),
    (requests.CheckpointSeeds(SEALED), {RECORDER}),
    (requests.RewrapSecret(b"token", "AKIAEXAMPLE"), {SCHEDULER}),
    (requests.Reseal(SEALED), {SCHEDULER}),
    (requests.Forget("key"), {WORKER, SCHEDULER}),
    (requests.PublicKey(MATERIAL), {WORKER}),
    (requests.Sign(MATERIAL, "ECDSA_SHA_256", b"x", "RAW"), {WORKER}),
    (requests.Verify(MATERIAL, "ECDSA_SHA_256", b"x", "RAW", b"signature"), {WORKER}),
    (requests.GenerateMac(MATERIAL, "HMAC_SHA_256", b"x"), {WORKER}),
    (requests.VerifyMac(MATERIAL, "HMAC_SHA_256", b"x", b"mac"), {WORKER}),
    (requests.DeriveSharedSecret(MATERIAL, b"public key"), {WORKER}),
    (requests.Encapsulate(MATERIAL), {WORKER}),
    (requests.Decapsulate(MATERIAL, b"ciphertext"), {WORKER}),
    (requests.GenerateDataKeyPair(MATERIAL, "ECC_NIST_P256", b""), {WORKER}),
    (requests.GenerateDataKeyPairWithoutPlaintext(MATERIAL, "ECC_NIST_P256", b""), {WORKER}),
    (requests.SealValue(MATERIAL, b"x", b"", b""), {WORKER}),
    (requests.OpenValue(MATERIAL, b"x", b"x", b"", b""), {WORKER}),
    (requests.MakeWrappingKey("arn", "none", "none", "RSAES_OAEP_SHA_256"), {WORKER}),
    (requests.ImportMaterial("arn", "key", SYMMETRIC_DEFAULT, "ENCRYPT_DECRYPT", b"token", b"wrapped"), {WORKER}),
    (requests.NewDigestKey(1), {SCHEDULER}),
    (requests.SignDigest(SEALED, "2026-01-01T00:00:00Z", "bucket/key", "0" * 64, "null"), {SCHEDULER}),
    (requests.CreateHsmMaterial("key", "cluster"), {WORKER}),
    (requests.DestroyHsmMaterial(MATERIAL), {WORKER, SCHEDULER}),
    (requests.ConnectHsm("cluster", b"token", "key-store/x"), {WORKER, SCHEDULER}),
    (requests.LookHsm("cluster"), {WORKER, SCHEDULER}),
    (requests.HsmRandom("cluster", 32), {WORKER}),
    (requests.KeepSecret(b"x", "key-store/x"), {WORKER}),
]


def test_every_operation_has_a_row_above():
    assert {type(asked) for asked, _ in MAY} == set(requests.OPERATIONS)


@pytest.mark.parametrize("role", [WORKER, SCHEDULER, RECORDER])
def test_a_role_is_refused_what_is_not_its_own(house, wire, role):
    """Answers other than a refusal are errors here as well, since the tokens are none; but not for want of a right."""
    asked = [one for one, roles in MAY if role not in roles]

    answers = wire.frames(
        house.exchange(role, b"".join(wire.frame(n, protocol.encode(a)) for n, a in enumerate(asked)))
    )

    assert [answers[number] for number in range(len(asked))] == [(REFUSED, b"")] * len(asked)


def test_a_worker_does_what_is_its_own(worker, scheduler, recorder, house):
    material = worker.create_material("key", SYMMETRIC_DEFAULT)

    assert worker.decrypt(material, worker.encrypt(material, b"x", b""), b"") == b"x"
    assert scheduler.rewrap(material).token != material.token
    checkpoint = next(key for key in house.sealed if key.purpose == "checkpoint")
    assert [len(seed) for seed in recorder.checkpoint_seeds(checkpoint)] == [32, 32]


def test_only_a_checkpoint_key_has_checkpoint_seeds(recorder, house):
    domain = next(key for key in house.sealed if key.purpose == "domain")

    with pytest.raises(protocol.RequestRefused):
        recorder.checkpoint_seeds(domain)


# Frames


def well(house, wire) -> bool:
    """It still answers others."""
    return wire.frames(house.exchange(WORKER, wire.frame(7, RANDOM)))[7][0] == OK


@settings(max_examples=200, deadline=None)
@given(noise=st.binary(max_size=300))
def test_noise_is_not_answered(house, wire, noise):
    # An honest length before it, so that it is parsed; a body that begins an array could be an honest request by chance.
    body = noise if noise[:1] < b"\x91" or b"\x9f" < noise[:1] < b"\xdc" else b"\xc1" + noise

    assert house.exchange(WORKER, wire.frame(1, body or b"\xc0")) == b""
    assert house.exchange(WORKER, b"\xff" + noise) == b""
    assert well(house, wire)


@settings(max_examples=300, deadline=None)
@given(
    asked=st.sampled_from([one for one, _ in MAY]),
    place=st.integers(0, 400),
    change=st.binary(min_size=1, max_size=3),
    cut=st.integers(0, 3),
)
def test_an_altered_request_harms_nobody_and_is_answered_once_at_most(house, wire, asked, place, change, cut):
    body = protocol.encode(asked)
    place %= len(body)
    altered = body[:place] + change + body[place + cut :]

    answers = wire.frames(house.exchange(WORKER, wire.frame(9, altered)))

    assert set(answers) <= {9}
    assert well(house, wire)


@given(
    items=st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=8) | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=4),
            max_leaves=8,
        ),
        max_size=5,
    ),
    number=st.integers(0, 20),
)
@settings(max_examples=300, deadline=None)
def test_an_operation_with_other_fields_than_its_own_closes_the_connection(house, wire, items, number):
    body = msgspec.msgpack.encode([number, *items])
    try:
        requests.decode(body)
    except msgspec.DecodeError:
        expected = 0
    else:
        expected = 1

    answers = wire.frames(house.exchange(WORKER, wire.frame(1, body)))

    assert len(answers) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x92\x07",  # an array that ends too early
        RANDOM + b"\x00",  # something after the request
        b"\x93\x07\x10\x10",  # a field too many
        b"\x91\x07",  # a field too few
        b"\x92\x07\xa1a",  # a text for an integer
        b"\x92\x07\xcb@\x00\x00\x00\x00\x00\x00\x00",  # a float for an integer
        b"\x92\x63\x10",  # an operation that there is not
        b"\x92\xa1\x07\x10",  # its name in a text
        b"\x82\x00\x07\x01\x10",  # a map
        b"\x93\x01\xa2\xff\xff\xa1x",  # a text that is no UTF-8
        b"\x91" * 4000,  # arrays in arrays
        b"\xdd\xff\xff\xff\xff",  # an array of four milliards
        b"\xc6\xff\xff\xff\xff",  # bytes likewise
    ],
)
def test_what_does_not_parse_closes_the_connection(house, wire, body):
    before = wire.frame(1, RANDOM)

    answered = house.exchange(WORKER, wire.frame(2, body) + before)

    assert answered == b""
    assert well(house, wire)


@pytest.mark.parametrize("length", [0, 1, NUMBER_LENGTH, FRAME_LIMIT + 1, 2**31, 2**32 - 1])
def test_a_length_out_of_range_closes_the_connection_before_anything_else_comes(house, length):
    with house.connection(WORKER) as made:
        made.sendall(struct.pack(">II", length, 1))

        assert made.recv(1) == b""


def test_the_largest_frame_is_taken_and_its_content_judged(house, wire):
    place = bytes(FRAME_LIMIT - NUMBER_LENGTH - 9)
    body = protocol.encode(requests.SealMarker(b"", place))
    assert len(body) == FRAME_LIMIT - NUMBER_LENGTH

    assert wire.frames(house.exchange(WORKER, wire.frame(1, body))) == {1: (REFUSED, b"")}


def test_half_a_frame_waits_for_the_rest_and_keeps_nobody_else_waiting(house, wire):
    whole = wire.frame(1, RANDOM)

    with house.connection(WORKER) as made:
        for place in range(len(whole)):
            made.sendall(whole[place : place + 1])
            assert well(house, wire)

        assert wire.frames(made.recv(100))[1][0] == OK


def test_many_requests_in_one_piece_are_all_answered_by_number(house, wire):
    numbers = [0, 1, 2**32 - 1, *range(100, 1100)]

    answers = wire.frames(house.exchange(WORKER, b"".join(wire.frame(number, RANDOM) for number in numbers)))

    assert set(answers) == set(numbers)
    assert len({result for _, result in answers.values()}) == len(numbers)


# Clients


def resident(process_id: int) -> int:
    """Bytes (proc(5), statm)."""
    return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_clients_that_never_read_cost_bounded_memory_and_harm_nobody(house, wire):
    request = wire.frame(1, protocol.encode(requests.Random(1024)))
    before = resident(house.process.pid)

    with ExitStack() as clients:
        made = [clients.enter_context(house.connection(WORKER)) for _ in range(20)]
        sent = [stuff_until_stuck(client, request) for client in made]

        assert min(sent) > 100
        assert resident(house.process.pid) - before < 20 * 512 * 1024
        assert well(house, wire)


def stuff_until_stuck(connection: socket.socket, request: bytes) -> int:
    connection.settimeout(0.1)
    sent = 0
    try:
        while True:
            sent += connection.send(request * 50)
    except TimeoutError:
        return sent // len(request)


def test_a_client_that_reads_late_gets_every_answer(house, wire):
    count = 3000
    request = protocol.encode(requests.Random(1024))

    with house.connection(WORKER) as made:
        made.sendall(b"".join(wire.frame(number, request) for number in range(count)))  # as much as its buffers take
        made.shutdown(socket.SHUT_WR)
        answers = wire.frames(wire.everything(made))

    assert set(answers) == set(range(count))


def test_many_clients_are_served_and_one_role_does_not_shut_out_another(house, wire):
    with ExitStack() as clients:
        made = [clients.enter_context(house.connection(SCHEDULER)) for _ in range(DOOR_LIMIT + 20)]

        answered = [served(client, wire.frame(1, RANDOM)) for client in made]

        assert 100 <= sum(answered) <= DOOR_LIMIT
        assert not answered[-1]
        assert well(house, wire)
    deadline = time.monotonic() + 10
    while not wire.frames(house.exchange(SCHEDULER, wire.frame(1, RANDOM))):
        assert time.monotonic() < deadline


def served(client: socket.socket, request: bytes) -> bool:
    try:
        client.sendall(request)
        return client.recv(1000)[8:9] == b"\0"
    except (ConnectionResetError, BrokenPipeError):
        return False
