"""Makes the log of a new installation, and what the recorder needs of its keys.

checkpoint.key     SealedKey as JSON: the signing seeds, of no use without the keyholder
checkpoint.vkeys   verifier keys, one a line: copy them to where nobody who can write here can
"""

from pathlib import Path
from typing import Final

import msgspec

from keystead.keyholder.promise import SealedKey
from keystead.trail import disk, log
from keystead.trail.errors import LogDamaged, LogMissing
from keystead.trail.signed_note import ED25519, ML_DSA_44, KeyInvalid, Signer, Verifier

SEALED_KEY: Final = "checkpoint.key"
VERIFIERS: Final = "checkpoint.vkeys"


def create(folder: Path, origin: str, sealed: SealedKey, seeds: tuple[bytes, bytes]) -> None:
    """An empty log in a new folder; `seeds` are those that `sealed` holds. Raises FileExistsError."""
    log.create(folder)
    keys = "".join(f"{verifier}\n" for verifier in Signer(origin, seeds).verifiers)
    disk.replace(folder / SEALED_KEY, msgspec.json.encode(sealed))
    disk.replace(folder / VERIFIERS, keys.encode())


def sealed_key(folder: Path) -> SealedKey:
    """Raises LogMissing, LogDamaged."""
    try:
        return msgspec.json.decode((folder / SEALED_KEY).read_bytes(), type=SealedKey)
    except FileNotFoundError:
        raise LogMissing from None
    except msgspec.DecodeError:
        raise LogDamaged("the sealed checkpoint key cannot be read") from None


def verifiers(folder: Path) -> tuple[Verifier, ...]:
    """Raises LogMissing; LogDamaged unless there is one for each of the two algorithms."""
    try:
        read = tuple(Verifier.read(line) for line in (folder / VERIFIERS).read_text().splitlines())
    except FileNotFoundError:
        raise LogMissing from None
    except (KeyInvalid, UnicodeDecodeError):
        raise LogDamaged("the verifier keys cannot be read") from None
    if sorted(verifier.kind for verifier in read) != [ED25519, ML_DSA_44]:
        raise LogDamaged("the verifier keys are not those of a log")
    return read
