"""KMS keyrings against a running Keystead, through boto3 and through the client of this package."""

import http.server
import json
import threading

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from keystead.envelope import (
    Envelope,
    Filter,
    KeyUnavailable,
    KmsDiscoveryKeyring,
    KmsKeyring,
    MultiKeyring,
    RawAesKeyring,
)
from keystead.envelope.service.client import KmsClient, KmsRefused, KmsUnreachable
from keystead.envelope.service.profile import NoRegion, connect
from keystead.envelope.service.promise import identity_of, key_arn
from keystead.envelope.service.signature import Credentials, headers


@pytest.fixture(params=["boto3", "own"])
def client(request, house):
    return house.client("kms") if request.param == "boto3" else own_client(house)


OPENED = []


def own_client(house, region=None):
    credentials = Credentials(house.access_key_id, house.secret_access_key)
    OPENED.append(KmsClient(house.endpoint_url, region or house.region, lambda: credentials))
    return OPENED[-1]


@pytest.fixture(autouse=True)
def _closing():
    """Connections of our own client are closed after each test; boto3 closes its own."""
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture(scope="module")
def arn(house):
    return house.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def other_arn(house):
    return house.client("kms").create_key()["KeyMetadata"]["Arn"]


def test_what_was_sealed_opens(client, arn):
    envelope = Envelope(KmsKeyring(client, arn))

    sealed = envelope.encrypt(b"x", {"tenant": "a"})

    assert envelope.decrypt(sealed, {"tenant": "a"}).plaintext == b"x"
    assert envelope.decrypt(sealed).header.wrapped_keys[0].info == arn.encode()


def test_an_alias_seals_and_opens(house, client, arn):
    kms = house.client("kms")
    name = f"alias/{'own' if isinstance(client, KmsClient) else 'boto'}"
    kms.create_alias(AliasName=name, TargetKeyId=arn)
    envelope = Envelope(KmsKeyring(client, name))

    assert envelope.decrypt(envelope.encrypt(b"x")).plaintext == b"x"


def test_another_key_does_not_open_it(client, arn, other_arn):
    sealed = Envelope(KmsKeyring(client, arn)).encrypt(b"x")

    with pytest.raises(KeyUnavailable, match="None is of"):
        Envelope(KmsKeyring(client, other_arn)).decrypt(sealed)


def test_a_disabled_key_is_named_by_the_service_s_code(house, client):
    kms = house.client("kms")
    disabled = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = Envelope(KmsKeyring(client, disabled)).encrypt(b"x")
    kms.disable_key(KeyId=disabled)

    with pytest.raises(KeyUnavailable, match="DisabledException"):
        Envelope(KmsKeyring(client, disabled)).decrypt(sealed)
    with pytest.raises(KeyUnavailable, match="DisabledException"):
        Envelope(KmsKeyring(client, disabled)).encrypt(b"x")


def test_any_of_several_keys_opens_it(client, arn, other_arn):
    first, second = KmsKeyring(client, arn), KmsKeyring(client, other_arn)
    sealed = Envelope(MultiKeyring(first, [second, RawAesKeyring("n", "k", bytes(32))])).encrypt(b"x")

    for keyring in (first, second, RawAesKeyring("n", "k", bytes(32)), MultiKeyring(None, [second])):
        assert Envelope(keyring).decrypt(sealed).plaintext == b"x"


def test_a_rotated_key_opens_what_it_sealed_before(house, client):
    kms = house.client("kms")
    rotated = kms.create_key()["KeyMetadata"]["Arn"]
    envelope = Envelope(KmsKeyring(client, rotated))
    sealed = envelope.encrypt(b"x")
    kms.rotate_key_on_demand(KeyId=rotated)

    assert envelope.decrypt(sealed).plaintext == b"x"


def test_a_discovery_keyring_asks_only_whom_it_may(house, arn):
    sealed = Envelope(KmsKeyring(house.client("kms"), arn)).encrypt(b"x")
    clients = lambda region: own_client(house, region)  # noqa: E731  # reads better here

    mine = KmsDiscoveryKeyring(clients, only=Filter("aws", frozenset({house.account})))
    others = KmsDiscoveryKeyring(clients, only=Filter("aws", frozenset({"999999999999"})))

    assert Envelope(mine).decrypt(sealed).plaintext == b"x"
    with pytest.raises(KeyUnavailable, match="None is of a key that may"):
        Envelope(others).decrypt(sealed)
    with pytest.raises(KeyUnavailable):
        Envelope(mine).encrypt(b"x")


