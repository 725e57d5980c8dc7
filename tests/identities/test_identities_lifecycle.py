"""Users, access keys and their policies through any sequence of changes, against a model of four sets."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from keystead.database.counter import ChangeCounter
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.identities.errors import EntityExists, EntityInUse, EntityNotFound, QuotaExceeded
from keystead.identities.room import Identities
from world import World

NAMES = st.sampled_from(["zoe", "Zoe", "max"])
READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"


class Users(RuleBasedStateMachine):
    """Everything is done through one process and checked through another."""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        self.world = World(folder)
        self.counter = ChangeCounter(folder / "changes", slot=1)
        self.database = Database.open(self.world.url, counter=self.counter)
        self.feed = Feed(self.database, self.counter)
        self.worker = Identities(self.database, self.feed, self.world.keyholder, self.world.clock)
        self.users = {}
        self.keys = {}
        self.ended = set()

    def run(self, work):
        return self.runner.run(work)

    def iam(self, operation, **asked):
        return self.run(self.world.iam(operation, **asked))

    @initialize()
    def open(self):
        self.run(self.world.__aenter__())

    @rule(name=NAMES)
    def create_user(self, name):
        try:
            made = self.iam("create_user", user_name=name)["User"]
        except EntityExists:
            assert name.lower() in self.users
            return
        assert name.lower() not in self.users
        assert made["UserId"] not in self.ended
        self.users[name.lower()] = {"id": made["UserId"], "name": name, "attached": False}

    @rule(name=NAMES)
    def delete_user(self, name):
        user = self.users.get(name.lower())
        try:
            self.iam("delete_user", user_name=name)
        except EntityNotFound:
            assert user is None
        except EntityInUse:
            assert user["attached"] or user["id"] in {owner for owner, _ in self.keys.values()}
        else:
            self.ended.add(self.users.pop(name.lower())["id"])

    @rule(name=NAMES)
    def create_access_key(self, name):
        user = self.users.get(name.lower())
        owned = [owner for owner, _ in self.keys.values() if user and owner == user["id"]]
        try:
            made = self.iam("create_access_key", user_name=name)["AccessKey"]
        except EntityNotFound:
            assert user is None
        except QuotaExceeded:
            assert len(owned) == 2
        else:
            self.keys[made["AccessKeyId"]] = (user["id"], True)

    @rule(data=st.data(), status=st.sampled_from(["Active", "Inactive", None]))
    def end_access_key(self, data, status):
        if not self.keys:
            return
        key = data.draw(st.sampled_from(sorted(self.keys)))
        owner = next(user for user in self.users.values() if user["id"] == self.keys[key][0])
        if status is None:
            self.iam("delete_access_key", user_name=owner["name"], access_key_id=key)
            self.ended.add(key)
            del self.keys[key]
        else:
            self.iam("update_access_key", user_name=owner["name"], access_key_id=key, status=status)
            self.keys[key] = (owner["id"], status == "Active")

    @rule(name=NAMES, attach=st.booleans())
    def attach(self, name, attach):
        user = self.users.get(name.lower())
        if user is None or user["attached"] == attach:
            return
        self.iam("attach_user_policy" if attach else "detach_user_policy", user_name=name, policy_arn=READ_ONLY)
        user["attached"] = attach

    @invariant()
    def exactly_the_active_keys_authenticate_elsewhere(self):
        async def check():
            if not self.feed.current():
                await self.feed.catch_up()
            for key, (owner, active) in self.keys.items():
                credential = await self.worker.authenticate(key, None)
                assert (credential is not None) == active
                if credential is not None:
                    assert credential.caller.principal.unique_id == owner
                    user = next(user for user in self.users.values() if user["id"] == owner)
                    assert len(credential.caller.standing.identity) == user["attached"]
            for key in self.ended:
                assert await self.worker.authenticate(key, None) is None

        self.run(check())

    def teardown(self):
        self.run(self.database.close())
        self.run(self.world.__aexit__())
        self.counter.close()
        self.runner.close()
        self.folder.cleanup()


TestUsers = Users.TestCase
TestUsers.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
