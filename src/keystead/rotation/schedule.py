"""When a secret is due: AWS's RotationRules, read, checked, and laid out as windows.

    AutomaticallyAfterDays N      a window on the Nth day after the last rotation, from midnight
    rate(N days)                  the same
    rate(N hours)                 every N hours, counted from the midnight before the rules were set
    cron(…)                       as keystead.rotation.cron reads it

    Duration                      hours; else 1 where several windows open in a day, else until midnight

All in UTC. Nothing opens twice within four hours, and no window reaches into the next one or into the next day
(Secrets Manager user guide, schedule expressions; API reference, RotationRulesType).
"""

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from math import gcd
from typing import Final, NamedTuple

from keystead.rotation import cron
from keystead.rotation.cron import Cron
from keystead.rotation.errors import ScheduleInvalid

HOUR: Final = 3600
DAY: Final = 24 * HOUR
CLOSEST: Final = 4
"""Hours between two openings at least."""
LONGEST_RATE: Final = 999
"""Days."""
MOST_DAYS: Final = 1000
"""AutomaticallyAfterDays at most (API reference)."""
USABLE: Final = 0.75
"""Of a window, in which a rotation begins: the rest is for its further attempts."""

RATE: Final = re.compile(r"rate\( *([0-9]{1,5}) +(hours?|days?) *\)")
CRON: Final = re.compile(r"cron\((.*)\)")
DURATION: Final = re.compile(r"([0-9]{1,2})h")


class Window(NamedTuple):
    """Seconds since the epoch. What is due in it happens at or after `opens` and before `closes`."""

    opens: float
    closes: float

    def moment(self, arn: str) -> float:
        """When this secret's turn is: spread over the window, the same whenever it is asked."""
        digest = hmac.digest(arn.encode(), str(int(self.opens)).encode(), "sha256")
        share = int.from_bytes(digest[:8], "big") / 2**64
        return self.opens + share * USABLE * (self.closes - self.opens)


@dataclass(frozen=True, slots=True)
class Schedule:
    """One of the three ways to say when; `duration` in hours, None for the default."""

    days: int | None = None
    hours: int | None = None
    cron: Cron | None = None
    duration: int | None = None

    def window(self, *, last: float, since: float, now: float) -> Window:
        """The first window that has not closed at `now`.

        last   the last rotation, or when rotation was configured; its own window is over
        since  when the rules were set
        """
        return next(one for one in self._windows(last, since) if one.closes > now)

    def _windows(self, last: float, since: float) -> Iterator[Window]:
        if self.cron is not None:
            return self._of_cron(self.cron, last)
        if self.hours is not None:
            return self._of_hours(self.hours, last, since)
        return self._of_days(self.days or 1, last)

    def _of_cron(self, expression: Cron, last: float) -> Iterator[Window]:
        length = self.duration or (1 if len(expression.hours) > 1 else None)
        for day in expression.days(datetime.fromtimestamp(last, UTC).date()):
            for hour in expression.hours:
                opens = midnight(day) + hour * HOUR
                if opens > last:
                    yield Window(opens, opens + (length or 24 - hour) * HOUR)

    def _of_hours(self, hours: int, last: float, since: float) -> Iterator[Window]:
        step, start = hours * HOUR, since - since % DAY
        opens = start + (max(0, (last - start) // step) + 1) * step
        while True:
            yield Window(opens, opens + (self.duration or 1) * HOUR)
            opens += step

    def _of_days(self, days: int, last: float) -> Iterator[Window]:
        opens = last - last % DAY + days * DAY
        while True:
            yield Window(opens, opens + (self.duration or 24) * HOUR)
            opens += DAY


def midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()


def read(*, after_days: int | None = None, expression: str | None = None, duration: str | None = None) -> Schedule:
    """RotationRules as a client gives them. Raises ScheduleInvalid."""
    if after_days is not None and expression is not None:
        raise ScheduleInvalid("You can specify AutomaticallyAfterDays or ScheduleExpression, but not both.")
    hours = length(duration) if duration is not None else None
    if expression is not None:
        schedule = read_expression(expression, hours)
    elif after_days is not None:
        if not 1 <= after_days <= MOST_DAYS:
            raise ScheduleInvalid(f"AutomaticallyAfterDays is between 1 and {MOST_DAYS}.")
        schedule = Schedule(days=after_days, duration=hours)
    else:
        raise ScheduleInvalid("Specify AutomaticallyAfterDays or ScheduleExpression.")
    check_length(schedule)
    return schedule


def length(text: str) -> int:
    found = DURATION.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= 24:
        raise ScheduleInvalid("Duration is a number of hours from 1h to 24h.")
    return int(found[1])


def read_expression(text: str, duration: int | None) -> Schedule:
    if found := RATE.fullmatch(text.strip()):
        return rate(int(found[1]), found[2], duration)
    if found := CRON.fullmatch(text.strip()):
        schedule = Schedule(cron=cron.read(found[1]), duration=duration)
        check_gaps(schedule.cron)
        return schedule
    raise ScheduleInvalid("A schedule is rate(N hours), rate(N days) or cron(…).")


def rate(number: int, unit: str, duration: int | None) -> Schedule:
    if unit.startswith("day"):
        if not 1 <= number <= LONGEST_RATE:
            raise ScheduleInvalid(f"A rate is between {CLOSEST} hours and {LONGEST_RATE} days.")
        return Schedule(days=number, duration=duration)
    if not CLOSEST <= number <= LONGEST_RATE * 24:
        raise ScheduleInvalid(f"A rate is between {CLOSEST} hours and {LONGEST_RATE} days.")
    return Schedule(hours=number, duration=duration)


def check_gaps(expression: Cron | None) -> None:
    """Raises ScheduleInvalid where two windows would open within four hours."""
    if expression is not None and closest(expression) < CLOSEST:
        raise ScheduleInvalid(f"Rotations must be at least {CLOSEST} hours apart.")


def closest(expression: Cron) -> int:
    """Hours between two openings that follow one another."""
    hours = expression.hours
    within = min((after - before for before, after in pairwise(hours)), default=24)
    over_midnight = 24 - hours[-1] + hours[0]
    return min(within, over_midnight) if over_midnight < within and has_neighbours(expression) else within


def has_neighbours(expression: Cron) -> bool:
    """Whether windows ever open on two days that follow one another."""
    before: date | None = None
    for day in expression.days(date(2000, 1, 1)):
        if before is not None and day - before == timedelta(days=1):
            return True
        before = day
    return False


def check_length(schedule: Schedule) -> None:
    """Raises ScheduleInvalid where a window would reach into the next one or into the next day."""
    duration = schedule.duration
    if duration is None:
        return
    if schedule.cron is not None:
        longest = min(24 - schedule.cron.hours[-1], closest(schedule.cron))
    elif schedule.hours is not None:
        longest = min(
            schedule.hours, gcd(schedule.hours, 24)
        )  # the latest hour at which such a window ever opens is 24 less this
    else:
        longest = 24
    if duration > longest:
        raise ScheduleInvalid("The window would reach into the next one, or into the next day.")
