"""What the log last signed, or was about to: durable before the signature is made.

    state      JSON, replaced as a whole

A log must never sign two checkpoints of which one is not a prefix of the other (C2SP tlog-checkpoint). So what is signed
next must begin with this tree, and a log that does not is not opened.
"""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Annotated, Final

import msgspec

from keystead.trail import disk
from keystead.trail.errors import LogDamaged, LogMissing
from keystead.trail.merkle import EMPTY, HASH_LENGTH
from keystead.trail.segments import HEADER_LENGTH

NAME: Final = "state"

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tree that was signed, and where the log goes on after it.

    size         leaves of the tree
    root         base64
    wall         when its last record was appended, nanoseconds since 1970
    segment      index of the first record of the segment that the log goes on in
    place        bytes of that segment up to there: the last record's end, or the header if the segment is a new one
    checkpoints  bytes in the file of checkpoints before the one for this tree
    """

    size: Count
    root: str
    wall: Count
    segment: Count
    place: Count
    checkpoints: Count
    version: int = 1

    @property
    def root_hash(self) -> bytes:
        return b64decode(self.root)

    def goes_on_at(self, segment: int, place: int) -> bool:
        """Whether it goes on where the last record ended, or in a segment that was begun after it."""
        return (self.segment, self.place) in {(segment, place), (self.size, HEADER_LENGTH)}


BEGINNING: Final = State(0, b64encode(EMPTY).decode(), 0, 0, HEADER_LENGTH, 0)


def load(folder: Path) -> State:
    """Raises LogMissing, or LogDamaged for anything that `save` would not have written."""
    try:
        read = (folder / NAME).read_bytes()
    except FileNotFoundError:
        raise LogMissing from None
    try:
        state = msgspec.json.decode(read, type=State)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise LogDamaged("the state of the log cannot be read") from None
    if msgspec.json.encode(state) != read or state.version != 1 or not _is_hash(state.root):
        raise LogDamaged("the state of the log is not as it was written")
    return state


def _is_hash(text: str) -> bool:
    try:
        decoded = b64decode(text, validate=True)
    except ValueError:
        return False
    return len(decoded) == HASH_LENGTH and b64encode(decoded).decode() == text


def save(folder: Path, state: State) -> None:
    """Durable when it returns. Raises OSError; then the one before it stands."""
    disk.replace(folder / NAME, msgspec.json.encode(state))
