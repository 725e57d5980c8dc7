"""Secrets under random sequences of calls and rotations: labels and values agree with a small model, whatever the order."""

import asyncio
import itertools
import os
import shutil
import tempfile
import uuid
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from keystead.rotation.steps import CREATE, STEPS
from keystead.secrets import deleting
from keystead.secrets.errors import NameMarked, NameTaken, RequestWrong, SecretMarked, SecretNotFound, StageNotFound
from keystead.secrets.labels import after_move, after_put
from turns import FUNCTION, Turns
from world import ACCOUNT, OTHER_ACCOUNT, World, allow, policy, to

EXAMPLES = 300 if os.environ.get("KEYSTEAD_SOAK") else 10
STAGES = st.none() | st.lists(
    st.sampled_from(["AWSCURRENT", "AWSPENDING", "blue"]), min_size=1, max_size=2, unique=True
)
VALUES = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable())


class Lives(RuleBasedStateMachine):
    """The model: state, value by version, labels by the pure functions, whose own table is tested by itself, and the run.

    run  (version, whether it only tests) of the rotation that is on
    copy  the ARN of a replica in another account, while one is associated
    """

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.do(self.world.__aenter__())
        self.turns = Turns(self.world)
        self.state, self.values, self.labels, self.run = "gone", {}, {}, None
        self.copy, self.copies = None, itertools.count()
        both = [to(f"arn:aws:iam::{account}:root", allow("kms:*")) for account in (ACCOUNT, OTHER_ACCOUNT)]
        self.key = self.do(self.world.key(self.do(self.world.other()), policy=policy(*both)))["Arn"]

    def do(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def sm(self, operation, **asked):
        self.world.now += 1
        named = {} if operation == "create_secret" else {"secret_id": "app"}
        return self.do(self.world.sm(operation, **named, **asked))

    def teardown(self):
        self.turns.close()
        self.do(self.world.__aexit__())
        self.loop.close()
        shutil.rmtree(self.folder)

    def writes(self, operation, error=None, **asked):
        wanted = error or {"gone": SecretNotFound, "marked": SecretMarked}.get(self.state)
        if wanted is None:
            return self.sm(operation, **asked)
        with pytest.raises(wanted):
            self.sm(operation, **asked)
        return None

    @rule(value=st.none() | VALUES)
    def create(self, value):
        error = {"alive": NameTaken, "marked": NameMarked}.get(self.state)
        given = {} if value is None else {"secret_string": value}
        if error is not None:
            with pytest.raises(error):
                self.sm("create_secret", name="app", **given)
            return
        made = self.sm("create_secret", name="app", **given)
        self.state = "alive"
        self.values = {made["VersionId"]: value} if given else {}
        self.labels = {"AWSCURRENT": made["VersionId"]} if given else {}

    @rule(value=VALUES, stages=STAGES)
    def put(self, value, stages):
        token = str(uuid.uuid4())
        given = {} if stages is None else {"version_stages": stages}
        if self.writes("put_secret_value", secret_string=value, client_request_token=token, **given):
            self.values[token] = value
            self.relabelled(after_put(self.labels, token, stages), written=token)

    @rule(value=VALUES)
    def update(self, value):
        made = self.writes("update_secret", secret_string=value, description=value)
        if made:
            self.values[made["VersionId"]] = value
            self.relabelled(after_put(self.labels, made["VersionId"], None), written=made["VersionId"])

    @precondition(lambda self: self.values)
    @rule(data=st.data(), label=st.sampled_from(["AWSCURRENT", "AWSPENDING", "blue"]))
    def move(self, data, label):
        to = data.draw(st.sampled_from(sorted(self.values)))
        held = self.labels.get(label)
        from_ = {} if held in {None, to} else {"remove_from_version_id": held}
        asked = {"version_stage": label, "move_to_version_id": to, **from_}
        if self.writes("update_secret_version_stage", **asked):
            known = dict.fromkeys([*self.labels.values(), *self.values], True)
            self.relabelled(after_move(self.labels, label, to, from_.get("remove_from_version_id"), known))

    def relabelled(self, labels, written=None):
        """By hand. It ends the rotation that is on, unless that is not concerned."""
        self.labels = labels
        if self.run is None:
            return
        token = self.run[0]
        if labels["AWSCURRENT"] != token and (written is not None or labels.get("AWSPENDING") != token):
            self.unpend(token)
            self.run = None
        elif labels["AWSCURRENT"] == token:
            self.run = None

    def unpend(self, token):
        if self.labels.get("AWSPENDING") == token:
            self.labels = {label: version for label, version in self.labels.items() if label != "AWSPENDING"}

    @rule(immediately=st.booleans())
    def rotate(self, immediately):
        token = str(uuid.uuid4())
        pending, current = self.labels.get("AWSPENDING"), self.labels.get("AWSCURRENT")
        error = RequestWrong if self.state == "alive" and (current is None or pending not in {None, current}) else None
        asked = {"client_request_token": token, "rotate_immediately": immediately}
        if self.writes("rotate_secret", error, rotation_lambda_arn=FUNCTION, **asked):
            self.labels = {**self.labels, "AWSPENDING": token}
            self.run = (token, not immediately)

    @rule()
    def cancel(self):
        if self.writes("cancel_rotate_secret"):
            self.run = None

    @rule(fails=st.sampled_from([None, None, *STEPS]))
    def turn(self, fails):
        """Of the rotator."""
        live = self.do(self.turns.live())
        self.do(self.turns.turn(*([fails] if fails else [])))
        if self.run is None or live.next_at is None:  # nothing is on, or it is stuck
            return
        token, tests = self.run
        if tests:
            self.unpend(token)
            self.run = None
            return
        if fails != CREATE:
            self.values[token] = self.turns.function.made[token]
        if fails is None:
            self.labels = after_move(
                self.labels, "AWSCURRENT", token, self.labels["AWSCURRENT"], dict.fromkeys(self.values, True)
            )
            self.run = None

    def there(self, operation, **asked):
        """In the replica's account."""
        return self.do(self.world.sm(operation, self.do(self.world.other()), **asked))

    @precondition(lambda self: self.state == "alive" and self.copy is None)
    @rule()
    def associate(self):
        primary = self.sm("describe_secret")["ARN"]
        asked = {"kms_key_id": self.key, "cross_account_primary_arn": primary}
        self.copy = self.there("create_secret", name=f"copy-{next(self.copies)}", **asked)["ARN"]
        self.sm("associate_cross_account_replica", cross_account_replica_arn=self.copy)

    @precondition(lambda self: self.copy is not None)
    @rule(first=st.booleans())
    def let_go(self, first):
        """By its own account, before the primary's or after it."""
        if first:
            self.there("stop_replication_to_replica", secret_id=self.copy)
        self.sm("disassociate_cross_account_replica", cross_account_replica_arn=self.copy)
        if not first:
            self.there("stop_replication_to_replica", secret_id=self.copy)
        self.there("delete_secret", secret_id=self.copy, force_delete_without_recovery=True)
        self.copy = None

    @rule()
    def mark(self):
        if self.writes("delete_secret", RequestWrong if self.copy else None):
            self.state, self.run = "marked", None

    @rule()
    def restore(self):
        if self.state == "gone":
            with pytest.raises(SecretNotFound):
                self.sm("restore_secret")
            return
        self.sm("restore_secret")
        self.state = "alive"

    @rule()
    def wait(self):
        self.world.now += 31 * 86_400
        self.do(deleting.delete_due(self.world.secrets, self.world.now))
        if self.state == "marked":
            self.state = "gone"

    @rule()
    def force(self):
        if self.copy:
            self.writes("delete_secret", RequestWrong, force_delete_without_recovery=True)
            return
        self.sm("delete_secret", force_delete_without_recovery=True)
        self.state, self.run = "gone", None

    @invariant()
    def labels_and_values_agree(self):
        assert (self.do(self.turns.live()) is None) == (self.run is None)
        if self.state == "gone":
            return
        stages = self.sm("describe_secret").get("VersionIdsToStages", {})
        assert {label: version for version, held in stages.items() for label in held} == self.labels
        if self.copy is not None:
            self.the_copy_agrees()
        if self.state == "alive":
            for label, version in self.labels.items():
                if version not in self.values:  # of a rotation that has not made one
                    with pytest.raises(StageNotFound):
                        self.sm("get_secret_value", version_stage=label)
                    continue
                read = self.sm("get_secret_value", version_stage=label)
                assert (read["SecretString"], read["VersionId"]) == (self.values[version], version)
            for version, value in list(self.values.items())[-3:]:
                assert self.sm("get_secret_value", version_id=version)["SecretString"] == value

    def the_copy_agrees(self):
        """What has a value is the replica's, too."""
        described = self.there("describe_secret", secret_id=self.copy)
        assert described["CrossAccountPrimary"]["ReplicationStatus"] == "InSync"
        held = {
            label: version for version, labels in described.get("VersionIdsToStages", {}).items() for label in labels
        }
        assert held.items() <= self.labels.items()
        assert {label for label, version in self.labels.items() if version in self.values} <= set(held)
        for label, version in held.items():
            if version in self.values:
                read = self.there("get_secret_value", secret_id=self.copy, version_stage=label)
                assert read["SecretString"] == self.values[version]


Lives.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=15, deadline=None)
test_whatever_the_order_of_calls = pytest.mark.slow(Lives.TestCase)
