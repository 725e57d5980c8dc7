"""Parameters as this process knows them: read once, forgotten when the change feed says so. What is sealed stays sealed."""

from collections.abc import Sequence
from typing import Final

from keystead.database.cache import Cache
from keystead.database.engine import Database
from keystead.database.feed import EVERYTHING, Feed
from keystead.parameters import records
from keystead.parameters.names import Named
from keystead.parameters.parameter import Parameter, Version
from keystead.parameters.store import KIND

LIMIT: Final = 10_000
"""Parameters in one process, each with its newest value: 8 KB at most, so some 80 MB where all are as large as that."""

Place = tuple[str, str, str]
"""Account, Region and name."""


class Known:
    """Answers from memory what it has read before. Nobody has been authorised here: THE CALLER MUST STILL decide."""

    def __init__(self, database: Database, feed: Feed) -> None:
        self._database = database
        self._feed = feed
        self._ids: Cache[Place, int] = Cache(feed, LIMIT, "parameter names")
        self._parameters: Cache[int, Parameter] = Cache(feed, LIMIT, "parameters")
        feed.on(KIND, self._forget)

    def _forget(self, changed: str) -> None:
        """A name is not forgotten: it is looked up anew when its parameter is no more, and an id is never used twice."""
        if changed == EVERYTHING:
            self._ids.clear()
            self._parameters.clear()
            return
        self._parameters.evict(int(changed))

    async def named(self, named: Named) -> Parameter | None:
        place = (named.account, named.region, named.name)
        known = self._ids.get(place)
        parameter = await self.parameter(known) if known is not None else None
        return parameter if parameter is not None else await self._look_up(place)

    async def _look_up(self, place: Place) -> Parameter | None:
        self._ids.evict(place)
        generation = self._feed.generation
        async with self._database.read() as connection:
            found = await records.find(connection, *place)
        if found is None:
            return None
        self._ids.keep(place, found, generation)
        return await self.parameter(found)

    async def parameter(self, parameter_id: int) -> Parameter | None:
        kept = self._parameters.get(parameter_id)
        if kept is not None:
            return kept
        return (await self.all([parameter_id])).get(parameter_id)

    async def all(self, ids: Sequence[int]) -> dict[int, Parameter]:
        """Those that are there; what is not known yet is read at once."""
        found = {one: kept for one in ids if (kept := self._parameters.get(one)) is not None}
        missing = [one for one in ids if one not in found]
        if not missing:
            return found
        generation = self._feed.generation
        async with self._database.read() as connection:
            loaded = await records.load_all(connection, missing)
        for one, parameter in loaded.items():
            self._parameters.keep(one, parameter, generation)
        return found | loaded

    async def version(self, parameter: Parameter, number: int) -> Version | None:
        """One version, with its value as it lies. The newest comes with its parameter."""
        if number == parameter.latest.number:
            return parameter.latest
        async with self._database.read() as connection:
            return await records.version(connection, parameter.id, number)
