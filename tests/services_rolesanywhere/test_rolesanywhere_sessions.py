"""CreateSession by hosts with certificates, and by those who only look like it."""

import datetime as dt
import json
import time
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cryptography import x509

UNTRUSTED = "Untrusted certificate. Insufficient certificate"


def refusal(answer):
    status, said = answer
    return status, said.get("message")


@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_a_certificate_opens_the_role(house, authority, setup, words, kind):
    host = words.Host(authority, kind=kind)

    status, answer = host.sign_in(house, setup)

    [given] = answer["credentialSet"]
    serial = f"{host.certificate.serial_number:x}"
    arn = f"arn:aws:sts::{house.account}:assumed-role/common/{serial}"
    assert status == 201
    assert given["assumedRoleUser"]["arn"] == arn
    assert (given["roleArn"], given["sourceIdentity"]) == (setup.role, "host-1.example.com")
    assert answer["subjectArn"].startswith(f"arn:aws:rolesanywhere:{house.region}:{house.account}:subject/")
    credentials = {name[0].upper() + name[1:]: value for name, value in given["credentials"].items()}
    assert house.client("sts", credentials).get_caller_identity()["Arn"] == arn
    expires = dt.datetime.fromisoformat(credentials["Expiration"])
    assert abs((expires - dt.datetime.now(dt.UTC)).total_seconds() - 3600) < 60


def test_the_parts_of_the_certificate_are_tags_of_the_session(house, authority, words):
    setup = words.Setup(house, authority, "tagged")
    names = {
        "aws:PrincipalTag/x509Subject/CN": "host-1.example.com",
        "aws:PrincipalTag/x509Subject/OU": "web",
        "aws:PrincipalTag/x509Issuer/CN": "Test Root",
        "aws:PrincipalTag/x509SAN/DNS": "host-1.example.com",
        "aws:SourceIdentity": "host-1.example.com",
    }
    statement = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": {"StringEquals": names}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    setup.iam.put_role_policy(RoleName="tagged", PolicyName="p", PolicyDocument=document)
    alternative = x509.SubjectAlternativeName([x509.DNSName("host-1.example.com")])

    _, answer = words.Host(authority, more=[(alternative, False)]).sign_in(house, setup)

    given = answer["credentialSet"][0]["credentials"]
    credentials = {name[0].upper() + name[1:]: value for name, value in given.items()}
    assert house.client("iam", credentials).list_users()["Users"]


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"StringEquals": {"aws:PrincipalTag/x509Subject/OU": "web"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/x509Subject/OU": "db"}}, False),
        ({"StringEquals": {"aws:RequestTag/x509Subject/CN": "host-1.example.com"}}, True),
        ({"ArnEquals": {"aws:SourceArn": "{anchor}"}}, True),
        ({"ArnEquals": {"aws:SourceArn": "{anchor}0"}}, False),
        ({"StringEquals": {"aws:SourceAccount": "{account}"}}, True),
        ({"StringEquals": {"sts:SourceIdentity": "host-2.example.com"}}, False),
    ],
)
def test_a_trust_policy_asks_for_parts_of_the_certificate(house, authority, words, condition, allowed):
    name = f"asks-{abs(hash(json.dumps(condition))) % 10**12}"
    setup = words.Setup(house, authority, name)
    written = json.dumps(condition).replace("{anchor}", setup.anchor).replace("{account}", house.account)
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "rolesanywhere.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": json.loads(written),
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    setup.iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)

    answer = words.Host(authority).sign_in(house, setup)

    assert (answer[0] == 201) is allowed
    assert allowed or refusal(answer) == (403, f"Unable to assume role for {setup.role}")


@pytest.mark.parametrize(
    "actions", [["sts:AssumeRole"], ["sts:AssumeRole", "sts:TagSession"], ["sts:TagSession", "sts:SetSourceIdentity"]]
)
def test_a_role_must_trust_the_service_with_all_three_actions(house, authority, words, actions):
    statement = {"Effect": "Allow", "Principal": {"Service": "rolesanywhere.amazonaws.com"}, "Action": actions}
    setup = words.Setup(house, authority, f"trusts-{len(actions)}-{actions[0][4:8]}", statement=statement)

    assert refusal(words.Host(authority).sign_in(house, setup)) == (403, f"Unable to assume role for {setup.role}")


