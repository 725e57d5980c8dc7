"""What every part of the promise stands on: the keyholder's own keys, the materials that are open, and the way to a token."""

import time
from collections.abc import Callable

from keystead.keyholder.materials import Materials
from keystead.keyholder.own_keys import OwnKeys
from keystead.keyholder.reach import Reach
from keystead.keyholder.sealing import Key


class Holding:
    """One of it in a process; its parts are written in files of their own, and share this."""

    def __init__(self, *roots: Key, reach: Reach | None = None, clock: Callable[[], float] = time.time) -> None:
        self.reach = reach or Reach()
        self._clock = clock
        self._own = OwnKeys(roots)
        self._materials = Materials(self._own, self.reach)
