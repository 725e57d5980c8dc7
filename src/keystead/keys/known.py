"""Keys, aliases, materials and grants as this process knows them: read once, forgotten when the change feed says so."""

from typing import Final

from sqlalchemy import select

from keystead.access.request import Principal
from keystead.database.cache import Cache
from keystead.database.engine import Database
from keystead.database.feed import EVERYTHING, Feed
from keystead.keys import records
from keystead.keys.grants import Grant
from keystead.keys.key import Key
from keystead.keys.store import ALIAS_KIND, KIND, aliases, materials
from keystead.stores.store import KIND as STORE_KIND

LIMIT: Final = 10_000
"""Of each kind, in one process, unless the settings say otherwise."""

Place = tuple[str, str]
"""Region and key id."""


class Known:
    """Answers from memory what it has read before. Nobody has been authorised here: THE CALLER MUST STILL decide."""

    def __init__(self, database: Database, feed: Feed, limit: int = LIMIT) -> None:
        self._database = database
        self._feed = feed
        self._keys: Cache[Place, Key] = Cache(feed, limit, "keys")
        self._aliases: Cache[tuple[str, str, str], str] = Cache(feed, limit, "aliases")
        self._materials: Cache[tuple[str, str], str] = Cache(feed, limit, "materials")
        self._grants: Cache[tuple[str, str, str, str], tuple[Place, tuple[Grant, ...]]] = Cache(feed, limit, "grants")
        feed.on(KIND, self._forget_key)
        feed.on(ALIAS_KIND, self._forget_alias)
        feed.on(STORE_KIND, self._forget_store)

    def _forget_key(self, changed: str) -> None:
        if changed == EVERYTHING:
            for cache in (self._keys, self._materials, self._grants):
                cache.clear()
            return
        region, _, key_id = changed.partition("/")
        self._keys.evict((region, key_id))
        self._materials.evict_where(lambda held: held == key_id)
        self._grants.evict_where(lambda held: held[0] == (region, key_id))

    def _forget_store(self, changed: str) -> None:
        """Its keys are what their store lets them be."""
        every = changed == EVERYTHING
        self._keys.evict_where(
            lambda key: key.key_store is not None and (every or changed == f"{key.region}/{key.key_store.id}")
        )

    def _forget_alias(self, changed: str) -> None:
        if changed == EVERYTHING:
            self._aliases.clear()
            return
        account, region, name = changed.split("/", 2)
        self._aliases.evict((account, region, name))

    async def key(self, region: str, key_id: str) -> Key | None:
        kept = self._keys.get((region, key_id))
        if kept is not None:
            return kept
        generation = self._feed.generation
        async with self._database.read() as connection:
            key = await records.load(connection, region, key_id)
        if key is not None:
            self._keys.keep((region, key_id), key, generation)
        return key

    async def target(self, account: str, region: str, alias: str) -> str | None:
        """The id of the key that an alias names."""
        kept = self._aliases.get((account, region, alias))
        if kept is not None:
            return kept
        generation = self._feed.generation
        query = select(aliases.c.key_id).filter_by(account=account, region=region, name=alias)
        async with self._database.read() as connection:
            found: str | None = (await connection.execute(query)).scalar()
        if found is not None:
            self._aliases.keep((account, region, alias), found, generation)
        return found

    async def holder(self, region: str, material_id: str) -> str | None:
        """The id of the key that a material belongs to."""
        kept = self._materials.get((region, material_id))
        if kept is not None:
            return kept
        generation = self._feed.generation
        query = select(materials.c.key_id).filter_by(region=region, material_id=material_id)
        async with self._database.read() as connection:
            found: str | None = (await connection.execute(query)).scalar()
        if found is not None:
            self._materials.keep((region, material_id), found, generation)
        return found

    async def grants(self, key: Key, principal: Principal) -> tuple[Grant, ...]:
        """Live grants on the key whose grantee is this principal."""
        if not key.granted:
            return ()
        place = (key.region, key.id)
        asked = (*place, principal.unique_id, principal.arn)
        kept = self._grants.get(asked)
        if kept is not None:
            return kept[1]
        generation = self._feed.generation
        async with self._database.read() as connection:
            found = await records.grants_to(connection, *place, principal)
        self._grants.keep(asked, (place, found), generation)
        return found
