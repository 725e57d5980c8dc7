"""The gate between answers and required sinks: what waits, for how long, and who opens it."""

import socket

import pytest

from keystead.trail.gate import ACKNOWLEDGED, PATIENCE_SECONDS, SIZE, Gate, Teller


@pytest.fixture
def listener(tmp_path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "gate"))
        made.listen()
        yield made


@pytest.fixture
def gate(listener):
    made = Gate(listener)
    yield made
    made.lose(0.0)


@pytest.fixture
def teller(gate, listener):
    made = Teller(listener.getsockname())
    assert gate.accept()
    gate.welcome(0)
    yield made
    made.close()


def test_an_answer_waits_until_its_record_has_passed(gate, teller):
    answered = []
    gate.hold(2, 0.0, lambda: answered.append("first"))
    gate.hold(5, 0.0, lambda: answered.append("second"))

    gate.release()
    assert answered == []

    teller.say(4, "")
    gate.hear()
    gate.release()
    assert answered == ["first"]

    teller.say(5, "")
    gate.hear()
    gate.release()
    assert answered == ["first", "second"]
    assert not gate.waiting


def test_what_is_given_up_is_never_answered(gate, teller):
    answered = []
    gate.hold(1, 0.0, lambda: answered.append("late"))

    gate.shut()
    teller.say(1, "")
    gate.hear()
    gate.release()

    assert answered == []


def test_patience_counts_from_the_oldest_that_waits(gate):
    assert gate.deadline() is None

    gate.hold(1, 10.0, lambda: None)
    gate.hold(2, 11.0, lambda: None)

    assert gate.deadline() == 10.0 + PATIENCE_SECONDS


def test_a_sinks_process_that_goes_is_missed_though_nothing_waits(gate, teller):
    gate.open = True

    gate.lose(7.0)

    assert gate.deadline() == 7.0 + PATIENCE_SECONDS


def test_who_is_ill_is_told(gate, teller):
    teller.say(0, "archive,siem")

    gate.hear()

    assert gate.ill == "archive,siem"


def test_nothing_goes_back(gate, teller):
    teller.say(7, "")
    teller.say(3, "")

    gate.hear()

    assert gate.passed == 7


def test_the_sinks_are_told_of_what_is_durable(gate, teller):
    gate.tell(9)

    assert teller.heard()
    assert not teller.heard()


def test_a_message_in_pieces_is_one_message(gate, teller):
    message = ACKNOWLEDGED.pack(3, 4) + b"name"
    for piece in (message[:5], message[5:11], message[11:]):
        teller._link.send(piece)
        gate.hear()

    assert (gate.passed, gate.ill) == (3, "name")


def test_what_nobody_says_loses_the_connection(gate, teller):
    teller._link.send(ACKNOWLEDGED.pack(0, 65535))

    with pytest.raises(ConnectionResetError):
        gate.hear()


def test_a_reader_that_does_not_read_holds_nobody_up(gate, teller):
    for number in range(100_000):
        gate.tell(number)

    assert SIZE.size == 8


def test_the_one_that_comes_later_counts(gate, teller, listener):
    later = Teller(listener.getsockname())
    assert gate.accept()
    gate.welcome(0)

    later.say(5, "")
    gate.hear()

    assert gate.passed == 5
    assert teller.heard()  # the greeting
    with pytest.raises(ConnectionResetError):
        teller.heard()
    later.close()
