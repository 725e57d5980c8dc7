"""A rotator in a World, whose turns tests take by hand, and a rotation function of this process that fails where it is told to."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import botocore
from sqlalchemy import select

from keystead.rotation import builtin
from keystead.rotation.api import CURRENT, PENDING, Api, ApiRefused
from keystead.rotation.attempt import Place, Tools
from keystead.rotation.dispatch import Dispatcher
from keystead.rotation.draining import Drainer
from keystead.rotation.executors.work import Credentials
from keystead.rotation.glancing import Glancer
from keystead.rotation.room import Rotation
from keystead.rotation.run import Run
from keystead.rotation.runner import Runner
from keystead.rotation.steps import CREATE, FINISH, Event
from keystead.rotation.store import runs
from world import ACCOUNT, REGION, World

NAME = "InThisProcess"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"


class Failed(Exception):
    """The function has raised, as it was told to."""


@dataclass(frozen=True)
class Function(builtin.Builtin):
    """It rotates a value that nothing but the secret knows: the four steps as a function written for Lambda does them.

    made  the values it has made, by version; a repeated createSecret makes no other
    """

    engines: frozenset[str] = frozenset()
    alternating: bool = False
    made: dict[str, str] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)

    async def perform(self, event: Event, api: Api, masters: Any) -> None:
        stages = (await api("DescribeSecret", SecretId=event.secret))["VersionIdsToStages"]
        if CURRENT in stages[event.token]:
            return
        if event.step in self.failing:
            raise Failed
        if event.step == CREATE:
            await self._create(event, api)
        if event.step == FINISH:
            old = next(version for version, labels in stages.items() if CURRENT in labels)
            move = {"MoveToVersionId": event.token, "RemoveFromVersionId": old}
            await api("UpdateSecretVersionStage", SecretId=event.secret, VersionStage=CURRENT, **move)

    async def _create(self, event: Event, api: Api) -> None:
        try:
            await api("GetSecretValue", SecretId=event.secret, VersionId=event.token, VersionStage=PENDING)
        except ApiRefused as refused:
            if not refused.missing:
                raise
            value = self.made.setdefault(event.token, str(uuid.uuid4()))
            named = {"ClientRequestToken": event.token, "RotationToken": event.rotation_token}
            await api("PutSecretValue", SecretId=event.secret, SecretString=value, VersionStages=[PENDING], **named)


@dataclass(frozen=True)
class Apis:
    """Clients of the World's Secrets Manager: authenticated and authorised like all others, and without a wire."""

    world: World

    def __call__(self, credentials: Credentials, region: str) -> Api:
        async def client(operation: str, **members: Any) -> Any:
            caller = await self.world.caller(credentials.access_key_id, credentials.token)
            asked = {botocore.xform_name(name): value for name, value in members.items()}
            table = self.world.rooms["secretsmanager"].errors
            try:
                return await self.world.run(
                    "secretsmanager", botocore.xform_name(operation), caller, region=region, **asked
                )
            except tuple(table) as error:
                raise ApiRefused(operation, self.world.told("secretsmanager", error)[0]) from None

        return client


class Turns:
    """The World's rotator: what is due happens in `turn`, and never by itself. `close` takes the function away again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.function = Function()
        self.rotation = Rotation(world.database, world.keyholder, world.clock)
        tools = Tools(world.database, world.keyholder, Apis(world), Place("http://nowhere.invalid"), world.clock)
        runner, drainer, glancer = (kind(self.rotation, tools) for kind in (Runner, Drainer, Glancer))
        self.dispatcher = Dispatcher(self.rotation, runner, drainer, glancer, "test")
        world.secrets.rotator = self.rotation
        builtin.FUNCTIONS[NAME] = self.function  # type: ignore[index]  # a table, but for tests

    def close(self) -> None:
        del builtin.FUNCTIONS[NAME]  # type: ignore[attr-defined]  # likewise

    async def turn(self, *failing: str) -> None:
        """The clock moves to where the run that is on wants to be looked at; its function fails in these steps."""
        live = await self.live()
        if live is not None and live.next_at is not None:
            self.world.now = max(self.world.now, live.next_at)
        self.function.failing.clear()
        self.function.failing.update(failing)
        await self.dispatcher.look()
        await self.dispatcher.finish()

    async def live(self) -> Run | None:
        async with self.world.database.read() as connection:
            row = (await connection.execute(select(runs).where(runs.c.ended_at.is_(None)))).mappings().first()
        return Run(**row) if row is not None else None
