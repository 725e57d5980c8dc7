"""The words in which the database and the log are compared: a place, what the database shows in it, what a record put there."""

from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

UNKNOWN: Final = "?"
"""A record that does not tell what it put: CloudTrail's size limits took it out. It fits anything."""


class Slot(NamedTuple):
    """One thing that can be had, or not.

    owner  whose it is: an ARN, or a unique id, which is never used twice
    part   which one of its kind, where an owner has several
    """

    kind: str
    owner: str
    part: str = ""


class Fact(NamedTuple):
    """What the database shows. `since`: as its row says, seconds since the epoch; None where it does not."""

    slot: Slot
    value: str
    what: str
    since: float | None = None


def digest(text: str | None) -> str:
    """Of a policy, which is kept as it was put."""
    return UNKNOWN if text is None else sha256(text.encode(errors="surrogatepass")).hexdigest()


def canonical(content: Any) -> str:
    """One spelling for every value of lists, maps and texts."""
    return digest(msgspec.json.encode(content, order="deterministic").decode())
