"""The writing of a message: steps in order, and the header that comes of them.

1. refuse what may not be written: suite, reserved context, frame length
2. materials: a data key, wrapped
3. a fresh message id; from both the message's own key and the commitment
4. the header and its tag           5. frames           6. the signature, where the suite signs
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.envelope import context as contexts
from keystead.envelope import header as headers
from keystead.envelope.context import Context
from keystead.envelope.derivation import message_key
from keystead.envelope.errors import ContextInvalid, LimitExceeded
from keystead.envelope.limits import FRAME_LENGTH_MAX
from keystead.envelope.materials import Materials
from keystead.envelope.signing import SigningKey
from keystead.envelope.suites import Suite, check_write


@dataclass(frozen=True, slots=True)
class Writing:
    """A message of which the header is made.

    header  with its tag, as it is written
    """

    header: bytes
    message_id: bytes
    frame_length: int
    suite: Suite
    cipher: AESGCM = field(repr=False)
    signing_key: SigningKey | None = field(repr=False)


def begin(
    materials: Materials,
    suite: Suite,
    frame_length: int,
    context: Context,
    required: Collection[str],
    size: int | None,
) -> Writing:
    """Steps 1 to 4. `required` names the pairs that are authenticated but not stored: readers must know them.

    Raises PolicyRefused, ContextInvalid, LimitExceeded, KeyUnavailable.
    """
    check_write(suite)  # 1
    contexts.check(context)
    if not 0 < frame_length <= FRAME_LENGTH_MAX:
        raise LimitExceeded(f"A frame has 1 to {FRAME_LENGTH_MAX} bytes.")
    if not all(name in context for name in required):
        raise ContextInvalid("A required name is not in the encryption context.")
    sealing = materials.to_seal(suite, context, size)  # 2
    message_id = os.urandom(suite.message_id_length)  # 3
    key, commitment = message_key(suite, sealing.data_key, message_id)
    cipher = AESGCM(key)
    stored, only = _divided(sealing.context, required)  # 4
    body = headers.body_of(suite, message_id, stored, sealing.wrapped_keys, frame_length, commitment)
    tag = cipher.encrypt(headers.HEADER_IV, b"", body + only)
    return Writing(body + tag, message_id, frame_length, suite, cipher, sealing.signing_key)


def _divided(context: Context, required: Collection[str]) -> tuple[bytes, bytes]:
    if not required:
        return contexts.serialize(context), b""
    stored = {name: value for name, value in context.items() if name not in required}
    only = {name: context[name] for name in required}
    return contexts.serialize(stored), contexts.serialize(only)
