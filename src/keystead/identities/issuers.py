"""The keys of OIDC issuers, fetched when they are first needed and kept for a while.

    https://ISSUER/.well-known/openid-configuration     {"issuer": "https://ISSUER", "jwks_uri": "https://…", …}
    jwks_uri                                            {"keys": [{"kty": "RSA", "kid": "…", "n": "…", "e": "…"}, …]}

A key that is not among those kept may be new: the issuer is asked again, but not twice within a minute, so that made-up key ids
cannot be turned into requests. Source: OpenID Connect Discovery 1.0, section 4; RFC 7517.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from keystead.identities import https
from keystead.identities.errors import IssuerUnreachable, KeysNotFound
from keystead.identities.https import Unreachable

KEPT_SECONDS: Final = 600.0
"""A key that its issuer has withdrawn is believed no longer than this (ours)."""
AGAIN_SECONDS: Final = 60.0
"""Between two requests for a key that was not there."""
RETRY_SECONDS: Final = 5.0
"""Between two requests that failed."""
ISSUERS: Final = 1000
KEYS: Final = 100
"""Of one issuer."""

Key = Mapping[str, Any]
Get = Callable[[str], Awaitable[bytes]]


@dataclass(slots=True)
class Kept:
    """fetched  when the keys were got
    tried    when they were last asked for, with or without success
    """

    keys: tuple[Key, ...] = ()
    fetched: float | None = None
    tried: float | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Issuers:
    """Of one process."""

    def __init__(self, tls: ssl.SSLContext, clock: Callable[[], float], get: Get | None = None) -> None:
        self._get = get or (lambda url: https.get(url, tls))
        self._clock = clock
        self._kept: dict[str, Kept] = {}

    async def keys(self, issuer: str, fits: Callable[[Key], bool]) -> tuple[Key, ...]:
        """Those of the issuer's keys that fit. Raises IssuerUnreachable, KeysNotFound.

        issuer  its address as its tokens give it: `https://…`
        """
        kept = self._of(issuer)
        async with kept.asking:
            fresh = kept.fetched is not None and self._clock() - kept.fetched < KEPT_SECONDS
            found = tuple(filter(fits, kept.keys)) if fresh else ()
            if not found and self._may_ask(kept, fresh=fresh):
                await self._ask(issuer, kept)
                found = tuple(filter(fits, kept.keys))
            elif not fresh:
                raise IssuerUnreachable
        if not found:
            raise KeysNotFound
        return found

    def _of(self, issuer: str) -> Kept:
        if issuer not in self._kept and len(self._kept) >= ISSUERS:
            self._kept.clear()
        return self._kept.setdefault(issuer, Kept())

    def _may_ask(self, kept: Kept, *, fresh: bool) -> bool:
        since = self._clock() - kept.tried if kept.tried is not None else AGAIN_SECONDS
        return since >= (AGAIN_SECONDS if fresh else RETRY_SECONDS)

    async def _ask(self, issuer: str, kept: Kept) -> None:
        kept.tried = self._clock()
        try:
            configuration = document(await self._get(f"{issuer}/.well-known/openid-configuration"))
            address = configuration.get("jwks_uri")
            if configuration.get("issuer") != issuer or not isinstance(address, str):
                raise Unreachable("the configuration of somebody else")  # noqa: TRY301  # answered like the others
            listed = document(await self._get(address)).get("keys")
        except Unreachable:
            raise IssuerUnreachable from None
        if not isinstance(listed, list) or len(listed) > KEYS:
            raise IssuerUnreachable
        kept.keys = tuple(key for key in listed if isinstance(key, dict))
        kept.fetched = kept.tried


def document(raw: bytes) -> dict[str, Any]:
    """Raises Unreachable."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise Unreachable("no JSON") from None
    if not isinstance(found, dict):
        raise Unreachable("no JSON object")
    return found
