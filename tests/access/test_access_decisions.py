"""The table of decisions (decisions.toml): each row by the compiled rules and by the plain interpreter, with the statement that decides."""

import itertools
import json
import tomllib
from pathlib import Path

import pytest

from keystead.access.decision import Combine, Source, Standing, decide
from keystead.access.explain import explain
from keystead.access.policy import Kind, compile, parse  # noqa: A004  # the rules' own verb
from keystead.access.request import Principal, PrincipalKind, Request
from keystead.access.trace import MATCHES

TABLE = tomllib.loads(Path(__file__).with_name("decisions.toml").read_text())["rule"]
A, B = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-east-1:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
USER, BOB, FAR = f"arn:aws:iam::{A}:user/zoe", f"arn:aws:iam::{A}:user/bob", f"arn:aws:iam::{B}:user/far"
ROLE = f"arn:aws:iam::{A}:role/team/reader"
WORDS = {
    "A": A, "B": B, "key": KEY, "key2": KEY.replace("1234abcd", "5678abcd"), "user": USER, "role": ROLE,
    "secret": f"arn:aws:secretsmanager:us-east-1:{A}:secret:db-AbCdEf", "sm": "secretsmanager.us-east-1.amazonaws.com",
}  # fmt: skip
SERVICES = {"service": "logs.amazonaws.com", "service2": "sns.amazonaws.com"}
NAMED = {
    "*": "*", "account": f"arn:aws:iam::{A}:root", "digits": A, "other": f"arn:aws:iam::{B}:root", "user": USER,
    "bob": BOB, "far": FAR, "role": ROLE, "session": f"arn:aws:sts::{A}:assumed-role/reader/s",
    "session2": f"arn:aws:sts::{A}:assumed-role/reader/t", "federated": f"arn:aws:sts::{A}:federated-user/guest",
}  # fmt: skip
IDS = {
    USER: "AIDAZOE0000000000000",
    BOB: "AIDABOB0000000000000",
    ROLE: "AROAREADER0000000000",
    FAR: "AIDAFAR0000000000000",
}
CALLERS = {
    "root": Principal(PrincipalKind.ROOT, NAMED["account"], A, A, NAMED["account"]),
    "user": Principal(PrincipalKind.USER, USER, A, IDS[USER], USER),
    "bob": Principal(PrincipalKind.USER, BOB, A, IDS[BOB], BOB),
    "session": Principal(PrincipalKind.ROLE_SESSION, NAMED["session"], A, IDS[ROLE], ROLE),
    "federated": Principal(PrincipalKind.FEDERATED_USER, NAMED["federated"], A, IDS[USER], NAMED["federated"]),
    "far": Principal(PrincipalKind.USER, FAR, B, IDS[FAR], FAR),
    "service": Principal(PrincipalKind.SERVICE, SERVICES["service"], "", SERVICES["service"], SERVICES["service"]),
    "anonymous": Principal(PrincipalKind.ANONYMOUS, "anonymous", "", "", ""),
}
OF = {
    #  combination, kind of the resource's policy, the action and the resource that are asked for where a rule names none
    "key": (Combine.KEY, Kind.KEY, "kms:Decrypt", KEY),
    "secret": (Combine.RESOURCE, Kind.RESOURCE, "kms:Decrypt", WORDS["secret"]),
    "role": (Combine.TRUST, Kind.TRUST, "sts:AssumeRole", ROLE),
    "iam": (Combine.IDENTITY_ONLY, Kind.RESOURCE, "kms:Decrypt", KEY),
}  # fmt: skip


def found():
    return "grant-1"


def none():
    return None


def breaks():
    raise KeyError("grant")


GRANTS = {"": None, "found": found, "none": none, "breaks": breaks}


def words(text):
    for name, value in WORDS.items():
        text = text.replace(f"<{name}>", value)
    return text


def listed(text, name):
    """`!` before a list: Not…"""
    return ("Not" if text.startswith("!") else "") + name, text.removeprefix("!").split("|")


def statement(text, kind):
    first, *parts = (
        part.strip() for part in text.replace(" ?", "\0?").replace(" @", "\0@").replace(" >", "\0>").split("\0")
    )
    name, actions = listed(first[1:], "Action")
    made = {"Effect": "Allow" if first[0] == "+" else "Deny", name: actions}
    for part in parts:
        if part[0] == "@":
            name, made_of = listed(part[1:], "Resource")
            made[name] = made_of
        elif part[0] == ">":
            name, who = listed(part[1:], "Principal")
            made[name] = principal(who)
        else:
            operator, _, test = part[1:].partition(" ")
            key, _, values = test.partition("=")
            made.setdefault("Condition", {}).setdefault(operator, {})[key] = values.split("|")
    if kind is not Kind.TRUST and not {"Resource", "NotResource"} & made.keys():
        made["Resource"] = "*"
    return made


