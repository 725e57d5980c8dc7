"""The keyholder's own keys: loaded, made anew, sealed anew, and those of the trail used."""

from keystead.keyholder import digests
from keystead.keyholder.errors import RequestRefused
from keystead.keyholder.own_keys import CHECKPOINT, DIGEST, VERSION_LIMIT
from keystead.keyholder.promise import SealedKey
from keystead.keyholder.sealing import wipe
from keystead.keyholder.software.holding import Holding


class Own(Holding):
    """None of them leaves but the seeds that the recorder signs with."""

    def new_domain_key(self) -> SealedKey:
        return self._own.next_domain()

    def load(self, sealed: tuple[SealedKey, ...]) -> None:
        self._own.load(sealed)

    def reseal(self, sealed: SealedKey) -> SealedKey:
        return self._own.reseal(sealed)

    def checkpoint_seeds(self, sealed: SealedKey) -> tuple[bytes, bytes]:
        """(Ed25519 seed, ML-DSA-44 seed), 32 bytes each, for the recorder. Raises TokenInvalid."""
        if sealed.purpose != CHECKPOINT:
            raise RequestRefused
        seeds = self._own.open(sealed)
        try:
            return seeds[:32], seeds[32:]
        finally:
            wipe(seeds)

    def new_digest_key(self, version: int) -> tuple[SealedKey, bytes]:
        if not 0 < version <= VERSION_LIMIT:
            raise RequestRefused
        sealed = self._own.make(DIGEST, version)
        secret = self._own.open(sealed)
        try:
            return sealed, digests.public_key(secret)
        finally:
            wipe(secret)

    def sign_digest(self, sealed: SealedKey, end: str, place: str, digest_hash: str, previous: str) -> bytes:
        """Raises RequestRefused for what is no digest's, TokenInvalid."""
        message = digests.text(end, place, digest_hash, previous)
        if sealed.purpose != DIGEST:
            raise RequestRefused
        secret = self._own.open(sealed)
        try:
            return digests.sign(secret, message)
        finally:
            wipe(secret)

    def make(self, purpose: str, version: int) -> SealedKey:
        """A new key of the keyholder's own; for setting up an installation."""
        return self._own.make(purpose, version)
