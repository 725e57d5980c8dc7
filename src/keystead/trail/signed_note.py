"""Signed notes (C2SP signed-note 1.0.0), and the three kinds of keys that sign checkpoints.

note            text, ending in LF | LF | — NAME BASE64(id | signature) LF …
verifier key    NAME + HEX(id) + BASE64(type | public key)                       joined by plus signs
id              first 4 bytes of SHA-256(NAME | LF | type | public key)

type 01   Ed25519 over the text                                                  signed-note 1.0.0
type 04   time (8) | Ed25519 over "cosignature/v1" LF "time " TIME LF | text     tlog-cosignature 1.0
type 06   time (8) | ML-DSA-44 over "subtree/v1" LF 00 | name | time (8)         tlog-cosignature 1.1
          | origin | start (8) | end (8) | root (32)
          name and origin after their length (1); time in seconds; a checkpoint is the subtree from 0 to its size

The log signs with 01 and 06, a witness with 04 and 06.
"""

import binascii
import re
import struct
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from keystead.trail.checkpoints import Checkpoint, head, parse

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
ML_DSA_44: Final = 0x06
ID_LENGTH: Final = 4
TIME_LENGTH: Final = 8
TIME_LIMIT: Final = 2**63
"""tlog-cosignature 1.0, format."""
LABEL: Final = b"subtree/v1\n\0"
SIGNATURE_LIMIT: Final = 64
"""Lines of one note; signed-note 1.0.0 asks for at least 16."""

DASH: Final = "\N{EM DASH}"
NAME: Final = re.compile(r"[^\s+]+")
CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteInvalid(ValueError):
    """Not a signed note, or a key that we know did not sign it."""


class KeyInvalid(ValueError):
    """Not a verifier key of a kind that signs checkpoints."""


def key_id(name: str, kind: int, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:ID_LENGTH]


def subtree_message(name: str, seconds: int, checkpoint: Checkpoint) -> bytes:
    """What ML-DSA-44 signs."""
    return b"".join(
        (
            LABEL,
            _prefixed(name),
            struct.pack(">Q", seconds),
            _prefixed(checkpoint.origin),
            struct.pack(">QQ", 0, checkpoint.size),
            checkpoint.root,
        )
    )


def cosigned_message(seconds: int, text: str) -> bytes:
    """What Ed25519 signs of a cosignature."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _prefixed(text: str) -> bytes:
    encoded = text.encode()
    return bytes([len(encoded)]) + encoded


def _verify_ed25519(_name: str, public: bytes, text: str, signature: bytes) -> None:
    Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())


def _verify_cosignature(_name: str, public: bytes, text: str, signature: bytes) -> None:
    """Raises ValueError also where the text is no checkpoint."""
    head(text)
    message = cosigned_message(time_of(signature), text)
    Ed25519PublicKey.from_public_bytes(public).verify(signature[TIME_LENGTH:], message)


def _verify_ml_dsa(name: str, public: bytes, text: str, signature: bytes) -> None:
    """Raises ValueError also where the text is no checkpoint, or has extension lines: they are not signed."""
    seconds = time_of(signature)
    message = subtree_message(name, seconds, parse(text))
    MLDSA44PublicKey.from_public_bytes(public).verify(signature[TIME_LENGTH:], message)


def time_of(signature: bytes) -> int:
    """When a cosignature was made, seconds since the epoch. Raises ValueError."""
    seconds = int.from_bytes(signature[:TIME_LENGTH], "big")
    if seconds >= TIME_LIMIT:
        raise ValueError("not a time")
    return seconds


VERIFY: Final[dict[int, Callable[[str, bytes, str, bytes], None]]] = {
    ED25519: _verify_ed25519,
    COSIGNATURE: _verify_cosignature,
    ML_DSA_44: _verify_ml_dsa,
}
LENGTHS: Final = {
    ED25519: 32,  # RFC 8032 5.1.5
    COSIGNATURE: 32,
    ML_DSA_44: 1312,  # FIPS 204 table 2
}


class Verifier:
    """One public key under its name. Equal to any other of the same."""

    def __init__(self, name: str, kind: int, public: bytes) -> None:
        """Raises KeyInvalid."""
        if not NAME.fullmatch(name) or LENGTHS.get(kind) != len(public):
            raise KeyInvalid(name)
        self.name = name
        self.kind = kind
        self.public = public
        self.id = key_id(name, kind, public)

    @classmethod
    def read(cls, key: str) -> Self:
        """From a verifier key. Raises KeyInvalid."""
        try:
            name, id_, encoded = key.split("+", 2)
            decoded = b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise KeyInvalid(key) from None
        made = cls(name, decoded[0] if decoded else 0, decoded[1:])
        if str(made) != key or made.id.hex() != id_:
            raise KeyInvalid(key)
        return made

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.kind]) + self.public).decode()}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verifier) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def verifies(self, text: str, signature: bytes) -> bool:
        try:
            VERIFY[self.kind](self.name, self.public, text, signature)
        except (InvalidSignature, ValueError):
            return False
        return True


def opened(note: bytes, verifiers: Iterable[Verifier]) -> tuple[str, set[Verifier]]:
    """The text, and who of the verifiers signed it; signatures of others are passed over.

    Raises NoteInvalid when it is no note, or when the signature of one of them does not verify.
    """
    text, signatures = verified(note, verifiers)
    return text, {signature.by for signature in signatures}


class Signature(NamedTuple):
    """One line of a note that verifies. `at` is seconds since the epoch; 0 for a kind that says no time."""

    by: Verifier
    line: str
    at: int


def verified(note: bytes, verifiers: Iterable[Verifier]) -> tuple[str, list[Signature]]:
    """Like `opened`, with the signatures themselves in the note's order."""
    known = {(verifier.name, verifier.id): verifier for verifier in verifiers}
    text, lines = _split(note)
    found = []
    for line in lines:
        name, signature = _signature(line)
        verifier = known.get((name, signature[:ID_LENGTH]))
        if verifier is None:
            continue
        if not verifier.verifies(text, signature[ID_LENGTH:]):
            raise NoteInvalid(f"the signature of {name} does not verify")
        at = 0 if verifier.kind == ED25519 else time_of(signature[ID_LENGTH:])
        found.append(Signature(verifier, line, at))
    return text, found


