"""Whatever is given as a policy is refused or evaluated, and what is shown of a stored one is what was given."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.access.decision import Combine, Standing, decide
from keystead.access.errors import PolicyMalformed
from keystead.access.policy import Kind, compile, parse, shown  # noqa: A004  # the rules' own verb
from keystead.access.request import Request

A = "111122223333"
USER, ROLE = f"arn:aws:iam::{A}:user/zoe", f"arn:aws:iam::{A}:role/team/reader"
IDS = {USER: "AIDAZOE0000000000000", ROLE: "AROAREADER0000000000"}
WORDS = [
    "kms:*",
    "*",
    "kms:Decrypt",
    "arn:aws:kms:*:*:*",
    A,
    USER,
    ROLE,
    "Allow",
    "Deny",
    "${aws:x}",
    "a*",
    "true",
    "1",
]
PRINCIPALS = ["*", {"AWS": USER}, {"AWS": [ROLE, A, USER]}, {"AWS": [], "Service": "x"}, {"Service": "x.amazonaws.com"}]
CONDITIONS = [
    {"StringLike": {"aws:x": [USER, "a*"]}}, {"ArnLike": {"AWS": USER}}, {"NumericEquals": {"aws:x": 1}},
    {"Null": {"aws:x": "true"}}, {"ForAllValues:StringNotEqualsIfExists": {"aws:x": "${aws:y, 'a'}"}}, {"x": {}},
]  # fmt: skip
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": st.sampled_from(WORDS[:3]), "Resource": st.just("*")},
    optional={
        "Sid": st.sampled_from([USER, ROLE, "a"]),
        "Principal": st.sampled_from(PRINCIPALS),
        "NotPrincipal": st.sampled_from(PRINCIPALS),
        "Condition": st.sampled_from(CONDITIONS),
    },
)
POLICIES = st.lists(STATEMENTS, min_size=1, max_size=3).map(lambda found: {"Version": "2012-10-17", "Statement": found})
CONTEXTS = st.dictionaries(st.sampled_from(["aws:x", "aws:y", "aws"]), st.lists(st.sampled_from(WORDS)).map(tuple))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["AWS", "StringLike", "x"]), inner),
)
ELEMENTS = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"]
ALMOST = st.fixed_dictionaries(
    {
        "Version": st.sampled_from(["2012-10-17", "2008-10-17"]) | JSON,
        "Statement": st.lists(st.dictionaries(st.sampled_from(ELEMENTS), JSON) | STATEMENTS, max_size=2),
    }
)


def failure(words, text, kind, context):
    """None when it is refused in words that can be sent, or evaluated."""
    try:
        policy = compile(parse(text, kind), IDS)
    except PolicyMalformed as malformed:
        malformed.text.encode()
        return None
    request = Request(words.callers["user"], "kms:Decrypt", words.key, context)
    asked = {"combine": Combine.KEY, "resource_account": A, "resource_policy": policy}
    return decide(request, Standing((policy,)), **asked).failure


@settings(max_examples=200, deadline=None)
@given(st.one_of(JSON, ALMOST).map(json.dumps) | st.text(), st.sampled_from(Kind), CONTEXTS)
def test_anything_given_as_a_policy_is_refused_or_evaluated(words, text, kind, context):
    assert failure(words, text, kind, context) is None


@settings(max_examples=200, deadline=None)
@given(
    POLICIES, st.integers(0, 10_000), st.text(max_size=3) | st.sampled_from(['"', "}", "[", "\\u0000", "${"]), CONTEXTS
)
def test_a_policy_with_a_typing_error_is_refused_or_evaluated(words, policy, place, typed, context):
    text = json.dumps(policy)
    place %= len(text)

    assert failure(words, text[:place] + typed + text[place + 1 :], Kind.KEY, context) is None


@pytest.mark.parametrize("kind", Kind)
def test_nesting_without_end_is_refused(kind):
    for text in ("[" * 1_000_000, '{"Statement":' * 200_000, '{"a":[' * 900 + "]}" * 900):
        with pytest.raises(PolicyMalformed):
            parse(text, kind)


@settings(max_examples=100, deadline=None)
@given(POLICIES, st.sampled_from([None, 1, "\t"]), st.sets(st.sampled_from(sorted(IDS))))
def test_the_dead_are_replaced_in_principals_and_nowhere_else(policy, indent, dead):
    text = json.dumps(policy, indent=indent)
    expected = json.loads(text)
    for one in expected["Statement"]:
        for name in ("Principal", "NotPrincipal"):
            aws = one[name].get("AWS") if isinstance(one.get(name), dict) else None
            if isinstance(aws, str):
                one[name]["AWS"] = IDS[aws] if aws in dead else aws
            elif aws is not None:
                one[name]["AWS"] = [IDS[each] if each in dead else each for each in aws]

    left = shown(text, IDS, lambda name: name not in dead and name not in {IDS[arn] for arn in dead})

    assert left == json.dumps(expected, indent=indent)
