"""The linter names each trap of the ViaService table, and none of the forms that protect."""

import json

import pytest

from keystead.access.lint import Finding, Level, findings, kind_of, lint
from keystead.access.policy import Kind, parse
from keystead.identities import aws_managed, templates
from keystead.services import vocabulary

SERVICE = "secretsmanager.us-east-1.amazonaws.com"
ISSUER = "token.actions.githubusercontent.com"
TRAPS = [
    # effect, operator, key, what is found; source: facts, the ViaService table; IAM user guide, condition operators
    ("Allow", "StringEquals", "kms:ViaService", []),
    ("Allow", "StringLike", "kms:ViaService", []),
    ("Deny", "StringNotEquals", "kms:ViaService", []),
    ("Deny", "StringNotEqualsIfExists", "kms:ViaService", []),
    ("Allow", "StringEqualsIfExists", "kms:ViaService", ["direct-passes"]),
    ("Allow", "StringNotEquals", "kms:ViaService", ["direct-passes"]),
    ("Deny", "StringEquals", "kms:ViaService", ["one-service"]),
    ("Deny", "StringEqualsIfExists", "kms:ViaService", []),
    ("Allow", "ForAllValues:StringEquals", "kms:ViaService", ["all-values"]),
    ("Allow", "ForAllValues:StringEquals", "aws:CalledVia", ["unknown-key"]),
    ("Allow", "ForAnyValue:StringEquals", "kms:ViaService", []),
    ("Deny", "ForAnyValue:StringNotEquals", "kms:ViaService", ["any-value"]),
    ("Deny", "ForAllValues:StringEquals", "aws:TagKeys", []),
    ("Allow", "ForAllValues:StringEquals", "aws:TagKeys", ["all-values"]),
    ("Allow", "StringEquals", "aws:PrincipalTag/team", []),
    ("Allow", "StringEqualsIfExists", "aws:PrincipalTag/team", ["absent-passes"]),
    ("Allow", "StringNotEquals", "aws:PrincipalTag/team", ["absent-passes"]),
    ("Allow", "ForAnyValue:StringNotEquals", "aws:PrincipalTag/team", []),
    ("Deny", "StringNotEquals", "aws:PrincipalTag/team", []),
    ("Allow", "StringNotEquals", "aws:RequestedRegion", []),
    ("Allow", "StringEqualsIfExists", "aws:SourceIp", []),
    ("Allow", "StringNotEqualsIfExists", "kms:KeySpec", []),
    ("Allow", "StringEqualsIfExists", "aws:MultiFactorAuthPresent", ["absent-passes"]),
]


def one(effect, condition, **more):
    made = {"Sid": "S", "Effect": effect, "Principal": "*", "Action": "*", "Resource": "*", "Condition": condition}
    return parse(json.dumps({"Statement": made | more}), Kind.KEY)


@pytest.mark.parametrize(("effect", "operator", "key", "codes"), TRAPS)
def test_traps_are_named(effect, operator, key, codes):
    found = findings(one(effect, {operator: {key: SERVICE}}))

    assert [finding.code for finding in found] == codes
    assert all(finding.statement == "S" and key.lower() in finding.text for finding in found)
    assert all(finding.level is Level.WARNING for finding in found)


@pytest.mark.parametrize("operator", ["StringEqualsIfExists", "StringNotEquals", "ForAllValues:StringEquals"])
def test_a_test_that_the_key_is_there_takes_the_point(operator):
    condition = {operator: {"aws:PrincipalTag/team": "x"}, "Null": {"aws:principaltag/TEAM": "false"}}

    assert findings(one("Allow", condition)) == []


def test_a_deny_of_null_protects():
    assert findings(one("Deny", {"Null": {"kms:ViaService": "true"}})) == []


NEVER_THERE = [
    # effect, operator, what it comes to
    ("Allow", "StringNotEquals", "always holds, and the statement allows as though the condition were not there"),
    ("Allow", "StringEquals", "never holds, and the statement allows nothing"),
    ("Allow", "StringEqualsIfExists", "always holds, and the statement allows as though the condition were not there"),
    ("Deny", "StringNotEquals", "always holds, and the statement denies as though the condition were not there"),
    ("Deny", "StringEquals", "never holds, and the statement denies nothing"),
    ("Deny", "ForAnyValue:StringNotEquals", "never holds, and the statement denies nothing"),
]


@pytest.mark.parametrize(("effect", "operator", "comes_to"), NEVER_THERE)
@pytest.mark.parametrize("key", ["aws:SourceVpc", "kms:KeySpecs", "aws:PrincipalOrgID", "s3:prefix", "iam:Nothing"])
def test_keys_that_no_request_has_are_named(effect, operator, comes_to, key):
    found = findings(one(effect, {operator: {key: "x"}}))

    assert [finding.text for finding in found] == [
        f"no request here has the condition key {key.lower()}: {operator} {comes_to}"
    ]


