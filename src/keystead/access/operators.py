"""The condition operators: what each compares, and how.

Source: IAM user guide, IAM JSON policy elements: Condition operators. Values that cannot be read as what the operator compares
are refused when a policy is kept (ours); in a request they match nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Final, TypeVar

from keystead.access import values
from keystead.access.patterns import (
    ARN_PARTS,
    Tokens,
    arn_matcher,
    has_variables,
    resolved,
    split,
    text_matcher,
    tokens_of,
)
from keystead.access.request import Context

T = TypeVar("T")
Matches = Callable[[str, Context], bool]
"""Whether a value of the request matches any value of the policy."""
Compiler = Callable[[tuple[str, ...], bool], Matches]
"""From the policy's values, and whether they may hold variables. Raises ValueError for a value that is none."""


@dataclass(frozen=True, slots=True)
class Operator:
    """`negated`: true when the request's value matches none of the policy's."""

    compile: Compiler
    negated: bool = False


def equals(texts: tuple[str, ...], variables: bool) -> Matches:
    return patterned([tokens_of(text, variables=variables, wildcards=False) for text in texts], text_matcher)


def equals_ignore_case(texts: tuple[str, ...], variables: bool) -> Matches:
    matches = equals_folded([tokens_of(text, variables=variables, wildcards=False) for text in texts])
    return lambda value, context: matches(value.casefold(), context)


def equals_folded(patterns: list[Tokens]) -> Matches:
    fixed = frozenset("".join(map(str, tokens)).casefold() for tokens in patterns if not has_variables(tokens))
    moving = [tokens for tokens in patterns if has_variables(tokens)]

    def matches(value: str, context: Context) -> bool:
        if value in fixed:
            return True
        found = (resolved(tokens, context) for tokens in moving)
        return any(tokens is not None and "".join(map(str, tokens)).casefold() == value for tokens in found)

    return matches


def like(texts: tuple[str, ...], variables: bool) -> Matches:
    return patterned([tokens_of(text, variables=variables) for text in texts], text_matcher)


def arn(texts: tuple[str, ...], variables: bool) -> Matches:
    patterns = [tokens_of(text, variables=variables) for text in texts]
    if any(not has_variables(tokens) and len(list(split(tokens))) < ARN_PARTS for tokens in patterns):
        raise ValueError("not an ARN")
    return patterned(patterns, arn_matcher)


def patterned(patterns: list[Tokens], matcher: Callable[[Tokens], Callable[[str], bool]]) -> Matches:
    """Those without variables are made once; the others match nothing while a variable has no value."""
    literal = frozenset(str(tokens[0]) if tokens else "" for tokens in patterns if is_literal(tokens))
    fixed = [matcher(tokens) for tokens in patterns if not is_literal(tokens) and not has_variables(tokens)]
    moving = [tokens for tokens in patterns if has_variables(tokens)]
    if not fixed and not moving:
        return lambda value, _: value in literal

    def matches(value: str, context: Context) -> bool:
        if value in literal or any(fits(value) for fits in fixed):
            return True
        found = (resolved(tokens, context) for tokens in moving)
        return any(tokens is not None and matcher(tokens)(value) for tokens in found)

    return matches


def is_literal(tokens: Tokens) -> bool:
    return not tokens or (len(tokens) == 1 and isinstance(tokens[0], str))


def compared(read: Callable[[str], T], fits: Callable[[T, T], bool]) -> Compiler:
    """The request's value stands on the left."""

    def compiler(texts: tuple[str, ...], _: bool) -> Matches:
        wanted = [read(text) for text in texts]

        def matches(value: str, _: Context) -> bool:
            try:
                given = read(value)
            except ValueError:
                return False
            return any(fits(given, one) for one in wanted)

        return matches

    return compiler


def equal(given: object, wanted: object) -> bool:
    return given == wanted


def ip(texts: tuple[str, ...], _: bool) -> Matches:
    networks = [values.network(text) for text in texts]

    def matches(value: str, _: Context) -> bool:
        try:
            given = values.address(value)
        except ValueError:
            return False
        return any(given in network for network in networks)

    return matches


def ordered(read: Callable[[str], Decimal], family: str) -> dict[str, Operator]:
    return {
        f"{family}Equals": Operator(compared(read, equal)),
        f"{family}NotEquals": Operator(compared(read, equal), negated=True),
        f"{family}LessThan": Operator(compared(read, lt)),
        f"{family}LessThanEquals": Operator(compared(read, le)),
        f"{family}GreaterThan": Operator(compared(read, gt)),
        f"{family}GreaterThanEquals": Operator(compared(read, ge)),
    }


NULL: Final = "Null"
"""Asks whether a key is there; not in the table, because it compares nothing."""

OPERATORS: Final = {
    "StringEquals": Operator(equals),
    "StringNotEquals": Operator(equals, negated=True),
    "StringEqualsIgnoreCase": Operator(equals_ignore_case),
    "StringNotEqualsIgnoreCase": Operator(equals_ignore_case, negated=True),
    "StringLike": Operator(like),
    "StringNotLike": Operator(like, negated=True),
    **ordered(values.number, "Numeric"),
    **ordered(values.date, "Date"),
    "Bool": Operator(compared(values.truth, equal)),
    "BinaryEquals": Operator(compared(values.binary, equal)),
    "IpAddress": Operator(ip),
    "NotIpAddress": Operator(ip, negated=True),
    "ArnEquals": Operator(arn),
    "ArnNotEquals": Operator(arn, negated=True),
    "ArnLike": Operator(arn),
    "ArnNotLike": Operator(arn, negated=True),
}


def check(operator: str, texts: tuple[str, ...], *, variables: bool) -> None:
    """Raises ValueError for values that the operator cannot compare."""
    if operator == NULL:
        for text in texts:
            values.truth(text)
    else:
        OPERATORS[operator].compile(texts, variables)
