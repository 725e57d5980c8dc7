"""The XKS Proxy API's own examples, and its signatures against botocore's."""

import base64
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from keystead.keyholder.errors import CiphertextInvalid
from keystead.stores.blob import Wrapped, pack, unpack
from keystead.stores.proxy import integrity
from keystead.wire import signing
from keystead.wire.http import Request
from keystead.xks.cipher import bound
from keystead.xks.config import Config, Credential
from keystead.xks.signature import authentic

ACCESS_KEY = "ABCDEFGHIJKLMNOPQRST"
SECRET = "y" * 43
CONFIG = Config((Credential(ACCESS_KEY, SECRET),), {})
PATH = "/ours/kms/xks/v1/keys/pay-roll_1.2/encrypt"
BODY = b'{"plaintext":"x"}'


def request_of(headers, body=BODY):
    named = [(name.lower().encode(), str(value).encode()) for name, value in headers.items()]
    return Request("POST", PATH.encode(), b"", named, body)


def signed(access_key=ACCESS_KEY, secret=SECRET):
    made = AWSRequest("POST", f"https://xks.example.com{PATH}", data=BODY, headers={"Host": "xks.example.com"})
    SigV4Auth(Credentials(access_key, secret), "kms-xks-proxy", "eu-west-1").add_auth(made)
    return dict(made.headers)


def test_the_integrity_value_is_that_of_the_specifications_appendix_c():
    wrapped = Wrapped(
        base64.b64decode("ghxkK1txeDNn3q8Y"),
        base64.b64decode("a2V5X3ZlcnNpb249MQ=="),
        base64.b64decode("HMrlRw85cAJUd5Ax"),
        base64.b64decode("vBxN2ncH1oEkR8WVXpmyYQ=="),
    )

    found = integrity(b"project=nile,department=marketing", wrapped)

    assert base64.b64encode(found) == b"qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc="


def test_lengths_stand_before_what_is_authenticated():
    assert bound(b"aad", b"meta") == b"\x00\x03aad\x04meta"
    assert bound(b"", b"ab") != bound(b"ab", b"")


def test_what_botocore_signs_is_authentic():
    assert authentic(request_of(signed()), CONFIG, time.time())


@pytest.mark.parametrize("off", [-301, 301])
def test_a_request_of_another_time_is_not(off):
    assert not authentic(request_of(signed()), CONFIG, time.time() + off)


@pytest.mark.parametrize(("access_key", "secret"), [(ACCESS_KEY, "z" * 43), ("TSRQPONMLKJIHGFEDCBA", SECRET)])
def test_another_credential_is_not(access_key, secret):
    assert not authentic(request_of(signed(access_key, secret)), CONFIG, time.time())


def test_another_body_is_not():
    assert not authentic(request_of(signed(), BODY + b" "), CONFIG, time.time())


def test_what_this_house_signs_is_what_botocore_would_have_signed():
    now = time.time()
    key = signing.key_of(SECRET, signing.day(now), "eu-west-1", "kms-xks-proxy")

    made = signing.signed(
        PATH, {"host": "xks.example.com"}, BODY, at=now, access_key_id=ACCESS_KEY, signing_key=key, region="eu-west-1",
        service="kms-xks-proxy",
    )  # fmt: skip

    assert authentic(request_of(made), CONFIG, now)


def test_an_outer_blob_holds_all_that_a_proxy_answered():
    wrapped = Wrapped(b"ciphertext", b"metadata", b"i" * 12, b"t" * 16)

    assert unpack(pack("ab" * 32, wrapped)) == wrapped


@pytest.mark.parametrize("length", range(33 + 9 + 13 + 16))
def test_a_blob_that_was_cut_off_is_invalid(length):
    blob = pack("ab" * 32, Wrapped(b"c", b"metadata", b"i" * 12, b"t" * 16))

    with pytest.raises(CiphertextInvalid):
        unpack(blob[:length])
