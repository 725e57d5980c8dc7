"""The breach of 2019, played again: a forged request to a metadata service hands an attacker valid credentials of a role.

With the shipped templates they open no key and read nothing, neither where the role is at home nor from a foreign address, and
each attempt is on the record. The role itself goes on working through the service.
"""

import http.client
import json
import time
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import ClientError

from keystead.identities import templates
from keystead.identities.call import Call
from keystead.identities.errors import ForwardingUnproven
from keystead.testing import running

HOME, FOREIGN = "127.0.0.1", "127.0.0.2"
THROUGH = "secretsmanager.us-east-1.amazonaws.com"


class Raw:
    """What botocore reads an answer from."""

    def __init__(self, body):
        self.body = body

    def stream(self, *_, **__):
        yield self.body


def sent_from(client, address):
    """The same boto3 client, on a network interface of another address."""

    def send(request, **_):
        where = urlsplit(request.url)
        connection = http.client.HTTPConnection(where.hostname, where.port, source_address=(address, 0))
        connection.request(request.method, where.path or "/", request.body, dict(request.headers))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return AWSResponse(request.url, answer.status, HeadersDict(answer.getheaders()), Raw(body))

    client.meta.events.register("before-send", send)
    return client


class Scene:
    """A role that an application has, a key that protects its data, and a blob; all made by the administrator."""

    def __init__(self, house):
        self.house = house
        iam, kms = house.client("iam"), house.client("kms")
        trust = {"Effect": "Allow", "Principal": {"AWS": house.account}, "Action": "sts:AssumeRole"}
        self.role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=self.text(trust))["Role"]["Arn"]
        generous = {"Effect": "Allow", "Action": ["kms:*", "s3:*", "secretsmanager:*", "iam:Get*"], "Resource": "*"}
        iam.put_role_policy(RoleName="web", PolicyName="application", PolicyDocument=self.text(generous))
        home = json.dumps(templates.from_addresses([f"{HOME}/32"]))
        iam.put_role_policy(RoleName="web", PolicyName="from-addresses", PolicyDocument=home)
        policy = json.dumps(templates.key_for_service(house.account, "secretsmanager", house.region, [self.role]))
        self.key = kms.create_key(Policy=policy)["KeyMetadata"]
        self.stolen = house.client("sts").assume_role(RoleArn=self.role, RoleSessionName="i-0a1b")["Credentials"]
        self.blob = self.through_the_service("Encrypt", lambda use: use.encrypt(b"card numbers"))

    @staticmethod
    def text(*statements):
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    def through_the_service(self, operation, act):
        """What Secrets Manager's own code does when the role asks it for a secret."""

        async def run(house):
            await house.feed.catch_up()
            found = await house.identities.authenticate(self.stolen["AccessKeyId"], self.stolen["SessionToken"])
            asked = (found.caller, time.time(), HOME, "agent")
            call = Call("c1", "secretsmanager", "GetSecretValue", self.house.region, *asked)
            forwarded = call.forward("c2", "kms", operation, self.key["Arn"])
            if operation == "Encrypt":
                return await act(await house.keys.use(forwarded, operation, self.key["Arn"]))
            opened = await house.keys.use_to_open(forwarded, operation, self.blob, named=self.key["Arn"])
            return await act(opened)

        return self.house._call(run)

    def attacker(self, service, address):
        return sent_from(self.house.client(service, self.stolen), address)


@pytest.fixture(scope="module")
def scene():
    with running() as house:
        yield Scene(house)


def denial(operation, **asked):
    with pytest.raises(ClientError) as raised:
        operation(**asked)
    return raised.value.response["Error"]["Code"].removesuffix("Exception"), str(raised.value)


def test_the_credentials_are_valid(scene):
    assert scene.attacker("sts", FOREIGN).get_caller_identity()["Arn"].endswith("assumed-role/web/i-0a1b")


def test_the_application_works_through_its_service(scene):
    assert scene.through_the_service("Decrypt", lambda use: use.decrypt(scene.blob)) == b"card numbers"


