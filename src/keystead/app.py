"""Builds the house: which keyholder, which database, which services; and the mains of its processes."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, Self

import msgspec
import structlog
import uvloop

from keystead import log_setup, server
from keystead.attestation.verification import Root, roots
from keystead.config import Installation, Settings
from keystead.database import feed as changes
from keystead.database import leases, sealed_keys
from keystead.database.counter import ChangeCounter
from keystead.database.engine import Database, Transaction
from keystead.database.feed import Feed
from keystead.database.waiting import Waiting
from keystead.explain import lastuse as explain_lastuse
from keystead.explain.room import Explain
from keystead.gateway import Gateway
from keystead.health import Health
from keystead.identities import https
from keystead.identities import lastuse as identity_lastuse
from keystead.identities.issuers import Issuers
from keystead.identities.room import Identities
from keystead.keyholder import hardening
from keystead.keyholder.client import SocketKeyholder
from keystead.keyholder.promise import Keyholder, SealedKey
from keystead.keys import deletion, importing, key_stores, lastuse, rotation
from keystead.keys.quotas import Quotas, read_rates
from keystead.keys.use import Keys
from keystead.metrics import meters, page
from keystead.parameters import deleting as expiring
from keystead.parameters.room import Limits, Parameters
from keystead.parameters.store import KIND as PARAMETER
from keystead.part import Part
from keystead.rotation import ledger
from keystead.rotation.room import Rotation
from keystead.scheduler import Job, follow
from keystead.secrets import deleting
from keystead.secrets.lastaccess import LastAccess
from keystead.secrets.room import Secrets
from keystead.secrets.store import KIND as SECRET
from keystead.services import cloudtrail, iam, keystead, kms, rolesanywhere, s3, secretsmanager, ssm, sts
from keystead.services.kms.errors import ERRORS as OF_KMS
from keystead.services.service import Service, worded
from keystead.stores.room import Stores
from keystead.trail import outbox, policy, retention
from keystead.trail.client import Recorder, SocketRecorder
from keystead.trail.digests import Digests
from keystead.trail.index import Index, Read
from keystead.trail.log_files import LogFiles
from keystead.trail.lookup import Lookup
from keystead.trail.packing import Packing
from keystead.trail.policy import Policy
from keystead.trail.trails import Files
from keystead.wire import model

log = structlog.get_logger("keystead.app")

Clock = Callable[[], float]

INDEX_SECONDS: Final = 0.1
PACK_SECONDS: Final = 10.0
HEAR_SECONDS: Final = 0.5
CONNECT_SECONDS: Final = 0.5
DAY: Final = 86400.0
DELIVERY_SECONDS: Final = 5.0
"""How often it is looked whether log files or digests are due."""
ASK_SECONDS: Final = 1.0
SWEEP_SECONDS: Final = 60.0
PRUNE_SECONDS: Final = 3600.0
COLLECT_AFTER: Final = 50_000
"""Objects between collections; a call leaves some dozens until its answer is out."""
BACKGROUND: Final = 5
"""Niceness (setpriority(2)) of the scheduler: on a machine that is fully loaded the index waits, not those who ask."""
LEASE_SECONDS: Final = 10.0
"""Of a job that one node does for all: another takes it over so long after that node's death."""


class Asks(Protocol):
    """What asks the witnesses: trail.asking.Asking."""

    async def run(self) -> None: ...
    async def close(self) -> None: ...


class Tracing(NamedTuple):
    """What a worker is built with so that its requests are traced; as it stands, they are not."""

    gateway: type[Gateway] = Gateway
    keyholder: Callable[[Keyholder], Keyholder] = lambda one: one
    stop: Callable[[], None] = lambda: None


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
            Job("index the trail", INDEX_SECONDS, self.index.follow),
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
        await outbox.deliver(self.database, self.recorder)

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


def quotas(settings: Settings) -> Quotas:
    """Raises ValueError."""
    return Quotas(
        keys=settings.kms_keys,
        aliases=settings.kms_aliases,
        aliases_per_key=settings.kms_aliases_per_key,
        grants_per_key=settings.kms_grants_per_key,
        policy_bytes=settings.kms_policy_bytes,
        on_demand_rotations=settings.kms_on_demand_rotations,
        rates=read_rates(settings.kms_rates, settings.workers),
    )


def limits(settings: Settings) -> Limits:
    return Limits(settings.ssm_standard_parameters, settings.ssm_advanced_parameters, settings.ssm_strict_paths)


def in_words_of_kms(error: Exception) -> tuple[str, str | None]:
    """What KMS answers for what it refused, for the services that ask it on behalf of their callers."""
    return worded(OF_KMS, error) or ("KMSInternalException", None)


def attestation_roots(settings: Settings) -> tuple[Root, ...]:
    """Raises OSError, ValueError."""
    return roots(Path(settings.attestation_roots).read_bytes()) if settings.attestation_roots else ()


def stores_of(settings: Settings, keyholder: Keyholder, clock: Clock) -> Stores:
    """Raises HsmFileWrong, ValueError."""
    return Stores.build(
        keyholder,
        clock,
        modules=settings.hsms,
        tls=https.context(settings.xks_ca),
        connect_to=settings.proxies_at,
    )


def index_of(database: Database, folder: Path, node: str) -> Index:
    """The index of one node's log, with everything that is folded in from it."""
    days = LastAccess()

    async def reads(tx: Transaction, found: Sequence[Read]) -> None:
        await days.fold(tx, found)
        await ledger.fold(tx, found)

    return Index(
        database,
        folder,
        usage=lastuse.fold,
        actors=identity_lastuse.fold,
        reads=reads,
        touches=explain_lastuse.fold,
        node=node,
    )


