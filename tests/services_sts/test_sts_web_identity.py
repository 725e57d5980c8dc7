"""Sign-in with tokens of a real OIDC issuer, by boto3 without any credentials, and every way to forge one."""

import base64
import hashlib
import hmac
import json
import time

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from issuer import CONFIGURATION, KEYS, Issuer, encoded, public_jwk
from keystead.testing import running

NO_JWT = ("InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
NO_KEYS = (
    "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)
NO_KEY = ("InvalidIdentityToken", NO_KEYS)
NO_ISSUER = ("IDPCommunicationError", NO_KEYS)
BAD_SIGNATURE = ("InvalidIdentityToken", "The signature of the provided token could not be verified.")
DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    with Issuer(tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture(scope="module")
def house(issuer):
    with running(oidc_ca=str(issuer.authority)) as keystead:
        yield keystead


@pytest.fixture(scope="module")
def iam(house):
    return house.client("iam")


@pytest.fixture(scope="module")
def provider(iam, issuer):
    return iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["app", "second-app"])[
        "OpenIDConnectProviderArn"
    ]


@pytest.fixture(scope="module")
def sts(house):
    """Without credentials."""
    return boto3.client(
        "sts", endpoint_url=house.endpoint_url, region_name=house.region, config=Config(signature_version=UNSIGNED)
    )


@pytest.fixture(scope="module")
def make_role(iam, provider):
    def make(name, *, actions=("sts:AssumeRoleWithWebIdentity",), **condition):
        statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": list(actions)}
        statement |= {"Condition": condition} if condition else {}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]

    return make


@pytest.fixture(scope="module")
def role(make_role):
    return make_role("robots")


@pytest.fixture
def assume(sts, role):
    def ask(token, role_arn=role, **more):
        return sts.assume_role_with_web_identity(RoleArn=role_arn, RoleSessionName="s1", WebIdentityToken=token, **more)

    return ask


@pytest.fixture
def refused(assume):
    def ask(*asked, **more):
        with pytest.raises(ClientError) as raised:
            assume(*asked, **more)
        return raised.value.response["Error"]["Code"], raised.value.response["Error"].get("Message")

    return ask


def test_a_token_opens_the_role(house, issuer, assume, role):
    answer = assume(issuer.token())

    who = house.client("sts", answer["Credentials"]).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{house.account}:assumed-role/robots/s1"
    assert answer["AssumedRoleUser"]["Arn"] == who["Arn"]
    assert (answer["SubjectFromWebIdentityToken"], answer["Audience"], answer["Provider"]) == (
        "robot",
        "app",
        issuer.url,
    )


@pytest.mark.parametrize(
    ("condition", "claims", "allowed"),
    [
        ({"StringEquals": {"sub": "robot"}}, {}, True),
        ({"StringEquals": {"sub": "robot"}}, {"sub": "other"}, False),
        ({"StringLike": {"sub": "repo:acme/*"}}, {"sub": "repo:acme/app"}, True),
        ({"StringLike": {"sub": "repo:acme/*"}}, {"sub": "repo:acme2/app"}, False),
        ({"StringEquals": {"aud": "app"}}, {}, True),
        ({"StringEquals": {"aud": "app"}}, {"aud": "second-app"}, False),
        ({"StringEquals": {"aud": "app", "oaud": "elsewhere"}}, {"aud": "elsewhere", "azp": "app"}, True),
        ({"ForAnyValue:StringEquals": {"amr": "mfa"}}, {"amr": ["pwd", "mfa"]}, True),
        ({"ForAnyValue:StringEquals": {"amr": "mfa"}}, {"amr": ["pwd"]}, False),
        ({"StringEquals": {"environment": "live"}}, {"environment": "live"}, True),
        ({"StringEquals": {"environment": "live"}}, {}, False),
        ({"Bool": {"email_verified": "true"}}, {"email_verified": True}, True),
    ],
)
def test_a_trust_policy_asks_for_claims(issuer, assume, refused, make_role, condition, claims, allowed):
    prefix = issuer.url.removeprefix("https://")
    keyed = {operator: {f"{prefix}:{k}": v for k, v in keys.items()} for operator, keys in condition.items()}
    name = "asks-" + hashlib.sha256(repr((condition, claims)).encode()).hexdigest()[:16]
    arn = make_role(name, **keyed)

    if allowed:
        assert assume(issuer.token(**claims), role_arn=arn)["Credentials"]
    else:
        assert refused(issuer.token(**claims), role_arn=arn) == DENIED


def test_the_session_knows_its_provider_and_its_tags(house, iam, issuer, assume, make_role, provider):
    actions = ("sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity")
    arn = make_role("tagged-robots", actions=actions)
    allowed = {"aws:FederatedProvider": provider, "aws:PrincipalTag/team": "blue", "aws:SourceIdentity": "robot-7"}
    statement = {"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*", "Condition": {"StringEquals": allowed}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="tagged-robots", PolicyName="list", PolicyDocument=document)
    tags = {"principal_tags": {"Team": ["blue"]}, "transitive_tag_keys": ["Team"]}

    answer = assume(
        issuer.token(**{"https://aws.amazon.com/tags": tags, "https://aws.amazon.com/source_identity": "robot-7"}),
        role_arn=arn,
    )

    assert answer["SourceIdentity"] == "robot-7"
    assert house.client("iam", answer["Credentials"]).list_roles()["Roles"]


def test_tags_in_a_token_need_the_trust_policys_leave(issuer, refused):
    tags = {"principal_tags": {"Team": ["blue"]}}

    assert refused(issuer.token(**{"https://aws.amazon.com/tags": tags})) == DENIED
    assert refused(issuer.token(**{"https://aws.amazon.com/source_identity": "x7"})) == DENIED


def test_a_session_policy_narrows_what_the_role_may(house, iam, issuer, assume, make_role):
    arn = make_role("narrowed-robots")
    iam.attach_role_policy(RoleName="narrowed-robots", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    only = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [only]})

    answer = assume(issuer.token(), role_arn=arn, Policy=document)
    narrowed = house.client("iam", answer["Credentials"])

    assert narrowed.list_users()["Users"]
    with pytest.raises(narrowed.exceptions.ClientError, match="no session policy allows"):
        narrowed.list_roles()


