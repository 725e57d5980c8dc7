"""Condition operators: what each compares, what a missing key does, quantifiers, and what stands in for variables."""

import json

import pytest

from keystead.access import conditions, plain
from keystead.access.document import VERSION
from keystead.access.operators import OPERATORS
from keystead.access.policy import Kind, parse

ARN = "arn:aws:iam::111122223333:role/team/reader"

COMPARED = [
    # operator, policy value, request value, whether they match; source: IAM user guide, condition operators
    ("StringEquals", "a", "a", True), ("StringEquals", "a", "A", False), ("StringEquals", "a*", "ab", False),
    ("StringEquals", "", "", True), ("StringEqualsIgnoreCase", "Straße", "STRASSE", True),
    ("StringEqualsIgnoreCase", "a", "b", False),
    ("StringLike", "a*c", "abbc", True), ("StringLike", "a*c", "abb", False), ("StringLike", "a?c", "abc", True),
    ("StringLike", "a?c", "ac", False), ("StringLike", "A*", "ab", False), ("StringLike", "*", "a/b:c\nd", True),
    ("StringLike", "a.c", "abc", False), ("StringLike", "*a", "aab", False), ("StringLike", "", "a", False),
    ("NumericEquals", "10", "10.0", True), ("NumericEquals", "-1", "1", False), ("NumericLessThan", "10", "9", True),
    ("NumericLessThan", "10", "10", False), ("NumericLessThanEquals", "10", "10", True),
    ("NumericGreaterThan", "9", "10", True), ("NumericGreaterThan", "10", "9", False),
    ("NumericGreaterThanEquals", "7", "7", True), ("NumericEquals", "1", "one", False),
    ("NumericEquals", "1", "1e0", False), ("NumericEquals", "1", "\u0661", False), ("NumericEquals", "1", "NaN", False),
    ("DateEquals", "2025-06-15T15:06:40Z", "1750000000", True),
    ("DateEquals", "2025-06-15T17:06:40+02:00", "2025-06-15T15:06:40Z", True),
    ("DateEquals", "2025-06-15T15:06:40.000Z", "2025-06-15T15:06:40", True),
    ("DateLessThan", "2025-06-16", "2025-06-15T15:06:40Z", True), ("DateLessThan", "2025-06", "1750000000", False),
    ("DateGreaterThan", "2025-06", "1750000000", True), ("DateGreaterThanEquals", "1750000000", "1750000000", True),
    ("DateLessThanEquals", "1750000000", "2025-06-15T15:06:41Z", False), ("DateEquals", "1750000000", "soon", False),
    ("DateEquals", "1750000000", "2025-13-01", False),
    ("Bool", "true", "TRUE", True), ("Bool", "False", "false", True), ("Bool", "true", "false", False),
    ("Bool", "true", "yes", False), ("Bool", "false", "", False),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True), ("BinaryEquals", "QmluYXJ5", "Qmlu", False),
    ("BinaryEquals", "QmluYXJ5", "%", False),
    ("IpAddress", "192.0.2.0/24", "192.0.2.255", True), ("IpAddress", "192.0.2.0/24", "192.0.3.0", False),
    ("IpAddress", "192.0.2.1", "192.0.2.1", True), ("IpAddress", "192.0.2.77/24", "192.0.2.1", True),
    ("IpAddress", "2001:db8::/32", "2001:db8::1", True), ("IpAddress", "2001:db8::1", "2001:db8::2", False),
    ("IpAddress", "192.0.2.0/24", "::ffff:192.0.2.1", True), ("IpAddress", "::ffff:192.0.2.0/120", "192.0.2.1", True),
    ("IpAddress", "192.0.2.0/24", "2001:db8::1", False), ("IpAddress", "0.0.0.0/0", "kms.amazonaws.com", False),
    ("ArnLike", ARN, ARN, True), ("ArnLike", "arn:aws:iam::*:role/*", ARN, True), ("ArnEquals", "arn:aws:iam::*:role/*", ARN, True),
    ("ArnLike", "arn:aws:iam::*:role/reader", ARN, False), ("ArnLike", "arn:*:*:*:*:*", ARN, True),
    ("ArnLike", "arn:aws:*:x:*:*", ARN, False), ("ArnLike", "arn:aws:i?m::111122223333:role/team/reader", ARN, True),
    ("ArnLike", "arn:aws:a*:u:c:d", "arn:aws:a:b:c:d:u:c:d", False), ("ArnLike", "arn:aws:a:b:c:*", "arn:aws:a:b:c:d:e", True),
    ("ArnLike", "arn:aws:iam::111122223333:ROLE/*", ARN, False), ("ArnLike", "arn:*:*:*:*:*", "reader", False),
]  # fmt: skip
NEGATED = {
    "StringEquals": "StringNotEquals", "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase",
    "StringLike": "StringNotLike", "NumericEquals": "NumericNotEquals", "DateEquals": "DateNotEquals",
    "IpAddress": "NotIpAddress", "ArnLike": "ArnNotLike", "ArnEquals": "ArnNotEquals",
}  # fmt: skip
GOOD_VALUE = {
    "String": "a", "Numeric": "1", "Date": "1750000000", "Bool": "true", "Binary": "QQ==", "IpAddress": "192.0.2.1",
    "NotIp": "192.0.2.1", "Arn": ARN,
}  # fmt: skip


