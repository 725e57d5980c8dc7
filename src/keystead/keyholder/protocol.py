"""What goes over the keyholder's sockets. Strict: what does not parse closes the connection.

    request   length (4) | number (4) | msgpack array [operation, fields …]             integers big-endian
    answer    length (4) | number (4) | status (1) | msgpack of the result, with status OK only

`length` counts what follows it, and is checked before anything else. Answers may come in any order; `number` tells which
request they belong to. A status is all that is ever said of a failure.

Which operations there are, and who may ask for them: keyholder.requests.
"""

import struct
from typing import Final

import msgspec

from keystead.keyholder.errors import (
    CiphertextInvalid,
    DomainKeyUnknown,
    HsmKeyGone,
    HsmLost,
    HsmSilent,
    ImportTokenExpired,
    ImportTokenInvalid,
    KeyholderBusy,
    KeyholderError,
    MaterialWrong,
    RequestRefused,
    TokenInvalid,
)

HEAD: Final = struct.Struct(">II")
HEAD_LENGTH: Final = HEAD.size
NUMBER_LENGTH: Final = 4
NUMBER_LIMIT: Final = 2**32
FRAME_LIMIT: Final = 96 * 1024
"""Bytes after `length`. The largest honest request is OpenValue: a value of 65536 bytes, a blob of 6144, a context of 8192, a token."""
LOAD_LIMIT: Final = 64
"""Sealed keys in one Load; more are sent in several."""

OK: Final = 0
STATUSES: Final[dict[type[KeyholderError], int]] = {
    CiphertextInvalid: 1,
    TokenInvalid: 2,
    DomainKeyUnknown: 3,
    RequestRefused: 4,
    MaterialWrong: 5,
    KeyholderBusy: 6,
    ImportTokenInvalid: 7,
    ImportTokenExpired: 8,
    HsmLost: 9,
    HsmKeyGone: 10,
    HsmSilent: 11,
}
ERRORS: Final = {status: error for error, status in STATUSES.items()}


class Malformed(Exception):
    """The other side does not speak this protocol: close the connection."""


encode: Final = msgspec.msgpack.Encoder().encode
