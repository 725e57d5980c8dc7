"""Checkpoints with the cosignatures of witnesses, as the policy asks for them.

cosigned/newest            the newest note that the policy accepts, replaced as a whole
cosigned/20261124T06       the first such note of each hour, UTC: what was recorded before it was recorded by then
witnesses                  JSON: what is known of each witness; for health pages and status, and nothing rests on it
"""

from pathlib import Path
from time import gmtime, strftime
from typing import Final

import msgspec

from keystead.trail import checkpoints, disk
from keystead.trail.policy import NONE, Policy

FOLDER: Final = "cosigned"
NEWEST: Final = "newest"
STANDING: Final = "witnesses"


class Standing(msgspec.Struct, frozen=True):
    """One witness as this node knows it.

    size   of the tree that it cosigned last; at: when, seconds since the epoch, by its own clock; 0 for never
    error  why it did not cosign when it was last asked; empty when it did
    """

    size: int = 0
    at: int = 0
    error: str = ""


class Standings(msgspec.Struct, frozen=True):
    """size and at: of the newest checkpoint that the policy accepts; at 0 before there is one.

    asked  when the witnesses were last asked, seconds since the epoch
    """

    size: int
    at: int
    asked: float
    witnesses: dict[str, Standing]


def newest(folder: Path) -> bytes | None:
    """The newest note that the policy accepted."""
    try:
        return (folder / FOLDER / NEWEST).read_bytes()
    except FileNotFoundError:
        return None


def hourly(folder: Path) -> list[bytes]:
    """The first accepted note of every hour, oldest first."""
    try:
        names = sorted(entry.name for entry in (folder / FOLDER).iterdir() if entry.name[:1].isdigit())
    except FileNotFoundError:
        return []
    return [(folder / FOLDER / name).read_bytes() for name in names]


def keep(folder: Path, note: bytes, at: float) -> None:
    """Durable when it returns. `at` is when it was cosigned. Raises OSError."""
    place = folder / FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    hour = place / strftime("%Y%m%dT%H", gmtime(at))
    if not hour.exists():
        disk.replace(hour, note)
    disk.replace(place / NEWEST, note)


def to_publish(folder: Path, policy: Policy) -> bytes | None:
    """The newest checkpoint that others should believe: where a quorum is asked for, one that has it."""
    return newest(folder) if policy.quorum != NONE else last_signed(folder)


def last_signed(folder: Path) -> bytes | None:
    """The newest note that the log itself has signed."""
    last = None
    for kept in checkpoints.kept(folder, checkpoints.near_end(folder)):
        last = kept.note
    return last


def standings(folder: Path) -> Standings | None:
    """None where no witness was ever asked."""
    try:
        return msgspec.json.decode((folder / STANDING).read_bytes(), type=Standings)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def tell(folder: Path, standings: Standings) -> None:
    """Whole or not at all, and not durable: it is told anew all the time. Raises OSError."""
    fresh = folder / f"{STANDING}.new"
    fresh.write_bytes(msgspec.json.encode(standings))
    fresh.replace(folder / STANDING)
