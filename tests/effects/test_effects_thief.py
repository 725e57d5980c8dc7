"""Somebody with SQL and nothing else gives himself access: whatever he changes has no record, and is found.

Each test is one theft on a stopped node. Nothing is found of a node that nobody has touched, whatever was done to it by its API.
"""

import asyncio
import hashlib
import json
import re
import shutil
import sqlite3
import time
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from keystead.cli.trail import application
from keystead.database.engine import Database
from keystead.effects.accounts import Accounts, Told, show
from keystead.testing import running
from keystead.trail import blocks
from keystead.trail.log import Log
from keystead.trail.verify import verify

REGION, OTHER = "us-east-1", "eu-west-1"
DAY = 86400.0


def policy(*statements, principal=None):
    made = [{"Effect": effect, "Action": action, "Resource": "*"} for effect, action in statements]
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{**one, **({"Principal": principal} if principal else {})} for one in made],
        }
    )


EVERYTHING = policy(("Allow", "*"))
NOTHING = policy(("Deny", "*"))


@dataclass
class Stopped:
    """Copies of a node's database and log, and the names of what is in them."""

    data: Path
    account: str
    key: str
    names: dict[str, str]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Stopped:
    with running() as keystead:
        names = lived_in(keystead)
        data = tmp_path_factory.mktemp("stopped") / "data"
        waited_until_recorded(keystead)
        keystead.client("cloudtrail").lookup_events()  # waits until all is indexed
        shutil.copytree(keystead.data, data, ignore=shutil.ignore_patterns("keystead.db*"))
        with sqlite3.connect(keystead.data / "keystead.db") as live, sqlite3.connect(data / "keystead.db") as copy:
            live.backup(copy)
        return Stopped(data, keystead.account, names["key"], names)


