"""How each sink stands: told by the sinks' process each second, for health pages and status; and how far each has come.

DATA/trail/sinks/standing      JSON, replaced as a whole
DATA/trail/sinks/NAME.position  decimal: so many records it has, or fewer: after a crash some come again
"""

import re
from pathlib import Path
from typing import Final

import msgspec

from keystead.trail import disk

FOLDER: Final = "sinks"
FILE: Final = "standing"
NUMBER: Final = re.compile(r"[0-9]{1,19}")


class Standing(msgspec.Struct, frozen=True):
    """position  records that it has taken, or passed over
    passed_over  records that it has not, since the process started
    ill_since    seconds since the epoch, 0.0 while it is well; error: why
    """

    required: bool
    position: int
    passed_over: int
    ill_since: float
    error: str


class Standings(msgspec.Struct, frozen=True):
    """at  when this was told, seconds since the epoch"""

    at: float
    sinks: dict[str, Standing]


def save(folder: Path, standings: Standings) -> None:
    """Nothing rests on it, so it need not be durable. Raises OSError."""
    path = folder / FOLDER / FILE
    fresh = path.with_name(f"{FILE}.new")
    fresh.write_bytes(msgspec.json.encode(standings))
    fresh.replace(path)


def load(folder: Path) -> Standings | None:
    """None where there are no sinks, or nothing that can be read."""
    try:
        return msgspec.json.decode((folder / FOLDER / FILE).read_bytes(), type=Standings)
    except (OSError, msgspec.MsgspecError):
        return None


def forget(folder: Path) -> None:
    """There are no sinks any more."""
    (folder / FOLDER / FILE).unlink(missing_ok=True)


def position(folder: Path, name: str) -> int | None:
    """None for a sink that is new. One that cannot be read counts as none taken: rather everything again than something not."""
    try:
        text = position_path(folder, name).read_text("ascii")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return 0
    return int(text) if NUMBER.fullmatch(text) else 0


def save_position(folder: Path, name: str, position: int) -> None:
    """Durable. Raises OSError."""
    disk.replace(position_path(folder, name), str(position).encode())


def position_path(folder: Path, name: str) -> Path:
    return folder / FOLDER / f"{name}.position"
