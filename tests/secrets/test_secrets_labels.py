"""Where staging labels are after each call: the table of recorded moves, and every sequence against a small model."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from keystead.secrets.errors import LimitReached, ParameterWrong, RemovalMissing, VersionNotFound
from keystead.secrets.labels import LIMIT, after_move, after_put

SHORT = {"C": "AWSCURRENT", "P": "AWSPREVIOUS", "N": "AWSPENDING"}


def read(text):
    """V1{C} V2{N,a} as labels."""
    found = {}
    for version, held in re.findall(r"(\w+)\{([^}]*)\}", text):
        found |= {SHORT.get(label, label): version for label in held.split(",") if label}
    return found


def versions(*texts, empty=()):
    return {version: version not in empty for text in texts for version in re.findall(r"(\w+)\{", text)}


PUTS = [
    #  before                   labels asked        after                                 secrets_manager.md 3, row
    ("",                        None,               "V1{C}"),                             # 3
    ("",                        ["x"],              "V1{C,x}"),                           # 4
    ("V0{C}",                   None,               "V0{P} V1{C}"),                       # 5
    ("V9{P} V0{C}",             None,               "V9{} V0{P} V1{C}"),                  # 6
    ("V0{C}",                   ["N"],              "V0{C} V1{N}"),                       # 7
    ("V0{C}",                   ["a", "b"],         "V0{C} V1{a,b}"),                     # 8
    ("V9{C} V0{a,b,c}",         ["a", "b", "c", "d"], "V9{C} V0{} V1{a,b,c,d}"),          # 9
    ("V9{C} V0{a,b,c}",         ["a", "b", "d"],    "V9{C} V0{c} V1{a,b,d}"),             # 10
    ("V0{C}",                   ["C", "a"],         "V0{P} V1{C,a}"),                     # 11
    ("V9{P} V0{C,N}",           ["N"],              "V9{P} V0{C} V1{N}"),                 # 13
    ("V9{P} V0{C,N}",           None,               "V9{} V0{P} V1{C}"),                  # 14
    ("V0{C}",                   ["AWSELSE"],        "V0{C} V1{AWSELSE}"),                 # 27
    ("V0{C}",                   ["C", "P"],         "V0{P} V1{C}"),                       # never both on one version
    ("",                        ["P"],              "V1{C}"),
    ("V9{P} V0{C}",             ["P"],              "V9{} V0{C} V1{P}"),
    ("V1{N}",                   ["N"],              "V1{C,N}"),                           # an empty version, no other
    ("V0{C} V1{N}",             ["N"],              "V0{C} V1{N}"),                       # an empty version is filled
]  # fmt: skip  # a table


@pytest.mark.parametrize(("before", "asked", "after"), PUTS)
def test_putting_a_value(before, asked, after):
    stages = None if asked is None else [SHORT.get(label, label) for label in asked]

    assert after_put(read(before), "V1", stages) == read(after)


MOVES = [
    #  before                       label  to     from    after                            row
    ("V1{C} V2{N}",                 "C",   "V2",  "V1",   "V1{P} V2{C,N}"),                # 12
    ("V1{P} V2{C,a} V3{N,b}",       "C",   "V3",  "V2",   "V1{} V2{P,a} V3{C,N,b}"),       # 15
    ("V2{P,a} V3{C,b} V4{N,c}",     "C",   "V4",  "V3",   "V2{a} V3{P,b} V4{C,N,c}"),      # 16
    ("V2{C,a}",                     "a",   None,  "V2",   "V2{C}"),                        # 17
    ("V1{C} V2{}",                  "a",   "V2",  None,   "V1{C} V2{a}"),                  # 18
    ("V1{P} V2{C}",                 "C",   "V1",  "V2",   "V1{C} V2{P}"),                  # 21
    ("V1{C} V2{N}",                 "N",   None,  "V2",   "V1{C} V2{}"),
    ("V1{C} V2{a}",                 "a",   "V1",  "V2",   "V1{C,a} V2{}"),
    ("V1{C} V2{P}",                 "P",   None,  "V2",   "V1{C} V2{}"),
    ("V1{C}",                       "C",   "V1",  None,   "V1{C}"),
    ("V1{C}",                       "C",   "V1",  "V1",   "V1{C}"),
    ("V1{C,N} V2{P}",               "C",   "V2",  "V1",   "V1{P} V2{C}"),                  # who was current is not pending
]  # fmt: skip  # a table


@pytest.mark.parametrize(("before", "label", "to", "from_", "after"), MOVES)
def test_moving_a_label(before, label, to, from_, after):
    moved = after_move(read(before), SHORT.get(label, label), to, from_, versions(before))

    assert moved == read(after)


REFUSED = [
    #  before               label  to     from    error
    ("V1{C} V2{}",          "C",   "V2",  None,   RemovalMissing),      # row 19
    ("V1{C} V2{} V3{}",     "C",   "V2",  "V3",   ParameterWrong),      # row 19
    ("V1{a} V2{C}",         "a",   "V2",  None,   RemovalMissing),      # row 19
    ("V1{C}",               "C",   None,  "V1",   ParameterWrong),      # row 20
    ("V1{C}",               "C",   None,  None,   ParameterWrong),
    ("V1{C}",               "C",   "V9",  "V1",   VersionNotFound),
    ("V1{C}",               "a",   None,  "V9",   VersionNotFound),
    ("V1{C} V2{}",          "a",   None,  "V2",   ParameterWrong),
    ("V1{C} V2{}",          "a",   "V1",  "V2",   ParameterWrong),
    ("V1{C} V2{P}",         "P",   "V1",  "V2",   ParameterWrong),
]  # fmt: skip  # a table


@pytest.mark.parametrize(("before", "label", "to", "from_", "error"), REFUSED)
def test_a_move_that_is_refused(before, label, to, from_, error):
    with pytest.raises(error):
        after_move(read(before), SHORT.get(label, label), to, from_, versions(before))


def test_a_version_without_a_value_never_becomes_current():
    with pytest.raises(ParameterWrong):
        after_move(read("V1{C} T{N}"), "AWSCURRENT", "T", "V1", versions("V1{C} T{N}", empty=("T",)))


def test_a_secret_has_twenty_labels_at_most():
    full = {"AWSCURRENT": "V1", **{f"l{number}": "V1" for number in range(LIMIT - 1)}}

    with pytest.raises(LimitReached):
        after_put(full, "V2", ["another"])
    with pytest.raises(LimitReached):
        after_move(full, "another", "V1", None, {"V1": True})
    with pytest.raises(LimitReached):
        after_put(full, "V2", None)  # AWSPREVIOUS would be the twenty-first


LABELS = [*SHORT.values(), "a", "b", "AWSELSE"]


class Model:
    """What the table says, in the words of the documentation: sets of labels on versions."""

    def __init__(self):
        self.on = {}

    def put(self, version, stages):
        self.on.setdefault(version, set())
        wanted = set(stages or ["AWSCURRENT"])
        if not self.where("AWSCURRENT"):
            wanted.add("AWSCURRENT")
        if "AWSCURRENT" in wanted:
            wanted.discard("AWSPREVIOUS")
        for label in wanted - {"AWSCURRENT"}:
            self.attach(label, version)
        if "AWSCURRENT" in wanted:
            self.promote(version)

    def promote(self, version):
        former = self.where("AWSCURRENT")
        if former == version:
            return
        self.attach("AWSCURRENT", version)
        self.on[version].discard("AWSPREVIOUS")
        if former:
            self.attach("AWSPREVIOUS", former)
            self.on[former].discard("AWSPENDING")

    def attach(self, label, version):
        for held in self.on.values():
            held.discard(label)
        self.on[version].add(label)

    def where(self, label):
        return next((version for version, held in self.on.items() if label in held), None)

    def labels(self):
        return {label: version for version, held in self.on.items() for label in held}


class Labels(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.model, self.labels, self.count = Model(), {}, 0

    @rule(stages=st.none() | st.lists(st.sampled_from(LABELS), min_size=1, max_size=4, unique=True))
    def put(self, stages):
        self.count += 1
        self.labels = after_put(self.labels, f"V{self.count}", stages)
        self.model.put(f"V{self.count}", stages)

    @precondition(lambda self: self.count)
    @rule(label=st.sampled_from(LABELS), data=st.data())
    def move(self, label, data):
        known = sorted(self.model.on)
        to = data.draw(st.none() | st.sampled_from(known))
        from_ = data.draw(st.none() | st.sampled_from(known))
        held = self.model.where(label)
        fits = (
            (to is not None or from_ is not None)
            and (from_ == held if from_ is not None else held in {None, to})
            and not (label == "AWSCURRENT" and to is None)
            and not (label == "AWSPREVIOUS" and to is not None and to != held and self.model.where("AWSCURRENT") == to)
        )
        if not fits:
            with pytest.raises((RemovalMissing, ParameterWrong)):
                after_move(self.labels, label, to, from_, dict.fromkeys(known, True))
            return
        self.labels = after_move(self.labels, label, to, from_, dict.fromkeys(known, True))
        if to is None:
            self.model.on[held].discard(label)
        elif label == "AWSCURRENT":
            self.model.promote(to)
        else:
            self.model.attach(label, to)

    @invariant()
    def agree(self):
        assert self.labels == self.model.labels()

    @invariant()
    def one_is_current_and_another_is_previous(self):
        assert ("AWSCURRENT" in self.labels) == bool(self.count)
        if "AWSPREVIOUS" in self.labels:
            assert self.labels["AWSPREVIOUS"] != self.labels["AWSCURRENT"]


Labels.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
test_every_sequence_agrees_with_the_model = Labels.TestCase


@given(st.lists(st.sampled_from(LABELS), max_size=4))
def test_a_put_moves_no_label_that_was_not_asked_for_but_the_three(stages):
    before = {"AWSCURRENT": "V0", "a": "V0", "b": "V0", "AWSELSE": "V0"}

    after = after_put(before, "V1", stages or None)

    for label in ("a", "b", "AWSELSE"):
        assert after[label] == ("V1" if label in stages else "V0")
