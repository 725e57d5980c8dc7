"""Explanations: the steps, and the first thing in a statement that did not match."""

from keystead.access.decision import Combine, Source, Standing
from keystead.access.explain import Line, explain
from keystead.access.policy import Kind
from keystead.access.request import Request

A = "111122223333"


def allow(action="kms:*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": "*"} | more


def explained(words, key, identity, context=None, **more):
    request = Request(words.callers["session"], "kms:Decrypt", words.key, context or {})
    standing = Standing((words.policy(Kind.IDENTITY, identity),), **more)
    return explain(
        request,
        standing,
        combine=Combine.KEY,
        resource_account=A,
        resource_policy=words.policy(Kind.KEY, key),
    )


def test_every_statement_says_how_far_it_matched(words):
    key = [
        allow(Sid="Account", Principal={"AWS": A}),
        allow(Sid="Role", Principal={"AWS": words.role}, Condition={"StringEquals": {"kms:ViaService": "x"}}),
        allow(Sid="User", Principal={"AWS": words.user}),
        allow("kms:Encrypt", Principal="*"),
        allow(Sid="Stop", Effect="Deny", Principal="*", Resource="arn:aws:kms:eu-west-1:*:*"),
        {"Effect": "Allow", "Principal": "*", "Resource": "*"},
    ]

    found = explained(words, key, [allow("s3:*"), allow(Sid="All")], {"kms:viaservice": ("y",)})

    assert found.decision.allowed
    assert found.trace == (
        Line(7, Source.RESOURCE, 0, "Account", False, "matches"),
        Line(6, Source.RESOURCE, 0, "Role", False, "StringEquals kms:viaservice", ("y",)),
        Line(6, Source.RESOURCE, 0, "User", False, "principal"),
        Line(6, Source.RESOURCE, 0, "4", False, "action"),
        Line(2, Source.RESOURCE, 0, "Stop", True, "resource"),
        Line(6, Source.RESOURCE, 0, "6", False, "ineffective"),
        Line(8, Source.IDENTITY, 0, "1", False, "action"),
        Line(8, Source.IDENTITY, 0, "All", False, "matches"),
    )


def test_boundaries_and_session_policies_are_explained_too(words):
    key = [allow(Principal={"AWS": A})]
    boundary, session = (words.policy(Kind.IDENTITY, [allow()]), words.policy(Kind.SESSION, [allow(Effect="Deny")]))

    found = explained(words, key, [allow()], boundary=boundary, session=(session,))

    assert found.decision.explicit
    assert found.trace[-2:] == (
        Line(8, Source.BOUNDARY, 0, "1", False, "matches"),
        Line(2, Source.SESSION, 0, "1", True, "matches"),
    )


def test_what_cannot_be_evaluated_is_explained_as_a_denial(words):
    key = [allow(Principal="*", Condition={"Null": {"aws:x": "true"}})]
    request = Request(words.callers["user"], "kms:Decrypt", words.key, None)

    found = explain(
        request, Standing(), combine=Combine.KEY, resource_account=A, resource_policy=words.policy(Kind.KEY, key)
    )

    assert not found.decision.allowed
    assert found.decision.failure == "AttributeError in resource"
