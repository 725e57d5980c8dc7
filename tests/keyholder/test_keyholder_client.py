"""The worker's side of the socket: what it does when the keyholder dies, is silent, is slow to come, or lacks a key."""

import asyncio
import signal
import socket
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from keystead import own_user, pipelined
from keystead.keyholder import client, setup
from keystead.keyholder.client import SocketKeyholder
from keystead.keyholder.errors import KeyholderLost, RequestRefused, TokenInvalid
from keystead.keyholder.pipeline import Pipeline, connected
from keystead.keyholder.promise import SYMMETRIC_DEFAULT, SealedKey
from keystead.keyholder.seals import FileSeal


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_keyholder_that_comes_back_is_used_again_with_all_its_keys(stopped_house, monkeypatch):
    monkeypatch.setattr(client, "WAIT_SECONDS", 60.0)  # a loaded machine takes its time to start a process
    stopped_house.started()

    async def work() -> None:
        keyholder = await SocketKeyholder.connect(stopped_house.path("worker"), stopped_house.read_sealed)
        material = await keyholder.create_material("key", SYMMETRIC_DEFAULT)
        blob = await keyholder.encrypt(material, b"x", b"")
        for _ in range(3):
            lost = keyholder._pipeline.lost
            stopped_house.process.kill()
            stopped_house.process.communicate()
            stopped_house.start()
            await lost

            assert await keyholder.decrypt(material, blob, b"") == b"x"
        await keyholder.close()

    run(work())


def test_what_is_in_flight_when_it_dies_fails_at_once_and_can_be_tried_again(stopped_house):
    stopped_house.started()

    async def work() -> None:
        keyholder = await SocketKeyholder.connect(stopped_house.path("worker"), stopped_house.read_sealed)
        stopped_house.process.send_signal(signal.SIGSTOP)
        asked = [asyncio.ensure_future(keyholder.random(16)) for _ in range(100)]
        await asyncio.sleep(0.05)  # until they lie in the socket

        stopped_house.process.kill()
        begun = time.monotonic()
        answers = await asyncio.gather(*asked, return_exceptions=True)

        assert {type(answer) for answer in answers} == {KeyholderLost}
        assert time.monotonic() - begun < pipelined.SILENCE_SECONDS
        await keyholder.close()

    run(work())


def test_without_a_keyholder_a_call_waits_a_little_and_fails(stopped_house, monkeypatch):
    monkeypatch.setattr(client, "WAIT_SECONDS", 0.2)
    stopped_house.started()

    async def work() -> None:
        keyholder = await SocketKeyholder.connect(stopped_house.path("worker"), stopped_house.read_sealed)
        stopped_house.process.kill()
        stopped_house.process.communicate()
        begun = time.monotonic()

        for _ in range(2):
            with pytest.raises(KeyholderLost):
                await keyholder.random(16)

        assert time.monotonic() - begun < 2
        await keyholder.close()

    run(work())


def test_a_keyholder_that_says_nothing_counts_as_gone(stopped_house, monkeypatch):
    monkeypatch.setattr(pipelined, "SILENCE_SECONDS", 0.2)
    stopped_house.started()

    async def work() -> None:
        keyholder = await SocketKeyholder.connect(stopped_house.path("worker"), stopped_house.read_sealed)
        await keyholder.random(1)
        stopped_house.process.send_signal(signal.SIGSTOP)
        begun = time.monotonic()

        with pytest.raises(KeyholderLost):
            await keyholder.random(16)

        assert 0.2 <= time.monotonic() - begun < 2
        stopped_house.process.send_signal(signal.SIGCONT)
        assert len(await keyholder.random(16)) == 16
        await keyholder.close()

    run(work())


def test_a_keyholder_that_is_slow_but_answers_is_not_given_up(stopped_house, monkeypatch):
    monkeypatch.setattr(pipelined, "SILENCE_SECONDS", 0.15)
    stopped_house.started()

    async def work() -> None:
        keyholder = await SocketKeyholder.connect(stopped_house.path("worker"), stopped_house.read_sealed)
        made = keyholder._pipeline
        for _ in range(20):
            await keyholder.random(16)
            await asyncio.sleep(0.03)

        assert keyholder._pipeline is made
        await keyholder.close()

    run(work())