def test_a_role_that_trusts_the_account_does_not_trust_the_service(house, authority, words):
    statement = {"Effect": "Allow", "Principal": {"AWS": house.account}, "Action": "sts:*"}
    setup = words.Setup(house, authority, "trusts-the-account", statement=statement)

    assert words.Host(authority).sign_in(house, setup)[0] == 403


def test_a_chain_of_authorities_is_followed(house, authority, setup, words):
    middle = words.Authority("Middle", authority)
    low = words.Authority("Low", middle)
    host = words.Host(low, chain=[low.certificate, middle.certificate])

    assert host.sign_in(house, setup)[0] == 201
    assert refusal(words.Host(low, chain=[low.certificate]).sign_in(house, setup)) == (403, UNTRUSTED)


# --- certificates that are not to be believed ----------------------------------------------------------------------------


def test_another_authoritys_certificate_is_nobodys(house, setup, words):
    impostor = words.Authority()  # of the same name

    assert refusal(words.Host(impostor).sign_in(house, setup)) == (403, UNTRUSTED)


def test_a_certificate_of_its_own_making_is_nobodys(house, authority, setup, words):
    host = words.Host(authority)
    impostor = words.Authority("Impostor")
    host.chain = [impostor.certificate]
    host.certificate = impostor.issue(host.key.public_key())

    assert refusal(host.sign_in(house, setup)) == (403, UNTRUSTED)


BAD = {
    "expired": lambda words: {"valid": (words.now - 3 * words.day, words.now - words.day)},
    "not yet valid": lambda words: {"valid": (words.now + words.day, words.now + 2 * words.day)},
    "for encryption": lambda words: {"usage": words.certifying},
    "without key usage": lambda _: {"usage": None},
    "an authority's": lambda words: {"ca": True, "usage": words.signing},
    "with an unknown critical extension": lambda _: {
        "more": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"), True)]
    },
}


@pytest.mark.parametrize("bad", BAD)
def test_a_certificate_is_refused(house, authority, setup, words, bad):
    host = words.Host(authority, **BAD[bad](words))

    assert refusal(host.sign_in(house, setup)) == (403, UNTRUSTED)


def test_a_certificate_signed_with_sha1_is_refused(house, words, tmp_path):
    authority = words.Authority("Old", kind="RSA")
    setup = words.Setup(house, authority, "old")
    host = words.Host(authority)
    assert host.sign_in(house, setup)[0] == 201

    host.certificate = words.by_openssl(tmp_path, authority, host.key, "sha1")

    assert refusal(host.sign_in(house, setup)) == (403, UNTRUSTED)


def test_the_same_certificate_signed_with_sha256_is_taken(house, words, tmp_path):
    authority = words.Authority("New", kind="RSA")
    setup = words.Setup(house, authority, "new")
    host = words.Host(authority)

    host.certificate = words.by_openssl(tmp_path, authority, host.key, "sha256")

    assert host.sign_in(house, setup)[0] == 201


def test_a_leaf_issues_no_certificates(house, authority, setup, words):
    leaf = words.Host(authority)
    below = words.Authority("Below")
    below.key, below.name = leaf.key, leaf.certificate.subject
    host = words.Host(below, chain=[leaf.certificate])

    assert refusal(host.sign_in(house, setup)) == (403, UNTRUSTED)


def test_an_authority_keeps_to_its_path_length(house, setup, words, authority):
    middle = words.Authority("Narrow", authority, path_length=0)
    low = words.Authority("Too low", middle)
    host = words.Host(low, chain=[low.certificate, middle.certificate])

    assert refusal(host.sign_in(house, setup)) == (403, UNTRUSTED)
    assert words.Host(middle, chain=[middle.certificate]).sign_in(house, setup)[0] == 201


