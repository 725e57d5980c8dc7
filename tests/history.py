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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    allowed = [use for use in uses if use.refused_by is None]
    return [(use, change) for use in allowed if (change := contradicted(changes, use, use_permitted=True, grace=grace))]


def denied_uses(changes: Sequence[Change], uses: Sequence[Use], grace: float = 0.0) -> list[tuple[Use, Change]]:
    """Uses that were refused though they started more than `grace` seconds after the answer that permitted them."""
    refused = [use for use in uses if use.refused_by is not None]
    return [
        (use, change) for use in refused if (change := contradicted(changes, use, use_permitted=False, grace=grace))
    ]


def contradicted(changes: Sequence[Change], use: Use, *, use_permitted: bool, grace: float) -> Change | None:
    """A change to the contrary that must have been in force, since no other can have come after it and before the use's end."""
    concerned = [change for change in changes if use_permitted or change.register == use.refused_by]
    for change in concerned:
        if change.permits == use_permitted or change.ended + grace >= use.started:
            continue
        if not any(excuses(other, change, use) for other in concerned):
            return change
    return None


def excuses(other: Change, change: Change, use: Use) -> bool:
    return (
        other.register == change.register
        and other.permits != change.permits
        and other.ended > change.started
        and other.started < use.ended
    )


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
