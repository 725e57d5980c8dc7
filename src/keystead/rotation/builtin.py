"""Keystead's own rotation functions, which answer to Lambda ARNs and do what AWS's templates do.

    SingleUser         the user's password is exchanged; where it can have two at once, the old one stays for the overlap
    AlternatingUsers   the password of the other one of two users is set; the old user stays for the overlap

An administrator is named by `masterarn` in the secret. AlternatingUsers needs one; SingleUser needs one to keep an old password.
Whoever may write a secret could name any user in it: so nothing is changed unless the current credential logs in.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from keystead.rotation import engines
from keystead.rotation.api import CURRENT, PENDING, PREVIOUS, Api, ApiRefused
from keystead.rotation.credential import Credential
from keystead.rotation.engines.promise import Engine
from keystead.rotation.errors import LoginRefused, SecretUnusable, StepRefused
from keystead.rotation.steps import CREATE, FINISH, SET, TEST, Event

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789", "!*+-.=_~^"
"""None that has to be escaped in a URL's password, a DSN or a shell; AWS's templates leave out /@"'\\ for that reason."""
LENGTH: Final = 32


def new_password() -> str:
    """190 bits and more, with something of each kind."""
    while True:
        made = "".join(secrets.choice("".join(LETTERS)) for _ in range(LENGTH))
        if all(set(made) & set(kind) for kind in LETTERS):
            return made


class Masters(Protocol):
    """Opens a client that may read one administrator's secret and nothing else."""

    async def __call__(self, arn: str) -> Api: ...


@dataclass(frozen=True, slots=True)
class Builtin:
    """A rotation function. `engines`: which secrets it is for, by their `engine`."""

    engines: frozenset[str]
    alternating: bool

    async def perform(self, event: Event, api: Api, masters: Masters) -> None:
        """One step. Raises StepRefused, SecretUnusable, ApiRefused, and what the engine raises."""
        stages = (await api("DescribeSecret", SecretId=event.secret)).get("VersionIdsToStages", {})
        if event.token not in stages:
            raise StepRefused("The version is not one of the secret's.")
        if CURRENT in stages[event.token]:
            return
        if PENDING not in stages[event.token]:
            raise StepRefused("The version is not the pending one.")
        step = Step(self, event, api, masters)
        await {CREATE: step.create, SET: step.set, TEST: step.test, FINISH: step.finish}[event.step]()

    def engine_of(self, credential: Credential) -> Engine:
        if credential.engine not in self.engines:
            raise SecretUnusable(f"This function does not rotate secrets of the engine {credential.engine[:32]}.")
        return engines.engine(credential.engine)


