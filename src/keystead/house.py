"""Builds the house: which keyholder, which database, which services, and what falls due in it."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self

from keystead.config import Installation, Settings
from keystead.database import feed as changes
from keystead.database import leases, sealed_keys
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.database.waiting import Waiting
from keystead.explain.room import Explain
from keystead.gateway import Gateway
from keystead.health import Health
from keystead.identities import https
from keystead.identities.issuers import Issuers
from keystead.identities.room import Identities
from keystead.kept_keys import own_keys
from keystead.keyholder.promise import Keyholder
from keystead.keys import deletion, importing, key_stores, rotation
from keystead.keys.use import Keys
from keystead.parameters import deleting as expiring
from keystead.parameters.room import Parameters
from keystead.parameters.store import KIND as PARAMETER
from keystead.rooms import (
    Asks,
    Clock,
    asking_of,
    attestation_roots,
    digests_of,
    in_words_of_kms,
    index_of,
    limits,
    quotas,
    stores_of,
)
from keystead.rotation.room import Rotation
from keystead.scheduler import Job
from keystead.secrets import deleting
from keystead.secrets.room import Secrets
from keystead.secrets.store import KIND as SECRET
from keystead.services import cloudtrail, iam, keystead, kms, rolesanywhere, s3, secretsmanager, ssm, sts
from keystead.services.service import Service
from keystead.trail import outbox, retention
from keystead.trail.client import Recorder
from keystead.trail.delivering import Delivering
from keystead.trail.digests import Digests
from keystead.trail.index import Index
from keystead.trail.joining import Joining
from keystead.trail.log_files import LogFiles
from keystead.trail.lookup import Lookup
from keystead.trail.packing import Packing
from keystead.trail.trails import Files
from keystead.wire import model

INDEX_SECONDS: Final = 0.1
JOIN_SECONDS: Final = 60.0
PACK_SECONDS: Final = 10.0
HEAR_SECONDS: Final = 0.5
CONNECT_SECONDS: Final = 0.5
DAY: Final = 86400.0
DELIVERY_SECONDS: Final = 5.0
"""How often it is looked whether log files or digests are due."""
ASK_SECONDS: Final = 1.0
SWEEP_SECONDS: Final = 60.0
PRUNE_SECONDS: Final = 3600.0
LEASE_SECONDS: Final = 10.0
"""Of a job that one node does for all: another takes it over so long after that node's death."""