# --- what no token may be ------------------------------------------------------------------------------------------------


def forged(issuer, header, claims, sign=lambda _: b""):
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


def public_pem(issuer):
    return (
        issuer.keys["first"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def test_a_token_without_a_signature_is_refused(issuer, refused):
    for algorithm in ("none", "None", "NONE", ""):
        assert refused(forged(issuer, {"alg": algorithm, "kid": "first"}, issuer.claims())) == NO_JWT


def test_the_public_key_is_not_a_shared_secret(issuer, refused):
    def sign(text):
        return hmac.digest(public_pem(issuer), text, "sha256")

    assert refused(forged(issuer, {"alg": "HS256", "kid": "first"}, issuer.claims(), sign)) == NO_JWT


def test_the_key_of_another_issuer_is_nobodys(issuer, refused):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    assert refused(jwt.encode(issuer.claims(), stranger, "RS256", {"kid": "first"})) == BAD_SIGNATURE


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_that_the_token_brings_along_is_not_used(issuer, refused, member):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    brought = {
        "jwk": public_jwk(stranger, "first"),
        "jku": f"{issuer.url}/stranger",
        "x5u": f"{issuer.url}/stranger",
        "x5c": [base64.b64encode(b"certificate").decode()],
    }[member]

    token = jwt.encode(issuer.claims(), stranger, "RS256", {"kid": "first", member: brought})

    assert refused(token) == BAD_SIGNATURE
    assert "/tenant/stranger" not in issuer.asked


def test_claims_that_were_changed_are_refused(issuer, refused):
    header, _, signature = issuer.token().split(".")

    assert refused(f"{header}.{encoded(issuer.claims(sub='admin'))}.{signature}") == BAD_SIGNATURE


def test_a_key_of_the_wrong_kind_for_its_algorithm_is_refused(issuer, refused):
    assert refused(forged(issuer, {"alg": "ES256", "kid": "first"}, issuer.claims(), lambda _: bytes(64))) == NO_KEY


def test_a_token_with_critical_extensions_is_refused(issuer, refused):
    header = {"alg": "RS256", "kid": "first", "crit": ["exp"]}

    assert refused(forged(issuer, header, issuer.claims(), lambda _: bytes(256))) == NO_JWT


def test_a_claim_that_is_there_twice_is_refused(issuer, refused):
    claims = json.dumps(issuer.claims())
    doubled = claims[:-1] + ', "sub": "admin"}'
    header = {"alg": "RS256", "kid": "first"}
    key = issuer.keys["first"]

    def sign(text):
        return jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(text, key)

    assert refused(forged(issuer, header, doubled, sign)) == NO_JWT


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"iat": None},
        {"exp": str(int(time.time()) + 600)},
        {"exp": time.time() + 600.5},
        {"exp": True},
        {"exp": 1e30},
        {"nbf": time.time() + 3600.0},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"sub": None},
        {"sub": ""},
        {"sub": ["robot"]},
        {"aud": None},
        {"aud": []},
        {"aud": {"app": "app"}},
        {"aud": [["app"]]},
        {"azp": ["app"]},
        {"https://aws.amazon.com/tags": []},
        {"https://aws.amazon.com/tags": {"principal_tags": {"a": "b"}}},
        {"Team": "blue", "team": "red"},
    ],
    ids=lambda claims: "-".join(f"{name}-{type(value).__name__}" for name, value in claims.items()),
)
def test_claims_of_the_wrong_form_are_refused(issuer, refused, claims):
    header = {"alg": "RS256", "kid": "first"}
    key = issuer.keys["first"]
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)

    assert refused(forged(issuer, header, issuer.claims(**claims), lambda text: algorithm.sign(text, key))) == NO_JWT


