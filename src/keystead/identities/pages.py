"""Lists in pages. A marker is sealed, and opens only for the same operation, account and filters.

The place in it is the last name given out, so names that come and go between two pages shift nothing.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from keystead.identities.call import Call
from keystead.identities.errors import MarkerInvalid
from keystead.identities.room import Identities
from keystead.keyholder.errors import CiphertextInvalid

T = TypeVar("T")


class Pages:
    """One listing: `marker` and `size` as the caller gave them, `filters` whatever else it asked for."""

    def __init__(self, room: Identities, call: Call, marker: str | None, size: int, *filters: str) -> None:
        self._room = room
        self._marker = marker
        self._size = size
        self._context = "\0".join((call.service, call.action, call.account, *filters)).encode()

    async def page(self, items: Sequence[T], place: Callable[[T], str]) -> tuple[list[T], str | None]:
        """One page, and the marker of the next if there is one. `place` tells items apart and puts them in order.

        Raises MarkerInvalid.
        """
        ordered = sorted(items, key=place)
        if self._marker is not None:
            after = await self._open(self._marker)
            ordered = [item for item in ordered if place(item) > after]
        shown = ordered[: self._size]
        return shown, await self._seal(place(shown[-1])) if len(ordered) > len(shown) else None

    async def _seal(self, place: str) -> str:
        sealed = await self._room.keyholder.seal_marker(self._context, place.encode())
        return base64.urlsafe_b64encode(sealed).decode("ascii")

    async def _open(self, marker: str) -> str:
        try:
            sealed = base64.b64decode(marker.encode("ascii"), altchars=b"-_", validate=True)
            return (await self._room.keyholder.open_marker(self._context, sealed)).decode()
        except (CiphertextInvalid, UnicodeError, binascii.Error):
            raise MarkerInvalid from None
