"""One node with two workers: no use is allowed that started after the answer that forbade it."""

import pytest

from contested import Contested
from history import Change, Recording, Use, denied_uses, forbidden_uses

FORBID = Change("state", permits=False, started=1.0, ended=2.0)


@pytest.mark.parametrize(
    ("changes", "use", "grace"),
    [
        ([FORBID], Use(2.1, 2.2), 0.0),
        ([FORBID, Change("policy", permits=True, started=2.0, ended=2.05)], Use(2.1, 2.2), 0.0),
        ([Change("state", permits=True, started=0.0, ended=0.5), FORBID], Use(2.1, 2.2), 0.0),
        ([FORBID, Change("state", permits=True, started=2.3, ended=2.4)], Use(2.1, 2.2), 0.0),
        ([FORBID], Use(3.1, 3.2), 1.0),
    ],
    ids=["after", "another register permits", "permitted before", "permitted later", "after the grace"],
)
def test_the_check_finds_a_use_that_was_allowed_too_late(changes, use, grace):
    assert [found for found, _ in forbidden_uses(changes, [use], grace)] == [use]


@pytest.mark.parametrize(
    ("changes", "use", "grace"),
    [
        ([FORBID], Use(1.9, 2.2), 0.0),
        ([FORBID, Change("state", permits=True, started=2.1)], Use(2.15, 2.2), 0.0),
        ([FORBID, Change("state", permits=True, started=1.5, ended=1.9)], Use(2.1, 2.2), 0.0),
        ([FORBID], Use(2.1, 2.2, "state"), 0.0),
        ([FORBID], Use(2.9, 3.2), 1.0),
    ],
    ids=["overlapping", "permitted again without an answer", "changes overlap", "refused", "within the grace"],
)
def test_the_check_accepts_what_can_be_put_in_an_order(changes, use, grace):
    assert forbidden_uses(changes, [use], grace) == []


def test_the_check_finds_a_use_that_was_refused_without_reason():
    permit = Change("state", permits=True, started=2.1, ended=2.2)

    assert denied_uses([FORBID, permit], [Use(2.3, 2.4, "state")])
    assert not denied_uses([FORBID, permit], [Use(2.15, 2.4, "state")])


@pytest.mark.whole
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_use_is_allowed_after_the_answer_that_forbade_it(new_node, database, much):
    node = new_node(database).start("--workers", "2")
    contested = Contested([node], through=[node])
    recording = Recording()

    recording.run(contested.change, contested.users(6), seconds=much(4, 300))

    print(f"\n{len(recording.changes)} changes, {len(recording.uses)} uses")
    assert recording.failures == []
    assert {use.refused_by for use in recording.uses} == {None, "state", "policy"}
    assert forbidden_uses(recording.changes, recording.uses) == []
    assert denied_uses(recording.changes, recording.uses) == []