def test_a_name_that_can_be_no_source_identity_is_refused(house, authority, setup, words):
    host = words.Host(authority, subject=words.distinguished(CN="host one"))

    assert refusal(host.sign_in(house, setup)) == (403, "The certificate's common name cannot be a source identity.")


def test_a_certificate_without_a_common_name_has_no_source_identity(house, authority, setup, words):
    status, answer = words.Host(authority, subject=words.distinguished(O="Acme")).sign_in(house, setup)

    assert status == 201
    assert "sourceIdentity" not in answer["credentialSet"][0]


# --- signatures that are none ---------------------------------------------------------------------------------------------


def altered(name, value):
    def change(sent):
        sent["headers"][name] = value(sent["headers"].get(name, ""))

    return change


def other_role(sent):
    sent["query"] = sent["query"].replace("role%2Fcommon", "role%2Fother")


CHANGES = {
    "the body": lambda sent: sent.update(body=b'{"durationSeconds": 900}'),
    "the role": other_role,
    "the date": altered("x-amz-date", lambda text: text[:-2] + ("0Z" if text[-2] != "0" else "1Z")),
    "the signature": altered("authorization", lambda text: text[:-4] + ("0000" if text[-4:] != "0000" else "1111")),
}


@pytest.mark.parametrize("changed", CHANGES)
def test_what_was_changed_after_signing_is_refused(house, authority, setup, words, changed):
    status, _ = words.Host(authority).sign_in(house, setup, change=CHANGES[changed])

    assert status in {400, 403}


def test_a_certificate_without_its_key_is_of_no_use(house, authority, setup, words):
    host, thief = words.Host(authority), words.Host(authority)
    thief.certificate = host.certificate

    assert refusal(thief.sign_in(house, setup)) == (403, "The signature does not match the request.")


def test_the_algorithm_fits_the_key(house, authority, setup, words):
    host = words.Host(authority)
    change = altered("authorization", lambda text: text.replace("ECDSA", "RSA"))

    assert refusal(host.sign_in(house, setup, change=change)) == (
        403,
        "The algorithm of the signature does not fit the certificate's key.",
    )


def test_the_signature_names_its_certificate(house, authority, setup, words):
    host = words.Host(authority)
    change = altered("authorization", lambda text: text.replace("Credential=", "Credential=1"))

    assert refusal(host.sign_in(house, setup, change=change)) == (403, "The signature names another certificate.")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_signature_is_refused(house, authority, setup, words, minutes):
    at = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)

    assert words.Host(authority).sign_in(house, setup, at=at)[0] == 403


@pytest.mark.parametrize("dropped", ["x-amz-x509", "x-amz-date", "host"])
def test_what_matters_must_be_signed(house, authority, setup, words, dropped):
    def change(sent):
        authorization = sent["headers"]["authorization"]
        names = authorization.split("SignedHeaders=")[1].split(",")[0]
        kept = ";".join(name for name in names.split(";") if name != dropped)
        sent["headers"]["authorization"] = authorization.replace(names, kept)

    assert words.Host(authority).sign_in(house, setup, change=change)[0] == 403


@pytest.mark.parametrize("value", ["", "!", "AAAA", "QUFBQQ==" * 4000])
def test_what_is_no_certificate_is_refused(house, authority, setup, words, value):
    status, _ = words.Host(authority).sign_in(house, setup, change=altered("x-amz-x509", lambda _: value))

    assert status in {400, 403}


def test_a_chain_is_bounded(house, authority, setup, words):
    host = words.Host(authority)
    host.chain = [authority.certificate] * 5

    assert host.sign_in(house, setup)[0] == 403


def test_a_certificate_signs_for_nothing_but_a_session(house, authority, setup, words):
    sent = words.Host(authority).signed(house, {}, {}, dt.datetime.now(dt.UTC), ("GET", "/profiles"))

    assert words.send(house, sent)[0] == 403


