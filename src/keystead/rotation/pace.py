"""How many rotations a process begins by itself in a second: a thousand that fall due at once are not to be felt by whoever calls."""

import time
from collections.abc import Callable


class Pace:
    """A bucket that holds a second's worth, or one. What is asked for with RotateSecret takes nothing out of it.

    rate   rotations a second; 0 for as many as there are
    clock  seconds, from any moment on; never back
    """

    def __init__(self, rate: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left, self._at = max(rate, 1.0), clock()

    def room(self) -> bool:
        """Whether one more may begin now."""
        now = self._clock()
        self._left = min(max(self._rate, 1.0), self._left + (now - self._at) * self._rate)
        self._at = now
        return self._rate == 0 or self._left >= 1.0

    def spend(self) -> None:
        """One has begun."""
        self._left -= 1.0