class Service:
    """A service that answers as it is told: what a keyring must not believe."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __getattr__(self, name):
        if name not in {"decrypt", "encrypt", "generate_data_key"}:
            raise AttributeError(name)

        def call(**asked):
            self.asked.append(asked)
            return self.answers[name]

        return call


MRK = "arn:aws:kms:{}:111122223333:key/mrk-0123456789abcdef0123456789abcdef"


def test_any_replica_of_a_multi_region_key_opens_it():
    east, west = MRK.format("us-east-1"), MRK.format("us-west-2")
    generated = {"KeyId": east, "Plaintext": bytes(32), "CiphertextBlob": b"blob"}
    sealed = Envelope(KmsKeyring(Service(generate_data_key=generated), east)).encrypt(b"x")
    service = Service(decrypt={"KeyId": west, "Plaintext": bytes(32)})

    assert Envelope(KmsKeyring(service, west)).decrypt(sealed).plaintext == b"x"
    assert Envelope(KmsDiscoveryKeyring(lambda _: service, region="us-west-2")).decrypt(sealed).plaintext == b"x"
    assert [one["KeyId"] for one in service.asked] == [west, west]


def test_keys_of_one_region_are_not_asked_for_in_another():
    single = "arn:aws:kms:us-east-1:111122223333:key/1"
    generated = {"KeyId": single, "Plaintext": bytes(32), "CiphertextBlob": b"blob"}
    sealed = Envelope(KmsKeyring(Service(generate_data_key=generated), single)).encrypt(b"x")
    service = Service()

    with pytest.raises(KeyUnavailable):
        Envelope(KmsDiscoveryKeyring(lambda _: service, region="us-west-2")).decrypt(sealed)
    assert service.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        {"KeyId": "arn:aws:kms:us-east-1:111122223333:key/2", "Plaintext": bytes(32), "CiphertextBlob": b"b"},
        {"KeyId": "alias/x", "Plaintext": bytes(32), "CiphertextBlob": b"b"},
        {"KeyId": "arn:aws:kms:us-east-1:111122223333:key/1", "Plaintext": bytes(16), "CiphertextBlob": b"b"},
    ],
    ids=["another key", "no ARN", "another length"],
)
def test_answers_that_do_not_fit_are_not_believed(answer):
    named = "arn:aws:kms:us-east-1:111122223333:key/1"

    with pytest.raises(KeyUnavailable):
        Envelope(KmsKeyring(Service(generate_data_key=answer), named)).encrypt(b"x")


@pytest.mark.parametrize(
    "text", ["", "alias/x", "arn:aws:kms:r:a:alias/x", "arn:aws:s3:r:a:key/x", "arn:aws:kms:r:a:key/", "a:b"]
)
def test_what_is_no_key_arn_is_told_apart(text):
    assert key_arn(text) is None


# --- the client of this package -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "token"])
def test_signatures_are_those_of_botocore(token):
    body, moment = b'{"KeyId": "x"}', 1_750_000_000.0
    signed = headers(
        Credentials("AKID", "secret", token), "kms.example:8333", "eu-west-1", "TrentService.Encrypt", body, moment
    )
    request = AWSRequest("POST", "http://kms.example:8333/", data=body, headers={
        name: value for name, value in signed.items() if name not in {"authorization", "x-amz-security-token", "host"}
    })  # fmt: skip
    request.context["timestamp"] = signed["x-amz-date"]
    signer = SigV4Auth(BotoCredentials("AKID", "secret", token), "kms", "eu-west-1")
    if token:
        request.headers["X-Amz-Security-Token"] = token
    canonical = signer.canonical_request(request)
    expected = signer.signature(signer.string_to_sign(request, canonical), request)

    assert signed["authorization"].endswith(f"Signature={expected}")


def test_temporary_credentials_work(house, arn):
    given = house.client("sts").get_session_token()["Credentials"]
    credentials = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    client = KmsClient(house.endpoint_url, house.region, lambda: credentials)
    OPENED.append(client)

    assert client.describe_key(KeyId=arn)["KeyMetadata"]["Arn"] == arn


def test_refusals_have_the_service_s_code(house):
    with pytest.raises(KmsRefused) as refused:
        own_client(house).decrypt(CiphertextBlob=b"nonsense", KeyId="alias/none")

    assert refused.value.code in {"InvalidCiphertextException", "NotFoundException"}


def test_nobody_there_is_said_after_a_few_attempts():
    pauses = []
    client = KmsClient("http://127.0.0.1:1", "r", lambda: Credentials("a", "b"), pause=pauses.append)

    with pytest.raises(KmsUnreachable):
        client.encrypt(KeyId="x")

    assert len(pauses) == 3


@pytest.fixture
def answering():
    """A server that gives prepared answers, one after another."""
    answers = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            status, body = answers.pop(0)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_may_pass_is_tried_again(answering):
    url, answers = answering
    throttled = 400, json.dumps({"__type": "ThrottlingException"}).encode()
    answers += [throttled, (500, b"oops"), (200, b'{"KeyId": "x"}')]
    client = KmsClient(url, "r", lambda: Credentials("a", "b"), pause=lambda _: None)

    assert client.encrypt(KeyId="x") == {"KeyId": "x"}
    client.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"Plaintext": "?"}', b'{"Plaintext": 5}'])
def test_answers_that_cannot_be_read_are_refused(answering, body):
    url, answers = answering
    answers += [(200, body)] * 4
    client = KmsClient(url, "r", lambda: Credentials("a", "b"), pause=lambda _: None)

    with pytest.raises(KmsUnreachable):
        client.decrypt(CiphertextBlob=b"x")
    client.close()


@pytest.mark.parametrize("url", ["ftp://x", "http://", "x", "http://u:p@host", "http://host/path"])
def test_endpoints_are_checked(url):
    with pytest.raises(ValueError, match="endpoint"):
        KmsClient(url, "r", lambda: Credentials("a", "b"))


def test_identities_tell_principals_apart(house):
    one, same = own_client(house), own_client(house)
    other = KmsClient(house.endpoint_url, house.region, lambda: Credentials("another", "x"))

    assert identity_of(one) == identity_of(same) != identity_of(other)
    assert identity_of(house.client("kms")) != identity_of(
        house.client("kms", {"AccessKeyId": "b", "SecretAccessKey": "c"})
    )


# --- the usual places --------------------------------------------------------------------------------------------------


def test_the_environment_comes_first(house, arn):
    client = connect(env={**house.environment, "HOME": "/nonexistent"})
    OPENED.append(client)

    assert isinstance(client, KmsClient)
    assert client.describe_key(KeyId=arn)["KeyMetadata"]["Arn"] == arn


def test_a_profile_gives_endpoint_region_and_keys(house, arn, tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(
        f"[profile p]\nregion = {house.region}\nendpoint_url = {house.endpoint_url}\n"
    )
    (tmp_path / ".aws" / "credentials").write_text(
        f"[p]\naws_access_key_id = {house.access_key_id}\naws_secret_access_key = {house.secret_access_key}\n"
    )

    client = connect(profile="p", env={"HOME": str(tmp_path)})
    OPENED.append(client)

    assert isinstance(client, KmsClient)
    assert client.describe_key(KeyId=arn)["KeyMetadata"]["Arn"] == arn


def test_what_needs_more_is_left_to_botocore(tmp_path, monkeypatch):
    config = tmp_path / "config"
    config.write_text(
        "[profile p]\nregion = eu-west-1\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = q\n[profile q]\naws_access_key_id = a\naws_secret_access_key = b\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    client = connect(profile="p", env={"AWS_CONFIG_FILE": str(config)})

    assert not isinstance(client, KmsClient)


def test_without_a_region_it_is_said():
    with pytest.raises(NoRegion):
        connect(env={"HOME": "/nonexistent"})


def test_credentials_are_not_shown():
    assert "secret" not in repr(Credentials("a", "secret", "secret"))