def test_another_users_process_is_not_spoken_to(stopped_house, monkeypatch):
    stopped_house.started()
    monkeypatch.setattr(own_user, "OWN_USER", own_user.OWN_USER + 1)

    async def work() -> None:
        with pytest.raises(KeyholderLost):
            await connected(str(stopped_house.path("worker")))

    run(work())


def test_connecting_waits_for_one_that_is_starting(stopped_house):
    stopped_house.listeners["worker"].close()
    stopped_house.path("worker").unlink()
    stopped_house.listeners["worker"] = socket.socket(socket.AF_UNIX)

    async def start_late() -> None:
        await asyncio.sleep(0.2)
        stopped_house.listeners["worker"].bind(str(stopped_house.path("worker")))
        stopped_house.listeners["worker"].listen()
        stopped_house.start()

    async def work() -> None:
        late = asyncio.create_task(start_late())
        keyholder = await SocketKeyholder.connect(stopped_house.path("worker"), stopped_house.read_sealed)

        assert len(await keyholder.random(16)) == 16
        await late
        await keyholder.close()

    run(work())


def test_connecting_gives_up_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(client, "START_SECONDS", 0.1)

    with pytest.raises(KeyholderLost):
        run(SocketKeyholder.connect(tmp_path / "none.sock"))


def test_sealed_keys_of_another_installation_are_refused_at_once(house, tmp_path):
    foreign = setup.create(tmp_path, FileSeal()).sealed

    async def sealed() -> tuple[SealedKey, ...]:
        return foreign

    with pytest.raises(TokenInvalid):
        run(SocketKeyholder.connect(house.path("worker"), sealed))


def test_after_closing_a_call_fails_and_nothing_connects_again(house):
    async def work() -> None:
        keyholder = await SocketKeyholder.connect(house.path("worker"), house.read_sealed)
        await keyholder.close()

        with pytest.raises(KeyholderLost):
            await keyholder.random(16)
        assert len(asyncio.all_tasks()) == 1

    run(work())


def test_a_call_that_is_given_up_does_not_confuse_the_others(house):
    async def work() -> None:
        keyholder = await SocketKeyholder.connect(house.path("worker"), house.read_sealed)
        material = await keyholder.create_material("key", SYMMETRIC_DEFAULT)
        blobs = [await keyholder.encrypt(material, str(number).encode(), b"") for number in range(20)]

        asked = [asyncio.ensure_future(keyholder.decrypt(material, blob, b"")) for blob in blobs]
        await asyncio.sleep(0)
        for given_up in asked[::2]:
            given_up.cancel()
        answers = await asyncio.gather(*asked, return_exceptions=True)

        assert answers[1::2] == [str(number).encode() for number in range(1, 20, 2)]
        assert {type(answer) for answer in answers[::2]} == {asyncio.CancelledError}
        await keyholder.close()

    run(work())


# Domain keys made elsewhere


class Elsewhere:
    """Another node of the installation, which has made a domain key that the first one has not loaded."""

    def __init__(self, house) -> None:
        self.software = setup.open(house.data, FileSeal())
        self.software.load(house.sealed)
        self.made = self.software.new_domain_key()
        self.software.load((self.made,))
        self.material = self.software.create_material("key", SYMMETRIC_DEFAULT)
        self.blob = self.software.encrypt(self.material, b"x", b"")


class Source:
    """The database: which sealed keys it has, and how often it was asked."""

    def __init__(self, *sealed: SealedKey) -> None:
        self.sealed = sealed
        self.asked = 0

    async def __call__(self) -> tuple[SealedKey, ...]:
        self.asked += 1
        answer = self.sealed
        await asyncio.sleep(0.02)
        return answer


