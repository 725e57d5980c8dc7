"""Malformed requests against a running node: AWS's error for each, nothing changed, no traceback, no hang."""

import json
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

pytestmark = pytest.mark.whole

TARGET = "TrentService."
JSON = "application/x-amz-json-1.1"


class Raw:
    """Sends bodies that no SDK would send, properly signed."""

    def __init__(self, node: Any) -> None:
        self.node = node

    def post(self, body: bytes, target: str, service: str = "kms", **headers: str) -> tuple[int, dict[str, Any]]:
        named = {"X-Amz-Target": target, "Content-Type": JSON, "Host": urlsplit(self.node.url).netloc, **headers}
        request = AWSRequest("POST", self.node.url + "/", headers=named, data=body)
        credentials = Credentials(self.node.facts["access_key_id"], self.node.facts["secret_access_key"])
        SigV4Auth(credentials, service, self.node.facts["region"]).add_auth(request)
        return self.send(dict(request.headers), body)

    def send(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        asked = urllib.request.Request(self.node.url + "/", data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")


@pytest.fixture
def raw(node):
    return Raw(node)


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b'"x"', b"\xff\xfe", b'{"KeyId": "\xff"}', b'{"KeyId": 5}', b'{"KeyId": "a", "Plaintext": "%%%"}',
        b'{"KeyId": NaN}', b"null x", b'\xef\xbb\xbf{"KeyId": "a"}', b'{"KeyId": "\\ud800"}', b"[" * 5000,
        b'{"KeyId": "a", "Plaintext": "QQ"}', b'{"KeyId": "a", "Plaintext": "QQ==", "EncryptionContext": []}',
        b'{"KeyId": "a", "Plaintext": "QQ==", "DryRun": "yes"}',
    ],
)  # fmt: skip  # one case after another reads better than one a line
def test_a_body_that_is_not_the_document_is_a_serialization_error(raw, body):
    status, answer = raw.post(body, TARGET + "Encrypt")

    assert (status, answer["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("target", "document", "code"),
    [
        ("Encrypt", {}, "ValidationException"),
        ("Encrypt", {"KeyId": "", "Plaintext": "QQ=="}, "ValidationException"),
        ("Encrypt", {"KeyId": "x" * 3000, "Plaintext": "QQ=="}, "ValidationException"),
        ("Encrypt", {"KeyId": "no-such", "Plaintext": "QQ=="}, "NotFoundException"),
        ("Encrypt", {"KeyId": "alias/none", "Plaintext": "QQ=="}, "NotFoundException"),
        ("Encrypt", {"KeyId": "arn:aws:kms", "Plaintext": "QQ=="}, "InvalidArnException|NotFoundException"),
        ("Decrypt", {"CiphertextBlob": "AAAA"}, "InvalidCiphertextException"),
        ("Decrypt", {}, "ValidationException"),
        ("GenerateRandom", {"NumberOfBytes": 0}, "ValidationException"),
        ("GenerateRandom", {"NumberOfBytes": 1025}, "ValidationException"),
        ("GenerateRandom", {}, "ValidationException"),
        ("CreateKey", {"Policy": "{"}, "MalformedPolicyDocumentException"),
        ("CreateKey", {"Policy": '{"a":1}'}, "MalformedPolicyDocumentException"),
        ("CreateKey", {"KeySpec": "RSA_2048"}, "ValidationException"),
        ("CreateKey", {"KeySpec": "NONE"}, "ValidationException"),
        ("CreateAlias", {"AliasName": "alias/aws/x", "TargetKeyId": "x"}, ".*"),
        ("ListKeys", {"Limit": 0}, "ValidationException"),
        ("ListKeys", {"Marker": "junk"}, "InvalidMarkerException"),
        ("NoSuchOperation", {}, "UnknownOperationException"),
    ],
)
def test_a_wrong_document_gets_aws_error(raw, target, document, code):
    status, answer = raw.post(json.dumps(document).encode(), TARGET + target)

    assert status == 400
    assert re.fullmatch(code, answer["__type"])


def test_a_sensitive_value_is_never_echoed(raw, node):
    import base64

    marker = base64.b64encode(b"MARKER-MARKER-MARKER" * 300).decode()

    _, answer = raw.post(json.dumps({"KeyId": "x", "Plaintext": marker}).encode(), TARGET + "Encrypt")

    assert answer["message"] == (
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
        "Member must have length less than or equal to 4096"
    )


def test_an_oversized_body_is_refused_and_the_connection_closed(raw):
    status, answer = raw.send({"X-Amz-Target": TARGET + "Encrypt", "Content-Type": JSON}, b"x" * (1024 * 1024 + 1))

    assert (status, answer["__type"]) == (413, "RequestEntityTooLargeException")


def test_no_signature_no_service(raw):
    status, answer = raw.send({"X-Amz-Target": TARGET + "ListKeys", "Content-Type": JSON}, b"{}")

    assert (status, answer["__type"]) == (400, "MissingAuthenticationTokenException")


def test_a_wrong_secret_and_an_unknown_key_are_told_apart_only_by_aws_own_codes(node):
    from botocore.exceptions import ClientError

    wrong = {"AccessKeyId": node.facts["access_key_id"], "SecretAccessKey": "x" * 40}
    unknown = {"AccessKeyId": "AKIAAAAAAAAAAAAAAAAA", "SecretAccessKey": "x" * 40}

    codes = []
    for credentials in (wrong, unknown):
        with pytest.raises(ClientError) as caught:
            node.client("kms", credentials).list_keys()
        codes.append(caught.value.response["Error"]["Code"])

    assert codes == ["InvalidSignatureException", "UnrecognizedClientException"]


def test_the_query_services_answer_in_xml_with_403(node):
    from botocore.exceptions import ClientError

    wrong = {"AccessKeyId": node.facts["access_key_id"], "SecretAccessKey": "x" * 40}

    with pytest.raises(ClientError) as caught:
        node.client("iam", wrong).list_users()

    assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def connect(url: str) -> socket.socket:
    place = urlsplit(url)
    made = socket.create_connection((place.hostname, place.port), timeout=5)
    return ssl.create_default_context().wrap_socket(made) if place.scheme == "https" else made


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"POST /%ff%zz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
        b"PUT /?a=%zz&b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_raw_nonsense_is_answered_4xx(node, sent):
    with connect(node.url) as wire:
        wire.sendall(sent)
        answer = wire.recv(65536)

    assert answer.startswith(b"HTTP/1.1 4")
    assert b"Traceback" not in answer


def test_slow_clients_do_not_keep_others_waiting(node):
    slow = [connect(node.url) for _ in range(50)]
    for wire in slow:
        wire.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ")

    started = time.monotonic()
    node.client("kms").list_keys()

    assert time.monotonic() - started < 5
    for wire in slow:
        wire.close()
