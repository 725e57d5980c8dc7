"""A new access key on its way to its holder.

Made before the transaction that keeps it: a write that waits for the keyholder would keep every other writer waiting.
"""

from dataclasses import dataclass, field

from keystead.identities.names import new_access_key_id
from keystead.keyholder.promise import Keyholder


@dataclass(frozen=True, slots=True)
class NewKey:
    """secret   handed out once and kept nowhere
    wrapped  what is kept of it; opens only in the keyholder, and only with the id
    """

    id: str
    secret: str = field(repr=False)
    wrapped: bytes = field(repr=False)


async def make(keyholder: Keyholder, prefix: str) -> NewKey:
    """`prefix` is names.LONG_TERM or names.TEMPORARY. Raises KeyholderLost."""
    access_key_id = new_access_key_id(prefix)
    secret, wrapped = await keyholder.create_secret(access_key_id)
    return NewKey(access_key_id, secret, wrapped)
