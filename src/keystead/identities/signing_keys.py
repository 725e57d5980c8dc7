"""SigV4 signing keys of one credential, derived in the keyholder and kept for their day.

A key opens one day, one Region and one service: that is all that a leak of this process's memory would be worth.
"""

from typing import Final

from keystead.keyholder.promise import Keyholder

LIMIT: Final = 64
"""Keys of one credential: Regions times services, over the two days around midnight."""


class SigningKeys:
    """Goes with its credential: what evicts the one evicts the other. `token` is the wrapped secret of `binding`."""

    __slots__ = ("_binding", "_kept", "_token")

    def __init__(self, token: bytes, binding: str) -> None:
        self._token = token
        self._binding = binding
        self._kept: dict[tuple[str, str, str], bytes] = {}

    def __repr__(self) -> str:
        return f"SigningKeys({self._binding!r})"

    async def get(self, keyholder: Keyholder, date: str, region: str, service: str) -> bytes:
        """Raises KeyholderLost."""
        scope = (date, region, service)
        kept = self._kept.get(scope)
        if kept is None:
            kept = await keyholder.signing_key(self._token, self._binding, date, region, service)
            self._keep(scope, kept)
        return kept

    def _keep(self, scope: tuple[str, str, str], key: bytes) -> None:
        newest = max(scope[0], *(date for date, _, _ in self._kept)) if self._kept else scope[0]
        self._kept = {known: value for known, value in self._kept.items() if known[0] == newest}
        if len(self._kept) >= LIMIT:
            self._kept.clear()
        self._kept[scope] = key
