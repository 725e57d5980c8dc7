"""`keystead who-can` on a populated store: each of its answers is tried, and comes to what it says."""

import json

import pytest
from botocore.exceptions import ClientError

HOME = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
AWAY = {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}
BLUE = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}


class Town:
    """An account with a key of every kind of way to it, and a client for each principal."""

    def __init__(self, house, words):
        self.house, self.words = house, words
        self.account = house.create_account()
        self.credentials = {
            "AccessKeyId": self.account.access_key_id,
            "SecretAccessKey": self.account.secret_access_key,
        }
        self.iam, self.kms, self.sts = (house.client(one, self.credentials) for one in ("iam", "kms", "sts"))
        self.keys = {}

    def arn(self, kind, name):
        return f"arn:aws:iam::{self.account.account}:{kind}/{name}"

    def user(self, name, *statements, **more):
        self.iam.create_user(UserName=name, **more)
        if statements:
            self.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=self.words.document(*statements))
        self.keys[name] = self.iam.create_access_key(UserName=name)["AccessKey"]
        return self.arn("user", name)

    def role(self, name, trusted, *statements, trust=None):
        document = self.words.document(*(trust or [self.words.trust(trusted)]))
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=self.words.document(*statements))
        return self.arn("role", name)

    def client(self, service, name):
        return self.house.client(service, self.keys[name])

    def assume(self, name, role, **more):
        """Credentials of a role for a user, or for who has credentials already."""
        given = self.keys[name] if isinstance(name, str) else name
        sts = self.house.client("sts", given)
        return sts.assume_role(RoleArn=role, RoleSessionName="s1", **more)["Credentials"]


