"""What a test that finds no component comes to."""

import pytest

import components


@pytest.mark.parametrize(
    ("ci", "named", "expected"),
    [
        ("", frozenset(), pytest.skip.Exception),
        ("1", frozenset(), pytest.fail.Exception),
        ("1", frozenset({"npm"}), pytest.skip.Exception),
        ("1", frozenset({"mount"}), pytest.fail.Exception),
    ],
)
def test_what_is_missing_is_a_skip_and_in_ci_a_failure_unless_it_is_named(monkeypatch, ci, named, expected):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(components, "WITHOUT", named)

    with pytest.raises(expected, match="no registry"):
        components.missing("npm", "no registry")


def test_a_package_that_is_here_is_loaded():
    assert components.package("json").dumps([]) == "[]"
