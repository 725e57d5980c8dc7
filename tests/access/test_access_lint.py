"""The linter names each trap of the ViaService table, and none of the forms that protect."""

import json

import pytest

from keystead.access.lint import findings
from keystead.access.policy import Kind, parse

SERVICE = "secretsmanager.us-east-1.amazonaws.com"
TRAPS = [
    # effect, operator, key, whether it is a trap; source: facts, the ViaService table
    ("Allow", "StringEquals", "kms:ViaService", False),
    ("Allow", "StringLike", "kms:ViaService", False),
    ("Deny", "StringNotEquals", "kms:ViaService", False),
    ("Deny", "StringNotEqualsIfExists", "kms:ViaService", False),
    ("Allow", "StringEqualsIfExists", "kms:ViaService", True),
    ("Allow", "StringNotEquals", "kms:ViaService", True),
    ("Deny", "StringEquals", "kms:ViaService", True),
    ("Allow", "ForAllValues:StringEquals", "kms:ViaService", True),
    ("Allow", "ForAnyValue:StringEquals", "kms:ViaService", False),
    ("Deny", "ForAnyValue:StringNotEquals", "kms:ViaService", True),
    ("Allow", "StringEquals", "aws:PrincipalTag/team", False),
    ("Allow", "StringNotEquals", "aws:RequestedRegion", False),
]


@pytest.mark.parametrize(("effect", "operator", "key", "trap"), TRAPS)
def test_traps_are_named(effect, operator, key, trap):
    statement = {"Sid": "S", "Effect": effect, "Principal": "*", "Action": "*", "Resource": "*"}
    statement["Condition"] = {operator: {key: SERVICE}}

    found = findings(parse(json.dumps({"Statement": statement}), Kind.KEY))

    assert bool(found) is trap
    assert all(one.statement == "S" and key.lower() in one.text for one in found)


def test_a_deny_of_null_protects():
    statement = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    statement["Condition"] = {"Null": {"kms:ViaService": "true"}}

    assert findings(parse(json.dumps({"Statement": [statement]}), Kind.KEY)) == []


@pytest.mark.parametrize(("key", "named"), [("aws:SourceVpc", True), ("kms:KeySpecs", True), ("kms:KeySpec", False)])
def test_keys_that_no_request_has_are_named(key, named):
    statement = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    statement["Condition"] = {"StringNotEquals": {key: "x"}}

    found = findings(parse(json.dumps({"Statement": statement}), Kind.KEY))

    assert [one.text for one in found] == [
        f"no request has the condition key {key.lower()}: it counts as absent"
    ] * named