def test_a_token_past_its_time_is_refused_with_both_times(issuer, refused):
    past = int(time.time()) - 61

    code, text = refused(issuer.token(exp=past, iat=past - 600))

    assert code == "ExpiredTokenException"
    assert text.endswith(f" must be before the expiration date/time {past}")


def test_a_minute_of_skew_is_forgiven(issuer, assume):
    assert assume(issuer.token(exp=int(time.time()) - 30))["Credentials"]


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"},
        {"aud": ["app", "other"]},  # made for somebody unknown besides
        {"aud": "app", "azp": "other"},  # issued to somebody else
        {"aud": "APP"},
        {"aud": "app "},
    ],
)
def test_a_token_for_somebody_else_is_refused(issuer, refused, claims):
    assert refused(issuer.token(**claims)) == ("InvalidIdentityToken", "Incorrect token audience")


def test_a_list_of_known_audiences_is_taken(issuer, assume):
    assert assume(issuer.token(aud=["app", "second-app"]))["Audience"] == "app"


@pytest.mark.parametrize("suffix", ["/", "/x", "?", "#"])
def test_an_issuer_is_what_it_is_called_to_the_letter(issuer, refused, suffix):
    other = issuer.url + suffix

    assert refused(issuer.token(iss=other)) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for {other}",
    )


def test_an_issuer_without_its_scheme_is_another(issuer, refused):
    bare = issuer.url.removeprefix("https://")

    assert refused(issuer.token(iss=bare))[1] == f"No OpenIDConnect provider found in your account for {bare}"
    assert refused(issuer.token(iss=f"http://{bare}"))[0] == "InvalidIdentityToken"


@pytest.mark.parametrize("token", ["....", "a.b.c", "ab.cd", f"{encoded('[]')}.{encoded('{}')}.x", "x" * 20_000])
def test_what_is_no_token_is_refused(refused, token):
    assert refused(token) == NO_JWT


def test_a_token_of_20001_characters_is_not_read(sts, role, refused):
    code, text = refused("x" * 20_001)

    assert code == "ValidationError"
    assert "xxx" not in text


