"""What the answers are found from."""

from collections.abc import Callable
from dataclasses import dataclass

from keystead.database.engine import Database
from keystead.database.waiting import Waiting
from keystead.keys.use import Keys
from keystead.parameters.room import Parameters
from keystead.secrets.room import Secrets
from keystead.trail.lookup import Lookup


@dataclass(frozen=True, slots=True)
class Explain:
    """The room. Every answer is a function of its own over it. Nobody is authorised here: THE CALLER MUST decide."""

    database: Database
    lookup: Lookup
    keys: Keys
    secrets: Secrets
    parameters: Parameters
    waiting: Waiting
    clock: Callable[[], float]
