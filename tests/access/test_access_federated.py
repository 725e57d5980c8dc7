"""Trust in OIDC providers: who is meant by Federated, and whose tokens anybody can have."""

import json

import pytest

from keystead.access.decision import Combine, Standing, decide
from keystead.access.errors import PolicyMalformed
from keystead.access.explain import explain
from keystead.access.policy import Kind, compile, parse  # noqa: A004  # the rules' own verb
from keystead.access.request import Principal, PrincipalKind, Request

A = "111122223333"
PROVIDER = f"arn:aws:iam::{A}:oidc-provider/id.example.com/tenant"
OTHER = f"arn:aws:iam::{A}:oidc-provider/id.example.org"
GITHUB = f"arn:aws:iam::{A}:oidc-provider/token.actions.githubusercontent.com"
ACTION = "sts:AssumeRoleWithWebIdentity"


def trust(principal, effect="Allow", **more):
    statement = {"Effect": effect, "Principal": principal, "Action": ACTION, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def decision(*texts, provider=PROVIDER, **context):
    statements = [statement for text in texts for statement in json.loads(text)["Statement"]]
    policy = compile(parse(json.dumps({"Version": "2012-10-17", "Statement": statements}), Kind.TRUST))
    who = Principal(PrincipalKind.WEB_IDENTITY, provider, A, provider, provider)
    request = Request(who, ACTION, f"arn:aws:iam::{A}:role/r", {key: (value,) for key, value in context.items()})
    asked = {"combine": Combine.TRUST, "resource_account": A, "resource_policy": policy}
    made = decide(request, Standing(), **asked)
    assert explain(request, Standing(), **asked).decision.allowed == made.allowed
    return made.allowed


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ({"Federated": PROVIDER}, True),
        ({"Federated": [OTHER, PROVIDER]}, True),
        ({"Federated": OTHER}, False),  # another provider's tokens
        ({"AWS": A}, False),  # the account is not who holds a token
        ({"AWS": f"arn:aws:iam::{A}:root"}, False),
        ("*", False),  # everybody is not everybody's tokens
        ({"AWS": "*"}, False),
    ],
)
def test_a_token_opens_only_what_names_its_provider(principal, allowed):
    assert decision(trust(principal)) is allowed


@pytest.mark.parametrize("principal", ["*", {"Federated": PROVIDER}])
def test_a_denial_counts_for_who_comes_with_a_token(principal):
    assert decision(trust({"Federated": PROVIDER})) is True
    assert decision(trust({"Federated": PROVIDER}), trust(principal, "Deny")) is False


@pytest.mark.parametrize(
    "principal",
    [f"arn:aws:iam::{A}:saml-provider/x", "cognito-identity.amazonaws.com", "*", f"arn:aws:iam::{A}:oidc-provider/a*"],
)
def test_other_federated_principals_are_refused(principal):
    with pytest.raises(PolicyMalformed) as refused:
        parse(trust({"Federated": principal}), Kind.TRUST)

    assert refused.value.text == f'Invalid principal in policy: "FEDERATED":"{principal}"'


@pytest.mark.parametrize("kind", [Kind.KEY, Kind.RESOURCE])
def test_only_roles_trust_providers(kind):
    document = json.loads(trust({"Federated": PROVIDER}))
    document["Statement"][0] |= {"Action": "kms:Decrypt", "Resource": "*"}

    with pytest.raises(PolicyMalformed):
        parse(json.dumps(document), kind)


SUB = "token.actions.githubusercontent.com:sub"
JOB = "token.actions.githubusercontent.com:job_workflow_ref"


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {SUB: "repo:acme/app:ref:refs/heads/main"}},
        {"StringLike": {SUB: "repo:acme/*"}},
        {"StringLike": {JOB: "acme/flows/*"}},
        {"StringEqualsIgnoreCase": {SUB.upper(): "repo:acme/app:environment:live"}},
    ],
)
def test_a_shared_issuer_with_a_subject_is_trusted(condition):
    parse(trust({"Federated": GITHUB}, Condition=condition), Kind.TRUST)


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}},
        {"StringLike": {SUB: "*"}},
        {"StringLike": {SUB: "repo:*"}},
        {"StringLike": {SUB: ["repo:acme/*", "*"]}},
        {"StringLike": {SUB: "?*"}},
        {"StringLikeIfExists": {SUB: "repo:acme/*"}},
        {"ForAllValues:StringLike": {SUB: "repo:acme/*"}},
        {"StringNotLike": {SUB: "repo:acme/*"}},
    ],
)
def test_a_shared_issuer_without_a_subject_is_not(condition):
    with pytest.raises(PolicyMalformed) as refused:
        parse(trust({"Federated": GITHUB}, Condition=condition), Kind.TRUST)

    assert refused.value.text == (
        f"Trust policy with trusted principal {GITHUB} must evaluate, using StringEquals, StringLike or "
        f"StringEqualsIgnoreCase, {SUB} or {JOB} which is not scoped to all."
    )


def test_to_deny_a_shared_issuer_needs_no_subject():
    parse(trust({"Federated": GITHUB}, "Deny"), Kind.TRUST)