@pytest.mark.parametrize(("value", "comes_to"), [("true", "denies as though"), ("false", "denies nothing")])
def test_null_of_a_key_that_no_request_has_is_named_by_its_value(value, comes_to):
    found = findings(one("Deny", {"Null": {"aws:SourceVpce": value}}))

    assert comes_to in found[0].text


ACTIONS = [
    # as written, what is found
    ("kms:Decrypt", []), ("KMS:decrypt", []), ("kms:*", []), ("*", []), ("kms:GenerateDataKey*", []),
    ("kms:ReEncryptFrom", []), ("sts:TagSession", []), ("iam:PassRole", []), ("secretsmanager:GetSecretValue", []),
    ("ssm:GetParametersByPath", []), ("cloudtrail:LookupEvents", []), ("rolesanywhere:CreateSession", []),
    ("kms:Decypt", ["unknown-action"]), ("kms:ReEncrypt", ["unknown-action"]), ("kms:Decrypt?", ["unknown-action"]),
    ("kms:", ["unknown-action"]), ("iam:CreateUsers", ["unknown-action"]), ("s3:GetObject", []), ("ec2:RunInstances", ["unknown-service"]),
    ("secretmanager:*", ["unknown-service"]), ("*:Decrypt", []),
]  # fmt: skip


@pytest.mark.parametrize(("action", "codes"), ACTIONS)
def test_actions_that_do_not_exist_are_named(action, codes):
    text = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*"}})

    found = findings(parse(text, Kind.RESOURCE), vocabulary.actions())

    assert [finding.code for finding in found] == codes


def test_a_service_that_is_not_served_is_only_a_note():
    text = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ec2:*", "Resource": "*"}})

    (found,) = findings(parse(text, Kind.RESOURCE), vocabulary.actions())

    assert (found.level, found.text) == (Level.NOTE, "the service ec2 is not served here")


def test_what_would_be_refused_is_told_with_the_operator_that_does_not_exist():
    condition = {"StringEqual": {"aws:username": "a"}, "NullIfExists": {"aws:username": "true"}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}

    found = lint(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), Kind.IDENTITY)

    assert found == [
        Finding("", "unknown-operator", "there is no condition operator StringEqual"),
        Finding("", "unknown-operator", "there is no condition operator NullIfExists"),
        Finding("", "refused", "Syntax errors in policy."),
    ]


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"', "[" * 100_000, '{"Statement": [1, null]}'])
def test_what_is_no_policy_is_told(text):
    assert [one.code for one in lint(text, kind_of(text))] == ["refused"]


@pytest.mark.parametrize(
    ("condition", "refused"),
    [
        ({}, True),
        ({"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"}}, True),
        ({"StringLike": {f"{ISSUER}:sub": "*"}}, True),
        ({"StringLike": {f"{ISSUER}:sub": "repo:octo/*"}}, False),
        ({"StringEqualsIfExists": {f"{ISSUER}:sub": "repo:octo/*"}}, True),
    ],
)
def test_a_shared_issuer_without_a_subject_is_told(condition, refused):
    provider = f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"
    statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Condition": condition}]})

    found = lint(text, kind_of(text), vocabulary.actions())

    assert bool(found) is refused
    assert all(f"{ISSUER}:sub" in one.text and "not scoped to all" in one.text for one in found)


KINDS = [
    ({"Effect": "Allow", "Action": "kms:*", "Resource": "*"}, Kind.IDENTITY),
    ({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}, Kind.TRUST),
    ({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"}, Kind.RESOURCE),
    ({"Effect": "Allow", "Principal": "*", "Action": ["KMS:Decrypt"], "Resource": "*"}, Kind.KEY),
    ({"Effect": "Deny", "NotPrincipal": "*", "Action": "secretsmanager:*", "Resource": "*"}, Kind.RESOURCE),
]


@pytest.mark.parametrize(("statement", "kind"), KINDS)
def test_what_kind_of_policy_it_looks_like(statement, kind):
    assert kind_of(json.dumps({"Statement": statement})) is kind


def test_policies_that_are_shipped_are_without_warnings():
    texts = [(text, Kind.IDENTITY) for text in aws_managed.TEXTS.values()]
    texts += [
        (json.dumps(templates.key_for_service("111122223333", "secretsmanager", "us-east-1", ["*"])), Kind.KEY),
        (json.dumps(templates.from_addresses(["10.0.0.0/8"])), Kind.IDENTITY),
        (json.dumps(templates.revoke_older_sessions("2026-01-01T00:00:00Z")), Kind.IDENTITY),
    ]

    found = [one for text, kind in texts for one in lint(text, kind, vocabulary.actions())]

    assert [one for one in found if one.level is not Level.NOTE] == []
