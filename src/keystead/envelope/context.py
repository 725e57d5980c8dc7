"""The encryption context as bytes, in the one form that each context has.

    count (2) | key length (2) | key | value length (2) | value | …        sorted by the bytes of the key; big-endian

An empty context is no bytes at all. The same bytes are the associated data of a raw AES wrapping.
Source: AWS Encryption SDK, message format, "Additional authenticated data".
"""

import struct
from collections.abc import Mapping
from typing import Final

from keystead.envelope.errors import ContextInvalid, ContextMismatch, LimitExceeded, Malformed
from keystead.envelope.limits import LIMITS, Limits

Context = Mapping[str, str]

NO_CONTEXT: Final[Context] = {}
RESERVED: Final = "aws-crypto-"
"""The format's own entries."""
PUBLIC_KEY: Final = "aws-crypto-public-key"
_TWO: Final = struct.Struct(">H")


def check(context: Context) -> None:
    """Refuse what a caller may not seal with. Raises ContextInvalid."""
    for name in context:
        if name.startswith(RESERVED):
            raise ContextInvalid(f"Names that begin with {RESERVED} are the format's own.")


def serialize(context: Context) -> bytes:
    """Raises ContextInvalid for what does not fit or is not text."""
    if not context:
        return b""
    try:
        pairs = sorted((name.encode(), value.encode()) for name, value in context.items())
        parts = [_TWO.pack(len(pairs))]
        for name, value in pairs:
            parts += (_TWO.pack(len(name)), name, _TWO.pack(len(value)), value)
    except (struct.error, UnicodeEncodeError, AttributeError):
        raise ContextInvalid("Names and values of a context are text of up to 65,535 bytes.") from None
    serialized = b"".join(parts)
    if len(serialized) > 0xFFFF:
        raise ContextInvalid("The encryption context is longer than 65,535 bytes.")
    return serialized


def parse(serialized: bytes, limits: Limits = LIMITS) -> dict[str, str]:
    """Exactly what `serialize` writes: sorted, unique, UTF-8, no byte over. Raises Malformed, LimitExceeded."""
    if not serialized:
        return {}
    if len(serialized) > limits.context:
        raise LimitExceeded(f"The encryption context has {len(serialized)} bytes; the limit is {limits.context}.")
    if len(serialized) < 2:
        raise Malformed("The encryption context has no count.")
    (count,) = _TWO.unpack_from(serialized)
    if count > limits.pairs:
        raise LimitExceeded(f"The encryption context has {count} pairs; the limit is {limits.pairs}.")
    if count == 0:
        raise Malformed("An empty encryption context is no bytes.")
    return _pairs(serialized, count)


def _pairs(serialized: bytes, count: int) -> dict[str, str]:
    found: dict[str, str] = {}
    at, last = 2, None
    for _ in range(count):
        name, at = _field(serialized, at)
        value, at = _field(serialized, at)
        if last is not None and name <= last:  # another order would be another message with the same meaning
            raise Malformed("The encryption context is not sorted, or names a key twice.")
        last = name
        found[_text(name)] = _text(value)
    if at != len(serialized):
        raise Malformed("Bytes follow the encryption context.")
    return found


def _field(serialized: bytes, at: int) -> tuple[bytes, int]:
    if at + 2 > len(serialized):
        raise Malformed("The encryption context ends early.")
    end = at + 2 + _TWO.unpack_from(serialized, at)[0]
    if end > len(serialized):
        raise Malformed("The encryption context ends early.")
    return serialized[at + 2 : end], end


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Malformed("The encryption context is not UTF-8.") from None


def complete(stored: Context, given: Context) -> tuple[dict[str, str], dict[str, str]]:
    """The full context, and those given pairs that the header does not store: they are authenticated only.

    Raises ContextMismatch where a given value is not the stored one. A given pair that the message was not sealed with is
    caught by the header's tag.
    """
    wrong = [name for name, value in given.items() if stored.get(name, value) != value]
    if wrong:
        raise ContextMismatch(sorted(wrong))
    only = {name: value for name, value in given.items() if name not in stored}
    return {**stored, **only}, only
