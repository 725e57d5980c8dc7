"""`keystead blast-radius` and `keystead overdue`, and `keystead who-can read`: answers agree with what was done and can be done."""

import time
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

DAY = 86400.0


def stamp(at):
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Place:
    """An account of its own, with clients for its administrator and its users."""

    def __init__(self, house, keystead, words):
        self.house, self.words, self._run = house, words, keystead
        self.account = house.create_account()
        credentials = {"AccessKeyId": self.account.access_key_id, "SecretAccessKey": self.account.secret_access_key}
        self.iam, self.kms, self.secrets = (house.client(one, credentials) for one in ("iam", "kms", "secretsmanager"))
        self.trail = house.client("cloudtrail", credentials)

    def run(self, *words, **more):
        named = {"AWS_ACCESS_KEY_ID": self.account.access_key_id,
                 "AWS_SECRET_ACCESS_KEY": self.account.secret_access_key}  # fmt: skip
        return self._run(*words, **named, **more)

    def json(self, *words):
        return self.run(*words, "--output", "json")

    def user(self, name, *statements):
        arn = self.iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            self.allow(name, *statements)
        return arn, self.iam.create_access_key(UserName=name)["AccessKey"]

    def allow(self, name, *statements):
        self.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=self.words.document(*statements))


@pytest.fixture
def place(house, keystead, words):
    return Place(house, keystead, words)


def test_the_blast_radius_of_a_material_has_what_was_made_under_it(place, house, words):
    key = place.kms.create_key()["KeyMetadata"]
    arn, credentials = place.user("maker", words.allow("kms:GenerateDataKey"))
    maker = house.client("kms", credentials)
    first = maker.generate_data_key(KeyId=key["Arn"], KeySpec="AES_256")["KeyMaterialId"]
    place.kms.rotate_key_on_demand(KeyId=key["KeyId"])
    second = place.kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    place.trail.lookup_events()  # waits for the index
    newest = place.kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["CurrentKeyMaterialId"]

    old = place.json("blast-radius", "--key", key["KeyId"], "--material", first)
    new = place.json("blast-radius", "--key", key["KeyId"], "--material", newest)

    assert second["KeyId"] == key["Arn"]
    assert [one["subject"] for one in old if one["kind"] == "data-keys"] == [arn]
    assert [one for one in old if one["kind"] == "ciphertexts"] == []
    assert [one for one in new if one["kind"] == "data-keys"] == []
    assert [one["detail"] for one in new if one["kind"] == "ciphertexts"] == [f"Encrypt under material {newest}"]
    assert "could-decrypt" in {one["kind"] for one in old}


def test_the_blast_radius_of_a_key_has_its_secrets_and_grants(place):
    key = place.kms.create_key()["KeyMetadata"]
    arn, _ = place.user("grantee")
    place.kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=arn, Operations=["Decrypt"])
    secret = place.secrets.create_secret(Name="s", SecretString="x", KmsKeyId=key["Arn"])["ARN"]

    found = place.json("blast-radius", "--key", key["Arn"])

    assert [one["subject"] for one in found if one["kind"] == "secret"] == [secret]
    assert [one["subject"] for one in found if one["kind"] == "grant"] == [arn]


def test_the_blast_radius_of_a_key_at_a_time_is_by_the_policies_of_then(place, words):
    key = place.kms.create_key()["KeyMetadata"]
    arn, _ = place.user("was-able", words.allow("kms:Decrypt"))
    time.sleep(1.1)
    then = stamp(time.time())
    time.sleep(1.1)
    place.iam.delete_user_policy(UserName="was-able", PolicyName="own")

    before = place.json("blast-radius", "--key", key["Arn"], "--at", then)
    now = place.json("blast-radius", "--key", key["Arn"])

    assert arn in {one["subject"] for one in before if one["kind"] == "could-decrypt"}
    assert arn not in {one["subject"] for one in now if one["kind"] == "could-decrypt"}


def test_the_blast_radius_of_a_principal_has_what_it_could_and_what_it_did(place, house, words):
    key = place.kms.create_key()["KeyMetadata"]
    other = place.kms.create_key()["KeyMetadata"]
    secret = place.secrets.create_secret(Name="s", SecretString="x", KmsKeyId=key["Arn"])["ARN"]
    begin = stamp(time.time() - 1)
    arn, credentials = place.user("leaked", words.allow("kms:Decrypt", resource=key["Arn"]),
                                  words.allow("secretsmanager:GetSecretValue"))  # fmt: skip
    blob = place.kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    assert house.client("kms", credentials).decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert house.client("secretsmanager", credentials).get_secret_value(SecretId=secret)["SecretString"] == "x"
    place.iam.delete_user_policy(UserName="leaked", PolicyName="own")
    time.sleep(1.1)
    after = stamp(time.time())

    found = place.json("blast-radius", "--principal", arn, "--from", begin)
    later = place.json("blast-radius", "--principal", arn, "--from", after)

    could = {(one["kind"], one["subject"]) for one in found if one["kind"].startswith("could")}
    assert {("could-decrypt", key["Arn"]), ("could-read", secret)} <= could
    assert ("could-decrypt", other["Arn"]) not in could
    did = {(one["detail"], one["subject"]) for one in found if one["kind"] == "did"}
    assert {("Decrypt", key["Arn"]), ("GetSecretValue", secret)} <= did
    assert later == []


def test_who_can_read_a_secret_takes_both_permissions(place, house, words):
    key = place.kms.create_key()["KeyMetadata"]
    secret = place.secrets.create_secret(Name="s", SecretString="x", KmsKeyId=key["Arn"])["ARN"]
    through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{house.region}.amazonaws.com"}}
    context = {"StringEquals": {"kms:EncryptionContext:SecretARN": "arn:aws:secretsmanager:us-east-1:1:secret:other"}}
    read = words.allow("secretsmanager:GetSecretValue")
    made = {
        "both": place.user("both", read, words.allow("kms:Decrypt")),
        "through": place.user("through", read, words.allow("kms:Decrypt", Condition=through)),
        "secret-alone": place.user("secret-alone", read),
        "key-alone": place.user("key-alone", words.allow("kms:Decrypt")),
        "other-context": place.user("other-context", read, words.allow("kms:Decrypt", Condition=context)),
    }

    found = place.json("who-can", "read", "s")

    own = {one["principal"] for one in found if one["kind"] != "could-grant-itself" and not one["conditions"]}
    for arn, credentials in made.values():
        client = house.client("secretsmanager", credentials)
        try:
            client.get_secret_value(SecretId=secret)
            able = True
        except ClientError:
            able = False
        assert able is (arn in own), arn
    place.trail.lookup_events()  # waits for the index
    again = {one["principal"]: one["last_used"] for one in place.json("who-can", "read", secret)}
    assert again[made["both"][0]] is not None


def test_nothing_is_overdue_in_a_young_account(place):
    place.kms.create_key()

    assert place.json("overdue") == []
    assert "nothing" in place.run("overdue")


@pytest.mark.parametrize(
    "words",
    [(), ("--key", "k", "--principal", "p"), ("--key", "k", "--from", "2026-01-01T00:00:00Z"),
     ("--principal", "p", "--at", "2026-01-01T00:00:00Z"), ("--key", "k", "--at", "yesterday")],
)  # fmt: skip
def test_what_cannot_be_asked_is_said_so(place, words):
    place.run("blast-radius", *words, status=2)


def test_another_accounts_principal_is_refused(place):
    shown = place.run("blast-radius", "--principal", "arn:aws:iam::111122223333:user/x", status=1)

    assert "ValidationException" in shown
