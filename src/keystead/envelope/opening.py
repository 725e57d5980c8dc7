"""The reading of a message up to its first frame: steps in order, each a reason to stop.

    1. parse the header, within limits       4. the commitment, in constant time
    2. the policy, and the context expected  5. the header's tag
    3. materials: the data key               6. frames, each verified before it is used        7. the signature

Nothing after a step that fails is tried. What fails in 4 to 7 is reported in one manner.
"""

import hmac
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.envelope import context as contexts
from keystead.envelope.context import Context
from keystead.envelope.derivation import message_key
from keystead.envelope.errors import NotAuthentic
from keystead.envelope.header import Header
from keystead.envelope.materials import Materials
from keystead.envelope.signing import verification_key
from keystead.envelope.suites import CommitmentPolicy


@dataclass(frozen=True, slots=True)
class Reading:
    """A message of which the header is authentic.

    context  the full one, with what the reader had to know
    """

    header: Header
    context: dict[str, str]
    cipher: AESGCM = field(repr=False)
    verification_key: EllipticCurvePublicKey | None


def begin(materials: Materials, policy: CommitmentPolicy, header: Header, given: Context) -> Reading:
    """Steps 2 to 5. Raises PolicyRefused, ContextMismatch, KeyUnavailable, Malformed, NotAuthentic."""
    suite = header.suite
    policy.check_open(suite)  # 2
    full, only = contexts.complete(header.context, given)
    verifier = verification_key(suite, full)
    data_key = materials.to_open(suite, header.wrapped_keys, full)  # 3
    key, commitment = message_key(suite, data_key, header.message_id)
    if not hmac.compare_digest(commitment, header.commitment):  # 4
        raise NotAuthentic
    cipher = AESGCM(key)
    try:  # 5
        cipher.decrypt(header.iv, header.tag, header.body + contexts.serialize(only))
    except InvalidTag:
        raise NotAuthentic from None
    return Reading(header, full, cipher, verifier)
