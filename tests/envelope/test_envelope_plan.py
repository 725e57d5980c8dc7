"""The arithmetic of the plan, against figures worked out by hand."""

import pytest

from keystead.envelope.plan import Plan, size_of


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512),
        ("1B", 1),
        ("4MB", 4_000_000),
        ("4MiB", 4_194_304),
        ("750PB", 750 * 10**15),
        ("1.5k", 1500),
        ("64 KiB", 65_536),
        ("1EB", 10**18),
    ],
)
def test_sizes_are_read(text, size):
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "many", "0", "-1", "5XB", "nan", "inf", "iB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises((ValueError, OverflowError)):
        size_of(text)


def test_the_figures_follow_from_the_sizes():
    plan = Plan(10**15, 10**6, 10**5, 2 * 10**14, 100, 86_400, 10, 73, 1000, 10**9)

    facts = plan.facts()

    assert facts["data"]["objects"] == 10**9
    assert facts["data"]["frames to an object"] == 10
    assert facts["key calls"]["of that, days at the service's rate"] == 11.6  # 10^9 / 1000 / 86400
    assert facts["key calls"]["key calls a year for them, branch keys"] == 100 * 10 * 365 + 100 * 2 * 5
    assert facts["exposed"]["by one version of a branch key, bytes"] == 10**15 // 100 // 25
    assert facts["exposed"]["by one custodian of a split key, bytes"] == 0
