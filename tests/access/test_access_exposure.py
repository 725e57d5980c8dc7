"""Which resource policies let in principals without bound."""

import json

import pytest

from keystead.access import exposure
from keystead.access.policy import Kind, parse

ORGANISATION = "o-abcdefghij"


def broad(principal, condition=None, effect="Allow"):
    statement = {"Sid": "S", "Effect": effect, "Action": "secretsmanager:*", "Resource": "*", **principal}
    if condition:
        statement["Condition"] = condition
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return bool(exposure.broad(parse(document, Kind.RESOURCE)))


EVERYBODY = {"Principal": "*"}


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ["arn:aws:iam::111122223333:root", "*"]}}, True),
        ({"Principal": {"AWS": "111122223333"}}, False),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}, False),
        ({"Principal": {"Service": "lambda.amazonaws.com"}}, False),
    ],
)
def test_principals(principal, expected):
    assert broad(principal) is expected


def test_a_denial_lets_nobody_in():
    assert not broad(EVERYBODY, effect="Deny")


@pytest.mark.parametrize(
    ("operator", "key", "value", "tied"),
    [
        ("StringEquals", "aws:PrincipalAccount", "111122223333", True),
        ("StringLike", "aws:PrincipalAccount", "1111*", False),
        ("StringEquals", "aws:PrincipalAccount", ["111122223333", "444455556666"], True),
        ("StringNotEquals", "aws:PrincipalAccount", "111122223333", False),
        ("StringEqualsIfExists", "aws:PrincipalAccount", "111122223333", False),
        ("ForAllValues:StringEquals", "aws:PrincipalOrgPaths", f"{ORGANISATION}/*", False),
        ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{ORGANISATION}/*", True),
        ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-*", False),
        ("StringEquals", "aws:PrincipalOrgID", ORGANISATION, True),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/*", True),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/app", False),
        ("ArnLike", "aws:PrincipalArn", ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::*:role/b"], False),
        ("StringEquals", "aws:SourceAccount", "111122223333", True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", True),
        ("IpAddress", "aws:SourceIp", "0.0.0.0/1", False),
        ("IpAddress", "aws:SourceIp", "2001:db8::/32", True),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", False),
        ("StringEquals", "aws:SourceVpce", "vpce-1", True),
        ("StringEquals", "aws:PrincipalAccount", "${aws:PrincipalAccount}", False),
        ("StringEquals", "secretsmanager:VersionStage", "AWSCURRENT", False),
        ("Bool", "aws:SecureTransport", "true", False),
    ],
)
def test_conditions(operator, key, value, tied):
    assert broad(EVERYBODY, {operator: {key: value}}) is not tied


def test_one_condition_that_ties_is_enough():
    assert not broad(EVERYBODY, {"StringEquals": {"aws:PrincipalAccount": "111122223333", "aws:UserAgent": "x"}})
