"""One attempt at a run: its steps in their order, each performed with credentials of its own and judged by the labels alone.

Keystead's own functions run here, with one session for the attempt that never leaves this process. All others are given a session for
each step, revoked when the step is over: what comes late is refused.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from keystead.database.engine import Database
from keystead.keyholder.promise import Keyholder
from keystead.rotation import functions, leave, run, tokens
from keystead.rotation.api import PENDING, Api, ApiRefused
from keystead.rotation.builtin import Builtin
from keystead.rotation.errors import StepRefused
from keystead.rotation.executors import signing
from keystead.rotation.executors.directory import DirectoryFunction
from keystead.rotation.executors.http import HttpFunction
from keystead.rotation.executors.work import Credentials, Work
from keystead.rotation.functions import Registered
from keystead.rotation.run import Kind, Run, State
from keystead.rotation.steps import CREATE, STEPS, TEST, Event
from keystead.secrets import records
from keystead.trail.event import new_id

SESSION_SECONDS: Final = 900
"""Of credentials that nobody revokes because their process died."""
REUSED_SECONDS: Final = 300.0
"""How long a session that never leaves this process is used again for the same: each is a write, and a line of the trail."""
TOKEN_SECONDS: Final = 300.0
HEARTBEAT: Final = 15.0
"""Seconds after which another node may look whether anybody still works on a run; the lease tells it."""


class Apis(Protocol):
    """Opens clients of Secrets Manager."""

    def __call__(self, credentials: Credentials, region: str) -> Api: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where functions outside this process find Keystead.

    ca        file of the authorities of the endpoint's certificate
    confined  functions in directories do not run where the system cannot confine them
    """

    endpoint: str
    ca: str = ""
    confined: bool = True


@dataclass(frozen=True, slots=True)
class Tools:
    """What steps are performed with.

    clock  seconds since the epoch
    given  sessions of this process, by whose they are, their name and policy, and until when they are used
    """

    database: Database
    keyholder: Keyholder
    apis: Apis
    place: Place
    clock: Callable[[], float]
    given: dict[tuple[str, str, str], tuple[float, Credentials]] = field(default_factory=dict, repr=False)

    async def client(self, account: str, region: str, name: str, policy: str) -> Api:
        """A client that works in this process."""
        return self.apis(await self.own(account, name, policy), region)

    async def own(self, account: str, name: str, policy: str) -> Credentials:
        """A session for this process alone; the one that was given for the same before, while that is new."""
        now = self.clock()
        until, known = self.given.get((account, name, policy), (0.0, None))
        if known is not None and now < until:
            return known
        for key in [key for key, (over, _) in self.given.items() if over <= now]:
            self.given.pop(key, None)
        issued = await self.issue(account, name, policy)
        self.given[account, name, policy] = now + REUSED_SECONDS, issued
        return issued

    def forget(self) -> None:
        """After a failure: what was given may be no good any more."""
        self.given.clear()

    async def issue(self, account: str, name: str, policy: str, role: str | None = None) -> Credentials:
        return await leave.issue(self.database, self.keyholder, account, role, name, policy, SESSION_SECONDS)

    async def reader(self, arn: str, name: str) -> Api:
        """A client that may read this one secret."""
        region, account = arn.split(":")[3:5]
        return await self.client(account, region, name, leave.of_reader(arn, region))


