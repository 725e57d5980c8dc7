"""Condition blocks, compiled: the keys and operators of a statement must all hold.

    key absent           operator alone   …IfExists   ForAllValues   ForAnyValue
    positive             false            true        true           false
    negated (Not…)       true             true        true           false

A key with no values counts as absent. Several values without a quantifier: an Allow needs all of them to pass, a Deny one (ours).
Source: IAM user guide, condition operators and multivalued context keys.
"""

from collections.abc import Callable
from typing import Final

from keystead.access.document import Quantifier, Test
from keystead.access.operators import NULL, OPERATORS, Matches
from keystead.access.request import Context
from keystead.access.values import truth

Holds = Callable[[Context], bool]

SETTLED: Final = frozenset(
    {
        #  follow from who calls
        "aws:principalaccount", "aws:principalarn", "aws:principaltype", "aws:userid", "aws:username",
        "kms:calleraccount",
        #  follow from the service that a call comes through
        "aws:viaawsservice", "kms:viaservice",
    }
)  # fmt: skip  # a list of names
"""Keys whose values no further thing in a request changes: what was decided by them may be remembered for the same caller and
the same service."""


def settled(tests: tuple[Test, ...], *, variables: bool) -> bool:
    """Whether a block looks at settled keys alone."""
    return all(test.key in SETTLED and not (variables and "${" in "".join(test.values)) for test in tests)


def compiled(tests: tuple[Test, ...], *, variables: bool, denies: bool) -> tuple[Holds, ...]:
    """One for each test."""
    return tuple(of_test(test, variables=variables, denies=denies) for test in tests)


def together(made: tuple[Holds, ...]) -> Holds | None:
    """All of them; None for a block that asks nothing."""
    if len(made) < 2:
        return made[0] if made else None

    def all_hold(context: Context) -> bool:
        for holds in made:  # noqa: SIM110  # a third faster than all() over a generator, on the path of every request
            if not holds(context):
                return False
        return True

    return all_hold


def of_test(test: Test, *, variables: bool, denies: bool) -> Holds:
    if test.operator == NULL:
        return null(test.key, {truth(value) for value in test.values})
    operator = OPERATORS[test.operator]
    matches = operator.compile(test.values, variables)
    absent = absent_holds(test, negated=operator.negated)
    every = test.quantifier is Quantifier.ALL or (test.quantifier is None and not denies)
    return holding(test.key, matches, operator.negated, absent, every)


def absent_holds(test: Test, *, negated: bool) -> bool:
    if test.if_exists or test.quantifier is Quantifier.ALL:
        return True
    return negated and test.quantifier is None


def null(key: str, wanted: set[bool]) -> Holds:
    return lambda context: (not context.get(key)) in wanted


def holding(key: str, matches: Matches, negated: bool, absent: bool, every: bool) -> Holds:
    """One value passes when it matches, or with `negated` when it does not; `every`: all must pass, else one."""

    def holds(context: Context) -> bool:
        values = context.get(key)
        if not values:
            return absent
        if len(values) == 1:
            return matches(values[0], context) is not negated
        passed = (matches(value, context) is not negated for value in values)
        return all(passed) if every else any(passed)

    return holds
