"""Calls of nobody in particular cannot fill the log: their failures are recorded under a bound, and the rest is counted."""

from types import SimpleNamespace

from keystead.failed_signatures import FailedSignatures
from keystead.trail.notes import Notes


def call(at):
    return SimpleNamespace(at=at, notes=Notes())


def test_ten_failures_a_second_are_recorded_and_the_next_one_says_how_many_were_not():
    failures = FailedSignatures("111122223333", "us-east-1")

    admitted = [failures.admit(call(1000.0 + number / 100)) for number in range(15)]
    later = call(1001.0)

    assert admitted == [True] * 10 + [False] * 5
    assert failures.admit(later)
    assert later.notes.additional == {"notRecorded": 5}


def test_where_nothing_was_left_out_nothing_is_said():
    one = call(1000.0)

    assert FailedSignatures("111122223333", "us-east-1").admit(one)
    assert one.notes.additional == {}
