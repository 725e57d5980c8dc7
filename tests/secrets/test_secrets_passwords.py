"""Random passwords: every rule of GetRandomPassword, and draws that favour nothing."""

import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.secrets.errors import ParameterWrong
from keystead.secrets.passwords import TYPES, Wanted, password


def test_without_wishes_it_has_32_characters_of_all_four_types():
    made = password(Wanted())

    assert len(made) == 32
    assert all(set(made) & set(characters) for characters in TYPES.values())


def test_punctuation_is_the_32_marks_of_ascii():
    assert TYPES["punctuation"] == string.punctuation
    assert len(TYPES["punctuation"]) == 32


@given(
    st.integers(4, 64),
    st.frozensets(st.sampled_from(sorted(TYPES)), max_size=3),
    st.text(alphabet="abcXYZ019!/ ", max_size=12),
    st.booleans(),
    st.booleans(),
)
def test_the_rules_hold(length, without, excluded, space, each):
    made = password(Wanted(length, excluded, without, space, each))

    assert len(made) == length
    assert not set(made) & set(excluded)
    assert space or " " not in made
    for name, characters in TYPES.items():
        if name in without:
            assert not set(made) & set(characters)
        elif each:
            assert set(made) & set(characters)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(3),
        Wanted(1, without=frozenset({"numbers", "punctuation"})),
        Wanted(excluded=string.digits),
        Wanted(without=frozenset(TYPES)),
        Wanted(without=frozenset(TYPES), space=True, excluded=" "),
        Wanted(excluded=string.printable, each=False),
    ],
)
def test_what_cannot_be_is_refused(wanted):
    with pytest.raises(ParameterWrong):
        password(wanted)


def test_a_single_character_where_types_are_not_required():
    assert len(password(Wanted(1, each=False))) == 1
    assert password(Wanted(5, without=frozenset(TYPES), space=True)) == " " * 5


def test_every_character_and_every_place_come_up_evenly():
    """1000 passwords of 26 lower-case letters alone: each letter some 1000 times; six deviations are 190."""
    others = frozenset(TYPES) - {"lowercase"}
    made = [password(Wanted(26, without=others)) for _ in range(1000)]

    counts = Counter("".join(made))

    assert set(counts) == set(string.ascii_lowercase)
    assert all(abs(count - 1000) < 190 for count in counts.values())


def test_the_required_character_stands_anywhere():
    """Of the digits only the 7, which is so rare elsewhere that the required one is told: in 2000 passwords each of four
    places some 500 times; six deviations are 120."""
    wanted = Wanted(4, excluded=string.digits.replace("7", ""), without=frozenset({"uppercase", "lowercase"}))
    made = [one for one in (password(wanted) for _ in range(2000)) if one.count("7") == 1]

    places = Counter(one.index("7") for one in made)

    assert all(abs(places[place] - len(made) / 4) < 120 for place in range(4))