def holds(operator, wanted, given, *, denies=False, context=None, version=VERSION):
    """Whether `operator` holds for the key aws:x, in both forms."""
    context = {"aws:x": given, **(context or {})} if given is not None else dict(context or {})
    statement = {
        "Effect": "Deny" if denies else "Allow",
        "Principal": "*",
        "Action": "kms:*",
        "Resource": "*",
        "Condition": {operator: {"aws:X": wanted}},
    }
    document = parse(json.dumps({"Version": version, "Statement": statement}), Kind.KEY)
    (test,) = document.statements[0].tests
    found = conditions.of_test(test, variables=document.variables, denies=denies)(context)
    assert plain.holds(test, context, variables=document.variables, denies=denies) is found
    return found


@pytest.mark.parametrize(("operator", "wanted", "given", "expected"), COMPARED)
def test_what_operators_compare(operator, wanted, given, expected):
    assert holds(operator, wanted, (given,)) is expected
    if operator in NEGATED:
        assert holds(NEGATED[operator], wanted, (given,)) is not expected


def test_every_operator_is_compared():
    assert {row[0] for row in COMPARED} | set(NEGATED.values()) == set(OPERATORS)


def good_value(operator):
    return next(value for prefix, value in GOOD_VALUE.items() if operator.startswith(prefix))


@pytest.mark.parametrize("given", [None, ()], ids=["absent", "empty"])
@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_a_missing_key(operator, given):
    value = good_value(operator)
    negated = "Not" in operator

    assert holds(operator, value, given) is negated
    assert holds(f"{operator}IfExists", value, given) is True
    assert holds(f"ForAllValues:{operator}", value, given) is (True)
    assert holds(f"ForAnyValue:{operator}", value, given) is False
    assert holds(f"ForAllValues:{operator}IfExists", value, given) is True
    assert holds(f"ForAnyValue:{operator}IfExists", value, given) is True
    assert holds(operator, value, given, denies=True) is negated


@pytest.mark.parametrize(
    ("wanted", "given", "expected"),
    [("true", None, True), ("true", ("a",), False), ("false", None, False), ("false", ("a",), True),
     ("true", (), True), (True, None, True), (["true", "false"], ("a",), True)],
)  # fmt: skip
def test_null_asks_whether_a_key_is_there(wanted, given, expected):
    assert holds("Null", wanted, given) is expected


QUANTIFIED = [
    # operator, policy values, request values, expected; source: IAM user guide, multivalued context keys
    ("ForAllValues:StringEquals", ["a", "b"], ("a",), True),
    ("ForAllValues:StringEquals", ["a", "b"], ("a", "b"), True),
    ("ForAllValues:StringEquals", ["a", "b"], ("a", "c"), False),
    ("ForAnyValue:StringEquals", ["a", "b"], ("a", "c"), True),
    ("ForAnyValue:StringEquals", ["a", "b"], ("c", "d"), False),
    ("ForAllValues:StringNotEquals", ["a"], ("b", "c"), True),
    ("ForAllValues:StringNotEquals", ["a"], ("b", "a"), False),
    ("ForAnyValue:StringNotEquals", ["a"], ("a", "b"), True),
    ("ForAnyValue:StringNotEquals", ["a"], ("a", "a"), False),
    ("ForAllValues:StringLike", ["kms:*"], ("kms:a", "kms:b"), True),
]


