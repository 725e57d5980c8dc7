"""Everything below the wire in one process: a real database and keyholder, two accounts, and a clock that tests set."""

import itertools
import json
import re
import uuid
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import delete

from keystead.database.counter import ChangeCounter
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.identities.call import Call, Caller
from keystead.identities.room import Identities
from keystead.keyholder import setup
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.seals import FileSeal
from keystead.keys.use import Keys
from keystead.parameters.room import Parameters
from keystead.rooms import in_words_of_kms
from keystead.secrets.room import Secrets
from keystead.services import iam, kms, secretsmanager, ssm, sts
from keystead.trail.outbox import outbox, vouched_by
from keystead.wire import model

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
NOW = 1_750_000_000.0
REGION = "us-east-1"
REGIONS = frozenset({REGION, "us-west-2", "eu-west-1"})
NEED_TOKENS = ("create_secret", "put_secret_value", "update_secret")

SERVICES = {"iam": iam, "sts": sts, "kms": kms, "secretsmanager": secretsmanager, "ssm": ssm}
OPERATIONS = {
    service: {function.__name__: function for function in module.OPERATIONS} for service, module in SERVICES.items()
}
AWS_NAMES = {
    operation.python_name: operation.name
    for service in SERVICES
    for operation in model.load(service).operations.values()
}


class Undecided(AssertionError):
    """An operation ended without an access decision."""


