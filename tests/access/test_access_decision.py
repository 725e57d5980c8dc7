"""The decision, case by case: who is named, what limits, what delegates, what crosses accounts."""

import pytest

from keystead.access.decision import Combine, Source

A, B = "111122223333", "444455556666"
ROOT, FAR_ROOT = f"arn:aws:iam::{A}:root", f"arn:aws:iam::{B}:root"
USER, ROLE = f"arn:aws:iam::{A}:user/zoe", f"arn:aws:iam::{A}:role/team/reader"
SESSION, FEDERATED = f"arn:aws:sts::{A}:assumed-role/reader/s", f"arn:aws:sts::{A}:federated-user/bob"
FAR = f"arn:aws:iam::{B}:user/far"
SECRET = f"arn:aws:secretsmanager:us-east-1:{A}:secret:db-AbCdEf"

ALLOWED = (True, False, None)


def implicit(source):
    return (False, False, Source(source))


def explicit(source):
    return (False, True, Source(source))


def allow(action="kms:*", resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action="kms:*", resource="*", **more):
    return allow(action, resource, **more) | {"Effect": "Deny"}


def to(principal, action="kms:*", **more):
    return allow(action, Principal={"AWS": principal}, **more)


ELSEWHERE = [allow("kms:ListKeys")]

DIRECT = [
    # who is named, who calls, what says nothing, expected; source: IAM user guide, evaluation logic, resource-based policies
    ("the user, and nothing of its own", "user", USER, {}, ALLOWED),
    ("the user, and a boundary that is silent", "user", USER, {"boundary": ELSEWHERE}, ALLOWED),
    ("the role, and nothing of its own", "session", ROLE, {}, ALLOWED),
    ("the role, and a boundary that is silent", "session", ROLE, {"boundary": ELSEWHERE}, implicit("boundary")),
    ("the role, and a session policy that is silent", "session", ROLE, {"session": [ELSEWHERE]}, implicit("session")),
    ("the role, and both allow", "session", ROLE, {"boundary": [allow()], "session": [[allow()]]}, ALLOWED),
    ("the session, and a boundary that is silent", "session", SESSION, {"boundary": ELSEWHERE}, ALLOWED),
    ("the session, and a session policy that is silent", "session", SESSION, {"session": [ELSEWHERE]}, ALLOWED),
    ("another session", "session", SESSION.replace("/s", "/t"), {}, implicit("resource")),
    ("everybody, and both are silent", "session", "*", {"boundary": ELSEWHERE, "session": [ELSEWHERE]}, ALLOWED),
    ("the federated user", "federated", FEDERATED, {}, ALLOWED),
    ("the federated user, and a boundary", "federated", FEDERATED, {"boundary": ELSEWHERE}, ALLOWED),
    ("its parent, without a session policy", "federated", USER, {}, implicit("session")),
    ("its parent, and a session policy that allows", "federated", USER, {"session": [[allow()]]}, ALLOWED),
    ("its parent, and a session policy that is silent", "federated", USER, {"session": [ELSEWHERE]}, implicit("session")),
    ("its parent, and a boundary", "federated", USER, {"session": [[allow()]], "boundary": ELSEWHERE}, implicit("boundary")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("caller", "principal", "policies", "expected"), [row[1:] for row in DIRECT], ids=[row[0] for row in DIRECT]
)
def test_whoever_is_named_in_the_policy_of_a_key(words, caller, principal, policies, expected):
    assert words.run({"caller": caller, "resource_policy": [to(principal)], **policies}) == expected


def test_everybody_may_be_narrowed_by_a_condition(words):
    one = {"resource_policy": [to("*", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})], "boundary": ELSEWHERE}

    assert words.run(one | {"caller": "session", "context": {"aws:principalarn": (ROLE,)}}) == ALLOWED
    assert words.run(one | {"caller": "user", "context": {"aws:principalarn": (USER,)}}) == implicit("boundary")


