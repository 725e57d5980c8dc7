"""Parameters under random sequences of calls: versions, labels and values agree with a small model, whatever the order.

The most versions that are kept is three here instead of a hundred, so that the oldest is dropped, or refused to be, all the time.
"""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from keystead.parameters import putting
from keystead.parameters.errors import OldestLabelled, ParameterExists, ParameterNotFound, VersionNotFound
from world import World

EXAMPLES = 200 if os.environ.get("KEYSTEAD_SOAK") else 8
KEPT = 3
LABELS = st.lists(st.sampled_from(["live", "next", "old", "AWSx", "1st", "ssm.y"]), min_size=1, max_size=3, unique=True)
VALID = {"live", "next", "old"}
VALUES = st.text(alphabet="abcxyz", min_size=1, max_size=8)
NUMBERS = st.integers(min_value=1, max_value=8)


class Lives(RuleBasedStateMachine):
    """The model: values by version number, and labels. No version: there is no parameter."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.most, putting.VERSIONS = putting.VERSIONS, KEPT
        self.do(self.world.__aenter__())
        self.values, self.labels = {}, {}

    def do(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def ssm(self, operation, **asked):
        self.world.now += 1
        return self.do(self.world.ssm(operation, name="/p", **asked))

    def fails(self, error, operation, **asked):
        with pytest.raises(error):
            self.ssm(operation, **asked)

    def teardown(self):
        putting.VERSIONS = self.most
        self.do(self.world.__aexit__())
        self.loop.close()
        shutil.rmtree(self.folder)

    @rule(value=VALUES, overwrite=st.booleans(), sealed=st.booleans())
    def put(self, value, overwrite, sealed):
        asked = {"value": value, "overwrite": overwrite}
        if not self.values:
            self.ssm("put_parameter", type="SecureString" if sealed else "String", **asked)
            self.values = {1: value}
            return
        if not overwrite:
            self.fails(ParameterExists, "put_parameter", **asked)
            return
        oldest = min(self.values)
        if len(self.values) == KEPT and oldest in self.labels.values():
            self.fails(OldestLabelled, "put_parameter", **asked)
            return
        newest = max(self.values) + 1
        assert self.ssm("put_parameter", **asked)["Version"] == newest
        self.values[newest] = value
        if len(self.values) > KEPT:
            del self.values[oldest]

    @rule(number=st.none() | NUMBERS, labels=LABELS)
    def label(self, number, labels):
        asked = {"labels": labels} | ({} if number is None else {"parameter_version": number})
        if not self.values:
            self.fails(ParameterNotFound, "label_parameter_version", **asked)
            return
        number = number or max(self.values)
        if number not in self.values:
            self.fails(VersionNotFound, "label_parameter_version", **asked)
            return
        answer = self.ssm("label_parameter_version", **asked)
        assert answer == {
            "InvalidLabels": [label for label in labels if label not in VALID],
            "ParameterVersion": number,
        }
        self.labels |= {label: number for label in labels if label in VALID}

    @rule(number=NUMBERS, labels=LABELS)
    def unlabel(self, number, labels):
        asked = {"labels": labels, "parameter_version": number}
        if number not in self.values:
            error = VersionNotFound if self.values else ParameterNotFound
            self.fails(error, "unlabel_parameter_version", **asked)
            return
        there = [label for label in labels if self.labels.get(label) == number]
        assert self.ssm("unlabel_parameter_version", **asked) == {
            "RemovedLabels": there,
            "InvalidLabels": [label for label in labels if label not in there],
        }
        for label in there:
            del self.labels[label]

    @rule()
    def delete(self):
        if not self.values:
            self.fails(ParameterNotFound, "delete_parameter")
            return
        self.ssm("delete_parameter")
        self.values, self.labels = {}, {}

    @invariant()
    def history_is_the_models(self):
        if not self.values:
            self.fails(ParameterNotFound, "get_parameter_history")
            return
        listed = self.ssm("get_parameter_history", with_decryption=True)["Parameters"]
        assert {one["Version"]: one["Value"] for one in listed} == self.values
        assert {label: one["Version"] for one in listed for label in one["Labels"]} == self.labels

    @invariant()
    def selectors_lead_where_they_say(self):
        if not self.values:
            return
        asked = {f"/p:{label}": number for label, number in self.labels.items()}
        asked |= {"/p": max(self.values), "/p:999": None, "/p:none": None}
        answer = self.do(self.world.ssm("get_parameters", names=list(asked), with_decryption=True))
        found = {f"/p{one.get('Selector', '')}": one["Value"] for one in answer["Parameters"]}
        assert found == {name: self.values[number] for name, number in asked.items() if number is not None}
        assert set(answer["InvalidParameters"]) == {name for name, number in asked.items() if number is None}


Lives.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=25, deadline=None, phases=[Phase.explicit, Phase.generate]
)
TestLives = pytest.mark.slow(Lives.TestCase)


def test_the_hundred_and_first_version_drops_the_oldest_unless_it_has_a_label(tmp_path):
    async def versions():
        world = World(tmp_path)
        async with world:
            await world.ssm("put_parameter", name="/p", value="1", type="String")
            for _ in range(100):
                await world.ssm("put_parameter", name="/p", value="v", overwrite=True)
            before = await world.ssm("get_parameter_history", name="/p", max_results=1)
            await world.ssm("label_parameter_version", name="/p", parameter_version=2, labels=["kept"])
            told = await world.refusal("ssm", "put_parameter", name="/p", value="v", overwrite=True)
            return before["Parameters"][0]["Version"], told

    oldest, told = asyncio.run(versions())

    assert oldest == 2
    assert told == (
        "ParameterMaxVersionLimitExceeded",
        ("You attempted to create a new version of /p by calling the PutParameter API with the overwrite flag. Version 2, "
        "the oldest version, can't be deleted because it has a label associated with it. Move the label to another version "
        "of the parameter, and try again."),
    )  # fmt: skip
