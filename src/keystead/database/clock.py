"""How long something took, whatever anybody does to the clock on the wall."""

import time


def elapsed() -> float:
    """Seconds on a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