DELEGATION = [
    # what the key says, what the caller's policies say, expected; source: KMS developer guide, default key policy
    ("the account and IAM", [to(ROOT)], [[allow()]], ALLOWED),
    ("the account by its digits", [to(A)], [[allow()]], ALLOWED),
    ("the account and no IAM", [to(ROOT)], [], implicit("identity")),
    ("the account and IAM for something else", [to(ROOT)], [ELSEWHERE], implicit("identity")),
    ("IAM alone", [to(FAR_ROOT)], [[allow("*")]], implicit("resource")),
    ("the account for another action", [to(ROOT, "kms:Describe*")], [[allow()]], implicit("resource")),
    ("the account under a condition that fails", [to(ROOT, Condition={"Bool": {"aws:SecureTransport": "true"}})],
     [[allow()]], implicit("resource")),
    ("IAM under a condition that fails", [to(ROOT)],
     [[allow(Condition={"Bool": {"aws:SecureTransport": "true"}})]], implicit("identity")),
    ("IAM for this key only", [to(ROOT)],
     [[allow(resource=f"arn:aws:kms:us-east-1:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab")]], ALLOWED),
    ("IAM for another key", [to(ROOT)], [[allow(resource=f"arn:aws:kms:us-east-1:{A}:key/other")]], implicit("identity")),
    ("IAM denies", [to(ROOT)], [[allow()], [deny("kms:Decrypt")]], explicit("identity")),
    ("IAM denies and the key does not delegate", [to(USER)], [[deny("kms:Decrypt")]], explicit("identity")),
    ("the key denies", [to(ROOT), deny("kms:Decrypt", Principal="*")], [[allow()]], explicit("resource")),
    ("the key denies the account", [to(USER), deny("kms:Decrypt", Principal={"AWS": A})], [], explicit("resource")),
    ("the key denies somebody else", [to(USER), deny("kms:Decrypt", Principal={"AWS": ROLE})], [], ALLOWED),
    ("both deny", [deny(Principal="*")], [[deny()]], explicit("resource")),
    ("the statement has no action",
     [{"Effect": "Allow", "Principal": {"AWS": USER}, "Resource": "*"}], [], implicit("resource")),
    ("the statement has no resource",
     [{"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "kms:*"}], [], implicit("resource")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "identity", "expected"), [row[1:] for row in DELEGATION], ids=[row[0] for row in DELEGATION]
)
def test_the_key_policy_is_the_root_of_trust(words, key, identity, expected):
    assert words.run({"resource_policy": key, "identity": identity}) == expected


OTHER_COMBINATIONS = [
    ("root, and the account is named", {"caller": "root", "resource_policy": [to(ROOT)]}, ALLOWED),
    ("root, and another user is named", {"caller": "root", "resource_policy": [to(USER)]}, implicit("resource")),
    ("root, and IAM alone decides", {"caller": "root", "combine": Combine.IDENTITY_ONLY, "resource": "*"}, ALLOWED),
    ("root of another account", {"caller": "root", "resource_policy": [to(FAR_ROOT)]}, implicit("resource")),
    ("IAM alone: allowed", {"combine": Combine.IDENTITY_ONLY, "resource": "*", "identity": [[allow()]]}, ALLOWED),
    ("IAM alone: silent", {"combine": Combine.IDENTITY_ONLY, "resource": "*"}, implicit("identity")),
    ("IAM alone: in another account",
     {"combine": Combine.IDENTITY_ONLY, "account": B, "identity": [[allow()]]}, implicit("resource")),
    ("IAM alone: boundary silent",
     {"combine": Combine.IDENTITY_ONLY, "identity": [[allow()]], "boundary": ELSEWHERE}, implicit("boundary")),
    ("IAM alone: boundary denies",
     {"combine": Combine.IDENTITY_ONLY, "identity": [[allow()]], "boundary": [allow(), deny()]}, explicit("boundary")),
    ("a boundary grants nothing", {"combine": Combine.IDENTITY_ONLY, "boundary": [allow()]}, implicit("identity")),
    ("a session policy grants nothing",
     {"combine": Combine.IDENTITY_ONLY, "caller": "session", "session": [[allow()]]}, implicit("identity")),
    ("one of two session policies allows", {"combine": Combine.IDENTITY_ONLY, "caller": "session",
     "identity": [[allow()]], "session": [ELSEWHERE, [allow()]]}, ALLOWED),
    ("a session policy denies", {"combine": Combine.IDENTITY_ONLY, "caller": "session",
     "identity": [[allow()]], "session": [[allow()], [deny()]]}, explicit("session")),
    ("no session policies were given, though asked for", {"combine": Combine.IDENTITY_ONLY, "caller": "session",
     "identity": [[allow()]], "session": []}, implicit("session")),
    ("a secret without a policy", {"combine": Combine.RESOURCE, "identity": [[allow("*")]]}, ALLOWED),
    ("a secret, and neither says anything", {"combine": Combine.RESOURCE}, implicit("identity")),
    ("a secret whose policy names the user", {"combine": Combine.RESOURCE, "resource_policy": [to(USER)]}, ALLOWED),
    ("a secret whose policy names the account alone",
     {"combine": Combine.RESOURCE, "resource_policy": [to(ROOT)]}, implicit("identity")),
    ("a secret of another account, named on one side",
     {"combine": Combine.RESOURCE, "account": B, "identity": [[allow()]]}, implicit("resource")),
    ("another account's key, both sides",
     {"caller": "far", "resource_policy": [to(FAR_ROOT)], "identity": [[allow()]]}, ALLOWED),
    ("another account's key, the user is named, both sides",
     {"caller": "far", "resource_policy": [to(FAR)], "identity": [[allow()]]}, ALLOWED),
    ("another account's key, its side only", {"caller": "far", "resource_policy": [to(FAR)]}, implicit("identity")),
    ("another account's key, everybody, its side only",
     {"caller": "far", "resource_policy": [to("*")]}, implicit("identity")),
    ("another account's key, the caller's side only",
     {"caller": "far", "resource_policy": [to(ROOT)], "identity": [[allow()]]}, implicit("resource")),
    ("another account's key, boundary silent", {"caller": "far", "resource_policy": [to(FAR)],
     "identity": [[allow()]], "boundary": ELSEWHERE}, implicit("boundary")),
    ("a resource of nobody known", {"account": None, "resource_policy": [to(ROOT)], "identity": [[allow()]]}, ALLOWED),
    ("a service that is named", {"caller": "service", "resource_policy":
     [allow(Principal={"Service": "logs.amazonaws.com"})]}, ALLOWED),
    ("a service that is not named", {"caller": "service", "resource_policy":
     [allow(Principal={"Service": "sns.amazonaws.com"}), to(ROOT)]}, implicit("resource")),
    ("a service that is denied", {"caller": "service", "resource_policy": [allow(Principal="*"),
     deny(Principal={"Service": "logs.amazonaws.com"})]}, explicit("resource")),
    ("nobody in particular", {"caller": "anonymous", "resource_policy": [to("*")]}, implicit("identity")),
    ("no policy at all", {"identity": [[allow("*")]]}, implicit("resource")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("case", "expected"), [row[1:] for row in OTHER_COMBINATIONS], ids=[row[0] for row in OTHER_COMBINATIONS]
)
def test_how_policies_combine(words, case, expected):
    assert words.run(case) == expected


def trust(principal, **more):
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", **more}


TRUST = [
    ("the user is named", [trust(USER)], {}, ALLOWED),
    ("the account is named, IAM allows", [trust(ROOT)], {"identity": [[allow("sts:AssumeRole")]]}, ALLOWED),
    ("the account is named, IAM is silent", [trust(ROOT)], {}, implicit("identity")),
    ("nobody is named", [trust(FAR_ROOT)], {"identity": [[allow("sts:*")]]}, implicit("trust")),
    ("the role itself, without being named", [trust(USER)], {"caller": "session", "identity": [[allow("*")]]},
     implicit("trust")),
    ("another account, both sides", [trust(FAR)], {"caller": "far", "identity": [[allow("sts:*")]]}, ALLOWED),
    ("another account, its side only", [trust(FAR)], {"caller": "far"}, implicit("identity")),
    ("the trust policy denies", [trust(USER), trust(USER, Effect="Deny")], {}, explicit("trust")),
]  # fmt: skip


@pytest.mark.parametrize(("role", "case", "expected"), [row[1:] for row in TRUST], ids=[row[0] for row in TRUST])
def test_trust_policies(words, role, case, expected):
    asked = {"combine": Combine.TRUST, "action": "sts:AssumeRole", "resource": ROLE, "resource_policy": role}

    assert words.run(asked | case) == expected


def found():
    return "grant-1"


def none():
    return None


def breaks():
    raise KeyError("secret")


GRANTS = [
    ("a grant is enough", {"grant": found}, ALLOWED),
    ("no grant matches", {"grant": none}, implicit("resource")),
    ("the key denies", {"grant": found, "resource_policy": [deny(Principal="*")]}, explicit("resource")),
    ("IAM denies", {"grant": found, "identity": [[deny()]]}, explicit("identity")),
    ("the boundary is silent", {"grant": found, "boundary": ELSEWHERE}, implicit("boundary")),
    ("the session policy is silent", {"grant": found, "caller": "session", "session": [ELSEWHERE]}, implicit("session")),
    ("both allow", {"grant": found, "caller": "session", "session": [[allow()]], "boundary": [allow()]}, ALLOWED),
    ("another account's key needs the caller's IAM", {"grant": found, "caller": "far"}, implicit("resource")),
    ("another account's key, with the caller's IAM",
     {"grant": found, "caller": "far", "identity": [[allow()]]}, ALLOWED),
    ("a grant is of keys only", {"grant": found, "combine": Combine.RESOURCE}, implicit("identity")),
    ("looking for a grant fails", {"grant": breaks}, explicit("grant")),
]  # fmt: skip


@pytest.mark.parametrize(("case", "expected"), [row[1:] for row in GRANTS], ids=[row[0] for row in GRANTS])
def test_grants(words, case, expected):
    nothing = {} if case.get("combine") else {"resource_policy": [to(ROOT, "kms:Nothing")]}

    assert words.run(nothing | case) == expected


def via(operator, key="kms:ViaService", value="secretsmanager.us-east-1.amazonaws.com", effect="Allow"):
    return {"Effect": effect, "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {operator: {key: value}}}  # fmt: skip


OPEN = to("*")
LAMBDA = "lambda.us-east-1.amazonaws.com"
VIA = [
    # key policy, direct call, through Secrets Manager; source: facts, the ViaService table
    ("Allow StringEquals", [via("StringEquals")], False, True),
    ("Allow StringLike", [via("StringLike", value="secretsmanager.*.amazonaws.com")], False, True),
    ("Deny StringNotEquals", [OPEN, via("StringNotEquals", effect="Deny")], False, True),
    ("Deny Null", [OPEN, via("Null", value="true", effect="Deny")], False, True),
    ("Allow StringEqualsIfExists", [via("StringEqualsIfExists")], True, True),
    ("Allow StringNotEquals another", [via("StringNotEquals", value=LAMBDA)], True, True),
    ("Deny StringEquals another", [OPEN, via("StringEquals", value=LAMBDA, effect="Deny")], True, True),
    ("Allow ForAllValues CalledVia",
     [via("ForAllValues:StringEquals", "aws:CalledVia", "secretsmanager.amazonaws.com")], True, True),
    ("Allow ForAnyValue CalledVia, which is not set",
     [via("ForAnyValue:StringEquals", "aws:CalledVia", "secretsmanager.amazonaws.com")], False, False),
    ("Deny ForAnyValue StringNotEquals CalledVia",
     [OPEN, via("ForAnyValue:StringNotEquals", "aws:CalledVia", "secretsmanager.amazonaws.com", "Deny")], True, True),
]  # fmt: skip


@pytest.mark.parametrize(("key", "direct", "through"), [row[1:] for row in VIA], ids=[row[0] for row in VIA])
def test_the_via_service_table(words, key, direct, through):
    context = {"kms:viaservice": ("secretsmanager.us-east-1.amazonaws.com",), "aws:viaawsservice": ("true",)}

    assert words.run({"resource_policy": key, "context": {"aws:viaawsservice": ("false",)}})[0] is direct
    assert words.run({"resource_policy": key, "context": context})[0] is through


def test_only_a_deny_of_via_service_stops_a_grant(words):
    allowing = {"resource_policy": [via("StringEquals")], "grant": found}
    denying = {"resource_policy": [via("StringNotEquals", effect="Deny")], "grant": found}

    assert words.run(allowing) == ALLOWED
    assert words.run(denying) == explicit("resource")


LOCKOUT = [
    # proposed policy, the caller's own, whether PutKeyPolicy stays possible; source: KMS developer guide, default key policy
    ("the default, and IAM allows", [to(ROOT)], [[allow()]], True),
    ("the default, and IAM denies PutKeyPolicy", [to(ROOT)], [[allow()], [deny("kms:PutKeyPolicy")]], False),
    ("the default, and IAM is silent", [to(ROOT)], [], False),
    ("the caller is named for use only", [to(USER, "kms:Decrypt")], [[allow()]], False),
    ("the caller is named for everything", [to(USER)], [], True),
    ("somebody else", [to(ROLE)], [[allow()]], False),
    ("everybody but the caller", [OPEN, deny("kms:PutKeyPolicy", Principal={"AWS": USER})], [], False),
    ("under a condition of another policy name",
     [to(USER, Condition={"StringEquals": {"kms:PolicyName": "other"}})], [], False),
    ("under a condition of the default's name",
     [to(USER, Condition={"StringEquals": {"kms:PolicyName": "default"}})], [], True),
]  # fmt: skip


@pytest.mark.parametrize(("key", "identity", "stays"), [row[1:] for row in LOCKOUT], ids=[row[0] for row in LOCKOUT])
def test_lockout(words, key, identity, stays):
    asked = {"action": "kms:PutKeyPolicy", "context": {"kms:policyname": ("default",)}}

    assert words.run(asked | {"resource_policy": key, "identity": identity})[0] is stays