def test_a_role_that_does_not_exist_or_does_not_trust_is_refused_in_the_same_words(house, issuer, iam, refused, role):
    trust = {"Effect": "Allow", "Principal": {"AWS": house.account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName="for-others", AssumeRolePolicyDocument=document)["Role"]["Arn"]

    assert refused(issuer.token(), role_arn=arn) == DENIED
    assert refused(issuer.token(), role_arn=role + "x") == DENIED


def test_another_accounts_role_knows_nothing_of_this_accounts_provider(house, issuer, refused):
    other = house.create_account()

    code, text = refused(issuer.token(), role_arn=f"arn:aws:iam::{other.account}:role/robots")

    assert (code, text) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for {issuer.url}",
    )


def test_no_other_operation_goes_unsigned(sts):
    with pytest.raises(ClientError) as raised:
        sts.get_caller_identity()

    assert raised.value.response["Error"]["Code"] == "MissingAuthenticationToken"


# --- the record -----------------------------------------------------------------------------------------------------------


def events(house, name, wanted):
    """The records of an operation, once there are so many that `wanted` holds for."""
    trail = house.client("cloudtrail")
    for _ in range(100):
        found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
        read = [json.loads(event["CloudTrailEvent"]) for event in found]
        if any(map(wanted, read)):
            return [event for event in read if wanted(event)]
        time.sleep(0.05)
    pytest.fail(f"no such record of {name}")


def test_the_record_names_the_subject_and_holds_no_token(house, issuer, assume, provider):
    token = issuer.token(sub="recorded-robot")

    answer = assume(token)

    [event] = events(
        house, "AssumeRoleWithWebIdentity", lambda event: event["userIdentity"].get("userName") == "recorded-robot"
    )
    assert event["userIdentity"] == {
        "type": "WebIdentityUser",
        "principalId": f"{provider}:app:recorded-robot",
        "userName": "recorded-robot",
        "identityProvider": provider,
    }
    written = json.dumps(event)
    assert event["recipientAccountId"] == house.account
    assert not any(part in written for part in token.split("."))
    assert answer["Credentials"]["SessionToken"] not in written
    assert answer["Credentials"]["SecretAccessKey"] not in written


def test_a_refused_token_is_on_the_record_of_the_roles_account(house, issuer, refused):
    token = issuer.token(iss="https://unknown.example")
    time.sleep(1.0)  # the bound on records of strangers is per second

    refused(token)

    [event] = events(
        house, "AssumeRoleWithWebIdentity", lambda event: "unknown.example" in event.get("errorMessage", "")
    )
    assert event["userIdentity"] == {"type": "Unknown", "accountId": house.account}
    assert not any(part in json.dumps(event) for part in token.split("."))


def test_what_the_session_does_is_recorded_with_its_provider(house, issuer, assume, provider):
    answer = assume(issuer.token())
    house.client("sts", answer["Credentials"]).get_caller_identity()

    key_id = answer["Credentials"]["AccessKeyId"]
    [event] = events(house, "GetCallerIdentity", lambda event: event["userIdentity"].get("accessKeyId") == key_id)

    context = event["userIdentity"]["sessionContext"]
    assert context["webIdFederationData"] == {"federatedProvider": provider, "attributes": {}}


# --- the issuer: these leave it disturbed, each with an issuer of its own ------------------------------------------------


