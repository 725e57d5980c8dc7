"""The life of keys as a state machine: whatever the order of calls, the model and the room agree."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from keystead.keys import deletion
from keystead.keys.key import DAY
from world import World

CODES = {"Disabled": "DisabledException", "PendingDeletion": "KMSInvalidStateException"}


class Lives(RuleBasedStateMachine):
    """The model: for each key its state, when it goes, and the blobs that it sealed."""

    keys = Bundle("keys")

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.do(self.world.__aenter__())
        self.model = {}

    def do(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def teardown(self):
        self.do(self.world.__aexit__())
        self.loop.close()
        shutil.rmtree(self.folder)

    @rule(target=keys)
    def create(self):
        key = self.do(self.world.key())
        self.model[key["KeyId"]] = {"state": "Enabled", "blobs": [], "at": None, "arn": key["Arn"]}
        return key["KeyId"]

    @rule(key=keys, plaintext=st.binary(min_size=1, max_size=64))
    def encrypt(self, key, plaintext):
        known = self.model[key]
        if known["state"] == "Enabled":
            answer = self.do(self.world.kms("encrypt", key_id=key, plaintext=plaintext))
            known["blobs"].append((plaintext, answer["CiphertextBlob"]))
        else:
            self.refused(known, "encrypt", key_id=key, plaintext=plaintext)

    @rule(key=keys)
    def decrypt_all(self, key):
        known = self.model[key]
        for plaintext, blob in known["blobs"]:
            if known["state"] == "Enabled":
                assert self.do(self.world.kms("decrypt", ciphertext_blob=blob))["Plaintext"] == plaintext
            elif known["state"] != "gone":
                self.refused(known, "decrypt", ciphertext_blob=blob)
            else:
                assert self.do(self.world.refused("decrypt", ciphertext_blob=blob))[0] == "AccessDeniedException"

    @rule(key=keys)
    def rotate(self, key):
        known = self.model[key]
        if known["state"] == "Enabled" and known.setdefault("rotated", 0) < 25:
            self.do(self.world.kms("rotate_key_on_demand", key_id=key))
            known["rotated"] += 1

    @rule(key=keys, on=st.booleans())
    def switch(self, key, on):
        known = self.model[key]
        operation = "enable_key" if on else "disable_key"
        if known["state"] in {"Enabled", "Disabled"}:
            self.do(self.world.kms(operation, key_id=key))
            known["state"] = "Enabled" if on else "Disabled"
        else:
            self.refused(known, operation, key_id=key)

    @rule(key=keys, days=st.integers(7, 30))
    def schedule(self, key, days):
        known = self.model[key]
        if known["state"] in {"Enabled", "Disabled"}:
            asked = {"key_id": key, "pending_window_in_days": days}
            self.do(self.world.kms("schedule_key_deletion", **asked))
            known |= {"state": "PendingDeletion", "at": self.world.now + days * DAY}

    @rule(key=keys)
    def cancel(self, key):
        known = self.model[key]
        if known["state"] == "PendingDeletion":
            self.do(self.world.kms("cancel_key_deletion", key_id=key))
            known["state"] = "Disabled"

    @rule(days=st.integers(1, 12))
    def time_passes(self, days):
        self.world.now += days * DAY
        self.do(deletion.delete_due(self.world.keys, self.world.now))
        for known in self.model.values():
            if known["state"] == "PendingDeletion" and known["at"] <= self.world.now:
                known["state"] = "gone"

    def refused(self, known, operation, **asked):
        code = self.do(self.world.refused(operation, **asked))[0]
        expected = {"gone": "NotFoundException", **CODES}
        assert code == expected[known["state"]]

    @invariant()
    def listed_are_those_that_live(self):
        listed = {key["KeyId"] for key in self.do(self.world.kms("list_keys"))["Keys"]}
        assert listed == {key for key, known in self.model.items() if known["state"] != "gone"}


Lives.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestLives = pytest.mark.slow(Lives.TestCase)