def test_an_access_key_does_not_create_a_session(house, setup, words):
    query = {"profileArn": setup.profile, "roleArn": setup.role, "trustAnchorArn": setup.anchor}
    url = f"{house.endpoint_url}/sessions?{urlencode(query, quote_via=quote, safe='')}"
    request = AWSRequest("POST", url, data=b"{}", headers={"Content-Type": "application/json"})
    key = Credentials(house.access_key_id, house.secret_access_key)
    SigV4Auth(key, "rolesanywhere", house.region).add_auth(request)
    sent = {
        "query": urlsplit(url).query,
        "headers": dict(request.headers),
        "body": b"{}",
        "place": ("POST", "/sessions"),
    }

    assert refusal(words.send(house, sent)) == (403, "CreateSession is signed with the key of a certificate.")


# --- anchors and profiles --------------------------------------------------------------------------------------------------


def test_what_is_disabled_opens_nothing(house, authority, words):
    setup = words.Setup(house, authority, "switched")
    host = words.Host(authority)
    said = []
    for off, on in (
        (setup.client.disable_trust_anchor, setup.client.enable_trust_anchor),
        (setup.client.disable_profile, setup.client.enable_profile),
    ):
        named = {"trustAnchorId": setup.anchor_id} if "anchor" in off.__name__ else {"profileId": setup.profile_id}
        off(**named)
        said.append(refusal(host.sign_in(house, setup)))
        on(**named)

    assert said == [(403, f"Unable to assume role for {setup.role}")] * 2
    assert host.sign_in(house, setup)[0] == 201


def test_a_profile_opens_only_the_roles_it_lists(house, authority, setup, words):
    other = words.Setup(house, authority, "elsewhere")

    answer = words.Host(authority).sign_in(house, setup, roleArn=other.role)

    assert refusal(answer) == (403, f"Unable to assume role for {other.role}")


def test_an_anchor_and_a_profile_of_two_accounts_open_nothing(house, authority, setup, words):
    made = house.create_account()

    class Other:
        account, region, endpoint_url = made.account, house.region, house.endpoint_url

        @staticmethod
        def client(service):
            key = {"AccessKeyId": made.access_key_id, "SecretAccessKey": made.secret_access_key}
            return house.client(service, key)

    impostor = words.Authority("Another account's")
    other = words.Setup(Other, impostor, "other-account")

    answer = words.Host(impostor).sign_in(house, setup, trustAnchorArn=other.anchor)

    assert refusal(answer) == (403, f"Unable to assume role for {setup.role}")


