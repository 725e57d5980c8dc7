"""Page markers, which their callers hold and cannot read, make or use in another place.

01 | domain key id (16) | nonce (16) | iv (12) | ciphertext | tag (16)        bound = context
"""

from typing import Final

from keystead.keyholder import tokens
from keystead.keyholder.ciphertext import CONTEXT_LIMIT
from keystead.keyholder.errors import CiphertextInvalid, DomainKeyUnknown, RequestRefused
from keystead.keyholder.sealing import MARKER, Altered, open_sealed, seal
from keystead.keyholder.software.holding import Holding

PLACE_LIMIT: Final = 4096
MARKER_VERSION: Final = b"\x01"
MARKER_HEADER_LENGTH: Final = 1 + tokens.DOMAIN_ID_LENGTH


class Markers(Holding):
    """Also the proofs of the trail's outbox, which are markers of nothing."""

    def seal_marker(self, context: bytes, place: bytes) -> bytes:
        if len(context) > CONTEXT_LIMIT or len(place) > PLACE_LIMIT:
            raise RequestRefused
        domain_id, domain = self._own.newest_domain()
        return seal(domain, MARKER, MARKER_VERSION + domain_id, context, place)

    def open_marker(self, context: bytes, marker: bytes) -> bytes:
        if len(context) > CONTEXT_LIMIT or marker[:1] != MARKER_VERSION:
            raise CiphertextInvalid
        try:
            domain = self._own.domain(marker[1:MARKER_HEADER_LENGTH])
            return open_sealed(domain, MARKER, MARKER_HEADER_LENGTH, marker, context)
        except (DomainKeyUnknown, Altered):
            raise CiphertextInvalid from None  # markers come from callers: an unknown key is not worth a reload