class World:
    """Two accounts, each with an administrator. `async with world:` opens it."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        data = folder / "data"
        data.mkdir(mode=0o700)
        self.now = NOW
        self.folder = folder
        self.url = url or f"sqlite+aiosqlite:///{folder / 'keystead.db'}"
        self.counter = ChangeCounter(folder / "changes", slot=0)
        self.database = Database.open(self.url, counter=self.counter, clock=self.clock)
        self.feed = Feed(self.database, self.counter)
        self.keyholder = LocalKeyholder(setup.create(data, FileSeal(), self.clock).software)
        vouched_by(self.database, self.keyholder)
        self.identities = Identities(self.database, self.feed, self.keyholder, self.clock)
        self.keys = Keys(self.database, self.feed, self.keyholder, self.identities, self.clock, regions=REGIONS)
        self.secrets = Secrets(
            self.database, self.feed, self.keys, self.identities, self.clock, regions=model.regions()
        )
        self.parameters = Parameters(self.database, self.feed, self.keys, self.identities, self.clock, in_words_of_kms)
        self.rooms = {
            "iam": iam.service(self.identities),
            "sts": sts.service(self.identities),
            "kms": kms.service(self.keys),
            "secretsmanager": secretsmanager.service(self.secrets),
            "ssm": ssm.service(ssm.Room(self.parameters, self.secrets)),
        }
        self.numbers = itertools.count()

    def clock(self) -> float:
        return self.now

    async def __aenter__(self) -> Self:
        await self.database.migrate()
        await self.feed.start()
        self.key_id, self.secret = await self.identities.create_account(ACCOUNT)
        self.other_key_id, _ = await self.identities.create_account(OTHER_ACCOUNT)
        async with self.database.write("world", announced=False) as tx:
            await tx.execute(delete(outbox))  # of the accounts themselves
        await self.feed.catch_up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.feed.close()
        await self.database.close()
        self.counter.close()

    async def caller(self, access_key_id: str | None = None, token: str | None = None) -> Caller:
        if not self.feed.current():
            await self.feed.catch_up()
        credential = await self.identities.authenticate(access_key_id or self.key_id, token)
        assert credential is not None
        return credential.caller

    async def other(self) -> Caller:
        """The administrator of the other account."""
        return await self.caller(self.other_key_id)

    def call(self, caller: Caller, service: str, action: str, **named: Any) -> Call:
        identifier = f"call-{next(self.numbers)}"
        named = {"region": REGION, **named}
        return Call(
            identifier, service, action, named.pop("region"), caller, self.now, "192.0.2.1", "boto3", True, **named
        )

    async def run(
        self, service: str, operation: str, caller: Caller | None = None, *, region: str = REGION, **asked: Any
    ) -> Any:
        """As the gateway runs it. Without a caller, the first account's administrator asks."""
        call = self.call(caller or await self.caller(), service, AWS_NAMES[operation], region=region)
        return await self.run_call(call, operation, **asked)

    async def run_call(self, call: Call, operation: str, **asked: Any) -> Any:
        room = self.rooms[call.service]
        answer = await OPERATIONS[call.service][operation](room.room, call, **asked)
        if not call.decided and call.action not in room.exempt:
            raise Undecided(operation)
        shape = model.load(call.service).operations[call.action].output
        assert (answer is None) == (shape is None), operation
        if shape is not None:
            check_shape(shape, answer, operation)
        return answer

    async def kms(self, operation: str, caller: Caller | None = None, **asked: Any) -> Any:
        return await self.run("kms", operation, caller, **asked)

    async def sm(self, operation: str, caller: Caller | None = None, **asked: Any) -> Any:
        """With a ClientRequestToken, where one is needed and none is given, as SDKs make one."""
        if operation in NEED_TOKENS:
            asked.setdefault("client_request_token", str(uuid.uuid4()))
        return await self.run("secretsmanager", operation, caller, **asked)

    async def ssm(self, operation: str, caller: Caller | None = None, **asked: Any) -> Any:
        return await self.run("ssm", operation, caller, **asked)

    async def iam(self, operation: str, caller: Caller | None = None, **asked: Any) -> Any:
        return await self.run("iam", operation, caller, **asked)

    async def sts(self, operation: str, caller: Caller | None = None, **asked: Any) -> Any:
        return await self.run("sts", operation, caller, **asked)

    async def refusal(self, service: str, operation: str, caller: Caller | None = None, **asked: Any) -> Any:
        """(code, text) of what is refused; fails when it is not."""
        table = self.rooms[service].errors
        with pytest.raises(tuple(table)) as raised:
            await self.run(service, operation, caller, **asked)
        return self.told(service, raised.value)

    def told(self, service: str, error: BaseException) -> Any:
        """(code, text) of a domain error."""
        table = self.rooms[service].errors
        code, text = next(table[kind] for kind in type(error).__mro__ if kind in table)
        if text is not None:
            text = re.sub(r"\{(\w+)\}", lambda field: str(getattr(error, field[1])), text)
        return code, None if text == "None" else text

    async def wrapped(self, key_id: str, material: bytes, region: str = REGION) -> dict[str, bytes]:
        """ImportToken and EncryptedKeyMaterial that bring this material to the key."""
        asked = {"wrapping_algorithm": "RSAES_OAEP_SHA_256", "wrapping_key_spec": "RSA_2048"}
        offered = await self.run("kms", "get_parameters_for_import", key_id=key_id, region=region, **asked)
        public = load_der_public_key(offered["PublicKey"])
        assert isinstance(public, RSAPublicKey)
        wrapped = public.encrypt(material, OAEP(MGF1(SHA256()), SHA256(), None))
        return {"import_token": offered["ImportToken"], "encrypted_key_material": wrapped}

    async def bring(self, key_id: str, material: bytes, region: str = REGION, **asked: Any) -> str:
        """The id of imported material; it does not expire unless that is asked."""
        if "valid_to" not in asked:
            asked["expiration_model"] = "KEY_MATERIAL_DOES_NOT_EXPIRE"
        asked |= await self.wrapped(key_id, material, region)
        answer = await self.run("kms", "import_key_material", key_id=key_id, region=region, **asked)
        return str(answer["KeyMaterialId"])

    async def refused(self, operation: str, caller: Caller | None = None, **asked: Any) -> Any:
        """Likewise, of KMS."""
        return await self.refusal("kms", operation, caller, **asked)

    async def user(self, name: str, *statements: Any, **asked: Any) -> Caller:
        """A new user with an inline policy of these statements, and the caller it is by its access key."""
        await self.iam("create_user", user_name=name, **asked)
        if statements:
            await self.iam("put_user_policy", user_name=name, policy_name="inline", policy_document=policy(*statements))
        key = await self.iam("create_access_key", user_name=name)
        return await self.caller(key["AccessKey"]["AccessKeyId"])

    async def role(self, name: str, *statements: Any, trust: Any = None, **asked: Any) -> str:
        """A new role, which trusts the account unless told otherwise; its ARN."""
        document = policy(trust or trusting(ACCOUNT))
        made = await self.iam("create_role", role_name=name, assume_role_policy_document=document, **asked)
        if statements:
            await self.iam("put_role_policy", role_name=name, policy_name="inline", policy_document=policy(*statements))
        return str(made["Role"]["Arn"])

    async def assume(
        self, role_arn: str, caller: Caller | None = None, session: str = "session", **asked: Any
    ) -> Caller:
        answer = await self.sts("assume_role", caller, role_arn=role_arn, role_session_name=session, **asked)
        return await self.caller(answer["Credentials"]["AccessKeyId"], answer["Credentials"]["SessionToken"])

    async def key(self, caller: Caller | None = None, **asked: Any) -> dict[str, Any]:
        """A new key's metadata."""
        made: dict[str, Any] = (await self.kms("create_key", caller, **asked))["KeyMetadata"]
        return made


TYPES = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "timestamp": (int, float),
    "blob": (bytes,),
}


def check_shape(shape: model.Shape, value: Any, where: str) -> None:
    """An answer has what the model requires, nothing that it does not know, and every value of the right type."""
    if shape.type == "structure":
        assert shape.required <= set(value) <= set(shape.members), (where, set(value) ^ shape.required)
        for name, held in value.items():
            check_shape(shape.members[name], held, f"{where}.{name}")
    elif shape.type == "list":
        for held in value:
            check_shape(shape.member, held, where)
    elif shape.type == "map":
        for key, held in value.items():
            check_shape(shape.key, key, where)
            check_shape(shape.value, held, f"{where}.{key}")
    else:
        assert type(value) in TYPES[shape.type], (where, type(value))


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def deny(*actions: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": list(actions), "Resource": resource, **more}


def trusting(principal: str, *actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions) or "sts:AssumeRole", **more}


def to(principal: str, statement: dict[str, Any]) -> dict[str, Any]:
    """A statement of a key policy about this principal."""
    return {**statement, "Principal": {"AWS": principal}}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture(name="world", params=["sqlite", "postgresql"])
def world_on_each_engine(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return World(tmp_path, request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None)