def test_the_profile_limits_the_session(house, authority, words):
    policy = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}
    setup = words.Setup(
        house,
        authority,
        "narrow",
        sessionPolicy=json.dumps({"Version": "2012-10-17", "Statement": [policy]}),
        durationSeconds=1800,
    )
    setup.iam.attach_role_policy(RoleName="narrow", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    host = words.Host(authority)

    _, answer = host.sign_in(house, setup, body={"durationSeconds": 900})
    longer = host.sign_in(house, setup, body={"durationSeconds": 3600})

    given = answer["credentialSet"][0]["credentials"]
    credentials = {name[0].upper() + name[1:]: value for name, value in given.items()}
    iam = house.client("iam", credentials)
    assert iam.list_users()["Users"]
    with pytest.raises(ClientError, match="no session policy allows"):
        iam.list_roles()
    assert refusal(longer) == (400, "The requested durationSeconds exceeds that of the profile.")


def test_a_session_is_named_only_where_the_profile_lets_it(house, authority, setup, words):
    naming = words.Setup(house, authority, "naming", acceptRoleSessionName=True)
    host, body = words.Host(authority), {"roleSessionName": "chosen"}

    _, answer = host.sign_in(house, naming, body=body)

    assert answer["credentialSet"][0]["assumedRoleUser"]["arn"].endswith("/naming/chosen")
    assert refusal(host.sign_in(house, setup, body=body)) == (403, "The profile does not accept a role session name.")


def test_parameters_may_come_in_the_body(house, authority, setup, words):
    host = words.Host(authority)
    body = {"profileArn": setup.profile, "roleArn": setup.role, "trustAnchorArn": setup.anchor}
    sent = host.signed(house, {}, body, dt.datetime.now(dt.UTC))

    assert words.send(house, sent)[0] == 201
    assert refusal(host.sign_in(house, setup, body={"roleArn": setup.role})) == (400, "roleArn is given twice.")


def test_unknown_parameters_are_refused(house, authority, setup, words):
    host = words.Host(authority)

    assert host.sign_in(house, setup, body={"unknown": 1})[0] == 400
    assert host.sign_in(house, setup, unknown="1")[0] == 400
    assert (
        "is not served in CreateSession"
        in host.sign_in(house, setup, body={"instanceProperties": {"a": "b"}})[1]["message"]
    )


# --- revocation -----------------------------------------------------------------------------------------------------------


def test_a_revoked_certificate_is_refused_from_then_on(house, words):
    authority = words.Authority("Revoking")
    setup = words.Setup(house, authority, "revoking")
    good, bad = words.Host(authority), words.Host(authority)
    assert bad.sign_in(house, setup)[0] == 201

    crl = setup.client.import_crl(
        name="r", crlData=authority.revocations(bad.certificate), trustAnchorArn=setup.anchor, enabled=True
    )["crl"]

    assert refusal(bad.sign_in(house, setup)) == (403, "Certificate revoked")
    assert good.sign_in(house, setup)[0] == 201
    setup.client.disable_crl(crlId=crl["crlId"])
    assert bad.sign_in(house, setup)[0] == 201


def test_a_list_past_its_date_still_revokes(house, words):
    authority = words.Authority("Stale")
    setup = words.Setup(house, authority, "stale")
    bad = words.Host(authority)
    old = authority.revocations(bad.certificate, next_update=words.now - dt.timedelta(hours=1))
    setup.client.import_crl(name="r", crlData=old, trustAnchorArn=setup.anchor, enabled=True)

    assert refusal(bad.sign_in(house, setup)) == (403, "Certificate revoked")


def test_a_revoked_authority_revokes_what_it_issued(house, words):
    authority = words.Authority("Above")
    setup = words.Setup(house, authority, "above")
    middle = words.Authority("Revoked middle", authority)
    host = words.Host(middle, chain=[middle.certificate])
    assert host.sign_in(house, setup)[0] == 201

    revoked = authority.revocations(middle.certificate)
    setup.client.import_crl(name="r", crlData=revoked, trustAnchorArn=setup.anchor, enabled=True)

    assert refusal(host.sign_in(house, setup)) == (403, "Certificate revoked")


def test_a_list_that_its_issuer_has_not_signed_is_not_imported(house, words):
    authority = words.Authority("Forged")
    setup = words.Setup(house, authority, "forged")
    forged = authority.revocations(key=words.new_key())

    with pytest.raises(ClientError, match="is not signed by its issuer"):
        setup.client.import_crl(name="r", crlData=forged, trustAnchorArn=setup.anchor, enabled=True)


# --- the record -----------------------------------------------------------------------------------------------------------


def test_the_record_names_the_subject_and_holds_no_secret(house, authority, words):
    setup = words.Setup(house, authority, "recorded")
    host = words.Host(authority, subject=words.distinguished(CN="recorded.example.com"))
    _, answer = host.sign_in(house, setup)

    trail, found = house.client("cloudtrail"), []
    for _ in range(100):
        listed = trail.lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateSession"}]
        )["Events"]
        found = [one["CloudTrailEvent"] for one in listed if "CN=recorded.example.com" in one["CloudTrailEvent"]]
        if found:
            break
        time.sleep(0.05)

    [event] = found
    given = answer["credentialSet"][0]["credentials"]
    assert given["secretAccessKey"] not in event
    assert given["sessionToken"] not in event
    read = json.loads(event)
    assert read["userIdentity"]["principalId"] == "CN=recorded.example.com"
    assert read["additionalEventData"]["certificateSerialNumber"] == f"{host.certificate.serial_number:x}"
    assert read["eventSource"] == "rolesanywhere.amazonaws.com"