def asking_of(settings: Settings, clock: Clock) -> Asks | None:
    """None where no witness is named. Raises OSError, PolicyInvalid."""
    if not settings.trail_policy:
        return None
    from keystead.trail.asking import Asking  # httpx: who names no witness need not wait for it

    return Asking(settings.folder / "trail", policy.load(Path(settings.trail_policy)), clock)


def digests_of(
    settings: Settings, installation: Installation, database: Database, keyholder: Keyholder, files: Files, clock: Clock
) -> Digests:
    return Digests(
        database,
        keyholder,
        files,
        installation=installation.id,
        node=installation.node,
        clock=clock,
        every=settings.trail_digest_seconds,
    )


async def own_keys(database: Database) -> tuple[SealedKey, ...]:
    """The keyholder's own keys as they lie in the database, sealed."""
    async with database.read() as connection:
        return tuple(SealedKey(*row) for row in await sealed_keys.load(connection))


async def open_house(part: Part, role: str, watched: Callable[[Keyholder], Keyholder] = lambda one: one) -> House:
    """The house of a worker or of the scheduler, on the sockets of its node; `watched` wraps its keyholder."""
    runtime = Path(part.runtime)
    counter = ChangeCounter(runtime / "changes", slots=part.slots, slot=part.slot)
    database = Database.open(part.settings.database_url, counter=counter)
    feed = Feed(database, counter)
    keyholder = watched(await SocketKeyholder.connect(runtime / f"{role}.sock", partial(own_keys, database)))
    recorder = await SocketRecorder.connect(runtime / "recorder.sock")
    counter.bump()
    await feed.start()
    return House.build(part.settings, database, feed, keyholder, recorder, time.time)


async def worker(part: Part) -> None:
    import signal
    import socket

    tracing = tracing_of(f"worker-{part.slot}")
    house = await open_house(part, "worker", tracing.keyholder)
    listener = socket.socket(fileno=part.listener)
    app = server.application(house.gateway(tracing.gateway), house.health)
    serving = server.server(
        app, tls_cert=part.settings.tls_cert, tls_key=part.settings.tls_key, stopping=house.stop_waiting
    )
    spare_the_collector()
    announce(part)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what uvicorn leaves behind, and raises again when it has stopped
    try:
        await serving.serve(sockets=[listener])
    finally:
        await house.close()
        tracing.stop()


def tracing_of(process: str) -> Tracing:
    """As the environment asks, with what is installed (opentelemetry.io, OTLP exporter configuration)."""
    if not any(os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") for name in ("ENDPOINT", "TRACES_ENDPOINT")):
        return Tracing()
    try:
        from keystead import traced
    except ImportError:
        log.warning("traces are asked for, but the extra otel is not installed")
        return Tracing()
    return Tracing(traced.TracedGateway, traced.traced_keyholder, traced.start(process).shutdown)


def spare_the_collector() -> None:
    """What start-up made lives as long as the process: no collection need look at it again, and a call makes no circles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 10, 100)


async def scheduler(part: Part) -> None:
    import signal

    os.nice(BACKGROUND)
    house = await open_house(part, "scheduler")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    announce(part)
    try:
        async with asyncio.TaskGroup() as tasks:
            if part.listener >= 0:
                tasks.create_task(tell_numbers(part, stop))
            if part.published >= 0:
                tasks.create_task(publish(part, stop))
            await follow(house.jobs(part.settings), stop)
    finally:
        await house.close()


async def tell_numbers(part: Part, stop: asyncio.Event) -> None:
    import socket

    from keystead import measured

    await measured.serve(socket.socket(fileno=part.listener), Path(part.runtime), part.settings.folder, stop)


async def publish(part: Part, stop: asyncio.Event) -> None:
    import socket

    from keystead import published

    asked = policy.load(Path(part.settings.trail_policy)) if part.settings.trail_policy else Policy()
    await published.serve(socket.socket(fileno=part.published), part.settings.folder / "trail", asked, stop)


def announce(part: Part) -> None:
    if part.ready >= 0:
        os.write(part.ready, b".")
        os.close(part.ready)


async def rotator(part: Part) -> None:
    import signal

    from keystead.rotator import Rotator  # with it come the drivers of databases, which no other process needs

    house = await open_house(part, "worker")  # it opens and seals secrets, through a gateway of its own
    node = house.installation.node
    rotating = Rotator.build(house.rotation, house.gateway(), part.settings, node, part.endpoint)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        await follow(rotating.jobs(), stop)
    finally:
        await rotating.close()
        await house.close()


MAINS: Final = {"worker": worker, "scheduler": scheduler, "rotator": rotator}


def main(arguments: list[str]) -> None:
    """`python -m keystead.app worker|scheduler|rotator`, with a Part as JSON on standard input."""
    hardening.die_with_parent()
    hardening.harden_memory()
    part = msgspec.json.decode(sys.stdin.buffer.read(), type=Part)
    name = f"{arguments[0]}-{part.slot}" if arguments[0] == "worker" else arguments[0]
    log_setup.configure(name, part.settings.log_format or "plain")
    meters.attach(Path(part.runtime) / meters.FOLDER / name, page.LARGE if part.slot else page.SIZE)
    uvloop.run(MAINS[arguments[0]](part))


if __name__ == "__main__":
    main(sys.argv[1:])