@dataclass(frozen=True, slots=True)
class House:
    """Everything that one process needs to serve or to do what falls due.

    rekeyed  set when the keyholder's own keys in the database are others than before
    """

    installation: Installation
    database: Database
    feed: Feed
    keyholder: Keyholder
    recorder: Recorder
    identities: Identities
    keys: Keys
    secrets: Secrets
    parameters: Parameters
    rotation: Rotation
    lookup: Lookup
    explain: Explain
    delivering: Delivering
    index: Index
    files: Files
    packing: Packing
    log_files: LogFiles
    digests: Digests
    wellbeing: Health
    clock: Clock
    rekeyed: asyncio.Event
    asking: Asks | None = None

    @classmethod
    def build(
        cls, settings: Settings, database: Database, feed: Feed, keyholder: Keyholder, recorder: Recorder, clock: Clock
    ) -> Self:
        outbox.vouched_by(database, keyholder)
        installation = Installation.load(settings.folder)
        regions = settings.served_regions(model.regions(), installation.region)
        trusted = attestation_roots(settings)
        issuers = Issuers(https.context(settings.oidc_ca), clock)
        identities = Identities(database, feed, keyholder, clock, issuers)
        keys = Keys(
            database,
            feed,
            keyholder,
            identities,
            clock,
            cached=settings.cached_keys,
            regions=regions,
            trusted=trusted,
            stores=stores_of(settings, keyholder, clock),
            quotas=quotas(settings),
        )
        rotating = Rotation(database, keyholder, clock, told=bool(settings.rotation_webhook))
        secrets = Secrets(database, feed, keys, identities, clock, rotating, regions=regions)
        parameters = Parameters(database, feed, keys, identities, clock, in_words_of_kms, limits(settings))
        trail = settings.folder / "trail"
        lookup = Lookup(database, trail, keyholder, clock, node=installation.node)
        index = index_of(database, trail, installation.node)
        files = Files.of(settings)
        health = Health(
            keyholder, recorder, database, feed, trail, installation.node, clock, tuple(keys.stores.modules)
        )
        rekeyed = asyncio.Event()
        feed.on(sealed_keys.KIND, lambda _: rekeyed.set())
        return cls(
            installation,
            database,
            feed,
            keyholder,
            recorder,
            identities,
            keys,
            secrets,
            parameters,
            rotating,
            lookup,
            Explain(database, lookup, keys, secrets, parameters, Waiting(feed, SECRET, PARAMETER), clock),
            Delivering(database, keyholder, recorder, trail),
            index,
            files,
            Packing(trail),
            LogFiles(database, trail, files, installation.node, clock, settings.trail_log_seconds),
            digests_of(settings, installation, database, keyholder, files, clock),
            health,
            clock,
            rekeyed,
            asking_of(settings, clock),
        )

    def services(self) -> tuple[Service, ...]:
        return (
            kms.service(self.keys),
            secretsmanager.service(self.secrets),
            ssm.service(ssm.Room(self.parameters, self.secrets)),
            iam.service(self.identities),
            sts.service(self.identities),
            rolesanywhere.service(self.identities),
            keystead.service(self.explain),
            cloudtrail.service(cloudtrail.Room(self.lookup, self.database, self.files, self.installation.created)),
            s3.service(self.files),
        )

    def gateway(self, kind: type[Gateway] = Gateway) -> Gateway:
        return kind(
            self.services(),
            identities=self.identities,
            recorder=self.recorder,
            feed=self.feed,
            clock=self.clock,
            regions=self.keys.regions,
            account=self.installation.account,
            region=self.installation.region,
        )

    def jobs(self, settings: Settings) -> tuple[Job, ...]:
        return (
            Job("index the trail", INDEX_SECONDS, self.index.keep_up),
            self.joining(),
            Job("pack the trail", PACK_SECONDS, self.packing.run),
            Job("hear of operators", HEAR_SECONDS, self.hear),
            Job("rotate and delete keys", settings.scheduler_seconds, self.once("keys", self.do_what_falls_due)),
            Job(
                "connect key stores",
                CONNECT_SECONDS,
                self.once("key stores", partial(key_stores.connect_due, self.keys)),
            ),
            Job("deliver log files", min(DELIVERY_SECONDS, settings.trail_log_seconds), self.log_files.deliver),
            Job("deliver digests", min(DELIVERY_SECONDS, settings.trail_digest_seconds), self.sign_digests),
            *self.retirement(settings.trail_days),
            Job("sweep sessions", SWEEP_SECONDS, self.once("sessions", self.sweep)),
            Job("prune the index", PRUNE_SECONDS, self.prune),
            Job("prune the change feed", PRUNE_SECONDS, self.once("changes", partial(changes.prune, self.database))),
            *(() if self.asking is None else (Job("ask the witnesses", ASK_SECONDS, self.asking.run),)),
        )

    async def hear(self) -> None:
        """What operators' processes wrote counts from here on; above all a new domain key, for every new token."""
        await self.feed.look()
        if not self.rekeyed.is_set():
            return
        self.rekeyed.clear()
        try:
            await self.keyholder.load(await own_keys(self.database))
        except BaseException:
            self.rekeyed.set()
            raise

    def once(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], Awaitable[object]]:
        """The same work, done by one node at a time where several share the database."""
        if not self.database.shared:
            return work
        holder = f"{self.installation.node}/{os.getpid()}"
        return partial(leases.alone, self.database, name, holder, LEASE_SECONDS, work)

    def retirement(self, days: int) -> tuple[Job, ...]:
        """Of files that have been kept for so many days; none where they stay for ever."""
        if not days:
            return ()

        async def retire() -> None:
            before = self.clock() - days * DAY
            await retention.retire(self.database, self.files, self.installation.node, before)

        return (Job("retire trail files", PRUNE_SECONDS, self.once("trail files", retire)),)

    def joining(self) -> Job:
        joining = Joining(self.database, self.installation.node)
        return Job("join the index", JOIN_SECONDS, lambda: joining.run(self.clock()))

    async def sign_digests(self) -> None:
        """Of all nodes' files, by one of them."""
        if self.digests.may_be_due():
            await self.once("digests", self.digests.deliver)()

    async def prune(self) -> None:
        await self.index.prune(self.clock())

    async def sweep(self) -> None:
        await self.identities.sweep(self.clock())

    async def do_what_falls_due(self, now: float | None = None) -> None:
        """Rotations, expiries and deletions due by `now`, seconds since the epoch; each is an event."""
        at = self.clock() if now is None else now
        await rotation.rotate_due(self.keys, at)
        await importing.expire_due(self.keys, at)
        await deletion.delete_due(self.keys, at)
        await deleting.delete_due(self.secrets, at)
        await expiring.enforce_due(self.parameters, at)
        await self.delivering.run()

    async def health(self) -> tuple[int, bytes]:
        """200 when unsealed and able to write; else 503 and which part is ill."""
        return await self.wellbeing.page()

    def stop_waiting(self) -> None:
        """Calls that wait for a change are answered now."""
        self.explain.waiting.close()

    async def close(self) -> None:
        await self.feed.close()
        self.index.close()
        self.packing.close()
        self.log_files.close()
        if self.asking is not None:
            await self.asking.close()
        self.lookup.close()
        await self.keys.stores.close()
        await self.recorder.close()
        await self.keyholder.close()
        await self.database.close()
