"""Which actions, resources and principals a statement is about."""

import dataclasses
import json

import pytest

from keystead.access.decision import Combine, Source, Standing, decide
from keystead.access.policy import Kind, compile, parse, shown  # noqa: A004  # the rules' own verb
from keystead.access.request import Principal, PrincipalKind, Request

A = "111122223333"
USER, ROLE = f"arn:aws:iam::{A}:user/zoe", f"arn:aws:iam::{A}:role/team/reader"
SESSION = f"arn:aws:sts::{A}:assumed-role/reader/s"
KEY = f"arn:aws:kms:us-east-1:{A}:key/1"
ALLOWED = (True, False, None)


def statement(effect="Allow", **more):
    return {"Effect": effect, "Action": "*", "Resource": "*", **more}


ACTIONS = [
    ("kms:Decrypt", True), ("KMS:DECRYPT", True), ("kms:*", True), ("*", True), ("*:*", True), ("kms:D*t", True),
    ("kms:?ecrypt", True), ("kms:Decrypt?", False), ("kms:Decryp", False), ("kms:ReEncrypt*", False), ("s3:*", False),
    (["s3:*", "kms:decrypt"], True),
]  # fmt: skip


@pytest.mark.parametrize(("action", "expected"), ACTIONS)
def test_actions(words, action, expected):
    asked = {"combine": Combine.IDENTITY_ONLY, "action": "kms:Decrypt"}
    reverse = statement() | {"NotAction": action}
    del reverse["Action"]

    assert words.run(asked | {"identity": [[statement(Action=action)]]})[0] is expected
    assert words.run(asked | {"identity": [[reverse]]})[0] is not expected


RESOURCES = [
    # as written, the resource asked for, whether it matches; source: IAM user guide, Resource
    ("*", "*", True), ("*", KEY, True), (KEY, KEY, True), (KEY, "*", False), (KEY, KEY + "2", False),
    (f"arn:aws:kms:*:{A}:key/*", KEY, True), (f"arn:aws:kms:us-*-1:{A}:key/?", KEY, True),
    (f"arn:aws:kms:us-east-1:{A}:*", KEY, True), (f"arn:aws:kms:us-east-1:{A}:KEY/1", KEY, False),
    ("arn:aws:kms", KEY, True), ("arn:aws:kms:us-east-1", KEY, True), ("arn:aws:kms:eu-*", KEY, False),
    ("arn:aws:kms:*:key/1", KEY, False), ("arn:aws:kms:us*:key/1", f"arn:aws:kms:us-east-1:{A}:key/1", False),
    ("arn:aws:kms:*:*:key/*", "arn:aws:kms:us-east-1:1:2:key/1", False),
    (f"arn:aws:secretsmanager:*:{A}:secret:db-*", f"arn:aws:secretsmanager:x:{A}:secret:db-a:b/c", True),
    (f"arn:aws:secretsmanager:*:{A}:secret:*-??????", f"arn:aws:secretsmanager:x:{A}:secret:db-AbCdEf", True),
    (["arn:aws:s3:::a", KEY], KEY, True),
]  # fmt: skip


@pytest.mark.parametrize(("written", "asked", "expected"), RESOURCES)
def test_resources(words, written, asked, expected):
    case = {"combine": Combine.IDENTITY_ONLY, "resource": asked}
    reverse = statement() | {"NotResource": written}
    del reverse["Resource"]

    assert words.run(case | {"identity": [[statement(Resource=written)]]})[0] is expected
    assert words.run(case | {"identity": [[reverse]]})[0] is not expected


