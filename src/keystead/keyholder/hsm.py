"""What the keyholder asks of a hardware security module.

    request   number (8) | expires (8, seconds of the monotonic clock, double) | msgpack [kind, fields …]
    answer    number (8) | status (1) | bytes                                           integers and doubles big-endian

Each is one message of a SOCK_SEQPACKET socket between the keyholder and a process that holds one module's library.

A module does two things with a key: it makes one, and it computes HMAC-SHA-256 with it. The latter is the step of
SP 800-108 that gives the key of one message (keyholder.sealing). So what is sealed has the same form wherever the key
is, there is no budget of IVs to exhaust, a refusal of altered ciphertext is never mistaken for a fault of the device,
and the key itself never leaves.
"""

import struct
from collections.abc import Container
from typing import Any, Final, Protocol

import msgspec

from keystead.keyholder.errors import HsmKeyGone, HsmLost, KeyholderError, RequestRefused

ASKED_HEAD: Final = struct.Struct(">Qd")
NUMBER: Final = struct.Struct(">Q")
MESSAGE_LIMIT: Final = 4096
"""Bytes of one message; the longest honest one is an answer of 1024 random bytes."""
OBJECT_LENGTH: Final = 16
"""Bytes of CKA_ID, random."""
DATA_LIMIT: Final = 256

OK: Final = 0
STATUSES: Final[dict[type[KeyholderError], int]] = {HsmLost: 1, HsmKeyGone: 2, RequestRefused: 3}
ERRORS: Final = {status: error for error, status in STATUSES.items()}

# What Connect answers instead of nothing (ConnectionErrorCode, KMS API reference, CustomKeyStoresListEntry).
INVALID_CREDENTIALS: Final = b"INVALID_CREDENTIALS"
CLUSTER_NOT_FOUND: Final = b"CLUSTER_NOT_FOUND"
NO_TOKEN: Final = b"INSUFFICIENT_CLOUDHSM_HSMS"
USER_LOCKED_OUT: Final = b"USER_LOCKED_OUT"
USER_NOT_FOUND: Final = b"USER_NOT_FOUND"
NETWORK_ERRORS: Final = b"NETWORK_ERRORS"
INTERNAL_ERROR: Final = b"INTERNAL_ERROR"


class Asked(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """The base of all requests. `hsm` is a name in the HSM file. Their repr names the kind only."""

    hsm: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.hsm!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("hsm", self.hsm)]


class Mac(Asked, tag=1):
    """HMAC-SHA-256 of `data` with a key of the token, 32 bytes."""

    object: bytes
    data: bytes


class MakeKey(Asked, tag=2):
    """A new 256-bit key that never leaves the token. `label` is for whoever looks at the token."""

    object: bytes
    label: str


class DestroyKey(Asked, tag=3):
    """Nothing happens where it is gone already."""

    object: bytes


class Random(Asked, tag=4):
    """From the token's own generator."""

    length: int


class Connect(Asked, tag=5):
    """Whether the token can be used, and `password` is its PIN: nothing, or a ConnectionErrorCode."""

    password: bytes


class Look(Asked, tag=6):
    """Nothing, while the token can be used."""


Kinds = Mac | MakeKey | DestroyKey | Random | Connect | Look
decode: Final = msgspec.msgpack.Decoder[Kinds](Kinds).decode
encode: Final = msgspec.msgpack.Encoder().encode


class Hsm(Protocol):
    """Modules by name, for whoever may wait."""

    @property
    def names(self) -> Container[str]: ...

    def ask(self, asked: Asked) -> bytes:
        """Raises HsmLost, HsmKeyGone, RequestRefused."""
