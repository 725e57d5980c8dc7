"""What records leave is known to the last of them, and of those that may have overtaken one another each may be the last."""

import pytest

from keystead.effects.event import name_of, read
from keystead.effects.ledger import TOLERANCE, Ledger
from keystead.effects.slots import UNKNOWN, Fact, Slot

NOW = 10**18
POLICY = Slot("key policy", "arn:key")
SECOND = 10**9


def ledger(*facts, owners=("arn:key",)) -> Ledger:
    return Ledger(facts, owners, NOW)


def found(replayed):
    return [one.text for one in replayed.findings()]


def fact(value, slot=POLICY, since=None):
    return Fact(slot, value, "the policy", since)


def test_the_newest_record_counts():
    replayed = ledger(fact("old"))
    for number, value in enumerate(("old", "new")):
        replayed.at(NOW - (60 - number * 30) * SECOND, f"record {number}")
        replayed.put(*POLICY[:2], value=value)

    assert found(replayed) == ["the policy is not in the database what record 1 made it"]


@pytest.mark.parametrize("value", ["old", "new"])
def test_either_of_two_that_ran_at_once_may_be_the_newest(value):
    replayed = ledger(fact(value))
    for number, put in enumerate(("old", "new")):
        replayed.at(NOW - 60 * SECOND + number * (TOLERANCE - 1), f"record {number}")
        replayed.put(*POLICY[:2], value=put)

    assert found(replayed) == []


def test_what_was_recorded_after_the_database_was_read_need_not_be_in_it():
    replayed = ledger(fact("old"))
    for at, value in ((NOW - 60 * SECOND, "old"), (NOW + 60 * SECOND, "new")):
        replayed.at(at, "record")
        replayed.put(*POLICY[:2], value=value)
        replayed.put("inline policy", "arn:key", value)  # that of before is missed

    assert found(replayed) == ["record made inline policy old of arn:key, and the database does not have it"]


def test_what_was_taken_away_is_said_to_be():
    replayed = ledger(fact("", Slot("grant", "arn:key", "g"), since=0.0))
    replayed.at(NOW - 60 * SECOND, "record 1")
    replayed.put("grant", "arn:key", "g")
    replayed.at(NOW - 30 * SECOND, "record 2")
    replayed.end("grant", "arn:key")

    assert found(replayed) == [
        "the policy is in the database, since 1970-01-01T00:00:00.000Z, and record 2 took it away"
    ]


def test_a_record_that_does_not_tell_fits_anything():
    replayed = ledger(fact("any"))
    replayed.at(NOW - 60 * SECOND, "record 1")
    replayed.put(*POLICY[:2], value=UNKNOWN)

    assert found(replayed) == []


def test_what_went_with_its_owner_is_not_missed_and_nothing_is_kept_of_it():
    replayed = ledger()
    for number in range(1000):
        replayed.at(NOW - (3000 - number) * SECOND, f"record {number}")
        replayed.put("grant", "arn:gone", str(number))
        replayed.put("secret version", "arn:key", str(number))
        replayed.put("grant", "arn:key", str(number))
        replayed.gone("grant", "arn:key", str(number))

    assert found(replayed) == []
    assert sum(map(len, replayed._held.values())) <= TOLERANCE // SECOND + 2


def test_what_was_recorded_between_a_backup_and_its_restoration_may_be_there_or_not():
    slots = [Slot("grant", "arn:key", name) for name in ("before", "ended since", "never")]
    replayed = ledger(*(fact("", slot) for slot in slots))
    for seconds, change, name in (
        (90, "put", "before"),
        (80, "put", "ended since"),
        (30, "gone", "ended since"),
        (20, "put", "lost"),
    ):
        replayed.at(NOW - seconds * SECOND, f"record of {name}")
        getattr(replayed, change)("grant", "arn:key", name)
    replayed.at(NOW - 10 * SECOND, "the restoration")
    replayed.restored(NOW - 60 * SECOND)

    assert found(replayed) == ["the policy is in the database, and no record made it"]  # the third


def test_the_name_of_an_event_is_not_read_out_of_what_a_caller_wrote():
    event = rb'{"userIdentity":{"userName":"\"eventName\":\"DeleteKey\""},"eventName":"Encrypt"}'

    assert name_of(event) == b"Encrypt"
    assert name_of(b"{}") == b""


@pytest.mark.parametrize("event", [b"", b"[]", b'{"eventName":"CreateKey"}', b'{"eventName":"x","errorCode":"y"}'])
def test_what_failed_or_is_no_record_made_nothing(event):
    assert read(event) is None