def _split(note: bytes) -> tuple[str, list[str]]:
    try:
        decoded = note.decode()
    except UnicodeDecodeError:
        raise NoteInvalid("not UTF-8") from None
    text, empty, signatures = decoded.rpartition("\n\n")
    lines = signatures.split("\n")
    if not empty or lines.pop() or not lines or len(lines) > SIGNATURE_LIMIT or CONTROL.search(decoded):
        raise NoteInvalid("not a signed note")
    return f"{text}\n", lines


def _signature(line: str) -> tuple[str, bytes]:
    try:
        dash, name, encoded = line.split(" ")
        signature = b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise NoteInvalid("not a signature line") from None
    canonical = b64encode(signature).decode() == encoded  # else one signature would have several spellings
    if dash != DASH or not NAME.fullmatch(name) or len(signature) <= ID_LENGTH or not canonical:
        raise NoteInvalid("not a signature line")
    return name, signature


def signature_line(verifier: Verifier, signature: bytes) -> str:
    return f"{DASH} {verifier.name} {b64encode(verifier.id + signature).decode()}\n"


class Signer:
    """Two keys under one name: the log's own, or a witness's. Holds secrets."""

    def __init__(self, name: str, seeds: tuple[bytes, bytes], clock: Callable[[], float] = time.time) -> None:
        """`seeds` are those of Ed25519 and ML-DSA-44, 32 bytes each. A log's name is its origin."""
        self._name = name
        self._clock = clock
        self._ed25519 = Ed25519PrivateKey.from_private_bytes(seeds[0])
        self._ml_dsa = MLDSA44PrivateKey.from_seed_bytes(seeds[1])
        ed25519, ml_dsa = self._ed25519.public_key().public_bytes_raw(), self._ml_dsa.public_key().public_bytes_raw()
        self.verifiers: Sequence[Verifier] = (Verifier(name, ED25519, ed25519), Verifier(name, ML_DSA_44, ml_dsa))
        self.cosigners: Sequence[Verifier] = (Verifier(name, COSIGNATURE, ed25519), Verifier(name, ML_DSA_44, ml_dsa))

    def __repr__(self) -> str:
        return f"Signer({self._name!r})"

    def sign(self, size: int, root: bytes) -> bytes:
        """As the log: the signed note of a checkpoint."""
        checkpoint = Checkpoint(self._name, size, root)
        text = checkpoint.text()
        first = signature_line(self.verifiers[0], self._ed25519.sign(text.encode()))
        return f"{text}\n{first}{self._subtree(checkpoint, int(self._clock()))}".encode()

    def cosign(self, text: str) -> bytes:
        """As a witness: signature lines for a checkpoint of any log. Raises ValueError where the text is none.

        Extension lines are signed by Ed25519 alone; where there are any, it is the only one.
        """
        checkpoint, extended = head(text)
        seconds = int(self._clock())
        stamped = struct.pack(">Q", seconds) + self._ed25519.sign(cosigned_message(seconds, text))
        lines = signature_line(self.cosigners[0], stamped)
        return (lines if extended else lines + self._subtree(checkpoint, seconds)).encode()

    def _subtree(self, checkpoint: Checkpoint, seconds: int) -> str:
        message = subtree_message(self._name, seconds, checkpoint)
        return signature_line(self.verifiers[1], struct.pack(">Q", seconds) + self._ml_dsa.sign(message))
