"""Pages of listings: markers that are opaque, sealed by the keyholder, and good for the one listing they were made in."""

import base64
import binascii
from typing import Any

import msgspec

from keystead.identities.call import Call
from keystead.keyholder.ciphertext import canonical
from keystead.keyholder.errors import CiphertextInvalid
from keystead.keyholder.promise import Keyholder
from keystead.keys.errors import MarkerInvalid


class Pages:
    """Of one listing: the operation, the caller's account and Region, and what the listing is filtered by."""

    def __init__(self, keyholder: Keyholder, call: Call, **filters: str | None) -> None:
        self._keyholder = keyholder
        given = {name: value for name, value in filters.items() if value is not None}
        self._context = canonical({"listing": call.action, "account": call.account, "region": call.region, **given})

    async def place(self, marker: str | None, first: Any) -> Any:
        """Where to go on; `first` without a marker. Raises MarkerInvalid."""
        if marker is None:
            return first
        try:
            sealed = base64.urlsafe_b64decode(marker.encode("ascii"))
            return msgspec.msgpack.decode(await self._keyholder.open_marker(self._context, sealed), type=type(first))
        except (ValueError, binascii.Error, CiphertextInvalid, msgspec.MsgspecError):
            raise MarkerInvalid from None

    async def marker(self, place: Any) -> str:
        sealed = await self._keyholder.seal_marker(self._context, msgspec.msgpack.encode(place))
        return base64.urlsafe_b64encode(sealed).decode("ascii")
