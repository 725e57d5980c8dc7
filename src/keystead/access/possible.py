"""What statements say to a request that is only partly known: they match, they do not, or they match if.

    known of a key         a test of it
    its values, or none    holds, or does not
    Unknown, of a few      holds if it does for each, does not if it does for none; else it stays open
    Unknown                stays open; but Null knows whether the key is there, where that is known

What stays open is a Need: a condition with words of its own, which can still be tried on a request that is known whole.
Refining what is known never turns a match into none, or back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from keystead.access import conditions
from keystead.access.document import Statement, Test
from keystead.access.operators import NULL
from keystead.access.patterns import INSIDE, REFERENCE
from keystead.access.policy import Policy, Rule
from keystead.access.principals import Named
from keystead.access.request import Context, Principal, Request, Values


@dataclass(frozen=True, slots=True)
class Unknown:
    """A condition key whose values are not known.

    there  the request has it, whatever it is
    among  all that it can be, None for absent; empty where that is not known either
    """

    there: bool = False
    among: tuple[Values | None, ...] = ()


MAYBE: Final = Unknown()
THERE: Final = Unknown(there=True)
Look = Callable[[str], Values | Unknown | None]
"""What is known of a condition key, asked for in lower case."""


@dataclass(frozen=True, slots=True)
class Need:
    """A condition that is open. `test` is None for a resource that depends on a variable. Equal by its words."""

    text: str
    test: Test | None = field(default=None, compare=False)
    variables: bool = False
    holds: Callable[[Request], bool] = field(default=bool, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Match:
    """A statement that matches if all its needs hold.

    keys   the condition keys that were looked at, open or not: what the answer depends on
    """

    number: int
    named: Named
    needs: tuple[Need, ...]
    keys: frozenset[str]


class Fixed:
    """A context of the keys that are known, for tests of these alone."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Values | None]) -> None:
        self._values = values

    def get(self, key: str, /) -> Values | None:
        return self._values.get(key)


def matching(policy: Policy, action: str, resource: str, principal: Principal, look: Look) -> tuple[list[Match], bool]:
    """Statements that match or may, allowing and denying ones mixed; and whether others would match for another principal."""
    found: list[Match] = []
    for rule in policy.about(action):
        made = of_rule(rule, policy, action, resource, principal, look)
        if made is not None:
            found.append(made)
    return found, any(rule.names is not None for rule in policy.about(action))


def of_rule(rule: Rule, policy: Policy, action: str, resource: str, principal: Principal, look: Look) -> Match | None:
    named = Named.DIRECTLY if rule.names is None else rule.names(principal)
    if named is Named.NOT:
        return None
    statement = policy.document.statements[rule.number]
    variables = policy.document.variables
    keys: set[str] = set()
    needs: list[Need] = []
    place = of_resource(rule, statement, Request(principal, action, resource, Fixed({})), look, keys)
    if place is False:
        return None
    if place is not True:
        needs.append(place)
    for test, holds in zip(statement.tests, rule.tests, strict=True):
        verdict = of_test(test, holds, look, variables=variables, keys=keys)
        if verdict is False:
            return None
        if verdict is None:
            needs.append(need_of(test, holds, variables=variables))
    return Match(rule.number, named, tuple(needs), frozenset(keys))


def of_resource(rule: Rule, statement: Statement, request: Request, look: Look, keys: set[str]) -> bool | Need:
    if not rule.varies or statement.resources is None:
        return rule.applies(request)
    asked = {key for pattern in statement.resources.patterns for key in referred(pattern)}
    keys |= asked
    known = {key: look(key) for key in asked}
    context = fixed(known)
    if context is not None:
        return rule.applies(Request(request.principal, request.action, request.resource, context))
    return Need(f"Resource {' or '.join(statement.resources.patterns)}", holds=rule.applies)


def fixed(known: Mapping[str, Values | Unknown | None]) -> Context | None:
    """None where one of them is not known."""
    values: dict[str, Values | None] = {}
    for key, value in known.items():
        if isinstance(value, Unknown):
            return None
        values[key] = value
    return Fixed(values)