@dataclass(slots=True)
class Attempt:
    """At a run, by the holder of its secret's lease. `perform` raises whatever the step raised that failed.

    own  the session in which Keystead's own functions work, once there is one
    """

    tools: Tools
    run: Run
    own: Credentials | None = None

    async def perform(self) -> None:
        async with self.tools.database.read() as connection:
            function = await functions.find(connection, self.run.function, self.run.account, self.run.region)
        if self.run.kind == Kind.test:
            await self._copy()
            await self._step(function, TEST)
            return
        for step in STEPS:
            await self._step(function, step)
            if await self._over(step):
                return
        raise StepRefused("The function returned from finishSecret, and the label has not moved.")

    async def _step(self, function: Builtin | Registered, step: str) -> None:
        if isinstance(function, Builtin):
            credentials = await self._own()
            await self._note(step, credentials)
            api = self.tools.apis(credentials, self.run.region)
            await function.perform(await self._event(step), api, self._master)
        else:
            await self._outside(function, step)

    async def _outside(self, function: Registered, step: str) -> None:
        """Its session ends with the step, so that nothing comes late."""
        performer = await self._performer(function)
        policy = leave.of_session(self.run.secret_arn, self.run.region, await self._administrators())
        credentials = await self.tools.issue(self.run.account, self.run.id, policy, function.role)
        try:
            await self._note(step, credentials)
            await performer.perform(self._work(await self._event(step), credentials))
        finally:
            await leave.revoke(self.tools.database, credentials.access_key_id)

    async def _performer(self, function: Registered) -> DirectoryFunction | HttpFunction:
        if function.url is not None:
            return HttpFunction(function.url, await self._signing_key(function), function.seconds)
        return DirectoryFunction(
            function.name,
            function.directory or "",
            function.handler or "",
            function.seconds,
            function.memory,
            function.variables,
            self.tools.place.confined,
        )

    async def _signing_key(self, function: Registered) -> bytes:
        arn = function.signing_secret or ""
        api = await self.tools.reader(arn, self.run.id)
        return signing.key_of((await api("GetSecretValue", SecretId=arn)).get("SecretString", ""))

    async def _administrators(self) -> tuple[str, ...]:
        """The secret's masterarn, which the function may read too, where the value names one and we may see that."""
        api = self.tools.apis(await self._own(), self.run.region)
        try:
            value = await api("GetSecretValue", SecretId=self.run.secret_arn)
            named = json.loads(value.get("SecretString") or "null")
        except (ApiRefused, ValueError):
            return ()
        arn = named.get("masterarn") if isinstance(named, dict) else None
        return (arn,) if isinstance(arn, str) and arn.startswith("arn:") and "*" not in arn else ()

    async def _master(self, arn: str) -> Api:
        return await self.tools.reader(arn, "administrator")

    async def _own(self) -> Credentials:
        if self.own is None:
            policy = leave.of_session(self.run.secret_arn, self.run.region)
            self.own = await self.tools.own(self.run.account, self.run.id, policy)
        return self.own

    async def _note(self, step: str, credentials: Credentials) -> None:
        """Which step is on, and whose labels count in it. Raises StepRefused where the run has ended."""
        async with self.tools.database.write("rotation", announced=False) as tx:
            now = await run.load(tx.connection, self.run.id)
            if now is None or now.ended_at is not None:
                raise StepRefused("The run has ended.")
            noted = {"state": State.running, "step": step, "session": credentials.access_key_id}
            await run.change(tx, now, next_at=tx.at + HEARTBEAT, **noted)

    async def _event(self, step: str) -> Event:
        arn, token = self.run.secret_arn, self.run.token
        expires_at = self.tools.clock() + TOKEN_SECONDS
        return Event(step, arn, token, await tokens.make(self.tools.keyholder, self.run.id, arn, token, expires_at))

    def _work(self, event: Event, credentials: Credentials) -> Work:
        place = self.tools.place
        return Work(event, credentials, self.run.function, self.run.region, place.endpoint, new_id(), place.ca)

    async def _over(self, step: str) -> bool:
        """What the labels say after a step: whether the run has ended. Raises StepRefused for a step that did not do its work."""
        async with self.tools.database.read() as connection:
            now = await run.load(connection, self.run.id)
            version = await records.version(connection, self.run.secret_id, self.run.token)
        if now is None or now.ended_at is not None:
            return True
        if step == CREATE and (version is None or version.sealed is None):
            raise StepRefused("The function returned from createSecret, and there is no value.")
        return False

    async def _copy(self) -> None:
        """What the secret holds now becomes the pending value that is tested (RotateSecret's model)."""
        credentials = await self._own()
        await self._note(CREATE, credentials)
        api = self.tools.apis(credentials, self.run.region)
        value = await api("GetSecretValue", SecretId=self.run.secret_arn)
        held: dict[str, Any] = {name: value[name] for name in ("SecretString", "SecretBinary") if name in value}
        named = {"SecretId": self.run.secret_arn, "ClientRequestToken": self.run.token, "VersionStages": [PENDING]}
        await api("PutSecretValue", **named, **held)
