"""Lists in pages. A marker is sealed, and opens only for the same operation, account and filters.

The place in it is the last name given out, so names that come and go between two pages shift nothing.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from keystead.identities.call import Call
from keystead.identities.errors import MarkerInvalid
from keystead.identities.room import Identities
from keystead.keyholder.errors import CiphertextInvalid

T = TypeVar("T")

DEFAULT: Final = 100
"""Items of a page when the caller does not say (IAM API reference)."""


class Pages:
    """One listing: `marker` and `max_items` as the caller gave them, `filters` whatever else it asked for."""

    def __init__(self, room: Identities, call: Call, marker: str | None, max_items: int | None, *filters: str) -> None:
        self._room = room
        self._marker = marker
        self._size = max_items or DEFAULT
        self._context = "\0".join((call.service, call.action, call.account, *filters)).encode()

    async def cut(
        self, member: str, items: Sequence[T], place: Callable[[T], str], show: Callable[[T], Any]
    ) -> dict[str, Any]:
        """The page as an answer. `place` tells items apart and puts them in order. Raises MarkerInvalid."""
        ordered = sorted(items, key=place)
        if self._marker is not None:
            after = await self._open(self._marker)
            ordered = [item for item in ordered if place(item) > after]
        page = ordered[: self._size]
        answer: dict[str, Any] = {member: [show(item) for item in page], "IsTruncated": len(ordered) > len(page)}
        if answer["IsTruncated"]:
            answer["Marker"] = await self._seal(place(page[-1]))
        return answer

    async def _seal(self, place: str) -> str:
        sealed = await self._room.keyholder.seal_marker(self._context, place.encode())
        return base64.urlsafe_b64encode(sealed).decode("ascii")

    async def _open(self, marker: str) -> str:
        try:
            sealed = base64.b64decode(marker.encode("ascii"), altchars=b"-_", validate=True)
            return (await self._room.keyholder.open_marker(self._context, sealed)).decode()
        except (CiphertextInvalid, UnicodeError, binascii.Error):
            raise MarkerInvalid from None
