"""Wildcards: the compiled matcher against the plain one, and patterns made to take for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.access.patterns import any_arn_matcher, arn_matcher, text_matcher, tokens_of
from keystead.access.plain import fits, fits_arn, letters

PATTERNS = st.text("ab:*?.\n", max_size=12)
TEXTS = st.text("ab:.*?\n", max_size=16)
ARNS = st.lists(st.text("ab*?", max_size=4), min_size=4, max_size=8).map(":".join)


@given(PATTERNS, TEXTS)
def test_a_pattern_matches_what_the_plain_matcher_matches(pattern, text):
    assert text_matcher(tokens_of(pattern, variables=False))(text) is fits(letters(pattern), text)


@given(ARNS, ARNS)
def test_an_arn_pattern_matches_what_the_plain_matcher_matches(pattern, text):
    assert arn_matcher(tokens_of(pattern, variables=False))(text) is fits_arn(letters(pattern), text)


@given(st.lists(ARNS, max_size=4), ARNS)
def test_several_arn_patterns_match_what_one_of_them_matches(patterns, text):
    tokens = tuple(tokens_of(pattern, variables=False) for pattern in patterns)

    assert any_arn_matcher(tokens)(text) is any(arn_matcher(one)(text) for one in tokens)


@given(TEXTS)
def test_a_text_as_a_pattern_matches_itself(text):
    assert text_matcher(tokens_of(text, variables=False))(text)


@pytest.mark.parametrize("pattern", ["*a" * 40, "*a?" * 40 + "*", "a*" * 40, "*" * 5000, "*?" * 500, "*aab" * 40 + "c"])
def test_no_pattern_takes_for_ever(pattern):
    for text in ("a" * 20_000, "a" * 20_000 + "b", "aab" * 6_000):
        matched = text_matcher(tokens_of(pattern, variables=False))(text)
        in_arn = arn_matcher(tokens_of(f"arn:aws:x:y:z:{pattern}", variables=False))(f"arn:aws:x:y:z:{text}")

        assert matched is in_arn


def test_a_wildcard_ends_at_a_colon_before_the_last_part():
    matches = arn_matcher(tokens_of("arn:aws:kms:*:1:key/*", variables=False))

    assert matches("arn:aws:kms:us-east-1:1:key/a:b/c")
    assert not matches("arn:aws:kms:us-east-1:x:1:key/a")


def test_nothing_of_a_pattern_is_a_regular_expression():
    assert text_matcher(tokens_of("a.[b]+$(c)|*", variables=False))("a.[b]+$(c)|d")
    assert not text_matcher(tokens_of("a.*c?", variables=False))("abcd")
