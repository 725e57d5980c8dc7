"""Secrets as this process knows them: read once, forgotten when the change feed says so. Values stay sealed."""

from typing import Final

from keystead.database.cache import Cache
from keystead.database.engine import Database
from keystead.database.feed import EVERYTHING, Feed
from keystead.secrets import records
from keystead.secrets.names import Named
from keystead.secrets.secret import Secret, Version
from keystead.secrets.store import KIND

LIMIT: Final = 10_000
"""Secrets in one process."""
KEPT: Final = 8 * 1024
"""Bytes of a sealed value that is kept; a larger one is read again each time. So the versions of LIMIT secrets take some 80 MB
where all are as large as that."""

Place = tuple[str, str, str]
"""Account, Region and name."""


class Known:
    """Answers from memory what it has read before. Nobody has been authorised here: THE CALLER MUST STILL decide."""

    def __init__(self, database: Database, feed: Feed) -> None:
        self._database = database
        self._feed = feed
        self._ids: Cache[Place, int] = Cache(feed, LIMIT, "secret names")
        self._secrets: Cache[int, Secret] = Cache(feed, LIMIT, "secrets")
        self._current: Cache[int, Version] = Cache(feed, LIMIT, "secret versions")
        feed.on(KIND, self._forget)

    def _forget(self, changed: str) -> None:
        """A name is not forgotten: it is looked up anew when its secret is no more, and an id is never used twice."""
        if changed == EVERYTHING:
            for cache in (self._ids, self._secrets, self._current):
                cache.clear()
            return
        self._secrets.evict(int(changed))
        self._current.evict(int(changed))

    async def named(self, named: Named) -> Secret | None:
        place = (named.account, named.region, named.name)
        known = self._ids.get(place)
        secret = await self.secret(known) if known is not None else None
        if secret is None:
            secret = await self._look_up(place)
        return secret if secret is not None and named.suffix in {None, secret.suffix} else None

    async def _look_up(self, place: Place) -> Secret | None:
        self._ids.evict(place)
        generation = self._feed.generation
        async with self._database.read() as connection:
            found = await records.find(connection, *place)
        if found is None:
            return None
        self._ids.keep(place, found, generation)
        return await self.secret(found)

    async def secret(self, secret_id: int) -> Secret | None:
        kept = self._secrets.get(secret_id)
        if kept is not None:
            return kept
        generation = self._feed.generation
        async with self._database.read() as connection:
            secret = await records.load(connection, secret_id)
        if secret is not None:
            self._secrets.keep(secret_id, secret, generation)
        return secret

    async def version(self, secret: Secret, version_id: str) -> Version | None:
        """One version, with its sealed value. Of each secret the one asked for last is kept."""
        kept = self._current.get(secret.id)
        if kept is not None and kept.id == version_id:
            return kept
        generation = self._feed.generation
        async with self._database.read() as connection:
            version = await records.version(connection, secret.id, version_id)
        if version is not None and version.sealed is not None and len(version.sealed.content) <= KEPT:
            self._current.evict(secret.id)
            self._current.keep(secret.id, version, generation)
        return version