@dataclass(frozen=True, slots=True)
class Step:
    """One step while it is performed."""

    function: Builtin
    event: Event
    api: Api
    masters: Masters

    async def create(self) -> None:
        current = await self.value(CURRENT)
        self.function.engine_of(current)
        if await self.found(self.event.token, PENDING):
            return
        username = current.username
        if self.function.alternating:
            if current.master is None:
                raise SecretUnusable("To alternate users, the secret must name an administrator's secret: masterarn.")
            username = current.alternate()
        pending = current.changed(password=new_password(), username=username)
        await self.api(
            "PutSecretValue",
            SecretId=self.event.secret,
            ClientRequestToken=self.event.token,
            SecretString=pending.text(),
            VersionStages=[PENDING],
            RotationToken=self.event.rotation_token,
        )

    async def set(self) -> None:
        """What logs in already was set by an earlier attempt: then there is nothing to do."""
        pending, current = await self.value(PENDING), await self.value(CURRENT)
        self.check(pending, current)
        engine = self.function.engine_of(current)
        if await logs_in(engine, pending):
            return
        working = await self.working(engine, current)
        if self.function.alternating:
            admin = await admin_of(current, self.masters)
            if admin.username == pending.username:
                raise SecretUnusable("The administrator cannot be one of the two users.")
            await engine.ready_alternate(admin, pending, current.username)
        elif current.master is not None:
            admin = await admin_of(current, self.masters)
            await engine.change(admin, pending, working if engine.two_passwords else None)
        else:
            await engine.change(working, pending, None)

    async def working(self, engine: Engine, current: Credential) -> Credential:
        """The current credential, or the previous one where somebody set that back. Raises LoginRefused."""
        if await logs_in(engine, current):
            return current
        previous = await self.found_value(PREVIOUS)
        if previous is None or previous.username != current.username or not previous.same_place(current):
            raise LoginRefused
        await engine.login(previous)
        return previous

    async def test(self) -> None:
        pending = await self.value(PENDING)
        await self.function.engine_of(pending).login(pending)

    async def finish(self) -> None:
        stages: Mapping[str, list[str]] = (await self.api("DescribeSecret", SecretId=self.event.secret))[
            "VersionIdsToStages"
        ]
        current = next((version for version, labels in stages.items() if CURRENT in labels), None)
        await self.api(
            "UpdateSecretVersionStage",
            SecretId=self.event.secret,
            VersionStage=CURRENT,
            MoveToVersionId=self.event.token,
            **({"RemoveFromVersionId": current} if current is not None else {}),
        )

    def check(self, pending: Credential, current: Credential) -> None:
        """A pending value that somebody else wrote is not sent to another server, nor for another user."""
        if not pending.same_place(current) or pending.engine != current.engine or pending.master != current.master:
            raise SecretUnusable("The pending value is for another server than the current one.")
        expected = current.alternate() if self.function.alternating else current.username
        if pending.username != expected:
            raise SecretUnusable("The pending value is for another user.")

    async def value(self, stage: str) -> Credential:
        named = {"VersionId": self.event.token} if stage == PENDING else {}
        return await read(self.api, self.event.secret, VersionStage=stage, **named)

    async def found_value(self, stage: str) -> Credential | None:
        try:
            return await self.value(stage)
        except ApiRefused as refused:
            if not refused.missing:
                raise
            return None

    async def found(self, version: str, stage: str) -> bool:
        try:
            await self.api("GetSecretValue", SecretId=self.event.secret, VersionId=version, VersionStage=stage)
        except ApiRefused as refused:
            if not refused.missing:
                raise
            return False
        return True


async def read(api: Api, secret: str, **which: str) -> Credential:
    return Credential.read((await api("GetSecretValue", SecretId=secret, **which)).get("SecretString"))


async def admin_of(credential: Credential, masters: Masters) -> Credential:
    """The administrator that the secret names, of the same server; its credential goes to that server alone."""
    if credential.master is None:
        return credential
    api = await masters(credential.master)
    admin = await read(api, credential.master)
    if not admin.same_place(credential):
        raise SecretUnusable("The administrator's secret is for another server.")
    return admin


async def logs_in(engine: Engine, who: Credential) -> bool:
    try:
        await engine.login(who)
    except LoginRefused:
        return False
    return True


POSTGRESQL: Final = frozenset({"postgres", "postgresql"})
MARIADB: Final = frozenset({"mariadb", "mysql"})
REDIS: Final = frozenset({"redis", "valkey"})

FUNCTIONS: Final[Mapping[str, Builtin]] = {
    #  name in arn:aws:lambda:REGION:ACCOUNT:function:NAME
    "KeysteadPostgreSQLSingleUserRotation":       Builtin(POSTGRESQL, alternating=False),
    "KeysteadPostgreSQLAlternatingUsersRotation": Builtin(POSTGRESQL, alternating=True),
    "KeysteadMariaDBSingleUserRotation":          Builtin(MARIADB, alternating=False),
    "KeysteadMariaDBAlternatingUsersRotation":    Builtin(MARIADB, alternating=True),
    "KeysteadRedisSingleUserRotation":            Builtin(REDIS, alternating=False),
    "KeysteadRedisAlternatingUsersRotation":      Builtin(REDIS, alternating=True),
}  # fmt: skip  # a table