HOME = f"arn:aws:s3:::home/${{aws:username}}/*"  # noqa: F541  # the braces are the policy's
IN_HOME = [
    ({"aws:username": ("zoe",)}, "arn:aws:s3:::home/zoe/x", True), ({"aws:username": ("bob",)}, "arn:aws:s3:::home/zoe/x", False),
    ({"aws:username": ("*",)}, "arn:aws:s3:::home/zoe/x", False), ({"aws:username": ("zoe/x:y",)}, "arn:aws:s3:::home/zoe/x:y/", True),
    ({}, "arn:aws:s3:::home/zoe/x", False), ({}, "arn:aws:s3:::home/${aws:username}/x", False),
]  # fmt: skip


@pytest.mark.parametrize(("context", "asked", "expected"), IN_HOME)
def test_a_variable_in_a_resource_is_literal_text(words, context, asked, expected):
    case = {"combine": Combine.IDENTITY_ONLY, "resource": asked, "context": context}

    assert words.run(case | {"identity": [[statement(Resource=HOME)]]})[0] is expected


def test_a_variable_without_a_value_never_widens(words):
    case = {"combine": Combine.IDENTITY_ONLY, "resource": "arn:aws:s3:::home/zoe/x"}
    allowing, denying = statement() | {"NotResource": HOME}, statement("Deny") | {"NotResource": HOME}
    del allowing["Resource"], denying["Resource"]

    assert words.run(case | {"identity": [[allowing]]}) == words.implicit("identity")
    assert words.run(case | {"identity": [[statement(), denying]]}) == words.explicit("identity")


def test_a_user_made_again_under_an_old_name_has_nothing_of_the_old_one(words):
    text = json.dumps({"Version": "2012-10-17", "Statement": statement(Principal={"AWS": USER})})
    policy = compile(parse(text, Kind.KEY), {USER: "AIDAOLD0000000000000"})

    def decided(unique_id):
        request = Request(Principal(PrincipalKind.USER, USER, A, unique_id, USER), "kms:Decrypt", KEY, {})
        return decide(request, Standing(), combine=Combine.KEY, resource_account=A, resource_policy=policy).allowed

    assert decided("AIDAOLD0000000000000")
    assert not decided("AIDANEW0000000000000")


@pytest.mark.parametrize(("effect", "expected"), [("Allow", (False, False)), ("Deny", (False, True))])
def test_a_principal_whose_id_is_not_known_is_allowed_nothing_and_denied_by_its_arn(words, effect, expected):
    statements = [statement(effect, Principal={"AWS": ROLE}), statement(Principal={"AWS": SESSION})]
    statements = statements if effect == "Deny" else statements[:1]
    policy = compile(parse(json.dumps({"Version": "2012-10-17", "Statement": statements}), Kind.KEY))
    request = Request(words.callers["session"], "kms:Decrypt", KEY, {})

    decision = decide(request, Standing(), combine=Combine.KEY, resource_account=A, resource_policy=policy)

    assert (decision.allowed, decision.explicit) == expected


SPARED = [
    # NotPrincipal of a Deny, the caller, whether it is spared; source: IAM user guide, NotPrincipal with Deny
    ([USER, A], "user", True), ([USER], "user", False), ([A], "user", False), ([A], "root", True),
    ([ROLE, SESSION, A], "session", True), ([ROLE, A], "session", False), ([SESSION, A], "session", False),
    ([ROLE, SESSION], "session", False), ([USER, A], "session", False), ("*", "session", True), ([USER, A], "far", False),
]  # fmt: skip


@pytest.mark.parametrize(("listed", "caller", "spared"), SPARED)
def test_not_principal_spares_only_what_is_listed_with_all_it_comes_from(words, listed, caller, spared):
    denying = statement("Deny") | {"NotPrincipal": {"AWS": listed}}
    allowing = statement(Principal="*")
    answer = words.run({"caller": caller, "resource_policy": [allowing, denying], "identity": [[statement()]]})

    assert answer == (ALLOWED if spared else words.explicit("resource"))


def test_not_principal_spares_a_service(words):
    denying = statement("Deny") | {"NotPrincipal": {"Service": "logs.amazonaws.com"}}
    case = {"resource_policy": [statement(Principal="*"), denying], "identity": [[statement()]]}

    assert words.run(case | {"caller": "service"}) == ALLOWED
    assert words.run(case | {"caller": "user"}) == words.explicit("resource")