@pytest.fixture
def lone(tmp_path):
    with Issuer(tmp_path) as made, running(oidc_ca=str(made.authority)) as keystead:
        client = keystead.client("iam")
        arn = client.create_open_id_connect_provider(Url=made.url, ClientIDList=["app"])["OpenIDConnectProviderArn"]
        statement = {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made.role = client.create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        made.sts = boto3.client(
            "sts",
            endpoint_url=keystead.endpoint_url,
            region_name=keystead.region,
            config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
        )
        yield made


def sign_in(issuer, token):
    """ "in", or the code and text of the refusal."""
    try:
        issuer.sts.assume_role_with_web_identity(RoleArn=issuer.role, RoleSessionName="s1", WebIdentityToken=token)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"].get("Message")
    return "in"


def test_keys_are_fetched_once_and_made_up_key_ids_fetch_nothing(lone):
    assert [sign_in(lone, lone.token()) for _ in range(3)] == ["in"] * 3
    fetched = len(lone.asked)

    unknown = [sign_in(lone, lone.token(headers={"kid": f"made-up-{number}"})) for number in range(5)]

    assert unknown == [NO_KEY] * 5
    assert fetched == 2
    assert len(lone.asked) == fetched


@pytest.mark.parametrize("kind", ["RSA", "EC"])
def test_a_new_key_is_found_when_it_is_first_used(lone, kind):
    lone.new_key("second", kind)

    assert sign_in(lone, lone.token("second", {"RSA": "RS256", "EC": "ES256"}[kind])) == "in"


def answers(status=200, body=b"", **headers):
    return status, headers, body if isinstance(body, bytes) else json.dumps(body).encode()


def test_a_redirect_is_not_followed(lone):
    lone.answers[CONFIGURATION] = answers(302, Location=f"{lone.url}/elsewhere")

    assert sign_in(lone, lone.token()) == NO_ISSUER
    assert lone.asked == [CONFIGURATION]


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://elsewhere.example", "jwks_uri": "{url}/keys"},
        {"issuer": "{url}/", "jwks_uri": "{url}/keys"},
        {"issuer": "{url}"},
        {"issuer": "{url}", "jwks_uri": "http://localhost:{port}/tenant/keys"},
        {"issuer": "{url}", "jwks_uri": "file:///etc/passwd"},
        {"issuer": "{url}", "jwks_uri": ["{url}/keys"]},
        {"issuer": "{url}", "jwks_uri": "https://user@localhost:{port}/tenant/keys"},
    ],
)
def test_a_configuration_that_points_elsewhere_is_refused(lone, configuration):
    port = lone.url.split(":")[2].partition("/")[0]
    written = json.dumps(configuration).replace("{url}", lone.url).replace("{port}", port)
    lone.answers[CONFIGURATION] = answers(body=written.encode())

    assert sign_in(lone, lone.token()) == NO_ISSUER
    assert KEYS not in lone.asked


@pytest.mark.parametrize(
    "keys",
    [b"", b"[]", b"{}", b"{" * 100_000, b'{"keys": "x"}', b" " * 300_000 + b'{"keys": []}'],
    ids=["empty", "list", "object", "deep", "text", "large"],
)
def test_keys_that_cannot_be_read_are_none(lone, keys):
    lone.answers[KEYS] = answers(body=keys)

    assert sign_in(lone, lone.token()) == NO_ISSUER


def test_a_key_that_is_too_short_is_not_used(lone):
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # that is the point
    lone.keys["small"] = small
    header = {"alg": "RS256", "kid": "small"}
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)

    token = forged(lone, header, lone.claims(), lambda text: algorithm.sign(text, small))

    assert sign_in(lone, token) == BAD_SIGNATURE


@pytest.mark.parametrize("change", [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct"}])
def test_a_key_for_something_else_is_not_used(lone, change):
    key = public_jwk(lone.keys["first"], "first") | change
    lone.answers[KEYS] = answers(body={"keys": [key]})

    assert sign_in(lone, lone.token()) == NO_KEY


def test_an_issuer_whose_authority_is_unknown_is_not_asked(tmp_path_factory, tmp_path, lone):
    with Issuer(tmp_path_factory.mktemp("stranger")) as stranger:
        lone.answers[CONFIGURATION] = answers(body={"issuer": lone.url, "jwks_uri": f"{stranger.url}/keys"})

        assert sign_in(lone, lone.token()) == NO_ISSUER
        assert stranger.asked == []


@pytest.mark.slow
def test_an_issuer_that_does_not_answer_is_given_up(lone):
    lone.delay = 8.0
    began = time.monotonic()

    assert sign_in(lone, lone.token()) == NO_ISSUER
    assert time.monotonic() - began < 7.0
