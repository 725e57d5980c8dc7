"""Cases as data: who asks, what speaks about it, and what is decided, by the compiled rules and the plain interpreter alike."""

import json

import pytest

from keystead.access.decision import Combine, Source, Standing, decide
from keystead.access.explain import explain
from keystead.access.policy import Kind, compile, parse  # noqa: A004  # the rules' own verb
from keystead.access.request import Principal, PrincipalKind, Request

A, B = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-east-1:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
USER, ROLE, SESSION = (
    f"arn:aws:iam::{A}:user/zoe",
    f"arn:aws:iam::{A}:role/team/reader",
    f"arn:aws:sts::{A}:assumed-role/reader/s",
)
FEDERATED = f"arn:aws:sts::{A}:federated-user/bob"
IDS = {USER: "AIDAZOE0000000000000", ROLE: "AROAREADER0000000000", f"arn:aws:iam::{B}:user/far": "AIDAFAR0000000000000"}

CALLERS = {
    "root": Principal(PrincipalKind.ROOT, f"arn:aws:iam::{A}:root", A, A, f"arn:aws:iam::{A}:root"),
    "user": Principal(PrincipalKind.USER, USER, A, IDS[USER], USER),
    "session": Principal(PrincipalKind.ROLE_SESSION, SESSION, A, IDS[ROLE], ROLE),
    "federated": Principal(PrincipalKind.FEDERATED_USER, FEDERATED, A, IDS[USER], FEDERATED),
    "far": Principal(
        PrincipalKind.USER, f"arn:aws:iam::{B}:user/far", B, "AIDAFAR0000000000000", f"arn:aws:iam::{B}:user/far"
    ),
    "service": Principal(PrincipalKind.SERVICE, "logs.amazonaws.com", "", "logs.amazonaws.com", "logs.amazonaws.com"),
    "anonymous": Principal(PrincipalKind.ANONYMOUS, "anonymous", "", "", ""),
}
KINDS = {Combine.KEY: Kind.KEY, Combine.RESOURCE: Kind.RESOURCE, Combine.TRUST: Kind.TRUST}


def policy(kind, statements):
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return compile(parse(text, kind), IDS)


def run(case):
    """(allowed, explicit, who is named); the two forms must agree."""
    combine = case.get("combine", Combine.KEY)
    of_resource = case.get("resource_policy")
    standing = Standing(
        identity=tuple(policy(Kind.IDENTITY, one) for one in case.get("identity", [])),
        boundary=policy(Kind.IDENTITY, case["boundary"]) if "boundary" in case else None,
        session=tuple(policy(Kind.SESSION, one) for one in case["session"]) if "session" in case else None,
    )
    request = Request(
        CALLERS[case.get("caller", "user")],
        case.get("action", "kms:Decrypt"),
        case.get("resource", KEY),
        case.get("context", {}),
    )
    asked = {
        "combine": combine,
        "resource_account": case.get("account", A),
        "resource_policy": policy(KINDS[combine], of_resource) if of_resource else None,
        "grant": case.get("grant"),
    }
    decision = decide(request, standing, **asked)
    explained = explain(request, standing, **asked).decision
    answer = (decision.allowed, decision.explicit, decision.denier)
    assert (explained.allowed, explained.explicit, explained.denier) == answer
    assert explained.grant == decision.grant
    return answer


class Words:
    """How tests write policies."""

    account, other_account, key, user, role, session, federated, ids = A, B, KEY, USER, ROLE, SESSION, FEDERATED, IDS
    callers = CALLERS
    policy, run = staticmethod(policy), staticmethod(run)
    allowed = (True, False, None)

    @staticmethod
    def implicit(source):
        return False, False, Source(source)

    @staticmethod
    def explicit(source):
        return False, True, Source(source)


@pytest.fixture(scope="session")
def words():
    return Words
