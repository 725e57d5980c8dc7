"""Warnings about policies that are valid and mean something else than they seem to.

    in an Allow                                   why
    …IfExists of a key that may be absent         a request without the key passes
    Not… of a key that may be absent              likewise: it allows everything but what is named
    ForAllValues                                  likewise

    in a Deny
    StringEquals, StringLike of kms:ViaService    stops one service, and not direct calls
    ForAnyValue with Not…                         a request without the key is not denied

    anywhere
    a key that no request here can have           the condition always holds, or never
    an action that its service does not have      the statement says nothing about it
    a service that is not served here             likewise; only a note, for policies are shared with AWS

A test of the same key by Null, for "false", in the same statement takes the point from the first three.
Each row is a test (facts: the ViaService table). Source: KMS developer guide, kms:ViaService; IAM user guide, condition operators,
multivalued context keys.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from keystead.access.condition_keys import always_there, is_known
from keystead.access.conditions import absent_holds
from keystead.access.document import Document, Kind, Listed, Quantifier, Statement, Test
from keystead.access.errors import PolicyMalformed
from keystead.access.grammar import is_operator, parse
from keystead.access.operators import NULL, OPERATORS
from keystead.access.patterns import text_matcher, tokens_of

Actions = Mapping[str, frozenset[str]]
"""By the prefix of a service, the names of its actions. Where there are none they are not judged."""
UNJUDGED: Final[Actions] = {}

FORWARDED: Final = ("kms:viaservice", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:viaawsservice")
"""Keys that say a service is calling; absent, or false, in direct calls."""


class Level(StrEnum):
    """error: it is refused when it is put. warning: it is taken, and protects less than it seems. note: it does nothing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


TEXTS: Final = {
    "refused": (Level.ERROR, "{text}"),
    "unknown-operator": (Level.ERROR, "there is no condition operator {operator}"),
    "absent-passes": (Level.WARNING, "a request without {key} passes {operator}, and is allowed"),
    "direct-passes": (Level.WARNING, "a direct call has no {key}: it passes {operator}, and is allowed"),
    "all-values": (Level.WARNING, "ForAllValues holds for a request without {key}, which is therefore allowed"),
    "one-service": (Level.WARNING, "only calls through the named service are denied: a direct call has no {key}"),
    "any-value": (Level.WARNING, "ForAnyValue does not hold for a request without {key}, which is not denied"),
    "unknown-key": (Level.WARNING, "no request here has the condition key {key}: {operator} {always}, and the statement {does}"),
    "unknown-action": (Level.WARNING, "there is no action {action}"),
    "unknown-service": (Level.NOTE, "the service {service} is not served here"),
}  # fmt: skip
"""By code. Where AWS has a text, it is AWS's."""

DOES: Final = {
    # holds without the key, denies
    (True, False): "allows as though the condition were not there",
    (True, True): "denies as though the condition were not there",
    (False, False): "allows nothing",
    (False, True): "denies nothing",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """statement  its Sid, or its number from 1; empty where it is about the whole policy."""

    statement: str
    code: str
    text: str

    @property
    def level(self) -> Level:
        return TEXTS[self.code][0]


def finding(statement: str, code: str, **facts: str) -> Finding:
    return Finding(statement, code, TEXTS[code][1].format(**facts))


def lint(text: str, kind: Kind, actions: Actions = UNJUDGED) -> list[Finding]:
    """About a text that may not even be a policy."""
    try:
        document = parse(text, kind)
    except PolicyMalformed as refused:
        unknown = [finding("", "unknown-operator", operator=name) for name in unknown_operators(text)]
        return [*unknown, finding("", "refused", text=str(refused))]
    return findings(document, actions)


def findings(document: Document, actions: Actions = UNJUDGED) -> list[Finding]:
    """In the order of the document."""
    found: list[Finding] = []
    for number, statement in enumerate(document.statements, 1):
        name = statement.sid or str(number)
        found += of_actions(name, statement.actions, actions)
        for test in statement.tests:
            found += of_test(name, statement, test)
    return list(dict.fromkeys(found))


def of_actions(name: str, listed: Listed | None, known: Actions) -> Iterator[Finding]:
    """A pattern is as good as the first action that it matches."""
    for action in listed.patterns if listed is not None and known else ():
        service, _, pattern = action.lower().partition(":")
        if service == "*":
            continue
        if service not in known:
            yield finding(name, "unknown-service", service=service)
            continue
        matches = text_matcher(tokens_of(pattern, variables=False))
        if known[service] and not any(matches(one.lower()) for one in known[service]):
            yield finding(name, "unknown-action", action=action)


def of_test(name: str, statement: Statement, test: Test) -> Iterator[Finding]:
    operator = written(test)
    if not is_known(test.key):
        holds = holds_without(test)
        always = "always holds" if holds else "never holds"
        does = DOES[holds, statement.denies]
        yield finding(name, "unknown-key", key=test.key, operator=operator, always=always, does=does)
        return
    code = denying(test) if statement.denies else allowing(test)
    if code is not None and not guarded(statement, test.key):
        yield finding(name, code, key=test.key, operator=operator)


def written(test: Test) -> str:
    """The operator as a policy writes it."""
    quantifier = f"{test.quantifier.value}:" if test.quantifier is not None else ""
    return f"{quantifier}{test.operator}{'IfExists' if test.if_exists else ''}"


def holds_without(test: Test) -> bool:
    if test.operator == NULL:
        return any(value.lower() == "true" for value in test.values)
    return absent_holds(test, negated=is_negated(test))


def allowing(test: Test) -> str | None:
    if test.quantifier is Quantifier.ALL:
        return "all-values"
    if test.operator == NULL or always_there(test.key):
        return None
    if test.if_exists or (is_negated(test) and test.quantifier is None):
        return "direct-passes" if test.key in FORWARDED else "absent-passes"
    return None


def denying(test: Test) -> str | None:
    if test.quantifier is Quantifier.ANY and is_negated(test):
        return "any-value"
    if test.key == "kms:viaservice" and test.operator in {"StringEquals", "StringLike"} and not test.if_exists:
        return "one-service"
    return None


def guarded(statement: Statement, key: str) -> bool:
    """Whether the statement is about requests with the key alone."""
    return not statement.denies and any(
        test.operator == NULL and test.key == key and {value.lower() for value in test.values} == {"false"}
        for test in statement.tests
    )


def is_negated(test: Test) -> bool:
    operator = OPERATORS.get(test.operator)
    return operator is not None and operator.negated


def unknown_operators(text: str) -> list[str]:
    """Those of a text that is at least JSON."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    conditions = [statement.get("Condition") for statement in statements(document)]
    names = [name for condition in conditions if isinstance(condition, dict) for name in condition]
    return [name for name in dict.fromkeys(names) if not is_operator(name)]


def statements(document: Any) -> list[dict[str, Any]]:
    """Of what may be no policy."""
    found = document.get("Statement") if isinstance(document, dict) else None
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]


def kind_of(text: str) -> Kind:
    """What a policy looks like, where nobody says it: identity, when nothing tells otherwise."""
    try:
        found = statements(json.loads(text))
    except (ValueError, RecursionError):
        return Kind.IDENTITY
    if not any(one.keys() & {"Principal", "NotPrincipal"} for one in found):
        return Kind.IDENTITY
    services = {action.partition(":")[0].lower() for one in found for action in texts(one.get("Action"))}
    if services == {"sts"} and not any(one.keys() & {"Resource", "NotResource"} for one in found):
        return Kind.TRUST
    return Kind.KEY if "kms" in services else Kind.RESOURCE


def texts(found: Any) -> list[str]:
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, str)]