def test_a_domain_key_that_was_made_elsewhere_is_loaded_when_it_is_needed(stopped_house):
    stopped_house.started()
    elsewhere, source = Elsewhere(stopped_house), Source(*stopped_house.sealed)

    async def work() -> None:
        keyholder = await SocketKeyholder.connect(stopped_house.path("worker"), source)
        source.sealed = (*stopped_house.sealed, elsewhere.made)

        asked = [keyholder.decrypt(elsewhere.material, elsewhere.blob, b"") for _ in range(50)]

        assert set(await asyncio.gather(*asked)) == {b"x"}
        assert source.asked == 2  # at first, and once for all fifty
        await keyholder.close()

    run(work())


def test_a_domain_key_stored_while_others_are_being_loaded_is_found_as_well(stopped_house):
    stopped_house.started()
    elsewhere, source = Elsewhere(stopped_house), Source(*stopped_house.sealed)

    async def work() -> None:
        keyholder = await SocketKeyholder.connect(stopped_house.path("worker"), source)
        early = asyncio.create_task(keyholder.decrypt(elsewhere.material, elsewhere.blob, b""))
        while source.asked < 2:  # noqa: ASYNC110  # it is the source that is asked
            await asyncio.sleep(0)
        source.sealed = (*stopped_house.sealed, elsewhere.made)  # too late for the reading that is under way

        assert await keyholder.decrypt(elsewhere.material, elsewhere.blob, b"") == b"x"
        await early
        await keyholder.close()

    run(work())


def test_a_domain_key_that_nobody_has_is_a_token_that_does_not_open(stopped_house):
    stopped_house.started()
    elsewhere = Elsewhere(stopped_house)

    async def work() -> None:
        keyholder = await SocketKeyholder.connect(stopped_house.path("worker"), stopped_house.read_sealed)

        with pytest.raises(TokenInvalid):
            await keyholder.decrypt(elsewhere.material, elsewhere.blob, b"")
        await keyholder.close()

    run(work())


def test_more_sealed_keys_than_one_request_takes_are_all_loaded(stopped_house):
    stopped_house.started()
    software = setup.open(stopped_house.data, FileSeal())
    software.load(stopped_house.sealed)
    more = [software.make("domain", version) for version in range(2, 300)]
    software.load(tuple(more))
    material = software.create_material("key", SYMMETRIC_DEFAULT)

    async def work() -> None:
        source = Source(*stopped_house.sealed, *more)
        keyholder = await SocketKeyholder.connect(stopped_house.path("worker"), source)

        assert await keyholder.encrypt(material, b"x", b"")
        assert source.asked == 1
        await keyholder.close()

    run(work())


# What is at the other end


@pytest.mark.parametrize("answer", [b"\0\0\0\4\0\0\0\1", b"\0\0\0\0\0\0\0\1", b"\0\0\0\5\0\0\0\1\x63"])
def test_an_answer_that_is_none_counts_as_a_loss(tmp_path, answer):
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        await reader.read()
        writer.close()
        over.set()

    async def work() -> None:
        server = await asyncio.start_unix_server(serve, tmp_path / "sock")
        made = await connected(str(tmp_path / "sock"))

        with pytest.raises(KeyholderLost):
            await made.ask(b"\x92\x07\x10")
        made.close()
        await over.wait()
        server.close()
        await server.wait_closed()

    run(work())


def test_a_request_over_the_limit_never_leaves(house):
    async def work() -> None:
        keyholder = await SocketKeyholder.connect(house.path("worker"), house.read_sealed)

        with pytest.raises(RequestRefused):
            await keyholder.seal_marker(b"", bytes(40_000))
        assert len(await keyholder.random(16)) == 16
        await keyholder.close()

    run(work())


@pytest.mark.parametrize("length", [2**64, -(2**63) - 1])
def test_what_has_no_encoding_never_leaves(house, length):
    async def work() -> None:
        keyholder = await SocketKeyholder.connect(house.path("worker"), house.read_sealed)

        with pytest.raises(RequestRefused):
            await keyholder.random(length)
        await keyholder.close()

    run(work())


def test_numbers_begin_again_after_the_last(house):
    async def work() -> None:
        made: Pipeline = await connected(str(house.path("worker")))
        made._number = 2**32 - 2

        answers = await asyncio.gather(*(made.ask(b"\x92\x07\x10") for _ in range(5)))

        assert len(set(answers)) == 5
        made.close()

    run(work())