@pytest.mark.parametrize(("operator", "wanted", "given", "expected"), QUANTIFIED)
def test_quantifiers(operator, wanted, given, expected):
    assert holds(operator, wanted, given) is expected


def test_values_of_a_policy_are_alternatives_and_negated_none_may_match():
    assert holds("StringEquals", ["a", "b"], ("b",))
    assert holds("StringNotEquals", ["a", "b"], ("c",))
    assert not holds("StringNotEquals", ["a", "b"], ("b",))


def test_several_values_without_a_quantifier_must_all_pass_to_allow_and_one_to_deny():
    assert not holds("StringEquals", "a", ("a", "b"))
    assert holds("StringEquals", "a", ("a", "a"))
    assert holds("StringEquals", "a", ("a", "b"), denies=True)
    assert not holds("StringEquals", "a", ("b", "c"), denies=True)


def test_numbers_and_booleans_are_compared_as_they_are_written():
    assert holds("StringEquals", 1.50, ("1.5",))
    assert holds("StringEquals", True, ("true",))
    assert holds("NumericLessThan", 10, ("9",))
    assert holds("Bool", False, ("false",))


VARIABLES = [
    # operator, policy value, request value, further keys, expected; source: IAM user guide, policy variables
    ("StringEquals", "${aws:username}", "zoe", {"aws:username": ("zoe",)}, True),
    ("StringEquals", "${AWS:UserName}", "zoe", {"aws:username": ("zoe",)}, True),
    ("StringEquals", "${aws:username}", "zoe", {}, False),
    ("StringNotEquals", "${aws:username}", "zoe", {}, True),
    ("StringEquals", "${aws:username, 'zoe'}", "zoe", {}, True),
    ("StringEquals", "${aws:username, 'bob'}", "bob", {"aws:username": ("zoe",)}, False),
    ("StringEquals", "${aws:username, ''}", "", {}, True),
    ("StringEquals", "${aws:tagkeys}", "a", {"aws:tagkeys": ("a", "b")}, False),
    ("StringEquals", "${aws:tagkeys, 'a'}", "a", {"aws:tagkeys": ("a", "b")}, False),
    ("StringLike", "home/${aws:username}/*", "home/zoe/x", {"aws:username": ("zoe",)}, True),
    ("StringLike", "home/${aws:username}/*", "home/bob/x", {"aws:username": ("*",)}, False),
    ("StringLike", "home/${aws:username}/*", "home/*/x", {"aws:username": ("*",)}, True),
    ("StringLike", "${aws:username}", "${aws:userid}", {"aws:username": ("${aws:userid}",)}, True),
    ("StringLike", "a${*}b", "a*b", {}, True), ("StringLike", "a${*}b", "axb", {}, False),
    ("StringLike", "a${?}b", "a?b", {}, True), ("StringLike", "a${$}b", "a$b", {}, True),
    ("StringEquals", "${*}", "*", {}, True),
    ("StringEqualsIgnoreCase", "${aws:username}", "ZOE", {"aws:username": ("zoe",)}, True),
    ("StringEqualsIgnoreCase", "${aws:username}", "ZOE", {}, False),
    ("ArnLike", "arn:aws:iam::${aws:PrincipalAccount}:role/*", ARN, {"aws:principalaccount": ("111122223333",)}, True),
    ("ArnEquals", "${aws:PrincipalArn}", ARN, {"aws:principalarn": (ARN,)}, True),
    ("ArnLike", "arn:aws:iam::${aws:username}:role/*", ARN, {"aws:username": ("*",)}, False),
    ("StringEquals", "${aws:PrincipalTag/cost center}", "7", {"aws:principaltag/cost center": ("7",)}, True),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "wanted", "given", "context", "expected"), VARIABLES)
def test_variables(operator, wanted, given, context, expected):
    assert holds(operator, wanted, (given,), context=context) is expected


def test_variables_are_literal_text_in_the_old_version():
    old = {"version": "2008-10-17", "context": {"aws:username": ("zoe",)}}

    assert not holds("StringEquals", "${aws:username}", ("zoe",), **old)
    assert holds("StringEquals", "${aws:username}", ("${aws:username}",), **old)
