"""AllowedPattern: as Python's own engine judges it, in bounded time."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.parameters.errors import PatternInvalid
from keystead.parameters.patterns import matches

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\W", "(a|b)", "(?:ab|)", "1"])
REPEATS = st.sampled_from(["", "*", "+", "?", "{2}", "{1,3}", "*?", "{0,2}?"])
PATTERNS = st.lists(st.tuples(ATOMS, REPEATS), max_size=5).map(lambda parts: "".join(map("".join, parts)))
TEXTS = st.text(alphabet="ab1 \n", max_size=8)


@given(PATTERNS, TEXTS)
def test_it_is_what_pythons_engine_says(pattern, text):
    assert matches(pattern, text) == (re.fullmatch(pattern, text, re.ASCII) is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "matched"),
    [
        (r"^[a-z]+$", "abc", True), ("a|bc|", "", True), ("(?i)ABC", "abc", True), ("(?s).", "\n", True), ("a$b", "ab", False),
        (r"\d{1,4}", "12345", False), ("(a*)*", "aaa", True), ("", "a", False), (r"[\w.-]+@example\.com", "a.b@example.com", True),
    ],
)  # fmt: skip
def test_the_whole_value_matches(pattern, text, matched):
    assert matches(pattern, text) is matched


@pytest.mark.parametrize(
    "pattern", ["(?=x)a", r"(a)\1", r"\ba", "(?>a)b", "(?m)^a", "[", "(", "(" * 600, "a{1,100000}"]
)
def test_what_is_not_linear_or_no_expression_is_refused(pattern):
    with pytest.raises(PatternInvalid):
        matches(pattern, "a")


def test_what_makes_an_engine_backtrack_for_ever_ends_at_once():
    assert matches("(a+)+b", "a" * 8000) is False


@pytest.mark.parametrize("pattern", ["(?:a?){1000}a{1000}", "(?:a?){15000}", "(a|aa|aaa)*" * 30 + "b"])
def test_what_costs_too_much_is_refused(pattern):
    with pytest.raises(PatternInvalid):
        matches(pattern, "a" * 8000)
