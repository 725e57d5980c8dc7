"""Warnings about policies that are valid and mean something else than they seem to.

    in an Allow                                   why
    …IfExists of kms:ViaService                   a direct call has no such key, and passes
    Not… of kms:ViaService                        likewise: it allows everything but the service that is named
    ForAllValues                                  a request without the key passes

    in a Deny
    StringEquals, StringLike of kms:ViaService    stops one service, and not direct calls
    ForAnyValue with Not…                         a request without the key is not denied

    anywhere
    a key that no request here can have           it counts as absent, which each operator takes in its own way

Each row is a test (facts: the ViaService table). Source: KMS developer guide, kms:ViaService; IAM user guide, ForAllValues.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from keystead.access.condition_keys import is_known
from keystead.access.document import Document, Quantifier, Statement, Test
from keystead.access.operators import OPERATORS

FORWARDED: Final = ("kms:viaservice", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:viaawsservice")
"""Keys that say a service is calling; absent, or false, in direct calls."""
WITHOUT_KEY: Final = "a request without {key} passes: a direct call carries none, and is allowed"
ALL_VALUES: Final = "ForAllValues holds for a request without {key}, which is therefore allowed"
ONE_SERVICE: Final = "only calls through the named service are denied: a direct call carries no {key}, and is not"
ANY_VALUE: Final = "ForAnyValue does not hold for a request without {key}, which is therefore not denied"

UNKNOWN: Final = "no request has the condition key {key}: it counts as absent"


@dataclass(frozen=True, slots=True)
class Finding:
    """statement  its Sid, or its number from 1."""

    statement: str
    text: str


def findings(document: Document) -> list[Finding]:
    """In the order of the document."""
    return [
        Finding(statement.sid or str(number), text)
        for number, statement in enumerate(document.statements, 1)
        for text in of_statement(statement)
    ]


def of_statement(statement: Statement) -> Iterator[str]:
    for test in statement.tests:
        if not is_known(test.key):
            yield UNKNOWN.format(key=test.key)
        text = denying(test) if statement.denies else allowing(test)
        if text is not None:
            yield text.format(key=test.key)


def allowing(test: Test) -> str | None:
    if test.quantifier is Quantifier.ALL:
        return ALL_VALUES
    if test.key not in FORWARDED:
        return None
    if test.if_exists:
        return WITHOUT_KEY
    return WITHOUT_KEY if is_negated(test) and test.quantifier is None else None


def denying(test: Test) -> str | None:
    if test.quantifier is Quantifier.ANY and is_negated(test):
        return ANY_VALUE
    if test.key == "kms:viaservice" and test.operator in {"StringEquals", "StringLike"} and not test.if_exists:
        return ONE_SERVICE
    return None


def is_negated(test: Test) -> bool:
    operator = OPERATORS.get(test.operator)
    return operator is not None and operator.negated
