"""What performs rotations, put together: a client of this process's own gateway, the runner, the drainer, and their jobs.

In a node it is a process of its own, which listens nowhere: what hangs in somebody's database or function keeps nobody waiting.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Self

from keystead.config import Settings
from keystead.database import leases
from keystead.database.engine import Database
from keystead.gateway import Gateway
from keystead.inside import Inside
from keystead.rotation import ledger, notices
from keystead.rotation.attempt import Place, Tools
from keystead.rotation.dispatch import Dispatcher
from keystead.rotation.draining import Drainer
from keystead.rotation.executors import signing
from keystead.rotation.glancing import Glancer
from keystead.rotation.pace import Pace
from keystead.rotation.room import Rotation
from keystead.rotation.runner import Runner
from keystead.scheduler import Job
from keystead.trail import store
from keystead.trail.segments import Reader

LOOK_SECONDS: Final = 0.5
NOTICE_SECONDS: Final = 1.0
PRUNE_SECONDS: Final = 3600.0
LEASE_SECONDS: Final = 10.0


@dataclass(slots=True)
class Rotator:
    """Of one process.

    node  its name; `log` is its trail
    key   that signs what the webhook is told
    asked  when it was last asked how much of the log is durable, and how much it was then
    """

    rotation: Rotation
    dispatcher: Dispatcher
    settings: Settings
    node: str
    log: Reader
    key: bytes = field(default=b"", repr=False)
    asked: tuple[float, int] | None = None

    @classmethod
    def build(cls, rotation: Rotation, gateway: Gateway, settings: Settings, node: str, endpoint: str) -> Self:
        """`endpoint`: where functions outside this process find the node, unless the settings say it."""
        place = Place(settings.functions_endpoint or endpoint, settings.functions_ca, not settings.unconfined_functions)
        apis = Inside(gateway, rotation.clock)
        tools = Tools(rotation.database, rotation.keyholder, apis, place, rotation.clock)
        holder = f"{node}/{os.getpid()}"
        runner, drainer, glancer = Runner(rotation, tools), Drainer(rotation, tools), Glancer(rotation, tools)
        pace = Pace(settings.rotations_per_second)
        dispatcher = Dispatcher(rotation, runner, drainer, glancer, holder, pace)
        key = signing.key_of(Path(settings.rotation_webhook_key).read_text()) if settings.rotation_webhook else b""
        return cls(rotation, dispatcher, settings, node, Reader(settings.folder / "trail"), key)

    def jobs(self) -> Sequence[Job]:
        jobs = [
            Job("rotate secrets", LOOK_SECONDS, self.look),
            Job("prune the read ledger", PRUNE_SECONDS, self.prune),
        ]
        if self.settings.rotation_webhook:
            jobs.append(Job("tell of rotations", NOTICE_SECONDS, self.tell))
        return jobs

    async def look(self, now: float | None = None) -> None:
        await self.keep_up()
        await self.dispatcher.look(now)

    async def keep_up(self) -> None:
        """Note until when the ledger knows what this node has answered, where somebody waits for that.

        1. what is durable now was answered before now    2. once all that is indexed, the ledger knows it
        """
        async with self.rotation.database.read() as connection:
            if not await ledger.waited_for(connection, self.node):
                return
            position = await store.position(connection, self.node)
        if self.asked is None:
            self.asked = self.rotation.clock(), self.log.durable()  # 1
        at, durable = self.asked
        if (position.last + 1 if position is not None else 0) >= durable:  # 2
            self.asked = None
            async with self.rotation.database.write("ledger", announced=False) as tx:
                await ledger.is_folded(tx, self.node, at)

    async def prune(self) -> None:
        async with self.rotation.database.write("ledger", announced=False) as tx:
            await ledger.prune(tx, self.rotation.clock())

    async def tell(self) -> None:
        """One node at a time: who is told hears of each once, unless something breaks."""
        url, clock = self.settings.rotation_webhook, self.rotation.clock
        await self.once("rotation notices", partial(notices.deliver, self.rotation.database, url, self.key, clock))

    async def once(self, name: str, work: Callable[[], object]) -> None:
        database: Database = self.rotation.database
        if database.shared:
            await leases.alone(database, name, self.dispatcher.holder, LEASE_SECONDS, work)  # type: ignore[arg-type]  # partial of a coroutine function
        else:
            await work()  # type: ignore[misc]  # likewise

    async def close(self) -> None:
        await self.dispatcher.close()
        self.log.close()
