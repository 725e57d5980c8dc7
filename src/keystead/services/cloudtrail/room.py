"""What CloudTrail's operations work in."""

from dataclasses import dataclass

from keystead.database.engine import Database
from keystead.trail.lookup import Lookup
from keystead.trail.trails import Files


@dataclass(frozen=True, slots=True)
class Room:
    """since  when the installation was made, and logging with it; seconds since the epoch"""

    lookup: Lookup
    database: Database
    files: Files
    since: float
