"""Puts every token under a new domain key, while nodes serve; may be killed at any moment and begun again.

1. is everything under the newest domain key? then make the next one; else go on where somebody stopped
2. re-wrap page by page, each page in a transaction of its own, each token only if it still is what was read
3. again, until nothing is found twice in a row: a keyholder may not have heard of the new key at once
4. say so to all caches, and on the record

The operator's process does the work, not the keyholder that serves: it opens the seal as other commands do, needs no node
to run, takes no time from calls, and re-wrapping never becomes something that a worker or the scheduler can start.
No token is ever without its key: tokens of before open as before, with the old domain key, which stays, sealed, for good.
It protects nothing to drop it: whoever has the root key and a copy of the database has the key in that copy too. What makes
old copies useless is a new root key (`reseal`), once the former one is gone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

from keystead.config import Settings
from keystead.database import sealed_keys
from keystead.database.feed import EVERYTHING
from keystead.identities.store.tables import KIND as IDENTITY
from keystead.kept_keys import own_keys
from keystead.keyholder.errors import TokenInvalid
from keystead.keyholder.own_keys import DOMAIN
from keystead.keyholder.promise import SealedKey, wrapped_under
from keystead.keys.store import KIND as KEY
from keystead.root.tokens import KINDS, Held, Kind
from keystead.unsealed import Unsealed, unsealed

SETTLE_SECONDS: Final = 2.0
"""Between two looks for tokens under an older key: a node hears of a new one within a second."""
TOLD: Final = 20
"""Names of tokens that could not be opened, at most."""

Progress = Callable[[int, int], None]
"""Tokens looked at in this pass, and how many there are about."""


class RootNotFinished(Exception):
    """A root key was replaced and the one before is still needed: that must be finished first."""


class Rotated(NamedTuple):
    """begun      False: a rotation that had stopped was gone on with
    rewrapped  tokens, by this run
    unopened   tokens that open under no key: what they stand for is lost, whatever is done here
    """

    domain_key: str
    version: int
    begun: bool
    rewrapped: int
    unopened: tuple[str, ...]


async def rotate(
    settings: Settings, progress: Progress = lambda *_: None, *, settle: float = SETTLE_SECONDS
) -> Rotated:
    """Raises RootNotFinished, sealed_keys.VersionTaken when another has just begun one, and what `unsealed` raises."""
    async with unsealed(settings) as node:
        if node.seal.formers:
            raise RootNotFinished
        newest = newest_domain(await own_keys(node.database))
        run = Run(node, newest.id, progress)
        begun = not await run.anything_older()  # 1
        if begun:
            newest = await begin(node)
            run = Run(node, newest.id, progress)
        await run.until_nothing_is_found(settle)  # 2, 3
        details = {"domainKey": newest.id, "version": newest.version, "rewrapped": run.rewrapped}
        async with node.database.write("root rotation") as tx:  # 4
            tx.changed(KEY, EVERYTHING)
            tx.changed(IDENTITY, EVERYTHING)
            await node.note(tx, "DomainKeyRotated", details | {"unopened": len(run.unopened)})
    return Rotated(newest.id, newest.version, begun, run.rewrapped, tuple(sorted(run.unopened)))


def newest_domain(sealed: tuple[SealedKey, ...]) -> SealedKey:
    return max((key for key in sealed if key.purpose == DOMAIN), key=lambda key: key.version)


async def begin(node: Unsealed) -> SealedKey:
    """Stored first: what is wrapped under it must open after any crash."""
    made = node.software.new_domain_key()
    async with node.database.write("root rotation") as tx:
        await sealed_keys.add(tx, made)
        await node.note(tx, "DomainKeyRotationBegun", {"domainKey": made.id, "version": made.version})
    node.software.load((made,))
    return made


async def pages(node: Unsealed, kind: Kind) -> AsyncIterator[list[Held]]:
    """Each read in a moment of its own."""
    after = None
    while True:
        async with node.database.read() as connection:
            page = list(await kind.page(connection, after))
        if not page:
            return
        yield page
        after = page[-1].place


def is_older(held: Held, newest: str) -> bool:
    try:
        return wrapped_under(held.token) != newest
    except ValueError:
        return True


class Run:
    """One run of the command."""

    def __init__(self, node: Unsealed, newest: str, progress: Progress) -> None:
        self._node = node
        self._newest = newest
        self._progress = progress
        self.rewrapped = 0
        self.unopened: set[str] = set()

    async def anything_older(self) -> bool:
        """That can be put under the newest key."""
        for kind in KINDS:
            async for page in pages(self._node, kind):
                if any(self._moved(kind, held) for held in page):
                    return True
        return False

    async def until_nothing_is_found(self, settle: float) -> None:
        quiet = 0
        while quiet < 2:  # twice in a row
            quiet = 0 if await self._pass() else quiet + 1
            if quiet == 1:
                await asyncio.sleep(settle)

    async def _pass(self) -> int:
        looked, moved = 0, 0
        total = await self._count()
        for kind in KINDS:
            async for page in pages(self._node, kind):
                moved += await self._page(kind, page)
                looked += len(page)
                self._progress(looked, total)
        return moved

    async def _count(self) -> int:
        async with self._node.database.read() as connection:
            return sum([await kind.count(connection) for kind in KINDS])

    async def _page(self, kind: Kind, page: list[Held]) -> int:
        moved = [moved for held in page if (moved := self._moved(kind, held)) is not None]
        if moved:
            async with self._node.database.write("root rotation", announced=False) as tx:
                await kind.replace(tx, moved)
        self.rewrapped += len(moved)
        return len(moved)

    def _moved(self, kind: Kind, held: Held) -> tuple[Held, bytes] | None:
        """The token with its successor; None where there is nothing to do, or nothing that can be done."""
        if not is_older(held, self._newest):
            return None
        try:
            return held, kind.rewrap(self._node.software, held)
        except TokenInvalid:
            if len(self.unopened) < TOLD:
                self.unopened.add(held.name)
            return None
