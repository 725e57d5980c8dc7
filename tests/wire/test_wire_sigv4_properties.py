"""What botocore signs verifies, whatever it is; with any byte flipped it does not; and nothing breaks the reader."""

import time
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keystead.wire import sigv4
from keystead.wire.canonical import canonical_path
from keystead.wire.errors import Refused
from keystead.wire.http import Request
from keystead.wire.recognise import recognise

from .conftest import KEY_ID, REGION
from .signing import changed, presigned, signed

REGIONS = frozenset({REGION})
printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
blanks = st.text(st.sampled_from("a \t"), max_size=12)
names = st.from_regex(r"\A[xX]-[a-zA-Z0-9-]{1,20}\Z").filter(lambda name: not name.lower().startswith("x-amzn-trace"))
headers = st.dictionaries(names, printable | blanks, max_size=4).filter(
    lambda given: (
        len({name.lower() for name in given}) == len(given)
        and not any(name.lower() in {"x-amz-date", "x-amz-security-token", "x-amz-content-sha256"} for name in given)
    )
)
unreserved = st.text(min_size=0, max_size=8)
queries = st.lists(st.tuples(unreserved, unreserved), max_size=4).map(
    lambda pairs: "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
)
paths = st.lists(st.sampled_from(["a", "b%20c", "%2F", "", ".", "..", "%C3%A9", "~_-."]), max_size=5).map("/".join)


def read(request, protocol="query"):
    return sigv4.read(request, now=time.time(), service="kms", protocol=protocol, window=300.0, regions=REGIONS)


@pytest.fixture
def verified(signing_key):
    def check(request, protocol="query"):
        found = read(request, protocol)
        return sigv4.verify(found, signing_key(found.date, found.region, found.service))

    return check


@settings(deadline=None)
@given(
    headers=headers,
    body=st.binary(max_size=60),
    query=queries,
    path=paths,
    token=st.none() | printable.filter(lambda text: text and text == text.strip()),
)
def test_what_botocore_signs_verifies(signing_key, headers, body, query, path, token):
    target = f"/{path}" + (f"?{query}" if query else "")
    request = signed(target=target, headers=headers, body=body, token=token)
    try:
        canonical_path(request.raw_path)
    except Refused:
        assume(False)

    found = read(request)

    assert sigv4.verify(found, signing_key(found.date, found.region, found.service))
    assert found.token == token


@settings(deadline=None)
@given(data=st.data(), body=st.binary(min_size=1, max_size=60), query=queries)
def test_any_flipped_byte_of_what_was_signed_is_found(signing_key, data, body, query):
    request = signed(target=f"/?{query}" if query else "/", headers={"X-Amz-Target": "TrentService.Encrypt"}, body=body)
    broken = flipped(data, request)
    assume(broken is not None)

    try:
        found = read(broken)
    except Refused:
        return

    another_key = found.access_key_id != KEY_ID
    assert another_key or not sigv4.verify(found, signing_key(found.date, found.region, found.service))


def flipped(data, request):
    """One bit of one byte; None where the canonical form takes the two for the same (the case of a header's name)."""
    part = data.draw(st.sampled_from(["method", "query", "body", "header"]))
    if part == "method":
        return changed(request, method=flip(data, request.method.encode()).decode("latin-1"))
    if part == "header":
        place = data.draw(st.integers(0, len(request.headers) - 1))
        name, value = request.headers[place]
        if name == b"authorization":
            start = value.index(b"Credential=")
            changed_value = value[:start] + flip(data, value[start:])
        else:
            changed_value = flip(data, value)
        if b" ".join(changed_value.split()) == b" ".join(value.split()):
            return None
        return changed(request, headers={name: changed_value})
    raw = getattr(request, part)
    if not raw:
        return None
    if part == "query" and unquoted(broken := flip(data, raw)) == unquoted(raw):
        return None  # the case of an escape's digits
    return changed(request, **{part: broken if part == "query" else flip(data, raw)})


def unquoted(query):
    return [tuple(unquote_to_bytes(side) for side in pair.partition(b"=")[::2]) for pair in query.split(b"&") if pair]


def flip(data, raw):
    place = data.draw(st.integers(0, len(raw) - 1))
    return raw[:place] + bytes([raw[place] ^ (1 << data.draw(st.integers(0, 6)))]) + raw[place + 1 :]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"method": "GET"},
        {"raw_path": b"/x"},
        {"query": b"a=b"},
        {"body": b"{ }"},
        {"headers": {b"host": b"elsewhere"}},
        {"headers": {b"x-amz-target": b"TrentService.ScheduleKeyDeletion"}},
        {"headers": {b"content-type": b"text/plain"}},
        {"headers": {b"x-amz-security-token": b"other"}},
        {"headers": {b"x-extra": b"other"}},
    ],
)
def test_each_signed_element_altered_is_found(verified, spoilt):
    request = signed(
        headers={"X-Amz-Target": "TrentService.Encrypt", "Content-Type": "application/x-amz-json-1.1", "X-Extra": "1"},
        token="token",
    )
    assert verified(request)

    assert not verified(changed(request, **spoilt))


