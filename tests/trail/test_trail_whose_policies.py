"""An evidence bundle holds what the policies of its callers were: theirs, their groups', and what was attached, and nobody else's."""

import json
import zipfile

import pytest

from keystead.trail import event as events
from keystead.trail import in_force
from keystead.trail.check_evidence import CONTRADICTION, PROVEN, check
from keystead.trail.event import internal_event
from keystead.trail.evidence import Source, bundle
from keystead.trail.notes import Notes
from keystead.trail.search import Sought, scan
from keystead.trail.whose_policies import of_arn

NOW = 1_750_000_000
ACCOUNT, OTHER = "111122223333", "444455556666"
DENY = '{"Statement": [{"Effect": "Deny"}]}'
P1, P2, BOUNDS = (f"arn:aws:iam::{ACCOUNT}:policy/{name}" for name in ("p1", "p2", "bounds"))
ALICE = {"type": "IAMUser", "accountId": ACCOUNT, "userName": "alice", "arn": f"arn:aws:iam::{ACCOUNT}:user/x/alice"}
ROLE = {
    "type": "AssumedRole",
    "accountId": ACCOUNT,
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/s",
    "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{ACCOUNT}:role/deploy"}},
}
ROOT = {"type": "IAMUser", "accountId": ACCOUNT, "userName": "admin", "arn": f"arn:aws:iam::{ACCOUNT}:user/admin"}

RECORDS = (
    #  name                        requestParameters                                                  counts for
    ("CreateUser",                 {"userName": "alice", "path": "/x/"},                              "alice"),
    ("CreateUser",                 {"userName": "bob"},                                               "bob"),
    ("PutUserPolicy",              {"userName": "ALICE", "policyName": "i", "policyDocument": DENY},  "alice"),
    ("PutUserPolicy",              {"userName": "bob", "policyName": "i", "policyDocument": DENY},    "bob"),
    ("CreatePolicy",               {"policyName": "p1", "policyDocument": DENY},                      "alice"),
    ("CreatePolicyVersion",        {"policyArn": P1, "policyDocument": DENY},                         "alice"),
    ("CreatePolicy",               {"policyName": "p2", "policyDocument": DENY},                      "deploy"),
    ("CreatePolicy",               {"policyName": "bounds", "policyDocument": DENY},                  "alice"),
    ("CreateGroup",                {"groupName": "people"},                                           "alice"),
    ("AttachGroupPolicy",          {"groupName": "people", "policyArn": P1},                          "alice"),
    ("AddUserToGroup",             {"groupName": "people", "userName": "alice"},                      "alice"),
    ("AddUserToGroup",             {"groupName": "people", "userName": "bob"},                        "bob"),
    ("PutUserPermissionsBoundary", {"userName": "alice", "permissionsBoundary": BOUNDS},              "alice"),
    ("CreateRole",                 {"roleName": "deploy", "assumeRolePolicyDocument": DENY},          "deploy"),
    ("AttachRolePolicy",           {"roleName": "deploy", "policyArn": P2},                           "deploy"),
    ("UpdateAssumeRolePolicy",     {"roleName": "deploy", "policyDocument": DENY},                    "deploy"),
    ("SetDefaultPolicyVersion",    {"policyArn": P1, "versionId": "v2"},                              "alice"),
    ("UpdateGroup",                {"groupName": "people", "newGroupName": "folk"},                   "alice"),
    ("PutGroupPolicy",             {"groupName": "folk", "policyName": "g", "policyDocument": DENY},  "alice"),
)  # fmt: skip  # a table
ALICES, DEPLOYS = len(RECORDS), len(RECORDS) + 1


def call(name, parameters, at, identity=ROOT, account=ACCOUNT, error=None):
    response = (
        {"policy": {"arn": f"arn:aws:iam::{ACCOUNT}:policy/{parameters['policyName']}"}}
        if name == "CreatePolicy"
        else None
    )
    return events.event(
        request_id="r", at=at, source="iam.amazonaws.com", name=name, region="us-east-1", identity=identity, invoked_by=None,
        source_ip="192.0.2.1", user_agent="boto3", error=error, parameters=parameters, response=response, notes=Notes(),
        read_only=False, recipient_account=account, tls=None, shared_id=None,
    )  # fmt: skip  # one call