@pytest.mark.parametrize("missing", ["Action", "Resource"])
def test_a_statement_of_a_key_policy_without_action_or_resource_has_no_effect(words, missing):
    one = statement(Principal={"AWS": USER})
    del one[missing]

    assert words.run({"resource_policy": [one]}) == words.implicit("resource")
    assert words.run({"resource_policy": [one, statement(Principal={"AWS": USER})]}) == ALLOWED


def test_a_resource_of_nobody_known_is_another_accounts(words):
    case = {"account": None, "resource_policy": [statement(Principal={"AWS": A})]}

    assert words.run(case | {"identity": [[statement()]]}) == ALLOWED
    assert words.run({"account": None, "resource_policy": [statement(Principal={"AWS": USER})]}) == words.implicit(
        "identity"
    )


def test_who_must_exist():
    unique_id = "AIDAZOE0000000000000"
    named = ["*", A, f"arn:aws:iam::{A}:root", USER, ROLE, SESSION, f"arn:aws:sts::{A}:federated-user/b", unique_id]
    principal = {"AWS": named, "Service": "logs.amazonaws.com"}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement(Principal=principal)})

    assert parse(text, Kind.KEY).principals() == {USER, ROLE, unique_id}


TEXT = """{ "Version":"2012-10-17", "Id": "arn:aws:iam::111122223333:user/zoe",
  "Statement": [ {"Sid": "arn:aws:iam::111122223333:user/zoe", "Effect": "Allow",
      "Principal": {"AWS" : [ "arn:aws:iam::111122223333:user/zoe", "arn:aws:iam::111122223333:role\\/team\\u002freader"]},
      "Action": "kms:*", "Resource": "*",
      "Condition": {"StringEquals": {"AWS": "arn:aws:iam::111122223333:user/zoe"}}},
    {"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/zoe"}, "Action": [], "Resource": []} ] }"""
IDS = {USER: "AIDAZOE0000000000000", ROLE: "AROAREADER0000000000"}


def test_a_policy_is_shown_byte_for_byte_while_its_principals_live():
    assert shown(TEXT, IDS, {*IDS, *IDS.values()}.__contains__) == TEXT


def test_the_dead_are_shown_by_their_unique_ids_and_nothing_else_changes():
    left = shown(TEXT, IDS, {ROLE, IDS[ROLE]}.__contains__)

    assert left == TEXT.replace(f'[ "{USER}"', '[ "AIDAZOE0000000000000"').replace(
        f'"NotPrincipal": {{"AWS": "{USER}"', '"NotPrincipal": {"AWS": "AIDAZOE0000000000000"'
    )


@pytest.mark.parametrize("alive", [{ROLE}, {IDS[ROLE]}, set()])
def test_whoever_has_only_the_name_or_only_the_id_is_dead(alive):
    left = shown(TEXT, {ROLE: IDS[ROLE]}, alive.__contains__)

    assert '"AROAREADER0000000000"]' in left
    assert json.loads(left)["Statement"][0]["Principal"]["AWS"] == [USER, IDS[ROLE]]


class Breaking(dict):
    """A context that fails."""

    def get(self, key):
        raise RuntimeError(key)


@pytest.mark.parametrize("where", ["identity", "boundary", "session", "resource"])
def test_an_exception_is_a_denial_that_names_the_policy(words, where):
    asking = words.policy(Kind.IDENTITY, [statement(Condition={"Null": {"aws:x": "true"}})])
    good = words.policy(Kind.IDENTITY, [statement()])
    standing = {"identity": (good,), "boundary": good, "session": (good,)}
    if where in standing:
        standing[where] = asking if where == "boundary" else (asking,)
    of_key = statement(Principal="*")
    if where == "resource":
        of_key["Condition"] = {"Null": {"aws:x": "true"}}
    request = Request(words.callers["session"], "kms:Decrypt", KEY, Breaking())
    key = words.policy(Kind.KEY, [of_key])

    decision = decide(request, Standing(**standing), combine=Combine.KEY, resource_account=A, resource_policy=key)

    assert not decision.allowed
    assert not decision.constant
    assert decision.denier is Source(where)
    assert decision.failure == f"RuntimeError in {where}"