def referred(text: str) -> list[str]:
    """The keys of the variables in a text, in lower case."""
    named = (INSIDE.fullmatch(found[1]) for found in REFERENCE.finditer(text))
    return [one[1].lower() for one in named if one is not None and one[1] not in {"*", "?", "$"}]


def of_test(test: Test, holds: conditions.Holds, look: Look, *, variables: bool, keys: set[str]) -> bool | None:
    """None while it is open."""
    others = {key for value in test.values for key in referred(value)} if variables else set[str]()
    keys |= {test.key, *others}
    known = {key: look(key) for key in (test.key, *others)}
    context = fixed(known)
    if context is not None:
        return holds(context)
    own = known.pop(test.key)
    rest = fixed(known)
    if not isinstance(own, Unknown) or rest is None:
        return None
    if own.among:
        verdicts = {holds(Fixed({**dict.fromkeys(known), **values_of(known), test.key: one})) for one in own.among}
        return verdicts.pop() if len(verdicts) == 1 else None
    if test.operator == NULL and own.there:
        return holds(Fixed({test.key: ("",)}))
    return None


def values_of(known: Mapping[str, Values | Unknown | None]) -> dict[str, Values | None]:
    return {key: value for key, value in known.items() if not isinstance(value, Unknown)}


def need_of(test: Test, holds: conditions.Holds, *, variables: bool) -> Need:
    return Need(written(test), test, variables, lambda request: holds(request.context))


def written(test: Test) -> str:
    """A test as people read it: the key first."""
    if test.operator == NULL:
        return f"{test.key} is {'absent' if {v.lower() for v in test.values} == {'true'} else 'there'}"
    quantifier = f"{test.quantifier.value}:" if test.quantifier is not None else ""
    return f"{test.key} {quantifier}{test.operator}{'IfExists' if test.if_exists else ''} {' or '.join(test.values)}"


OPPOSITES: Final = {
    "StringEquals": "StringNotEquals",
    "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase",
    "StringLike": "StringNotLike",
    "NumericEquals": "NumericNotEquals",
    "DateEquals": "DateNotEquals",
    "IpAddress": "NotIpAddress",
    "ArnEquals": "ArnNotEquals",
    "ArnLike": "ArnNotLike",
}
POSITIVES: Final = {negated: positive for positive, negated in OPPOSITES.items()}


def opposite(need: Need) -> Need | None:
    """What must hold for a need of a Deny not to hold, where an Allow can say so; None where it cannot.

    Several values: of a Deny one must pass, of its opposite all must pass, as in Allow (access.conditions).
    """
    test = need.test
    if test is None or test.quantifier is not None:
        return None
    if test.operator == NULL:
        wanted = {value.lower() for value in test.values}
        if len(wanted) != 1:
            return None
        made = Test(NULL, None, False, test.key, ("false" if wanted == {"true"} else "true",))
    elif test.operator in POSITIVES:  # holds without the key, IfExists or not: the opposite does not
        made = Test(POSITIVES[test.operator], None, False, test.key, test.values)
    elif test.operator in OPPOSITES and not test.if_exists:
        made = Test(OPPOSITES[test.operator], None, False, test.key, test.values)
    else:
        return None
    return need_of(made, conditions.of_test(made, variables=need.variables, denies=False), variables=need.variables)


def limits(need: Need) -> frozenset[str] | None:
    """The values that a need leaves its key; None where they are not few, or a variable says which."""
    test = need.test
    if test is None or test.quantifier is not None or test.if_exists or test.operator != "StringEquals":
        return None
    if need.variables and any("${" in value for value in test.values):
        return None
    return frozenset(test.values)


def decides(need: Need, values: frozenset[str], *, denies: bool) -> bool | None:
    """Whether a need holds for each of these values of its key, or for none; None where it does for some."""
    test = need.test
    if test is None or test.quantifier is not None or (need.variables and any("${" in one for one in test.values)):
        return None
    holds = conditions.of_test(test, variables=need.variables, denies=denies)
    verdicts = {holds(Fixed({test.key: (value,)})) for value in values}
    return verdicts.pop() if len(verdicts) == 1 else None
