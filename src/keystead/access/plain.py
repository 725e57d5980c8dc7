"""Actions, resources and conditions of a statement, matched letter by letter. For access.explain, which says why."""

from collections.abc import Callable
from enum import Enum
from typing import Final

from keystead.access import values
from keystead.access.document import Listed, Quantifier, Test
from keystead.access.request import Context, Request


class Star(Enum):
    """What is not a letter."""

    ANY = "*"
    ONE = "?"


Letters = list[str | Star]

NEGATED: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
ORDERS: Final[dict[str, Callable[[int], bool]]] = {
    #                    given compared to wanted: -1, 0, 1
    "Equals":            lambda order: order == 0,
    "LessThan":          lambda order: order < 0,
    "LessThanEquals":    lambda order: order <= 0,
    "GreaterThan":       lambda order: order > 0,
    "GreaterThanEquals": lambda order: order >= 0,
}  # fmt: skip


def action(listed: Listed, asked: str) -> bool:
    matched = any(fits(letters(pattern.lower()), asked.lower()) for pattern in listed.patterns)
    return matched != listed.negated


def resource(listed: Listed, request: Request, *, variables: bool, denies: bool) -> bool:
    matched = False
    for pattern in listed.patterns:
        if pattern == "*":
            matched = True
            continue
        missing = 5 - pattern.count(":")
        written = expand(pattern + ":*" * missing, request.context) if variables else letters(pattern + ":*" * missing)
        if written is None and listed.negated and not denies:
            return False
        matched = matched or (written is not None and fits_arn(written, request.resource))
    return matched != listed.negated


def holds(test: Test, context: Context, *, variables: bool, denies: bool) -> bool:
    given = context.get(test.key) or ()
    if test.operator == "Null":
        return any(wanted.lower() == ("false" if given else "true") for wanted in test.values)
    negated = test.operator in NEGATED
    if not given:
        if test.if_exists or test.quantifier is Quantifier.ALL:
            return True
        return negated and test.quantifier is None
    passed = [matches(test, value, context, variables=variables) != negated for value in given]
    one_is_enough = test.quantifier is Quantifier.ANY or (test.quantifier is None and denies)
    return any(passed) if one_is_enough else all(passed)


def matches(test: Test, given: str, context: Context, *, variables: bool) -> bool:
    """Whether it matches one of the values, negation aside."""
    operator = NEGATED.get(test.operator, test.operator)
    return any(compare(operator, given, wanted, context, variables=variables) for wanted in test.values)


def compare(operator: str, given: str, wanted: str, context: Context, *, variables: bool) -> bool:
    if operator.startswith(("String", "Arn")):
        written = expand(wanted, context) if variables else letters(wanted)
        return written is not None and compare_text(operator, given, written)
    try:
        return compare_value(operator, given, wanted)
    except ValueError:
        return False


def compare_text(operator: str, given: str, wanted: Letters) -> bool:
    if operator.startswith("Arn"):
        return fits_arn(wanted, given)
    if operator == "StringLike":
        return fits(wanted, given)
    text = "".join(letter.value if isinstance(letter, Star) else letter for letter in wanted)
    return given == text if operator == "StringEquals" else given.casefold() == text.casefold()


def compare_value(operator: str, given: str, wanted: str) -> bool:
    if operator == "Bool":
        return values.truth(given) == values.truth(wanted)
    if operator == "BinaryEquals":
        return values.binary(given) == values.binary(wanted)
    if operator == "IpAddress":
        return values.address(given) in values.network(wanted)
    family = "Numeric" if operator.startswith("Numeric") else "Date"
    read = values.number if family == "Numeric" else values.date
    left, right = read(given), read(wanted)
    return ORDERS[operator.removeprefix(family)]((left > right) - (left < right))


def letters(text: str) -> Letters:
    return [Star(letter) if letter in "*?" else letter for letter in text]


def expand(text: str, context: Context) -> Letters | None:
    """With variables replaced; None when one has no value, or several."""
    found: Letters = []
    rest = text
    while "${" in rest:
        before, _, rest = rest.partition("${")
        inside, _, rest = rest.partition("}")
        found += letters(before)
        if inside in {"*", "?", "$"}:
            found.append(inside)
            continue
        key, comma, default = inside.partition(",")
        given = context.get(key.strip().lower()) or ()
        if len(given) > 1 or not (given or comma):
            return None
        found += list(given[0]) if given else list(default.strip()[1:-1])
    return found + letters(rest)


def fits(pattern: Letters, text: str) -> bool:
    """By the set of places in the pattern that can be reached after each letter of the text."""
    places = beyond(pattern, {0})
    for letter in text:
        stays = {place for place in places if place < len(pattern) and pattern[place] is Star.ANY}
        moves = {place + 1 for place in places if place < len(pattern) and pattern[place] in (Star.ONE, letter)}
        places = beyond(pattern, stays | moves)
    return len(pattern) in places


def beyond(pattern: Letters, places: set[int]) -> set[int]:
    """With the places that a star lets be skipped to."""
    found = set(places)
    for place in sorted(places):
        reached = place
        while reached < len(pattern) and pattern[reached] is Star.ANY:
            reached += 1
            found.add(reached)
    return found


def fits_arn(pattern: Letters, text: str) -> bool:
    parts = text.split(":", 5)
    written = split(pattern)
    return len(parts) == len(written) == 6 and all(map(fits, written, parts))


def split(pattern: Letters) -> list[Letters]:
    parts: list[Letters] = [[]]
    for letter in pattern:
        if letter == ":" and len(parts) < 6:
            parts.append([])
        else:
            parts[-1].append(letter)
    return parts