CONSTANT = [
    ([statement()], {}, True),
    ([statement(Condition={"Null": {"aws:x": "true"}})], {}, False),
    ([statement(Condition={"StringNotEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}})], {}, True),
    ([statement(Condition={"StringNotEquals": {"kms:ViaService": "${aws:x}"}})], {}, False),
    ([statement(Condition={"Null": {"kms:ViaService": "true", "aws:x": "true"}})], {}, False),
    ([statement(), statement("Deny", Condition={"Null": {"aws:x": "false"}})], {}, False),
    ([statement(), statement("Deny", Action="s3:*", Condition={"Null": {"aws:x": "false"}})], {}, True),
    ([statement(), statement("Deny", Resource="arn:aws:s3:::a", Condition={"Null": {"aws:x": "false"}})], {}, True),
    ([statement(Resource="arn:aws:kms:*:*:key/${aws:username}")], {}, False),
    ([statement(Resource="arn:aws:kms:*:*:key/${*}")], {}, True),
    ([statement(Action="s3:*")], {}, True),
]


@pytest.mark.parametrize(("identity", "more", "constant"), CONSTANT)
def test_a_decision_is_constant_when_it_looked_at_nothing_of_the_request(words, identity, more, constant):
    request = Request(words.callers["user"], "kms:Decrypt", KEY, {})
    standing = Standing((words.policy(Kind.IDENTITY, identity),))
    key = words.policy(Kind.KEY, [statement(Principal={"AWS": A})])

    decision = decide(request, standing, combine=Combine.KEY, resource_account=A, resource_policy=key)

    assert decision.constant is constant


def test_one_policy_of_several_is_enough_to_make_a_decision_hang_on_the_request(words):
    request = Request(words.callers["user"], "kms:Decrypt", KEY, {})
    asking = words.policy(Kind.IDENTITY, [statement(Condition={"Null": {"aws:x": "true"}})])
    plain = words.policy(Kind.IDENTITY, [statement()])
    asked = {"combine": Combine.IDENTITY_ONLY, "resource_account": A, "resource_policy": None}

    assert not decide(request, Standing((asking, plain)), **asked).constant
    assert not decide(request, Standing((plain, asking)), **asked).constant


@pytest.mark.parametrize("caller", ["service", "anonymous"])
def test_a_service_or_nobody_is_never_of_an_account(words, caller):
    of_account = dataclasses.replace(words.callers[caller], account=A)
    key = words.policy(Kind.KEY, [statement("Deny", Principal={"AWS": A}), statement(Principal="*")])
    asked = {"combine": Combine.KEY, "resource_account": A, "resource_policy": key}

    decision = decide(Request(of_account, "kms:Decrypt", KEY, {}), Standing(), **asked)

    assert not decision.explicit
    assert decision.allowed is (caller == "service")


def test_a_decision_that_looked_for_a_grant_is_not_constant(words):
    request = Request(words.callers["user"], "kms:Decrypt", KEY, {})

    for grant in (lambda: None, lambda: "grant-1"):
        asked = {"combine": Combine.KEY, "resource_account": A, "resource_policy": None, "grant": grant}
        assert not decide(request, Standing(), **asked).constant


def test_policies_are_equal_only_to_themselves(words):
    one, other = words.policy(Kind.IDENTITY, [statement()]), words.policy(Kind.IDENTITY, [statement()])

    assert one != other
    assert len({one, other, one}) == 2