def principal(who):
    services = [SERVICES[name] for name in who if name in SERVICES]
    others = [NAMED[name] for name in who if name not in SERVICES]
    return {type_: names for type_, names in (("Service", services), ("AWS", others)) if names}


def policy(text, kind, version):
    statements = [statement(one.strip(), kind) for one in words(text).split(" ; ")]
    return compile(parse(json.dumps({"Version": version, "Statement": statements}), kind), IDS)


def policies(text, kind, version):
    return tuple(policy(one.strip(), kind, version) for one in text.split(" ;; ")) if text else ()


def context(text):
    pairs = (pair.partition("=") for pair in words(text).split(" & ") if pair)
    return {key: tuple(values.split("|")) for key, _, values in pairs}


def rows():
    for rule in TABLE:
        for row in rule["rows"]:
            case = rule | dict(zip(rule["columns"], row, strict=True))
            case["identity"] = case.get("identity", "").replace("{condition}", case.get("condition", ""))
            case["is"] = rule.get(case["is"], case["is"])
            yield case


CASES = list(rows())


def asked(case):
    combine, kind, action, resource = OF[case["of"]]
    version, session = case.get("version", "2012-10-17"), case.get("session", "")
    standing = Standing(
        identity=policies(case["identity"], Kind.IDENTITY, version),
        boundary=policy(case["boundary"], Kind.IDENTITY, version) if case.get("boundary") else None,
        session=() if session == "()" else policies(session, Kind.SESSION, version) or None,
    )
    request = Request(
        CALLERS[case.get("caller", "user")],
        case.get("action", action),
        words(case.get("asked", resource)),
        context(case.get("context", "")),
    )
    more = {
        "combine": combine,
        "resource_account": case.get("owner", A),
        "resource_policy": policy(case["resource"], kind, version) if case.get("resource") else None,
        "grant": GRANTS[case.get("grant", "")],
    }
    return request, standing, more


def place(text, of_resource):
    """`kind.statement` or `kind.policy.statement`, from 1: the kind of policy, and both numbers from 0."""
    kind, *numbers = text.split(".")
    which = [int(number) - 1 for number in numbers]
    return of_resource if kind == "resource" else Source(kind), tuple(which if len(which) == 2 else [0, *which])


def said(decision, of_resource):
    kinds = (of_resource, Source.IDENTITY, Source.BOUNDARY, Source.SESSION)
    return {(kind, spoke) for kind, spoke in zip(kinds, decision.said, strict=True) if spoke is not None}


@pytest.mark.parametrize("case", CASES, ids=[f"{case['name'][:40]}: {case['why']}" for case in CASES])
def test_each_decision_is_the_documented_one_by_the_statement_that_is_named(case):
    request, standing, more = asked(case)
    of_resource = Source.TRUST if more["combine"] is Combine.TRUST else Source.RESOURCE
    verdict, *by = case["is"].split()

    decision, plain = decide(request, standing, **more), explain(request, standing, **more)

    for one in (decision, plain.decision):
        assert one.allowed is (verdict == "allow")
        assert one.explicit is (verdict == "deny")
    matching = {(line.source, line.policy, line.statement) for line in plain.trace if line.outcome == MATCHES}
    if verdict == "no":
        assert decision.denier is plain.decision.denier is (of_resource if by == ["resource"] else Source(by[0]))
    elif by == ["grant"]:
        assert (decision.grant == "grant-1") is decision.allowed
        assert decision.allowed or decision.denier is plain.decision.denier is Source.GRANT
    else:
        for kind, which in (place(one, of_resource) for one in by):
            assert (kind, which) in said(decision, of_resource)
            assert (kind, which[0], str(which[1] + 1)) in matching
            assert decision.allowed or decision.denier is plain.decision.denier is kind


def test_there_are_at_least_400_and_no_two_ask_the_same():
    questions = [
        json.dumps([case.get(name, "") for name in (
            "of", "caller", "action", "asked", "resource", "identity", "boundary", "session", "context", "grant", "owner", "version",
        )])
        for case in CASES
    ]  # fmt: skip
    repeated = [one for one, group in itertools.groupby(sorted(questions)) if len(list(group)) > 1]

    assert len(CASES) >= 400
    assert repeated == []


def test_every_row_says_by_which_rule_and_why():
    assert all(case["source"] and case["why"] for case in CASES)
    assert all(len(case["is"].split()) > 1 or case.get("caller") == "root" for case in CASES)
