"""Private keys that are slow to make keep nobody waiting, and end with whoever asked for them."""

import asyncio
import signal
import socket
import threading
import time

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keystead import pipelined
from keystead.keyholder import protocol, requests
from keystead.keyholder.client import SocketKeyholder
from keystead.keyholder.errands import WAITING_LIMIT, Errands
from keystead.keyholder.errors import KeyholderBusy, RequestRefused
from keystead.keyholder.promise import SIGN_VERIFY, SYMMETRIC_DEFAULT

OK, BUSY = 0, 6
SLOW = protocol.encode(requests.CreateMaterial("key", "RSA_4096", SIGN_VERIFY))
QUICK = protocol.encode(requests.CreateMaterial("key", "ECC_NIST_P256", SIGN_VERIFY))


def test_others_are_answered_while_keys_are_made(house, runner):
    async def work() -> None:
        keyholder = await SocketKeyholder.connect(house.path("worker"), house.read_sealed)
        material = await keyholder.create_material("key", SYMMETRIC_DEFAULT)
        made = [asyncio.create_task(keyholder.create_material(f"rsa-{n}", "RSA_4096", SIGN_VERIFY)) for n in range(6)]
        pair = asyncio.create_task(keyholder.generate_data_key_pair(material, "RSA_3072", b""))

        for _ in range(100):
            blob = await keyholder.encrypt(material, b"x", b"")
        waiting = sum(not task.done() for task in [*made, pair])

        assert waiting > 3  # a hundred round trips take less than one of these keys
        sizes = {load_der_public_key(await keyholder.public_key(await task)).key_size for task in made}
        assert sizes == {4096}
        public, private, sealed = await pair
        assert await keyholder.decrypt(material, sealed, b"") == private
        assert load_der_public_key(public).key_size == 3072
        assert await keyholder.decrypt(material, blob, b"") == b"x"
        await keyholder.close()

    runner.run(work())


def test_more_than_can_wait_are_told_to_come_back(house, wire):
    slow = protocol.encode(requests.CreateMaterial("key", "RSA_2048", SIGN_VERIFY))
    asked = b"".join(wire.frame(number, slow) for number in range(WAITING_LIMIT + 20))
    with house.connection("worker") as made:
        made.sendall(asked + wire.frame(1000, QUICK))

        refused = answers_until(made, wire, 1000)

    assert refused[1000][0] == OK
    busy = [number for number, (status, _) in refused.items() if status == BUSY]
    assert len(busy) >= 15
    assert protocol.ERRORS[BUSY] is KeyholderBusy


def answers_until(connection, wire, number):
    connection.settimeout(60)  # threads of the lowest priority, on a machine that may be busy
    came, found = b"", {}
    while number not in found:
        came += connection.recv(65536)
        length = whole(came)
        found |= wire.frames(came[:length])
        came = came[length:]
    return found


def whole(received):
    """How many of these bytes are whole frames."""
    place = 0
    while len(received) - place >= 4 and place + 4 + int.from_bytes(received[place : place + 4], "big") <= len(
        received
    ):
        place += 4 + int.from_bytes(received[place : place + 4], "big")
    return place


def test_whoever_leaves_meanwhile_harms_nobody(house, wire):
    for _ in range(3):
        with house.connection("worker") as gone:
            gone.sendall(wire.frame(1, SLOW) + wire.frame(2, QUICK))
            assert wire.frames(gone.recv(10_000))[2][0] == OK

    with house.connection("worker") as stays:
        deadline, status = time.monotonic() + 60, BUSY
        while status == BUSY and time.monotonic() < deadline:  # those of before are forgotten one after another
            stays.sendall(wire.frame(3, SLOW))
            status = answers_until(stays, wire, 3)[3][0]
            time.sleep(0.05)
        assert status == OK


def test_a_keyholder_that_is_only_making_a_key_is_not_given_up(stopped_house, monkeypatch):
    monkeypatch.setattr(pipelined, "SILENCE_SECONDS", 1.0)
    stopped_house.started()

    async def work() -> None:
        keyholder = await SocketKeyholder.connect(stopped_house.path("worker"), stopped_house.read_sealed)
        made = [keyholder.create_material("key", "RSA_4096", SIGN_VERIFY) for _ in range(8)]
        assert {material.spec for material in await asyncio.gather(*made)} == {"RSA_4096"}
        await keyholder.close()

    asyncio.run(work())


def test_the_end_comes_in_order_while_keys_are_made(stopped_house, wire):
    stopped_house.started()
    body = protocol.encode(requests.Load(stopped_house.sealed))
    slow = protocol.encode(requests.CreateMaterial("key", "RSA_2048", SIGN_VERIFY))
    with stopped_house.connection("worker") as made:
        made.sendall(wire.frame(1, body) + wire.frame(2, slow) + wire.frame(3, slow))
        assert answers_until(made, wire, 1)[1][0] == OK

        stopped_house.process.send_signal(signal.SIGTERM)

        answers = wire.frames(wire.everything(made))
    assert {status for status, _ in answers.values()} <= {OK}  # those that were ready in time
    assert stopped_house.process.wait(10) == 0


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_4096"])
def test_a_slow_request_is_judged_like_any_other(house, wire, spec):
    """A scheduler may make material but no data key pair; what is wrong with a request is found out in the end."""
    from keystead.keyholder.promise import Material

    pair = requests.GenerateDataKeyPair(Material("key", "00" * 32, SYMMETRIC_DEFAULT, b"token"), spec, b"")
    wrong = requests.CreateMaterial("key", spec, "KEY_AGREEMENT")

    with house.connection("scheduler") as made:
        made.sendall(wire.frame(1, protocol.encode(pair)) + wire.frame(2, protocol.encode(wrong)))
        answers = answers_until(made, wire, 2)

    refused = protocol.STATUSES[RequestRefused]
    assert {number: status for number, (status, _) in answers.items()} == {1: refused, 2: refused}


# The threads themselves


class Client:
    closed = False


def test_what_nobody_waits_for_is_not_made():
    errands: Errands[Client] = Errands(threads=1)
    gone, made, went = Client(), [], threading.Event()
    gone.closed = True

    errands.add(gone, 1, lambda: made.append(1) or b"", bytes)
    errands.add(Client(), 2, lambda: went.set() or b"", bytes)

    assert went.wait(10)
    assert made == []
    errands.close()


def test_an_errand_that_fails_is_brought_back_without_a_key_and_the_thread_lives_on():
    errands: Errands[Client] = Errands(threads=1)
    one, two = Client(), Client()
    went = threading.Event()

    def fails() -> bytes:
        raise MemoryError

    assert errands.add(one, 1, fails, bytes)
    assert errands.add(two, 2, lambda: went.set() or b"made", bytes)
    assert went.wait(10)
    found = []
    while len(found) < 2:
        errands.woken.setblocking(True)
        errands.woken.recv(1, socket.MSG_PEEK)
        errands.woken.setblocking(False)
        found += errands.finished()

    assert [(done.client, done.number, done.made) for done in found] == [(one, 1, None), (two, 2, b"made")]
    errands.close()
