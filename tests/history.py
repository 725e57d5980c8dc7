"""Histories of changes to a permission and of its uses, and the check that none was allowed after the answer that forbade it.

    time ──────────────────────────────────────────────────────────────►
    forbid   started ├────────┤ ended
    use                          started ├───┤        allowed: a violation
    use            started ├───┤                      allowed or refused: they overlap
    permit                                     ├───┤  too late to excuse the use before it

A permission is a register of its own per name ("state", "policy"): a use is allowed only where all permit. A change whose answer was
lost may have happened at any time after its start.
"""

import math
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError


class Change(NamedTuple):
    register: str
    permits: bool
    started: float
    ended: float = math.inf


class Use(NamedTuple):
    """refused_by  the register that the refusal speaks of; None for a use that was allowed."""

    started: float
    ended: float
    refused_by: str | None = None


def forbidden_uses(changes: Sequence[Change], uses: Sequence[Use], grace: float = 0.0) -> list[tuple[Use, Change]]:
    """Uses that were allowed though they started more than `grace` seconds after the answer that forbade them."""
    registers = [
        Register([one for one in changes if one.register == name]) for name in {one.register for one in changes}
    ]
    allowed = [use for use in uses if use.refused_by is None]
    return [
        (use, change)
        for use in allowed
        for register in registers
        if (change := register.contradicts(use, permitted=True, grace=grace))
    ]


def denied_uses(changes: Sequence[Change], uses: Sequence[Use], grace: float = 0.0) -> list[tuple[Use, Change]]:
    """Uses that were refused though they started more than `grace` seconds after the answer that permitted them."""
    registers = {
        name: Register([one for one in changes if one.register == name]) for name in {one.register for one in changes}
    }
    refused = [use for use in uses if use.refused_by in registers]
    return [
        (use, change)
        for use in refused
        if (change := registers[str(use.refused_by)].contradicts(use, permitted=False, grace=grace))
    ]


class Register:
    """The changes of one permission, sorted so that a long history is checked in the time that it took to sort it."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._sides = {side: [one for one in changes if one.permits is side] for side in (True, False)}
        self._started = {side: Latest(ones, "started", "ended") for side, ones in self._sides.items()}
        self._ended = {side: Latest(ones, "ended", "started") for side, ones in self._sides.items()}

    def contradicts(self, use: Use, *, permitted: bool, grace: float) -> Change | None:
        """A change to the contrary that must have been in force: it had been answered, and none that excuses the use can have
        come after it and before the use's end.
        """
        change = self._ended[not permitted].before(use.started - grace)
        excuse = self._started[permitted].before(use.ended)
        if change is None or (excuse is not None and excuse.ended > change.started):
            return None
        return change


class Latest:
    """Of the changes whose `by` lies before a moment, the one with the latest `of`."""

    def __init__(self, changes: Sequence[Change], by: str, of: str) -> None:
        ordered = sorted(changes, key=lambda one: getattr(one, by))
        self._moments = [getattr(one, by) for one in ordered]
        self._latest = list(accumulate(ordered, lambda one, other: max(one, other, key=lambda each: getattr(each, of))))

    def before(self, moment: float) -> Change | None:
        found = bisect_left(self._moments, moment)
        return self._latest[found - 1] if found else None


class Recording:
    """Clients that change and use at the same time. Times are this process's monotonic clock."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.uses: list[Use] = []
        self.failures: list[str] = []

    def run(self, changer: Callable[["Recording"], None], users: Sequence[Callable[[], Any]], seconds: float) -> None:
        """`changer` is called again and again, and so is each of `users`, until the time is over."""
        stop = threading.Event()

        def use_on(call: Callable[[], Any]) -> None:
            while not stop.is_set():
                self.use(call)

        with ThreadPoolExecutor(len(users)) as pool:
            running = [pool.submit(use_on, call) for call in users]
            end = time.monotonic() + seconds
            try:
                while time.monotonic() < end:
                    changer(self)
            finally:
                stop.set()
            for one in running:
                one.result()

    def change(self, register: str, permits: bool, call: Callable[[], Any]) -> None:
        started = time.monotonic()
        try:
            call()
        except (ClientError, BotoCoreError) as error:
            self.failures.append(str(error))
            self.changes.append(Change(register, permits, started))
        else:
            self.changes.append(Change(register, permits, started, time.monotonic()))

    def use(self, call: Callable[[], Any]) -> None:
        started = time.monotonic()
        try:
            call()
        except ClientError as error:
            register = REFUSALS.get(error.response["Error"]["Code"])
            if register is None:
                self.failures.append(str(error))
            else:
                self.uses.append(Use(started, time.monotonic(), register))
        else:
            self.uses.append(Use(started, time.monotonic()))


REFUSALS = {"DisabledException": "state", "AccessDeniedException": "policy"}
