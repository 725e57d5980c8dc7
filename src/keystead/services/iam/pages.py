"""Lists in pages, as IAM answers them."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from keystead.identities import pages
from keystead.identities.call import Call
from keystead.identities.room import Identities

T = TypeVar("T")

DEFAULT: Final = 100
"""Items of a page when the caller does not say (IAM API reference)."""


class Pages(pages.Pages):
    """One listing: `marker` and `max_items` as the caller gave them, `filters` whatever else it asked for."""

    def __init__(self, room: Identities, call: Call, marker: str | None, max_items: int | None, *filters: str) -> None:
        super().__init__(room, call, marker, max_items or DEFAULT, *filters)

    async def cut(
        self, member: str, items: Sequence[T], place: Callable[[T], str], show: Callable[[T], Any]
    ) -> dict[str, Any]:
        """The page as an answer. `place` tells items apart and puts them in order. Raises MarkerInvalid."""
        shown, marker = await self.page(items, place)
        answer: dict[str, Any] = {member: [show(item) for item in shown], "IsTruncated": marker is not None}
        return answer if marker is None else answer | {"Marker": marker}
