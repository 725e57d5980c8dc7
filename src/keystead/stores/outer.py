"""The outer layer of a key in an external key store: put around what the keyholder sealed, and taken off again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keystead.keyholder.ciphertext import BLOB_LIMIT
from keystead.keyholder.errors import RequestRefused
from keystead.stores import blob
from keystead.stores.proxy import Caller, Proxies
from keystead.stores.troubles import ProxyTroubled


@dataclass(frozen=True, slots=True)
class Outer:
    """Of one use of one key. `metadata` says who asks for what."""

    caller: Caller
    key_id: str
    metadata: Mapping[str, str]
    context: bytes = field(repr=False)
    _proxies: Proxies = field(repr=False)

    async def put(self, material_id: str, inner: bytes) -> bytes:
        """Raises ExternalUseFailed, RequestRefused where the blob would be larger than KMS allows."""
        try:
            wrapped = await self._proxies.encrypt(self.caller, self.key_id, inner, self.context, self.metadata)
        except ProxyTroubled as troubled:
            raise troubled.of_use() from None
        made = blob.pack(material_id, wrapped)
        if len(made) > BLOB_LIMIT:
            raise RequestRefused
        return made

    async def take_off(self, outer: bytes) -> bytes:
        """What the keyholder sealed. Raises CiphertextInvalid, ExternalUseFailed."""
        wrapped = blob.unpack(outer)
        try:
            return await self._proxies.decrypt(self.caller, self.key_id, wrapped, self.context, self.metadata)
        except ProxyTroubled as troubled:
            raise troubled.of_use() from None
