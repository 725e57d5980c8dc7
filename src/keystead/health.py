"""The health page: whether this node can serve, which part of it is ill, and since when.

    status       "ok", or "ill" when any part is
    keyholder    answers, so it is unsealed                 database   can be written to
    recorder     connected                                  feed       the lease holds: what caches say may be believed
    sinks        where any are named: those that are required have taken what they were given
    details      modules: hardware security modules, which do not count for the status;
                 outbox: rows among the events that wait in the database that this installation did not make (trail.outbox);
                 index: records that are durable and not yet indexed; reserve: whether disk space is held back;
                 witnesses: what each has cosigned, and what the quorum has; ill_since: RFC 3339, of each part that is ill

Asking costs one round trip to each part, and no more than one of them each SECONDS, however often the page is called.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import asdict

from keystead import logs
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.keyholder.promise import Keyholder
from keystead.sinks import standing
from keystead.trail import cosigned, lookup, outbox, reserve
from keystead.trail.client import Recorder
from keystead.trail.cosigned import Standings
from keystead.trail.segments import Reader

SECONDS: Final = 1.0
"""How long a page stands."""
STALE_SECONDS: Final = 10.0
"""How long it stands what the sinks' process says of them."""
PATIENCE_SECONDS: Final = 2.0
"""A part that takes longer is ill."""

Page = tuple[int, bytes]


@dataclass(slots=True)
class Health:
    """Of one worker, and of the parts it shares with the rest of its node."""

    keyholder: Keyholder
    recorder: Recorder
    database: Database
    feed: Feed
    trail: Path
    node: str
    clock: Callable[[], float]
    modules: Sequence[str] = ()
    _page: Page = (503, b"")
    _until: float = 0.0
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ill_since: dict[str, float] = field(default_factory=dict)

    async def page(self) -> Page:
        """(HTTP status, JSON): 200 when every part is well, else 503. Raises nothing."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if now >= self._until:
                self._page = await self._ask()
                self._until = asyncio.get_running_loop().time() + SECONDS
            return self._page

    async def _ask(self) -> Page:
        keyholder, database, lag, forged = await asyncio.gather(
            well(self.keyholder.random(1)), well(self.database.ping()), self._lag(), self._forged()
        )
        parts = {
            "keyholder": keyholder,
            "recorder": self.recorder.healthy,
            "database": database,
            "feed": self.feed.in_touch(),
        }
        sinks = standing.load(self.trail)
        if sinks is not None:
            parts["sinks"] = well_served(sinks, self.clock())
        modules = await self._modules()
        self._note({**parts, **modules})
        details: dict[str, object] = {
            "index": {"lag_records": lag},
            "reserve": "kept" if (self.trail / reserve.NAME).exists() else "released",
            "outbox": {"refused": forged},
            "ill_since": {name: logs.stamp(at) for name, at in self._ill_since.items()},
        }
        if modules:
            details["modules"] = {name: said(is_well) for name, is_well in modules.items()}
        if (known := cosigned.standings(self.trail)) is not None:
            details["witnesses"] = witnessed(known, self.trail)
        if sinks is not None:
            details["sinks"] = {name: asdict(one) for name, one in sinks.sinks.items()}
        ok = all(parts.values())
        told = {"status": said(ok), **{name: said(is_well) for name, is_well in parts.items()}, "details": details}
        return 200 if ok else 503, msgspec.json.encode(told)

    def _note(self, parts: Mapping[str, bool]) -> None:
        for name, is_well in parts.items():
            if is_well:
                self._ill_since.pop(name, None)
            else:
                self._ill_since.setdefault(name, self.clock())

    async def _modules(self) -> dict[str, bool]:
        """Whether each hardware security module can be used. One that cannot does not stop what needs none."""
        found = await asyncio.gather(*(well(self.keyholder.look_hsm(name)) for name in self.modules))
        return dict(zip(self.modules, found, strict=True))

    async def _lag(self) -> int | None:
        """None when it cannot be known now."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await lookup.behind(self.database, self.trail, self.node)
        except Exception:  # noqa: BLE001  # health must tell what it knows, and not fail
            return None

    async def _forged(self) -> int | None:
        """None when it cannot be known now."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self.database.read() as connection:
                return await outbox.refused(connection)
        except Exception:  # noqa: BLE001  # likewise
            return None


def well_served(known: standing.Standings, now: float) -> bool:
    """Whether those who tell it are there, and every required sink is well. One that is not required makes nobody ill."""
    told = now - known.at < STALE_SECONDS
    return told and not any(one.ill_since for one in known.sinks.values() if one.required)


def witnessed(known: Standings, trail: Path) -> dict[str, object]:
    """What the witnesses have cosigned, as the scheduler last told it."""

    def told(size: int, at: int) -> dict[str, object]:
        return {"records": size, "at": logs.stamp(at) if at else None}

    reader = Reader(trail)
    try:
        lag_records = max(0, reader.durable() - known.size)
    finally:
        reader.close()
    each = {
        name: told(one.size, one.at) | ({"error": one.error} if one.error else {})
        for name, one in known.witnesses.items()
    }
    return {"cosigned": told(known.size, known.at) | {"lag_records": lag_records}, **each}


def said(is_well: bool) -> str:
    return "ok" if is_well else "ill"


async def well(asked: Awaitable[object]) -> bool:
    try:
        await asyncio.wait_for(asked, PATIENCE_SECONDS)
    except Exception:  # noqa: BLE001  # whatever it is, the part is ill; health must say so and not fail
        return False
    return True