def test_repeated_headers_are_joined_in_their_order(verified):
    request = signed(headers={"X-Extra": "a,b"})
    split = Request(
        request.method,
        request.raw_path,
        request.query,
        (*(pair for pair in request.headers if pair[0] != b"x-extra"), (b"x-extra", b"a"), (b"x-extra", b"b")),
        request.body,
    )
    turned = Request(split.method, split.raw_path, split.query, tuple(reversed(split.headers)), split.body)

    assert verified(split)
    assert not verified(turned)


@pytest.mark.parametrize("signature", ["", "0" * 64, "0" * 63, "0" * 65, "A" * 64, "é" * 64, "0" * 64 + "\x80"])
def test_a_signature_of_any_form_is_compared_and_refused(verified, signature):
    request = signed()
    header = request.header(b"authorization")
    start = header.index(b"Signature=") + len(b"Signature=")

    assert not verified(changed(request, headers={b"authorization": header[:start] + signature.encode("latin-1")}))


def test_an_upper_case_signature_is_another_signature(verified):
    request = signed()
    head, name, signature = request.header(b"authorization").partition(b"Signature=")

    assert not verified(changed(request, headers={b"authorization": head + name + signature.upper()}))


def test_a_plus_in_the_query_is_not_a_blank(verified):
    request = signed(target="/?a=b%2Bc")

    assert verified(changed(request, query=b"a=b+c"))
    assert not verified(changed(request, query=b"a=b%20c"))


fields = st.lists(
    st.tuples(
        st.sampled_from([b"host", b"authorization", b"x-amz-date", b"date", b"x-amz-target", b"x-amz-security-token", b"content-type", b"x-amz-content-sha256", b"x-other"]),
        st.binary(max_size=60)
        | st.sampled_from([b"AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=0", b"20260101T000000Z", b"TrentService.Encrypt", b"AWS4-HMAC-SHA256 "]),
    ),
    max_size=8,
)  # fmt: skip  # lists
raw_queries = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"X-Amz-Algorithm=AWS4-HMAC-SHA256", b"X-Amz-Credential=a%2F20260101%2Fus-east-1%2Fsts%2Faws4_request", b"X-Amz-Date=20260101T000000Z", b"X-Amz-SignedHeaders=host", b"X-Amz-Signature=0", b"X-Amz-Expires=60", b"X-Amz-Security-Token=%ff", b"Action=AssumeRoleWithSAML", b"=", b"%", b"&"]),
    max_size=8,
).map(b"&".join)  # fmt: skip  # lists


@settings(deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    path=st.binary(max_size=20) | st.just(b"/"),
    query=raw_queries,
    headers=fields,
    body=st.binary(max_size=40),
    protocol=st.sampled_from(["json", "query"]),
)
def test_no_request_breaks_the_reader(method, path, query, headers, body, protocol):
    request = Request(method, path, query, tuple(headers), body)

    named = recognise(request, {b"TrentService": "kms"}, {b"GetUser": "iam"})
    try:
        found = sigv4.read(
            request, now=1_767_225_600.0, service=named or "kms", protocol=protocol, window=300.0, regions=REGIONS
        )
    except Refused:
        return

    assert not sigv4.verify(found, bytes(32))


@settings(deadline=None)
@given(place=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_damaged_authorization_header_is_refused_or_does_not_verify(signing_key, place, byte):
    request = signed()
    header = request.header(b"authorization")
    assume(place < len(header))
    assume(header[place] != byte)
    damaged = header[:place] + bytes([byte]) + header[place + 1 :]
    assume(damaged.split() != header.split())
    assume(b"".join(damaged.split()) != b"".join(header.split()))

    try:
        found = read(changed(request, headers={b"authorization": damaged}))
    except Refused:
        return

    another_key = found.access_key_id != KEY_ID  # which is looked up by the id, and does not fit
    assert another_key or not sigv4.verify(found, signing_key(found.date, found.region, found.service))


def test_neither_secrets_nor_tokens_are_in_a_repr():
    request = presigned(token="hush-hush-token")
    found = sigv4.read(request, now=time.time(), service="sts", protocol="query", window=900.0, regions=REGIONS)

    for value in (request, found):
        assert "hush" not in repr(value)
        assert found.signature.decode() not in repr(value)
