"""AWS's schedule expressions: when windows open and close, and what is refused."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.rotation import schedule
from keystead.rotation.errors import ScheduleInvalid

NOW = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
"""A Monday."""

OPENINGS = {
    #  expression                               next three openings after NOW; † AWS's own example (user guide, schedule expressions)
    "cron(0 /8 * * ? *)": ("2026-11-23 16", "2026-11-24 00", "2026-11-24 08"),  # †
    "cron(0 8/8 * * ? *)": ("2026-11-23 16", "2026-11-24 08", "2026-11-24 16"),  # †
    "cron(0 2/10 * * ? *)": ("2026-11-23 22", "2026-11-24 02", "2026-11-24 12"),  # †
    "cron(0 4/12 * * ? *)": ("2026-11-23 16", "2026-11-24 04", "2026-11-24 16"),  # †
    "cron(0 10 * * ? *)": ("2026-11-24 10", "2026-11-25 10", "2026-11-26 10"),  # †
    "cron(0 18 ? * SAT *)": ("2026-11-28 18", "2026-12-05 18", "2026-12-12 18"),  # †
    "cron(0 18 ? * 7 *)": ("2026-11-28 18", "2026-12-05 18", "2026-12-12 18"),
    "cron(0 10 ? * 1 *)": ("2026-11-29 10", "2026-12-06 10", "2026-12-13 10"),
    "cron(0 8 ? * MON-FRI *)": ("2026-11-24 08", "2026-11-25 08", "2026-11-26 08"),  # †
    "cron(0 8 ? * 2-6 *)": ("2026-11-24 08", "2026-11-25 08", "2026-11-26 08"),
    "cron(0 8 1 * ? *)": ("2026-12-01 08", "2027-01-01 08", "2027-02-01 08"),  # †
    "cron(0 16 1,15 * ? *)": ("2026-12-01 16", "2026-12-15 16", "2027-01-01 16"),  # †
    "cron(0 17 L * ? *)": ("2026-11-30 17", "2026-12-31 17", "2027-01-31 17"),  # †
    "cron(0 0 ? * SUN#1 *)": ("2026-12-06 00", "2027-01-03 00", "2027-02-07 00"),  # †
    "cron(0 1 ? 1/3 SUN#1 *)": ("2027-01-03 01", "2027-04-04 01", "2027-07-04 01"),  # †
    "cron(0 0 ? * TUE#3 *)": ("2026-12-15 00", "2027-01-19 00", "2027-02-16 00"),
    "cron(0 0 ? * SUN#5 *)": ("2026-11-29 00", "2027-01-31 00", "2027-05-30 00"),
    "cron(0 0 SUNL * ? *)": ("2026-11-29 00", "2026-12-27 00", "2027-01-31 00"),
    "cron(0 0 ? * L *)": ("2026-11-28 00", "2026-12-05 00", "2026-12-12 00"),
    "cron(0 0 1/2 * ? *)": ("2026-11-25 00", "2026-11-27 00", "2026-11-29 00"),
    "cron(0 0 ? * 1/2 *)": ("2026-11-24 00", "2026-11-26 00", "2026-11-28 00"),
    "cron(0 0 31 * ? *)": ("2026-12-31 00", "2027-01-31 00", "2027-03-31 00"),
    "cron(0 6 ? JAN,APR,JUL,OCT MON#1 *)": ("2027-01-04 06", "2027-04-05 06", "2027-07-05 06"),
    "cron(0 0 29 2 ? *)": ("2028-02-29 00", "2032-02-29 00", "2036-02-29 00"),
    "cron(0 0 ? 2 SUN#5 *)": ("2032-02-29 00", "2060-02-29 00", "2088-02-29 00"),
    "rate(10 days)": ("2026-12-03 00", "2026-12-13 00", "2026-12-23 00"),
    "rate(1 day)": ("2026-11-24 00", "2026-11-25 00", "2026-11-26 00"),
    "rate(4 hours)": ("2026-11-23 16", "2026-11-23 20", "2026-11-24 00"),
    "rate(30 hours)": ("2026-11-24 06", "2026-11-25 12", "2026-11-26 18"),
}

REFUSED = (
    {"expression": "cron(1 8 * * ? *)"},
    {"expression": "cron(* 8 * * ? *)"},
    {"expression": "cron(0 8 * * ? 2027)"},
    {"expression": "cron(0 8 ? * ? *)"},
    {"expression": "cron(0 8 1 * MON *)"},
    {"expression": "cron(0 8 * * ?)"},
    {"expression": "cron(0 0 8 * * ? *)"},
    {"expression": "rate(3 hours)"},
    {"expression": "rate(1000 days)"},
    {"expression": "rate(0 days)"},
    {"expression": "rate(5 minutes)"},
    {"expression": "rate(10days)"},
    {"expression": "cron(0 /2 * * ? *)"},
    {"expression": "cron(0 * * * ? *)"},
    {"expression": "cron(0 1,23 * * ? *)"},
    {"expression": "cron(0 8 ? * 0 *)"},
    {"expression": "cron(0 8 ? * 8 *)"},
    {"expression": "cron(0 8 ? * SUN#6 *)"},
    {"expression": "cron(0 8 ? * FUN *)"},
    {"expression": "cron(0 24 * * ? *)"},
    {"expression": "cron(0 8-4 * * ? *)"},
    {"expression": "cron(0 8/0 * * ? *)"},
    {"expression": "cron(0 8 0 * ? *)"},
    {"expression": "cron(0 8 32 * ? *)"},
    {"expression": "cron(0 8 15W * ? *)"},
    {"expression": "cron(0 8 1, * ? *)"},
    {"expression": "cron(0 8 1 13 ? *)"},
    {"expression": "cron(0 8 1 * * ? *) "},
    {"expression": "cron(0 8 30 2 ? *)"},
    {"expression": "cron(0 8 31 4,6,9,11 ? *)"},
    {"expression": "@daily"},
    {"expression": "cron(0 8 * * ? *)", "duration": "0h"},
    {"expression": "cron(0 8 * * ? *)", "duration": "25h"},
    {"expression": "cron(0 8 * * ? *)", "duration": "30m"},
    {"expression": "cron(0 8 * * ? *)", "duration": "20h"},
    {"expression": "cron(0 /8 * * ? *)", "duration": "9h"},
    {"expression": "rate(4 hours)", "duration": "5h"},
    {"expression": "rate(4 hours)", "after_days": 1},
    {"duration": "3h"},
    {"after_days": 0},
    {"after_days": 1001},
)


def openings(expression: str, count: int, **named: str) -> list[schedule.Window]:
    """As a secret sees them that rotates in each."""
    rules = schedule.read(expression=expression, **named)
    last, windows = NOW.timestamp(), []
    for _ in range(count):
        windows.append(rules.window(last=last, since=NOW.timestamp(), now=last))
        last = windows[-1].opens + 60
    return windows


def at(text: str) -> float:
    return datetime.strptime(f"{text} +0000", "%Y-%m-%d %H %z").timestamp()


@pytest.mark.parametrize("expression", OPENINGS)
def test_windows_open_when_aws_opens_them(expression: str) -> None:
    found = [window.opens for window in openings(expression, 3)]

    assert found == [at(text) for text in OPENINGS[expression]]


@pytest.mark.parametrize("asked", REFUSED, ids=str)
def test_rules_that_aws_refuses_are_refused(asked: dict[str, object]) -> None:
    with pytest.raises(ScheduleInvalid):
        schedule.read(**asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expression", "duration", "hours"),
    [
        ("cron(0 10 * * ? *)", None, 14),
        ("cron(0 /8 * * ? *)", None, 1),
        ("rate(4 hours)", None, 1),
        ("rate(3 days)", None, 24),
        ("cron(0 10 * * ? *)", "3h", 3),
        ("rate(4 hours)", "4h", 4),
    ],
)
def test_a_window_closes_after_its_duration_or_the_default(expression: str, duration: str | None, hours: int) -> None:
    named = {"duration": duration} if duration else {}

    (window,) = openings(expression, 1, **named)

    assert window.closes - window.opens == timedelta(hours=hours).total_seconds()


def test_days_are_counted_from_the_last_rotation() -> None:
    rules = schedule.read(after_days=30)
    last = at("2026-11-20 15")

    window = rules.window(last=last, since=0.0, now=NOW.timestamp())

    assert window.opens == at("2026-12-20 00")


def test_a_window_that_was_missed_is_followed_by_the_next() -> None:
    rules = schedule.read(after_days=1, duration="2h")

    window = rules.window(last=at("2026-11-01 01"), since=0.0, now=NOW.timestamp())

    assert window.opens == at("2026-11-24 00")


@given(st.text(min_size=1, max_size=60), st.sampled_from(sorted(OPENINGS)))
def test_secrets_are_spread_over_the_window(arn: str, expression: str) -> None:
    (window,) = openings(expression, 1)

    moment = window.moment(arn)

    assert window.opens <= moment < window.closes
    assert moment == window.moment(arn)


@given(
    st.from_regex(
        r"cron\(0 [0-9/,*-]{1,6} [0-9/,*?L-]{1,5} [0-9A-Z/,*-]{1,4} [0-9A-Z#/,*?L-]{1,5} \*\)", fullmatch=True
    )
)
def test_whatever_is_accepted_never_opens_twice_within_four_hours(expression: str) -> None:
    try:
        schedule.read(expression=expression)
    except ScheduleInvalid:
        return

    windows = openings(expression, 6)

    gaps = [after.opens - before.opens for before, after in pairwise(windows)]
    assert all(gap >= 4 * 3600 for gap in gaps)
    assert all(before.closes <= after.opens for before, after in pairwise(windows))