@pytest.fixture(scope="module")
def town(house, words):
    town = Town(house, words)
    allow, deny, to = words.allow, words.deny, words.to
    decrypt = allow("kms:Decrypt")
    town.user("direct")
    town.user("delegated", decrypt)
    town.user("wildcard", allow("kms:De*", resource=f"arn:aws:kms:*:{town.account.account}:key/*"))
    town.user("elsewhere", allow("kms:Decrypt", resource="arn:aws:kms:us-east-1:111122223333:key/x"))
    town.user("nothing")
    town.user("encrypts", allow("kms:Encrypt"))
    town.user("denied", decrypt, deny("kms:*"))
    town.user("stopped", decrypt)
    town.user("at-home", allow("kms:Decrypt", Condition=HOME))
    town.user("away", allow("kms:Decrypt", Condition=AWAY))
    town.user("blue", allow("kms:Decrypt", Condition=BLUE), Tags=[{"Key": "team", "Value": "blue"}])
    town.user("red", allow("kms:Decrypt", Condition=BLUE), Tags=[{"Key": "team", "Value": "red"}])
    town.user("granted")
    town.user("granted-context")
    town.user("granted-encrypt")
    town.user("member")
    town.iam.create_group(GroupName="readers")
    town.iam.put_group_policy(GroupName="readers", PolicyName="own", PolicyDocument=words.document(decrypt))
    town.iam.add_user_to_group(GroupName="readers", UserName="member")
    town.user("bounded", decrypt)
    town.user("bounded-direct")
    bounds = town.iam.create_policy(PolicyName="bounds", PolicyDocument=words.document(allow("s3:*")))["Policy"]["Arn"]
    for name in ("bounded", "bounded-direct"):
        town.iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=bounds)
    town.user("chained", allow("sts:AssumeRole"))
    town.user("named-by-role")
    town.user("chained-twice", allow("sts:AssumeRole"))
    town.user("with-id", allow("sts:AssumeRole"))
    town.role("reads", town.account.account, decrypt)
    town.role("reads-named", town.arn("user", "named-by-role"), decrypt)
    town.role("ring-one", town.account.account)
    town.role("ring-two", town.arn("role", "ring-one"))
    town.iam.update_assume_role_policy(
        RoleName="ring-one",
        PolicyDocument=words.document(words.trust([town.arn("user", "chained-twice"), town.arn("role", "ring-two")])),
    )
    town.role("last", town.arn("role", "ring-two"), decrypt)
    external = words.trust(town.arn("user", "with-id"), Condition={"StringEquals": {"sts:ExternalId": "abc"}})
    town.role("external", None, decrypt, trust=[external])
    town.user("grants", allow("kms:CreateGrant"))
    town.user("puts", allow("kms:PutKeyPolicy", "kms:GetKeyPolicy"))
    town.user("self-serving", allow("iam:PutUserPolicy", resource="*"))
    town.user("becoming", allow("iam:CreateAccessKey", resource=town.arn("user", "delegated")))
    town.user("joining", allow("iam:AddUserToGroup"))
    town.user("attaching-elsewhere", allow("iam:PutUserPolicy", resource=town.arn("user", "nobody")))
    statements = [
        to(f"arn:aws:iam::{town.account.account}:root", "kms:*", Sid="Account"),
        to(town.arn("user", "direct"), "kms:Decrypt", Sid="Direct"),
        to(town.arn("user", "bounded-direct"), "kms:Decrypt", Sid="BoundedDirect"),
        to(town.arn("user", "stopped"), "kms:Decrypt", effect="Deny", Sid="Stop"),
        to(f"arn:aws:sts::{town.account.account}:assumed-role/reads/only", "kms:Decrypt", Sid="Session"),
    ]
    town.key = town.kms.create_key(Policy=words.document(*statements))["KeyMetadata"]
    town.blob = town.kms.encrypt(KeyId=town.key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    town.blob_in_context = town.kms.encrypt(
        KeyId=town.key["KeyId"], Plaintext=b"x", EncryptionContext={"a": "1", "b": "2"}
    )["CiphertextBlob"]
    for name, more in {
        "granted": {"Operations": ["Decrypt"]},
        "granted-context": {"Operations": ["Decrypt"], "Constraints": {"EncryptionContextSubset": {"a": "1"}}},
        "granted-encrypt": {"Operations": ["Encrypt"]},
    }.items():
        town.kms.create_grant(KeyId=town.key["KeyId"], GranteePrincipal=town.arn("user", name), **more)
    return town


@pytest.fixture(scope="module")
def found(town, keystead):
    return keystead(
        "who-can", "decrypt", town.key["KeyId"], "--output", "json",
        AWS_ACCESS_KEY_ID=town.account.access_key_id, AWS_SECRET_ACCESS_KEY=town.account.secret_access_key,
    )  # fmt: skip


def of(found, arn, *kinds):
    return [row for row in found if row["principal"] == arn and (not kinds or row["kind"] in kinds)]


OWN = ("policy", "delegated", "grant")


def may_decrypt(client, **more):
    try:
        client.decrypt(**more)
    except client.exceptions.ClientError as refused:
        code = refused.response["Error"]["Code"]
        if code != "AccessDeniedException":
            raise
        return False
    return True


def test_every_row_has_the_four_members(found):
    assert all(row.keys() == {"principal", "path", "kind", "conditions", "last_used"} for row in found)
    assert all(isinstance(row["path"], str) and row["path"] for row in found)


def test_every_user_is_listed_exactly_when_its_attempt_succeeds(town, found):
    """Whether its conditions are those of this place is known to the test: away is not, at home is."""
    for name in town.keys:
        client = town.client("kms", name)
        rows = of(found, town.arn("user", name), *OWN)
        met = [
            row for row in rows if not any("198.51.100.0/24" in one or "context" in one for one in row["conditions"])
        ]

        assert may_decrypt(client, KeyId=town.key["KeyId"], CiphertextBlob=town.blob) is bool(met), (name, rows)


WAYS = {
    # user, kind, conditions, what the path tells
    "direct": ("policy", [], "key policy, statement Direct"),
    "delegated": ("delegated", [], "key policy, statement Account → inline policy own of user delegated, statement 1"),
    "wildcard": ("delegated", [], "inline policy own of user wildcard"),
    "at-home": ("delegated", ["aws:sourceip IpAddress 127.0.0.0/8"], "inline policy own of user at-home"),
    "away": ("delegated", ["aws:sourceip IpAddress 198.51.100.0/24"], "inline policy own of user away"),
    "blue": ("delegated", [], "inline policy own of user blue"),
    "member": ("delegated", [], "inline policy own of group readers"),
    "granted": ("grant", [], "grant "),
    "granted-context": ("grant", ["encryption context contains a=1"], "grant "),
    "bounded-direct": ("policy", [], "key policy, statement BoundedDirect"),
}


@pytest.mark.parametrize("name", WAYS)
def test_the_path_is_told_with_its_conditions(town, found, name):
    kind, conditions, path = WAYS[name]

    (row,) = of(found, town.arn("user", name), *OWN)

    assert (row["kind"], row["conditions"]) == (kind, conditions)
    assert path in row["path"]


@pytest.mark.parametrize(
    "name", ["elsewhere", "nothing", "encrypts", "denied", "stopped", "red", "granted-encrypt", "attaching-elsewhere"]
)
def test_who_cannot_is_not_listed(town, found, name):
    assert of(found, town.arn("user", name)) == []


def test_a_grant_under_a_context_opens_what_was_sealed_in_it(town, found):
    client = town.client("kms", "granted-context")

    assert may_decrypt(client, CiphertextBlob=town.blob_in_context, KeyId=town.key["Arn"],
                       EncryptionContext={"a": "1", "b": "2"})  # fmt: skip


def test_roles_are_listed_and_their_sessions_decrypt(town, found):
    assert {row["principal"] for row in found if ":role/" in row["principal"] and row["kind"] in OWN} == {
        town.arn("role", name) for name in ("reads", "reads-named", "last", "external")
    }
    session = town.house.client("kms", town.assume("chained", town.arn("role", "reads")))
    assert may_decrypt(session, CiphertextBlob=town.blob)


def test_a_session_that_the_key_names_is_a_principal_of_its_own(town, found):
    arn = f"arn:aws:sts::{town.account.account}:assumed-role/reads/only"

    (row,) = of(found, arn)

    assert (row["kind"], row["path"]) == ("policy", "key policy, statement Session")


CHAINS = {
    # user, roles on the way in their order, conditions
    "chained": (["reads"], []),
    "named-by-role": (["reads-named"], []),
    "chained-twice": (["ring-one", "ring-two", "last"], []),
    "with-id": (["external"], ["to assume external: sts:externalid StringEquals abc"]),
}


@pytest.mark.parametrize("name", CHAINS)
def test_roles_that_lead_there_are_told_and_lead_there(town, found, name):
    roles, conditions = CHAINS[name]
    (row,) = [
        row for row in of(found, town.arn("user", name), "role-chain") if f"assume {town.arn('role', roles[0])}" in row["path"]
    ]  # fmt: skip
    positions = [row["path"].index(town.arn("role", role)) for role in roles]
    more = {"ExternalId": "abc"} if conditions else {}

    credentials = town.keys[name]
    for role in roles:
        credentials = town.assume(credentials, town.arn("role", role), **more)

    assert row["conditions"] == conditions
    assert positions == sorted(positions)
    assert may_decrypt(town.house.client("kms", credentials), CiphertextBlob=town.blob)


def test_a_circle_of_roles_ends(town, found):
    rings = of(found, town.arn("role", "ring-one"), "role-chain") + of(
        found, town.arn("role", "ring-two"), "role-chain"
    )

    assert {row["principal"] for row in rings} == {town.arn("role", "ring-one"), town.arn("role", "ring-two")}


def test_who_may_not_become_a_role_has_no_chain(town, found):
    assert of(found, town.arn("user", "nothing"), "role-chain") == []
    with pytest.raises(ClientError, match="AccessDenied"):
        town.assume("nothing", town.arn("role", "reads"))


LEVERS = {
    "grants": "kms:CreateGrant",
    "puts": "kms:PutKeyPolicy",
    "self-serving": "iam:PutUserPolicy",
    "becoming": "iam:CreateAccessKey",
    "joining": "iam:AddUserToGroup",
}


def escalate(town, name):
    """What the path says, done by the one it says it of."""
    words, arn, key_id = town.words, town.arn("user", name), town.key["KeyId"]
    if name == "grants":
        town.client("kms", name).create_grant(KeyId=key_id, GranteePrincipal=arn, Operations=["Decrypt"])
    elif name == "puts":
        client = town.client("kms", name)
        policy = json.loads(client.get_key_policy(KeyId=key_id)["Policy"])
        policy["Statement"].append(words.to(arn, "kms:Decrypt"))
        client.put_key_policy(KeyId=key_id, Policy=json.dumps(policy))
    elif name == "self-serving":
        document = words.document(words.allow("kms:Decrypt"))
        town.client("iam", name).put_user_policy(UserName=name, PolicyName="more", PolicyDocument=document)
    elif name == "becoming":
        return town.client("iam", name).create_access_key(UserName="delegated")["AccessKey"]
    elif name == "joining":
        town.client("iam", name).add_user_to_group(GroupName="readers", UserName=name)
    return town.keys[name]


@pytest.mark.parametrize("name", LEVERS)
def test_who_could_let_itself_in_is_told_and_can(town, found, name):
    rows = of(found, town.arn("user", name))
    client = town.client("kms", name)

    assert {row["kind"] for row in rows} == {"could-grant-itself"}
    assert any(LEVERS[name] in row["path"] for row in rows)
    assert not may_decrypt(client, CiphertextBlob=town.blob)
    assert may_decrypt(town.house.client("kms", escalate(town, name)), CiphertextBlob=town.blob)


def test_last_use_is_told(town, keystead):
    town.client("kms", "delegated").decrypt(CiphertextBlob=town.blob)
    environment = {
        "AWS_ACCESS_KEY_ID": town.account.access_key_id,
        "AWS_SECRET_ACCESS_KEY": town.account.secret_access_key,
    }
    town.house.client("cloudtrail", town.credentials).lookup_events()  # waits for the index

    found = keystead("who-can", "decrypt", town.key["Arn"], "--output", "json", **environment)

    assert of(found, town.arn("user", "delegated"))[0]["last_used"] is not None
    assert of(found, town.arn("user", "away"))[0]["last_used"] is None


def test_the_table_reads_well(town, keystead):
    shown = keystead("who-can", "decrypt", town.key["Arn"], AWS_ACCESS_KEY_ID=town.account.access_key_id,
                     AWS_SECRET_ACCESS_KEY=town.account.secret_access_key)  # fmt: skip

    assert "key policy, statement Direct" in shown
    assert "aws:sourceip IpAddress 198.51.100.0/24" in shown


def test_another_accounts_key_is_not_answered_about(town, keystead):
    shown = keystead("who-can", "decrypt", town.key["Arn"], status=1)

    assert "AccessDeniedException" in shown


def test_a_key_that_is_not_there_is_said_so(keystead):
    shown = keystead("who-can", "decrypt", "alias/nothing", status=1)

    assert "ResourceNotFoundException" in shown