def waited_until_recorded(keystead):
    """What falls due is recorded by the scheduler, in its own time."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with sqlite3.connect(keystead.data / "keystead.db") as live:
            if live.execute("select count(*) from trail_outbox").fetchone() == (0,):
                return
        time.sleep(0.05)
    pytest.fail("the outbox was not emptied")


def lived_in(keystead) -> dict[str, str]:
    names = identities(keystead.client("iam"), keystead.client("sts"))
    names |= keys(keystead, names)
    names |= secrets(keystead)
    certificates(keystead.client("rolesanywhere"), keystead.account)
    keystead.do_what_falls_due(time.time() + 400 * DAY)
    return names


def identities(iam, sts):
    bob = iam.create_user(UserName="bob", Path="/staff/")["User"]
    trust = policy(("Allow", "sts:AssumeRole"), principal={"AWS": bob["Arn"]}).replace(', "Resource": "*"', "")
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust)["Role"]
    iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=trust.replace("Allow", "Deny"))
    iam.create_group(GroupName="people")
    iam.add_user_to_group(GroupName="people", UserName="bob")
    iam.put_user_policy(UserName="BOB", PolicyName="Inline", PolicyDocument=NOTHING)
    iam.put_group_policy(GroupName="people", PolicyName="passing", PolicyDocument=NOTHING)
    iam.delete_group_policy(GroupName="people", PolicyName="passing")
    arn = iam.create_policy(PolicyName="some", PolicyDocument=NOTHING)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=EVERYTHING)
    iam.attach_role_policy(RoleName="deploy", PolicyArn=arn)
    iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=arn)
    iam.update_user(UserName="bob", NewUserName="robert")
    first = iam.create_access_key(UserName="robert")["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName="robert", AccessKeyId=first, Status="Inactive")
    iam.create_access_key()
    iam.create_user(UserName="bob")  # somebody else of the same name
    iam.delete_user(UserName="bob")
    iam.create_open_id_connect_provider(Url="https://issuer.invalid", ClientIDList=["app"], ThumbprintList=["0" * 40])
    sts.get_session_token()
    sts.get_federation_token(Name="federated", Policy=NOTHING)
    return {"bob": bob["UserId"], "role": role["RoleId"], "policy": arn, "inactive": first}


def certificates(rolesanywhere, account):
    source = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": authority()}}
    anchor = rolesanywhere.create_trust_anchor(name="ours", source=source, enabled=True)["trustAnchor"]["trustAnchorId"]
    rolesanywhere.disable_trust_anchor(trustAnchorId=anchor)
    rolesanywhere.create_profile(name="ours", roleArns=[f"arn:aws:iam::{account}:role/deploy"], enabled=True)


def authority() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=9))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def keys(keystead, names):
    kms, elsewhere = keystead.client("kms"), keystead.client("kms", region_name=OTHER)
    robert = f"arn:aws:iam::{keystead.account}:user/staff/robert"
    administrator = f"arn:aws:iam::{keystead.account}:user/administrator"
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.put_key_policy(KeyId=key, Policy=policy(("Allow", "kms:*"), principal={"AWS": [robert, administrator]}))
    kms.put_key_policy(KeyId=key, Policy=policy(("Allow", "kms:*"), principal="*"))
    kms.replicate_key(KeyId=key, ReplicaRegion=OTHER)
    elsewhere.create_alias(AliasName="alias/there", TargetKeyId=key)
    kms.create_alias(AliasName="alias/here", TargetKeyId=key)
    off = kms.create_key(Policy=policy(("Allow", "kms:*"), principal={"AWS": "*"}))["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=off)
    kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    dying = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_grant(KeyId=dying, GranteePrincipal=robert, Operations=["Encrypt"])
    kms.schedule_key_deletion(KeyId=dying, PendingWindowInDays=7)
    grant = kms.create_grant(
        KeyId=key, GranteePrincipal=robert, Operations=["Decrypt", "Encrypt"],
        Constraints={"EncryptionContextSubset": {"app": "one"}}, Name="one", RetiringPrincipal=robert,
    )["GrantId"]  # fmt: skip
    revoked = kms.create_grant(KeyId=key, GranteePrincipal=robert, Operations=["Decrypt"])["GrantId"]
    kms.revoke_grant(KeyId=key, GrantId=revoked)
    retired = kms.create_grant(KeyId=key, GranteePrincipal=robert, Operations=["Decrypt"])
    kms.retire_grant(GrantToken=retired["GrantToken"])
    kms.enable_key_rotation(KeyId=key)
    kms.rotate_key_on_demand(KeyId=key)
    return {"key": key, "off": off, "grant": grant, "revoked": revoked}


def secrets(keystead):
    manager, parameters = keystead.client("secretsmanager"), keystead.client("ssm")
    elsewhere = keystead.client("secretsmanager", region_name=OTHER)
    manager.create_secret(Name="db", SecretString="v", AddReplicaRegions=[{"Region": OTHER}])
    manager.put_secret_value(SecretId="db", SecretString="w")
    manager.put_resource_policy(
        SecretId="db", ResourcePolicy=policy(("Deny", "secretsmanager:DeleteSecret"), principal="*")
    )
    manager.create_secret(Name="on-its-own", SecretString="v", AddReplicaRegions=[{"Region": OTHER}])
    elsewhere.stop_replication_to_replica(SecretId="on-its-own")  # without a policy, as its primary
    parameters.put_parameter(Name="/a/b", Value="v", Type="String", Tier="Advanced")
    parameters.put_parameter(Name="/a/b", Value="w", Type="String", Overwrite=True)
    arn = f"arn:aws:ssm:{REGION}:{keystead.account}:parameter/a/b"
    shared = policy(("Allow", "ssm:GetParameter"), principal={"AWS": keystead.account}).replace('"*"}', f'"{arn}"}}')
    shared = json.dumps({**json.loads(shared), "Statement": [{**json.loads(shared)["Statement"][0], "Resource": arn}]})
    parameters.put_resource_policy(ResourceArn=arn, Policy=shared)
    parameters.put_parameter(Name="/gone", Value="v", Type="SecureString")
    parameters.delete_parameter(Name="/gone")
    return {"parameter": arn}


def compared(data: Path) -> Told:
    """One client made one call after another."""
    with sqlite3.connect(data / "keystead.db") as database:
        ((node,),) = database.execute("select node from trail_positions")
    accounts = Accounts(moment(data, node), [], lambda: None, tolerance=0)
    verify(data / "trail", see=accounts.see)
    return accounts.told(data / "trail")


def after(stopped: Stopped, folder: Path, *statements: str) -> list[str]:
    """What is found when somebody has done this to the database."""
    data = folder / "data"
    data.mkdir()
    shutil.copy(stopped.data / "keystead.db", data)
    (data / "trail").symlink_to(stopped.data / "trail")
    with sqlite3.connect(data / "keystead.db") as database:
        changed = [
            database.execute(one.format(account=stopped.account, **stopped.names)).rowcount for one in statements
        ]
    assert all(changed), changed
    told = compared(data)
    assert list(told.doubts) == []
    return list(told.findings)


def test_nothing_is_found_where_nobody_was(stopped):
    told = compared(stopped.data)

    assert (list(told.findings), list(told.doubts)) == ([], [])
    assert told.facts > 40
    assert told.records > 40


THEFTS = {
    "a grant to himself": (
        ("insert into key_grants select 'ee' || substr(id, 3), region, key_id, key_account, name, grantee, grantee_id, retiring,"
        " retiring_id, operations, constraints, source_arn, issuing_account, created_at, null, null from key_grants"
        " where id = '{grant}'"),
        ": grant ee",
    ),
    "a grant that has ended": (
        "update key_grants set ended_at = null, ended_by = null where id = '{revoked}'",
        ": grant {revoked}",
    ),
    "more operations by a grant": (
        """update key_grants set operations = '["Decrypt", "Encrypt", "CreateGrant"]' where id = '{grant}'""",
        "grant {grant} to arn:aws:iam::{account}:user/staff/robert",
    ),
    "a grant without its constraint": ("update key_grants set constraints = '{{}}' where id = '{grant}'", "grant {grant}"),
    "a grant to another": (
        "update key_grants set grantee = 'arn:aws:iam::{account}:user/administrator' where id = '{grant}'",
        "grant {grant}",
    ),
    "a grant to another behind the same name": (
        "update key_grants set grantee_id = (select id from entities where name = 'administrator') where id = '{grant}'",
        "which grant {grant}",
    ),
    "a grant taken away": ("delete from key_grants where id = '{grant}'", "made grant {grant}"),
    "a key's policy": (
        "update keys set policy = replace(policy, 'Allow', 'Deny') where id = '{key}' and region = 'us-east-1'",
        "the policy of key arn:aws:kms:us-east-1:{account}:key/{key}",
    ),
    "a replica's policy": (
        "update keys set policy = replace(policy, 'kms:*', 'kms:D*') where id = '{key}' and region = 'eu-west-1'",
        "the policy of key arn:aws:kms:eu-west-1:{account}:key/{key}",
    ),
    "who a key's policy takes a name for": (
        """update keys set policy_ids = '{{"arn:aws:iam::{account}:user/administrator": "{bob}"}}' where id = '{key}'""",
        "{bob}, which the policy of key",
    ),
    "an AWS managed key's policy": (
        "update keys set policy = replace(policy, 'kms:ViaService', 'kms:Via') where manager = 'AWS'",
        "the policy of AWS managed key",
    ),
    "an AWS managed key's alias": (
        "update key_aliases set key_id = '{off}' where name = 'alias/aws/secretsmanager' and region = 'us-east-1'",
        "alias/aws/secretsmanager leads to key {off}",
    ),
    "an alias": ("update key_aliases set key_id = '{off}' where name = 'alias/here'", "alias/here"),
    "a key that was switched off": ("update keys set state = 'Enabled' where id = '{off}'", "state Enabled of key"),
    "a key": ("delete from keys where id = '{off}'", "made key arn:aws:kms:us-east-1:{account}:key/{off}"),
    "another key": (
        ("insert into keys select region, 'ffff', account, spec, usage, origin, manager, state, description, created_at,"
        " deletion_at, rotation_period, rotation_next_at, on_demand_rotations, policy, policy_ids, multi_region,"
        " primary_region, store_id, external_key_id, pending_days from keys where id = '{off}'"),
        "key arn:aws:kms:us-east-1:{account}:key/ffff",
    ),
    "a rotation": (
        ("insert into key_materials (region, key_id, version, material_id, token, made_at, rotation_type, pending)"
        " select region, key_id, 9, 'aa' || substr(material_id, 3), token, made_at, 'ON_DEMAND', 0 from key_materials"
        " where key_id = '{key}' and version = 1 and region = 'us-east-1'"),
        "material aa",
    ),
    "a user": (
        ("insert into entities (id, account, kind, name, folded, path, created_at) values"
        " ('AIDATHIEF', '{account}', 'user', 'thief', 'thief', '/', 1)"),
        "user/thief, AIDATHIEF, is in the database, since 1970-01-01T00:00:01.000Z, and no record made it",
    ),
    "an account": ("insert into accounts values ('999999999999', 1)", "account 999999999999 is in the database"),
    "another's name": ("update entities set name = 'x', folded = 'x' where id = '{bob}'", "{bob} under the name of"),
    "a trust policy": (
        "update entities set trust = replace(trust, 'Deny', 'Allow') where id = '{role}'",
        "the trust policy of arn:aws:iam::{account}:role/deploy is not in the database what record",
    ),
    "who a role trusts": ("update entities set trust_ids = '{{\"arn:x\": \"{bob}\"}}' where id = '{role}'", "takes arn:x for"),
    "a boundary": ("update entities set boundary = null where id = '{bob}'", "made boundary {bob}"),
    "another boundary": (
        "update entities set boundary = 'arn:aws:iam::aws:policy/AdministratorAccess' where id = '{bob}'",
        "the permissions boundary of",
    ),
    "an inline policy": (
        "update inline_policies set text = replace(text, 'Deny', 'Allow') where entity_id = '{bob}'",
        "inline policy Inline of arn:aws:iam::{account}:user/staff/robert is not in the database what record",
    ),
    "an inline policy that denies": ("delete from inline_policies where entity_id = '{bob}'", "made inline policy inline of"),
    "an attachment": (
        "insert into attachments values ('{bob}', 'arn:aws:iam::aws:policy/AdministratorAccess')",
        "policy arn:aws:iam::aws:policy/AdministratorAccess, attached to arn:aws:iam::{account}:user/staff/robert",
    ),
    "an attachment taken away": ("delete from attachments where entity_id = '{role}'", "made attached policy {policy}"),
    "a membership taken away": ("delete from group_members", "made member {bob} of"),
    "a policy's version": (
        "update policy_versions set text = replace(text, 'Deny', 'Allow') where version = 1",
        "version v1 of policy {policy}",
    ),
    "which version counts": ("update policies set default_version = 2", "the default version of policy {policy}"),
    "an access key": (
        "insert into access_keys select 'AKIATHIEF', user_id, secret_token, status, created_at from access_keys limit 1",
        "access key AKIATHIEF of",
    ),
    "whose an access key is": (
        "update access_keys set user_id = (select id from entities where name = 'administrator') where id = '{inactive}'",
        "access key {inactive}",
    ),
    "an access key that was switched off": (
        "update access_keys set status = 'Active' where id = '{inactive}'",
        "state Active of access key {inactive}",
    ),
    "whose a session is": (
        "update sessions set entity_id = '{role}' where policy is null",
        "session ASIA",
    ),
    "a longer session": ("update sessions set expires_at = expires_at + 86400", "the end of session ASIA"),
    "what narrows a session": ("update sessions set policy = null where policy is not null", "what narrows session ASIA"),
    "a provider": (
        "insert into oidc_providers select 'XX', account, 'thief.invalid', client_ids, thumbprints, created_at from oidc_providers",
        "oidc-provider/thief.invalid",
    ),
    "a provider's audience": ("""update oidc_providers set client_ids = '["app", "his"]'""", "client id his of"),
    "a trust anchor": (
        ("insert into anywhere values ('RA1', 'u-1', 'trust-anchor', '{account}', 'us-east-1', 'his', 1,"
        """ '{{"bundle": "PEM"}}', 1, 1)"""),
        "trust-anchor u-1 (his)",
    ),
    "a trust anchor that was switched off": (
        "update anywhere set enabled = 1 where kind = 'trust-anchor'",
        "state enabled of trust-anchor",
    ),
    "a profile's roles": ("""update anywhere set content = replace(content, 'role/deploy', 'role/x')""", "profile "),
    "a secret's version": (
        ("insert into secret_versions select secret_id, 'his', created_at, kind, sealed, data_key, key_arn, default_key,"
        " accessed_on from secret_versions limit 1"),
        "version his of secret",
    ),
    "a secret's policy": (
        "update secrets set policy = replace(policy, 'Deny', 'Allow') where region = 'us-east-1'",
        "the resource policy of secret arn:aws:secretsmanager:us-east-1",
    ),
    "a secret's policy taken away": (
        "update secrets set policy = null",
        "made secret policy arn:aws:secretsmanager:us-east-1",
    ),
    "a replica's secret policy": (
        "update secrets set policy = replace(policy, 'Deny', 'Allow') where region = 'eu-west-1'",
        "the resource policy of secret arn:aws:secretsmanager:eu-west-1",
    ),
    "a parameter's version": (
        ("insert into parameter_versions select parameter_id, 7, at, by, type, tier, data_type, encoding, content, key, key_arn,"
        " description, pattern, policies from parameter_versions where number = 2"),
        "version 7 of parameter {parameter}",
    ),
    "a parameter's policy": (
        "update parameters set policy = replace(policy, 'GetParameter', 'Get*') where name = '/a/b'",
        "the resource policy of parameter {parameter}",
    ),
    "code that rotates": (
        "insert into rotation_functions values ('{account}', 'his', '/tmp', 'a.b', null, null, null, '[]', 1, 128, 1)",
        "rotation function his of account {account}",
    ),
}  # fmt: skip  # a table


@pytest.mark.parametrize("theft", THEFTS)
def test_a_theft_by_sql_is_found(stopped, tmp_path, theft):
    statement, told = THEFTS[theft]

    found = after(stopped, tmp_path, statement)

    wanted = told.format(account=stopped.account, **stopped.names)
    assert any(wanted in f": {one}" for one in found), found


def test_the_command_names_the_theft_and_ends_with_1(stopped, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(stopped.data, data)
    with sqlite3.connect(data / "keystead.db") as database:
        database.execute("update policies set default_version = 2")

    def run(*options):
        return CliRunner().invoke(application, ["verify", "--data", str(data), *options])

    assert run().exit_code == 1
    assert (
        f"! the default version of policy {stopped.names['policy']} is not in the database what record" in run().stdout
    )
    assert run("--log-only").exit_code == 2  # nothing is signed in this house, and nothing contradicts it


def test_an_event_that_waits_explains_and_proves_nothing(stopped, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(stopped.data / "keystead.db", data)
    (data / "trail").symlink_to(stopped.data / "trail")
    event = {
        "eventSource": "kms.amazonaws.com", "eventName": "RotateKey", "recipientAccountId": stopped.account,
        "awsRegion": REGION, "serviceEventDetails": {"keyMaterialId": "ab"},
        "resources": [{"ARN": f"arn:aws:kms:{REGION}:{stopped.account}:key/{stopped.key}"}],
    }  # fmt: skip
    with sqlite3.connect(data / "keystead.db") as database:
        database.execute(
            "insert into key_materials (region, key_id, version, material_id, token, made_at, pending)"
            " values (?, ?, 8, 'ab', x'00', 1, 0)",
            (REGION, stopped.key),
        )
        database.execute(
            "insert into trail_outbox (event) values (?)", (json.dumps(event, separators=(",", ":")).encode(),)
        )

    told = compared(data)

    assert list(told.findings) == []
    assert "waits to be recorded" in told.doubts[0]


def moment(data: Path, own: str, here=()):
    async def run():
        database = Database.open(f"sqlite+aiosqlite:///{data / 'keystead.db'}")
        try:
            return await show(database, own, here)
        finally:
            await database.close()

    return asyncio.run(run())


def compared_by(data: Path, own: str, others=()) -> Told:
    """As a node that has recorded nothing itself."""
    accounts = Accounts(moment(data, own, [name for name, _ in others]), others, lambda: None)
    return accounts.told(data / "none")


def test_what_another_node_has_recorded_is_taken_from_the_index_or_from_its_log(stopped):
    node = json.loads((stopped.data / "keystead.json").read_bytes())["node"]

    by_index, by_log = (
        compared_by(stopped.data, "n2"),
        compared_by(stopped.data, "n2", [(node, stopped.data / "trail")]),
    )

    for told, absent in ((by_index, [node]), (by_log, [])):
        assert (list(told.findings), list(told.doubts), list(told.nodes)) == ([], [], absent)
        assert told.records > 40


def forge(database):
    """The newest policy of a key that the index has says Deny where it said Allow. Its number."""
    for block, content in database.execute("select seq, content from trail_blocks order by seq desc").fetchall():
        records = blocks.opened(content)
        found = [place for place, (_, record) in enumerate(records) if b'"eventName":"PutKeyPolicy"' in record]
        if found:
            number, record = records[found[-1]]
            records[found[-1]] = number, record.replace(b"Allow", b"Deny")
            forged = zlib.compress(msgspec.msgpack.encode(records))
            database.execute("update trail_blocks set content = ? where seq = ?", (forged, block))
            return number
    raise LookupError


def test_what_is_forged_in_the_index_is_found_on_the_node_that_it_is_said_to_be_of(stopped, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(stopped.data / "keystead.db", data)
    node = json.loads((stopped.data / "keystead.json").read_bytes())["node"]
    with sqlite3.connect(data / "keystead.db") as database:
        database.execute("insert into trail_positions (node, ordinal, last) values ('n2', 7, -1)")
        number = forge(database)

    accounts = Accounts(moment(data, node), [], lambda: None)
    verify(stopped.data / "trail", see=accounts.see)
    told = accounts.told(stopped.data / "trail")

    assert list(told.findings) == [
        f"the index has a record {number & (1 << 48) - 1} of this node that its log does not have"
    ]


def test_an_operator_can_answer_for_what_no_record_made_and_is_seen_to(stopped, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(stopped.data, data)
    with sqlite3.connect(data / "keystead.db") as database:
        database.execute("delete from group_members")
        database.execute("insert into accounts values ('999999999999', 1)")

    def run(*options):
        return CliRunner().invoke(application, [*options, "--data", str(data)])

    assert "account 999999999999 is in the database" in run("settle").stdout
    assert run("verify").exit_code == 1
    assert "2 findings are to be recorded" in run("settle", "--yes").stdout
    waiting = run("verify")
    assert waiting.exit_code == 2
    assert "what explains 2 things in the database waits to be recorded" in waiting.stdout
    with sqlite3.connect(data / "keystead.db") as database:
        ((event,),) = database.execute("select event from trail_outbox").fetchall()
        database.execute("delete from trail_outbox")
    log = Log(data / "trail", lambda name, **_: name.encode())
    log.append([(7, 1, event)])
    log.close()

    assert "There is nothing to settle." in run("settle").stdout
    assert "An operator answers for what no call made, by record" in run("verify").stdout


GRANT = THEFTS["a grant to himself"][0]
WAITING = "insert into trail_outbox (event, proof) values (?, ?)"


def event_of(record: dict[str, object]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def test_a_grant_by_sql_with_a_forged_event_beside_it_is_a_contradiction_that_names_both(stopped, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(stopped.data, data)
    with sqlite3.connect(data / "keystead.db") as database:
        database.execute(GRANT.format(**stopped.names))
        (granted,) = database.execute("select id from key_grants where id like 'ee%'").fetchone()
        forged = {
            "eventSource": "keystead.amazonaws.com", "eventName": "EffectsSettled", "eventType": "AwsServiceEvent",
            "recipientAccountId": stopped.account, "awsRegion": REGION, "eventID": "his",
            "serviceEventDetails": {"settled": [list(one) for one in slots_of(data, granted)]},
        }  # fmt: skip  # a table
        database.execute(WAITING, (event_of(forged), bytes(61)))

    done = CliRunner().invoke(application, ["verify", "--data", str(data)])

    assert done.exit_code == 1
    assert f"grant {granted}" in done.stdout
    assert "row 1 of what waits to be recorded (EffectsSettled) was not made by this installation" in unnumbered(done)
    assert done.stdout.rstrip().endswith("CONTRADICTION")


def unnumbered(done) -> str:
    """Rows have been there before."""
    return re.sub(r"row \d+ of", "row 1 of", done.stdout)


def slots_of(data: Path, part: str):
    """What an event must say to explain what the database shows of a part."""
    found = moment(data, "none").facts
    return [(*one.slot, one.value, "") for one in found if one.slot.part == part]


def test_without_the_seal_a_forged_event_proves_nothing_and_is_said_not_to_be_judged(stopped, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(stopped.data / "keystead.db", data)
    (data / "trail").symlink_to(stopped.data / "trail")
    shutil.copy(stopped.data / "keystead.json", data)
    with sqlite3.connect(data / "keystead.db") as database:
        database.execute("insert into accounts values ('999999999999', 1)")
        forged = {
            "eventSource": "keystead.amazonaws.com", "eventName": "EffectsSettled", "recipientAccountId": stopped.account,
            "awsRegion": REGION, "serviceEventDetails": {"settled": [["account", "999999999999", "", "", ""]]},
        }  # fmt: skip  # a table
        database.execute(WAITING, (event_of(forged), None))

    done = CliRunner().invoke(application, ["verify", "--data", str(data)])

    assert done.exit_code == 2
    assert "the seal could not be opened, so whether this installation made it could not be told" in done.stdout

    with sqlite3.connect(data / "keystead.db") as database:
        database.execute("update trail_outbox set refused_at = 1")  # as a node has found it
    assert CliRunner().invoke(application, ["verify", "--data", str(data)]).exit_code == 1


def test_an_operator_answers_for_a_forged_event_and_it_is_gone(stopped, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(stopped.data, data)
    with sqlite3.connect(data / "keystead.db") as database:
        database.execute(WAITING, (b"{}", b"his"))

    done = CliRunner().invoke(application, ["settle", "--yes", "--data", str(data)])

    assert "(no event) was not made by this installation" in done.stdout
    with sqlite3.connect(data / "keystead.db") as database:
        ((event,),) = database.execute("select event from trail_outbox").fetchall()
    (row,) = json.loads(event)["serviceEventDetails"]["notRecorded"]
    assert row[1:] == ["no event", hashlib.sha256(b"{}").hexdigest()]


def test_an_event_that_is_put_back_after_it_was_recorded_explains_nothing_more(stopped, tmp_path):
    """An operator answers for an account; it goes by a record; a thief brings it back, with the row of before."""
    data = tmp_path / "data"
    shutil.copytree(stopped.data, data)
    with sqlite3.connect(data / "keystead.db") as database:
        database.execute("insert into accounts values ('999999999999', 1)")
    assert CliRunner().invoke(application, ["settle", "--yes", "--data", str(data)]).exit_code == 0
    with sqlite3.connect(data / "keystead.db") as database:
        ((event,),) = database.execute("select event from trail_outbox").fetchall()
    gone = json.loads(event)
    gone["eventID"] = "another"
    gone["serviceEventDetails"]["settled"][0][3] = None
    log = Log(data / "trail", lambda name, **_: name.encode())
    log.append([(7, 1, event)])
    log.append([(7, 2, event_of(gone))])
    log.append([(7, 3, event)])  # put back once it was recorded, and recorded again; the row waits yet another time
    log.close()

    accounts = Accounts(moment(data, "none"), [], lambda: None, tolerance=0)
    verify(data / "trail", see=accounts.see)
    told = accounts.told(data / "trail")

    assert any("account 999999999999" in one and one.endswith("took it away") for one in told.findings), told