def made(open_log, folder, signer):
    log = open_log(folder)
    content = [call(name, parameters, NOW + n) for n, (name, parameters, _) in enumerate(RECORDS)]
    content += [call("Decrypt", {}, NOW + 100, ALICE), call("Decrypt", {}, NOW + 100, ROLE)]
    content.append(call("PutUserPolicy", {"userName": "alice", "policyName": "later"}, NOW + 200))
    content.append(call("PutUserPolicy", {"userName": "alice"}, NOW, account=OTHER))
    content.append(call("PutUserPolicy", {"userName": "alice"}, NOW, error=("LimitExceeded", None)))
    first = {"userName": "admin", "userId": "AIDA1", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    content.append(internal_event("CreateAccount", account=ACCOUNT, region="us-east-1", at=NOW, details=first))
    log.append([(7, number + 1, event) for number, event in enumerate(content)])
    log.checkpoint(signer.sign)
    (folder / "checkpoint.vkeys").write_text("".join(f"{key}\n" for key in signer.verifiers))
    return {one.number: one for one in scan(folder, Sought())}


def context(folder, found, asked=Sought()):  # noqa: B008  # frozen
    return sorted(one.number for one in in_force.scanned(folder, found, "", asked))


@pytest.mark.parametrize(("number", "who"), [(ALICES, {"alice"}), (DEPLOYS, {"deploy"})])
def test_what_made_a_callers_policies_is_found_and_nothing_of_others(open_log, folder, signer, number, who):
    records = made(open_log, folder, signer)

    found = context(folder, [records[number]])

    assert found == [n for n, (_, _, of) in enumerate(RECORDS) if of in who]


def test_who_was_asked_for_and_did_nothing_has_policies_too(open_log, folder, signer):
    made(open_log, folder, signer)

    found = context(folder, [], Sought(principal=f"arn:aws:iam::{ACCOUNT}:role/deploy", until=NOW + 100))

    assert found == [n for n, (_, _, of) in enumerate(RECORDS) if of == "deploy"]


def test_the_first_user_of_an_account_is_in_its_own_record(open_log, folder, signer):
    records = made(open_log, folder, signer)

    (found,) = context(folder, [records[0]])  # the administrator's call

    assert records[found].seen.event_name == "CreateAccount"


@pytest.mark.parametrize(
    "arn", [None, "alice", f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/s", f"arn:aws:iam::{ACCOUNT}:root"]
)
def test_what_is_no_user_or_role_has_no_policies(arn):
    assert of_arn(arn) is None


def test_one_byte_of_an_identity_policy_in_a_bundle_is_found(open_log, folder, signer, tmp_path, capsys):
    records = made(open_log, folder, signer)
    target = tmp_path / "e.zip"
    bundle(Source(folder, context=context(folder, [records[ALICES]])), [ALICES], {}, target)
    keys = [str(key) for key in signer.verifiers]
    assert check(target, keys, None) == PROVEN
    assert "PutGroupPolicy by arn:aws:iam::111122223333:user/admin, for its policy or grant" in capsys.readouterr().out

    with zipfile.ZipFile(target) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    lines = content["events.jsonl"].splitlines()
    of_policies = [n for n, line in enumerate(lines) if b"policyDocument" in line]
    assert len(of_policies) == 5
    for number in of_policies:
        changed = list(lines)
        changed[number] = changed[number].replace(b"Deny", b"Denz")
        forge(target, {**content, "events.jsonl": b"\n".join(changed) + b"\n"})
        assert check(target, keys, None) == CONTRADICTION
        assert "is not in the log" in capsys.readouterr().out


def forge(target, content):
    """With a manifest that fits."""
    from hashlib import sha256

    manifest = json.loads(content["manifest.json"])
    manifest["files"]["events.jsonl"] = sha256(content["events.jsonl"]).hexdigest()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in {**content, "manifest.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, data)
