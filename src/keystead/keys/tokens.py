"""Grant tokens: not secret, not needed (a grant counts at once), and yet checked for being one.

base64( 01 | grant id (32) | random (16) )        only the SHA-256 of the text is kept
"""

import base64
import binascii
import os
from typing import Final

VERSION: Final = b"\x01"
LENGTH: Final = 49


def new(grant_id: str) -> str:
    return base64.b64encode(VERSION + bytes.fromhex(grant_id) + os.urandom(16)).decode()


def is_token(text: str) -> bool:
    """Whether this could have come from CreateGrant."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == LENGTH and raw[:1] == VERSION


def grant_of(text: str) -> str:
    """The grant id in a token that `is_token`."""
    return base64.b64decode(text)[1:33].hex()
