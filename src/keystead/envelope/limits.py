"""How much of a message is believed before anything has been authenticated."""

from dataclasses import dataclass
from typing import Final

FRAME_LENGTH_MAX: Final = 2**31 - 1 - 16
"""One call of the cipher takes 2^31 - 1 bytes (cryptography), tag included."""
FRAMES_MAX: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Checked before memory is taken. Raising one is a decision about who may write what is read.

    header         bytes of the whole header
    context        bytes of the serialized encryption context; the format has room for 65,535
    pairs          of the encryption context
    wrapped_keys   that one message may carry: each may cost a call to a key service
    frame          bytes of one frame
    unframed       bytes of the body of a message in one piece, which is held in memory
    """

    header: int = 256 * 1024
    context: int = 64 * 1024
    pairs: int = 1024
    wrapped_keys: int = 64
    frame: int = 16 * 1024 * 1024
    unframed: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        if not 0 < self.frame <= FRAME_LENGTH_MAX or not 0 < self.unframed <= FRAME_LENGTH_MAX:
            raise ValueError(f"Frames and unframed bodies are limited to {FRAME_LENGTH_MAX} bytes.")


LIMITS: Final = Limits()
