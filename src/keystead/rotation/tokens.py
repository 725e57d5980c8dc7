"""RotationToken: leave to write one version of one secret, while its rotation is in createSecret, and nothing else.

    token = base32(marker), lower case, no padding            AWS's alphabet for it is [a-zA-Z0-9-], 36 to 256 characters
    marker = sealed by the keyholder for (secret ARN, version id); in it: run id (16) | expiry (8), big-endian

It is not the ClientRequestToken, which everybody may see. Whoever has it needs no other permission for that one PutSecretValue;
it ends with the step, as the run's row says, whatever its expiry.
"""

import base64
import binascii
import struct
import uuid
from typing import Final

from keystead.keyholder.errors import CiphertextInvalid
from keystead.keyholder.promise import Keyholder

PLACE: Final = struct.Struct(">16sd")


def context(arn: str, version: str) -> bytes:
    return b"\0".join((b"keystead rotation token", arn.encode(), version.encode()))


async def make(keyholder: Keyholder, run_id: str, arn: str, version: str, expires_at: float) -> str:
    """Raises KeyholderLost."""
    place = PLACE.pack(uuid.UUID(run_id).bytes, expires_at)
    marker = await keyholder.seal_marker(context(arn, version), place)
    return base64.b32encode(marker).decode().rstrip("=").lower()


async def run_of(keyholder: Keyholder, token: str, arn: str, version: str, now: float) -> str | None:
    """The id of the run that it was made for; None for what was not made here for this version, or is over."""
    try:
        marker = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        place = await keyholder.open_marker(context(arn, version), marker)
    except (CiphertextInvalid, binascii.Error, ValueError):
        return None
    if len(place) != PLACE.size:
        return None
    run, expires_at = PLACE.unpack(place)
    return str(uuid.UUID(bytes=run)) if now < expires_at else None
