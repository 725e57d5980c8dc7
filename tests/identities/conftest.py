"""Identities over a real database and a real keyholder, in one process, with a clock that tests set."""

import itertools
import json
from pathlib import Path
from typing import Any, Self

import pytest

from keystead.database.counter import ChangeCounter
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.identities.call import Call, Caller
from keystead.identities.room import Identities
from keystead.keyholder import setup
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.seals import FileSeal
from keystead.services import iam, sts
from keystead.wire import model

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
NOW = 1_750_000_000.0

OPERATIONS = {
    service: {function.__name__: function for function in module.OPERATIONS}
    for service, module in (("iam", iam), ("sts", sts))
}
AWS_NAMES = {
    operation.python_name: operation.name
    for service in OPERATIONS
    for operation in model.load(service).operations.values()
}


class Undecided(AssertionError):
    """An operation ended without an access decision."""


class World:
    """Two accounts, each with an administrator. `async with world:` opens it."""

    def __init__(self, folder: Path, software: Any) -> None:
        self.now = NOW
        self.folder = folder
        self.url = f"sqlite+aiosqlite:///{folder / 'keystead.db'}"
        self.counter = ChangeCounter(folder / "changes", slot=0)
        self.database = Database.open(self.url, counter=self.counter, clock=self.clock)
        self.feed = Feed(self.database, self.counter)
        self.keyholder = LocalKeyholder(software)
        self.identities = Identities(self.database, self.feed, self.keyholder, self.clock)
        self.numbers = itertools.count()

    def clock(self) -> float:
        return self.now

    async def __aenter__(self) -> Self:
        await self.database.migrate()
        self.key_id, self.secret = await self.identities.create_account(ACCOUNT)
        self.other_key_id, _ = await self.identities.create_account(OTHER_ACCOUNT)
        await self.feed.catch_up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.database.close()
        self.counter.close()

    async def caller(self, access_key_id: str | None = None, token: str | None = None) -> Caller:
        if not self.feed.current():
            await self.feed.catch_up()
        credential = await self.identities.authenticate(access_key_id or self.key_id, token)
        assert credential is not None
        return credential.caller

    def call(self, caller: Caller, service: str, action: str, **named: Any) -> Call:
        identifier = f"call-{next(self.numbers)}"
        return Call(identifier, service, action, "us-east-1", caller, self.now, "192.0.2.1", "boto3", True, **named)

    async def run(self, service: str, operation: str, caller: Caller | None = None, **asked: Any) -> Any:
        """As the gateway runs it. Without a caller, the first account's administrator asks."""
        call = self.call(caller or await self.caller(), service, AWS_NAMES[operation])
        answer = await OPERATIONS[service][operation](self.identities, call, **asked)
        if not call.decided and AWS_NAMES[operation] not in sts.EXEMPT:
            raise Undecided(operation)
        shape = model.load(service).operations[AWS_NAMES[operation]].output
        assert (answer is None) == (shape is None), operation
        if shape is not None:
            check_shape(shape, answer, operation)
        return answer

    async def iam(self, operation: str, caller: Caller | None = None, **asked: Any) -> Any:
        return await self.run("iam", operation, caller, **asked)

    async def sts(self, operation: str, caller: Caller | None = None, **asked: Any) -> Any:
        return await self.run("sts", operation, caller, **asked)

    async def user(self, name: str, *statements: Any, **asked: Any) -> Caller:
        """A new user with an inline policy of these statements, and the caller it is by its access key."""
        await self.iam("create_user", user_name=name, **asked)
        if statements:
            await self.iam("put_user_policy", user_name=name, policy_name="inline", policy_document=policy(*statements))
        key = await self.iam("create_access_key", user_name=name)
        return await self.caller(key["AccessKey"]["AccessKeyId"])

    async def role(self, name: str, *statements: Any, trust: Any, **asked: Any) -> str:
        """A new role; its ARN."""
        made = await self.iam("create_role", role_name=name, assume_role_policy_document=policy(trust), **asked)
        if statements:
            await self.iam("put_role_policy", role_name=name, policy_name="inline", policy_document=policy(*statements))
        return str(made["Role"]["Arn"])

    async def assume(
        self, role_arn: str, caller: Caller | None = None, session: str = "session", **asked: Any
    ) -> Caller:
        answer = await self.sts("assume_role", caller, role_arn=role_arn, role_session_name=session, **asked)
        return await self.caller(answer["Credentials"]["AccessKeyId"], answer["Credentials"]["SessionToken"])


TYPES = {"string": str, "boolean": bool, "integer": int, "timestamp": float}


def check_shape(shape: model.Shape, value: Any, where: str) -> None:
    """An answer has what the model requires, nothing that it does not know, and every value of the right type."""
    if shape.type == "structure":
        assert shape.required <= set(value) <= set(shape.members), (where, set(value) ^ shape.required)
        for name, held in value.items():
            check_shape(shape.members[name], held, f"{where}.{name}")
    elif shape.type == "list":
        for held in value:
            check_shape(shape.member, held, where)
    else:
        assert type(value) is TYPES[shape.type], (where, type(value))


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def trusting(principal: str, *actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions) or "sts:AssumeRole", **more}


@pytest.fixture
def world(tmp_path: Path) -> World:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return World(tmp_path, setup.create(data, FileSeal()).software)


@pytest.fixture
def words() -> Any:
    """How tests write policies: words.policy(words.allow("kms:*"), …), words.trusting(arn)."""

    class Words:
        account, other_account, now = ACCOUNT, OTHER_ACCOUNT, NOW

    Words.policy = staticmethod(policy)
    Words.allow = staticmethod(allow)
    Words.trusting = staticmethod(trusting)
    return Words