@pytest.mark.parametrize("address", [HOME, FOREIGN])
def test_the_key_opens_nothing_directly(scene, address):
    kms = scene.attacker("kms", address)
    named = {"KeyId": scene.key["Arn"]}

    said = [
        denial(kms.decrypt, CiphertextBlob=scene.blob, **named),
        denial(kms.decrypt, CiphertextBlob=scene.blob),
        denial(kms.generate_data_key, KeySpec="AES_256", **named),
        denial(kms.re_encrypt, CiphertextBlob=scene.blob, DestinationKeyId=scene.key["Arn"]),
    ]

    assert [code for code, _ in said] == ["AccessDenied"] * 4


def test_no_grant_opens_a_way_round(scene):
    kms = scene.attacker("kms", HOME)

    code, text = denial(
        kms.create_grant, KeyId=scene.key["Arn"], GranteePrincipal=scene.role, Operations=["Decrypt", "Encrypt"]
    )

    assert code == "AccessDenied"
    assert "with an explicit deny in a resource-based policy" in text


def test_an_administrators_grant_opens_none_either(scene):
    with pytest.raises(ClientError):  # even the administrator cannot hand out direct use
        scene.house.client("kms").create_grant(
            KeyId=scene.key["Arn"], GranteePrincipal=scene.role, Operations=["Decrypt"]
        )


def test_nothing_is_answered_to_a_foreign_address(scene):
    kms, iam = scene.attacker("kms", FOREIGN), scene.attacker("iam", FOREIGN)

    said = [denial(kms.list_keys), denial(kms.create_key), denial(iam.get_role, RoleName="web")]

    assert all(code == "AccessDenied" and "explicit deny in an identity-based policy" in text for code, text in said)
    assert "Keys" in scene.attacker("kms", HOME).list_keys()


def test_a_header_that_claims_a_service_is_not_believed(scene):
    kms = scene.attacker("kms", HOME)

    def claim(request, **_):
        request.headers["Via"] = THROUGH
        request.headers["X-Forwarded-For"] = HOME
        request.headers["User-Agent"] = THROUGH

    kms.meta.events.register("before-sign", claim)

    assert denial(kms.decrypt, CiphertextBlob=scene.blob, KeyId=scene.key["Arn"])[0] == "AccessDenied"


def test_code_that_only_says_it_is_the_service_is_not_believed(scene):
    async def forge(house):
        found = await house.identities.authenticate(scene.stolen["AccessKeyId"], scene.stolen["SessionToken"])
        call = Call(
            "c3", "kms", "Decrypt", scene.house.region, found.caller, time.time(), FOREIGN, "agent", via=THROUGH
        )
        await house.keys.use_to_open(call, "Decrypt", scene.blob, named=scene.key["Arn"])

    with pytest.raises(ForwardingUnproven):
        scene.house._call(forge)


def test_each_attempt_is_on_the_record(scene):
    kms = scene.attacker("kms", FOREIGN)
    denial(kms.decrypt, CiphertextBlob=scene.blob, KeyId=scene.key["Arn"])
    denial(kms.list_aliases)
    trail = scene.house.client("cloudtrail")
    attribute = {"AttributeKey": "AccessKeyId", "AttributeValue": scene.stolen["AccessKeyId"]}

    for _ in range(100):
        listed = trail.lookup_events(LookupAttributes=[attribute])["Events"]
        found = [json.loads(one["CloudTrailEvent"]) for one in listed]
        seen = {(one["eventName"], one["sourceIPAddress"], one.get("errorCode")) for one in found}
        if ("ListAliases", FOREIGN, "AccessDenied") in seen:
            break
        time.sleep(0.05)

    assert {("Decrypt", FOREIGN, "AccessDenied"), ("ListAliases", FOREIGN, "AccessDenied")} <= seen
    assert all(one["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == scene.role for one in found)


def test_the_credentials_are_ended_by_one_policy(scene):
    iam = scene.house.client("iam")
    time.sleep(1.1)  # a session's issue time is in whole seconds
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    document = json.dumps(templates.revoke_older_sessions(moment))

    iam.put_role_policy(RoleName="web", PolicyName="AWSRevokeOlderSessions", PolicyDocument=document)

    assert denial(scene.attacker("kms", HOME).list_keys)[0] == "AccessDenied"
    fresh = scene.house.client("sts").assume_role(RoleArn=scene.role, RoleSessionName="i-0a1b")["Credentials"]
    assert "Keys" in scene.house.client("kms", fresh).list_keys()
