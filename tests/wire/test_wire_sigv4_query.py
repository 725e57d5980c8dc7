"""Presigned requests: the signature in the query string."""

import time

import pytest

from keystead.wire import sigv4
from keystead.wire.errors import Refused

from .signing import changed, presigned


@pytest.fixture
def read_sts(read):
    return lambda request, **named: read(
        request, **{"now": time.time(), "service": "sts", "protocol": "query", "window": 900.0, **named}
    )


@pytest.fixture
def verifies(read_sts, signing_key):
    def check(request, **named):
        signed = read_sts(request, **named)
        return sigv4.verify(signed, signing_key(signed.date, signed.region, signed.service))

    return check


def without(request, name):
    parts = [part for part in request.query.split(b"&") if not part.startswith(name)]
    return changed(request, query=b"&".join(parts))


def test_a_presigned_get_caller_identity_verifies(verifies):
    assert verifies(presigned())


def test_a_presigned_request_with_a_token_verifies(read_sts, verifies):
    request = presigned(token="tok/en+with=signs")

    assert read_sts(request).token == "tok/en+with=signs"
    assert verifies(request)


def test_further_signed_headers_must_come_along(verifies, read_sts):
    request = presigned(headers={"X-K8s-Aws-Id": "cluster"})

    assert verifies(request)
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        read_sts(changed(request, without={b"x-k8s-aws-id"}))
    assert not verifies(changed(request, headers={b"x-k8s-aws-id": b"other"}))


def test_json_services_refuse_presigned_requests(read):
    request = presigned(service="kms")

    with pytest.raises(Refused, match="MissingAuthenticationTokenException"):
        read(request, now=time.time())


@pytest.mark.parametrize("name", ["X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"])
def test_a_missing_parameter_is_named(read_sts, name):
    with pytest.raises(Refused) as caught:
        read_sts(without(presigned(), name.encode() + b"="))

    assert (caught.value.code, caught.value.text) == (
        "IncompleteSignature",
        f"AWS query-string parameters must include '{name}'. Re-examine the query-string parameters.",
    )


def test_all_missing_parameters_are_named_at_once(read_sts):
    with pytest.raises(Refused) as caught:
        read_sts(changed(presigned(), query=b"X-Amz-Algorithm=AWS4-HMAC-SHA256"))

    named = ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
    sentences = [f"AWS query-string parameters must include '{name}'." for name in named]
    assert caught.value.text == " ".join([*sentences, "Re-examine the query-string parameters."])


def test_another_algorithm_is_not_supported(read_sts):
    request = presigned()

    with pytest.raises(Refused) as caught:
        read_sts(changed(request, query=request.query.replace(b"AWS4-HMAC-SHA256", b"AWS4-ECDSA-P256-SHA256")))

    assert caught.value.text == "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."


@pytest.mark.parametrize(
    "expires", [b"0", b"-1", b"604801", b"1.5", b"x", b"", b"%C2%B2", b"9" * 400, b"+60", b"%2060"]
)
def test_a_lifetime_out_of_bounds_is_refused(read_sts, expires):
    request = presigned()

    with pytest.raises(Refused, match="IncompleteSignature"):
        read_sts(changed(request, query=request.query.replace(b"X-Amz-Expires=60", b"X-Amz-Expires=" + expires)))


def test_no_lifetime_at_all_is_refused(read_sts):
    with pytest.raises(Refused, match="IncompleteSignature"):
        read_sts(without(presigned(), b"X-Amz-Expires="))


@pytest.mark.parametrize("expires", [1, 604_800])
def test_the_bounds_of_the_lifetime_are_good(verifies, expires):
    assert verifies(presigned(expires=expires))


def test_a_presigned_request_lives_as_long_as_it_says(read_sts):
    request = presigned(expires=3600)
    at = read_sts(request).signed_at

    assert read_sts(request, now=at + 3600)
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        read_sts(request, now=at + 3601)


def test_a_short_life_is_not_lengthened_by_the_window(read_sts):
    request = presigned(expires=60)
    at = read_sts(request).signed_at

    with pytest.raises(Refused) as caught:
        read_sts(request, now=at + 61)

    assert caught.value.text.startswith("Signature expired: ")
    assert caught.value.text.endswith(" - 1 min.)")


def test_a_presigned_request_does_not_begin_in_the_future(read_sts):
    request = presigned(expires=3600)
    at = read_sts(request).signed_at

    assert read_sts(request, now=at - 900)
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        read_sts(request, now=at - 901)


@pytest.mark.parametrize("name", [b"X-Amz-Signature", b"X-Amz-Date", b"X-Amz-Expires", b"X-Amz-Algorithm"])
def test_a_parameter_that_decides_comes_once(read_sts, name):
    request = presigned()

    with pytest.raises(Refused, match="IncompleteSignature"):
        read_sts(changed(request, query=request.query + b"&" + name + b"=again"))


def test_a_token_in_a_header_does_not_count_beside_a_presigned_query(read_sts):
    with pytest.raises(Refused, match="IncompleteSignature"):
        read_sts(changed(presigned(), headers={b"x-amz-security-token": b"t"}))


@pytest.mark.parametrize("name", [b"x-amz-target", b"content-type"])
def test_what_changes_the_meaning_must_be_signed_here_too(read_sts, name):
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        read_sts(changed(presigned(), headers={name: b"x"}))


def test_a_body_is_part_of_what_was_signed(verifies):
    assert not verifies(changed(presigned(), body=b"Action=CreateUser"))


def test_every_byte_of_the_query_is_signed(verifies):
    request = presigned()

    for place in range(len(request.query)):
        broken = request.query[:place] + bytes([request.query[place] ^ 1]) + request.query[place + 1 :]
        try:
            assert not verifies(changed(request, query=broken)), place
        except Refused:
            continue
