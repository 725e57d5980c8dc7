"""The days and hours of a cron expression, in AWS's own dialect.

    cron(Minutes Hours Day-of-month Month Day-of-week Year)      UTC; Sunday is 1, Saturday 7

    field         values          wildcards           source: Secrets Manager user guide, schedule expressions
    minutes       0
    hours         0-23            , - * /             a step runs from its start to 23, anew each day; /8 is 0/8
    day of month  1-31            , - * / ? L         L is the last day; SUNL the month's last Sunday
    month         1-12, JAN-DEC   , - * /
    day of week   1-7, SUN-SAT    , - * / ? L #       L is Saturday; TUE#3 the third Tuesday
    year          *

Exactly one of the two days is `?`. Other cron dialects count Monday as 1: they would rotate on the wrong day.
"""

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from keystead.rotation.errors import ScheduleInvalid

MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
YEARS_AHEAD: Final = 41
"""The rarest day that exists: a fifth Sunday in February comes again after 28 years, or 40 where 2100 lies between."""

PART: Final = re.compile(
    r"(?P<first>[0-9]{1,2}|[A-Z]{3}|\*)?(-(?P<last>[0-9]{1,2}|[A-Z]{3}))?(/(?P<step>[0-9]{1,2}))?", re.ASCII
)
NTH: Final = re.compile(r"(?P<day>[1-7]|[A-Z]{3})#(?P<nth>[1-5])")


@dataclass(frozen=True, slots=True)
class Field:
    """What a list in one place of the expression may hold."""

    name: str
    low: int
    high: int
    names: Sequence[str] = ()

    def values(self, text: str) -> frozenset[int]:
        """Raises ScheduleInvalid."""
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def _part(self, part: str) -> range:
        found = PART.fullmatch(part)
        if found is None or not part:
            raise self._wrong(part)
        first, last, step = found["first"], found["last"], found["step"]
        everything = first in {None, "*"}
        if everything and last is not None:
            raise self._wrong(part)
        begin = self.low if everything else self._number(first)
        end = begin if not everything and step is None else self.high
        if last is not None:
            end = self._number(last)
        width = 1 if step is None else int(step)
        if width < 1 or end < begin:
            raise self._wrong(part)
        return range(begin, end + 1, width)

    def _number(self, text: str) -> int:
        if text in self.names:
            return self.names.index(text) + 1
        if not text.isdigit() or not self.low <= int(text) <= self.high:
            raise self._wrong(text)
        return int(text)

    def _wrong(self, part: str) -> ScheduleInvalid:
        return ScheduleInvalid(f"{part!r} is not a {self.name}.")


HOUR: Final = Field("hour", 0, 23)
DAY_OF_MONTH: Final = Field("day of the month", 1, 31)
MONTH: Final = Field("month", 1, 12, MONTHS)
DAY_OF_WEEK: Final = Field("day of the week", 1, 7, DAYS)


@dataclass(frozen=True, slots=True)
class Cron:
    """hours     when windows open, ascending
    month_days   numbers of days; `last_day` the last one, `last_weekdays` the last such day of the week (1 is Sunday)
    weekdays     days of the week; `nth` pairs of day and which one of the month
    """

    hours: tuple[int, ...]
    months: frozenset[int]
    month_days: frozenset[int] = frozenset()
    last_day: bool = False
    last_weekdays: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    nth: frozenset[tuple[int, int]] = frozenset()

    def days(self, since: date) -> Iterator[date]:
        """Days on which windows open, from `since` on, as far as a schedule can be asked for."""
        for number in range(since.year * 12 + since.month - 1, (since.year + YEARS_AHEAD) * 12):
            year, month = number // 12, number % 12 + 1
            if month in self.months and year < 10_000:
                days = range(1, monthrange(year, month)[1] + 1)
                yield from (day for day in (date(year, month, one) for one in days) if day >= since and self._on(day))

    def _on(self, day: date) -> bool:
        weekday = day.isoweekday() % 7 + 1
        length = monthrange(day.year, day.month)[1]
        return (
            day.day in self.month_days
            or (self.last_day and day.day == length)
            or (weekday in self.last_weekdays and day.day + 7 > length)
            or weekday in self.weekdays
            or (weekday, (day.day - 1) // 7 + 1) in self.nth
        )


def read(text: str) -> Cron:
    """The six fields between the brackets. Raises ScheduleInvalid."""
    fields = text.upper().split()
    if len(fields) != 6:
        raise ScheduleInvalid(
            "A cron expression has six fields: minutes, hours, day of month, month, day of week, year."
        )
    minute, hour, month_day, month, weekday, year = fields
    if minute != "0":
        raise ScheduleInvalid("The minutes of a cron expression must be 0: windows open on the hour.")
    if year != "*":
        raise ScheduleInvalid("The year of a cron expression must be *.")
    if (month_day == "?") is (weekday == "?"):
        raise ScheduleInvalid("Exactly one of day of month and day of week must be ?.")
    hours, months = tuple(sorted(HOUR.values(hour))), MONTH.values(month)
    cron = of_month(hours, months, month_day) if weekday == "?" else of_week(hours, months, weekday)
    if next(cron.days(date(2000, 1, 1)), None) is None:
        raise ScheduleInvalid("There is no such day.")
    return cron


def of_month(hours: tuple[int, ...], months: frozenset[int], text: str) -> Cron:
    parts = text.split(",")
    last = frozenset(DAYS.index(part[:3]) + 1 for part in parts if part[3:] == "L" and part[:3] in DAYS)
    plain = [part for part in parts if part != "L" and not (part[3:] == "L" and part[:3] in DAYS)]
    days = DAY_OF_MONTH.values(",".join(plain)) if plain else frozenset()
    return Cron(hours, months, month_days=days, last_day="L" in parts, last_weekdays=last)


def of_week(hours: tuple[int, ...], months: frozenset[int], text: str) -> Cron:
    parts = ["7" if part == "L" else part for part in text.split(",")]
    nth = [found for found in map(NTH.fullmatch, parts) if found is not None]
    plain = [part for part in parts if NTH.fullmatch(part) is None]
    days = DAY_OF_WEEK.values(",".join(plain)) if plain else frozenset()
    pairs = frozenset((min(DAY_OF_WEEK.values(found["day"])), int(found["nth"])) for found in nth)
    return Cron(hours, months, weekdays=days, nth=pairs)
