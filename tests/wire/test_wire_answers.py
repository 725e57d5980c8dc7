"""Status codes, headers and bodies of answers, and which service a request means."""

import pytest

from keystead.wire import json11, query
from keystead.wire.errors import Refused
from keystead.wire.findings import CODES
from keystead.wire.http import Request
from keystead.wire.model import load
from keystead.wire.recognise import recognise

from .samples import bound
from .signing import presigned, signed

ID = "01234567-89ab-4cde-8f01-23456789abcd"
KMS, STS = bound("kms"), bound("sts")
TARGETS = {
    b"TrentService": "kms",
    b"CloudTrail_20131101": "cloudtrail",
    b"com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101": "cloudtrail",
}


def test_a_json_answer_carries_id_type_and_no_cache():
    response = json11.render(KMS.operations["GenerateRandom"], {"Plaintext": b"\x00\x01"}, ID)

    assert response.status == 200
    assert dict(response.headers) == {
        b"x-amzn-RequestId": ID.encode(),
        b"Content-Type": b"application/x-amz-json-1.1",
        b"Cache-Control": b"no-cache, no-store, must-revalidate, private",
        b"Expires": b"0",
        b"Pragma": b"no-cache",
    }
    assert response.body == b'{"Plaintext":"AAE="}'


def test_an_operation_without_output_answers_nothing_and_one_with_an_empty_one_an_empty_document():
    assert json11.render(KMS.operations["EnableKey"], None, ID).body == b""
    assert json11.render(KMS.operations["DeleteCustomKeyStore"], None, ID).body == b"{}"


@pytest.mark.parametrize(
    ("at", "written"), [(1.0, b"1"), (1_600_000_000.0, b"1600000000"), (1.5, b"1.5"), (1.23456, b"1.235")]
)
def test_moments_are_numbers_with_at_most_three_decimals(at, written):
    response = json11.render(KMS.operations["DescribeKey"], {"KeyMetadata": {"KeyId": "k", "CreationDate": at}}, ID)

    assert response.body == b'{"KeyMetadata":{"KeyId":"k","CreationDate":%b}}' % written


def test_rendering_changes_nothing_of_what_the_operation_answered():
    answer = {"KeyMetadata": {"KeyId": "k", "CreationDate": 1.23456}}

    json11.render(KMS.operations["DescribeKey"], answer, ID)

    assert answer == {"KeyMetadata": {"KeyId": "k", "CreationDate": 1.23456}}


def test_a_query_answer_is_wrapped_and_not_kept_by_proxies():
    response = query.render(STS.operations["GetCallerIdentity"], {"Account": "1", "Arn": "a", "UserId": "u"}, ID)

    assert dict(response.headers)[b"Content-Type"] == b"text/xml"
    assert dict(response.headers)[b"x-amzn-RequestId"] == ID.encode()
    assert b"no-store" in dict(response.headers)[b"Cache-Control"]
    assert response.body.decode() == (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        "<UserId>u</UserId><Account>1</Account><Arn>a</Arn></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )


def test_an_operation_without_output_answers_metadata_alone():
    response = query.render(bound("iam").operations["DeleteUser"], None, ID)

    assert response.body.decode() == (
        '<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata></DeleteUserResponse>"
    )


@pytest.mark.parametrize(
    ("service", "code", "text", "given", "status", "body"),
    [
        ("kms", "NotFoundException", "t", None, 400, b'{"__type":"NotFoundException","message":"t"}'),
        ("kms", "InvalidCiphertextException", None, None, 400, b'{"__type":"InvalidCiphertextException"}'),
        ("kms", "AccessDeniedException", "t", None, 400, b'{"__type":"AccessDeniedException","message":"t"}'),
        ("kms", "KMSInternalException", None, 500, 500, b'{"__type":"KMSInternalException"}'),
        ("kms", "ValidationException", "t", 400, 400, b'{"__type":"ValidationException","message":"t"}'),
        ("kms", "RequestEntityTooLargeException", "t", 413, 413, b'{"__type":"RequestEntityTooLargeException","message":"t"}'),
        ("secretsmanager", "ResourceNotFoundException", "t", None, 400, b'{"__type":"ResourceNotFoundException","Message":"t"}'),
        ("secretsmanager", "ValidationException", "t", None, 400, b'{"__type":"ValidationException","message":"t"}'),
        ("ssm", "ValidationException", "t", None, 400, b'{"__type":"ValidationException","message":"t"}'),
        ("ssm", "AccessDeniedException", "t", None, 400, b'{"__type":"AccessDeniedException","message":"t"}'),
        ("ssm", "ServiceSettingNotFound", "t", None, 400, b'{"__type":"ServiceSettingNotFound","Message":"t"}'),
    ],
)  # fmt: skip  # a table
def test_json_errors(service, code, text, given, status, body):
    response = json11.render_error(load(service), code, text, ID, status=given)

    assert (response.status, response.body) == (status, body)


@pytest.mark.parametrize(
    ("service", "code", "given", "status", "kind"),
    [
        ("iam", "NoSuchEntity", None, 404, "Sender"),
        ("iam", "AccessDenied", None, 403, "Sender"),
        ("iam", "ValidationError", None, 400, "Sender"),
        ("iam", "ServiceFailure", None, 500, "Receiver"),
        ("sts", "InternalFailure", 500, 500, "Receiver"),
        ("sts", "ServiceUnavailable", None, 503, "Receiver"),
        ("sts", "ExpiredTokenException", None, 400, "Sender"),
    ],
)
def test_query_errors(service, code, given, status, kind):
    response = query.render_error(load(service), code, "t", ID, status=given)

    assert response.status == status
    assert (
        f"<Error><Type>{kind}</Type><Code>{code}</Code><Message>t</Message></Error><RequestId>{ID}</RequestId>"
        in response.body.decode()
    )


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_no_failed_signature_looks_like_a_passing_fault(protocol):
    assert {names[protocol][1] for names in CODES.values()} <= {400, 403}


def named(request):
    return recognise(request, TARGETS, {b"AssumeRole": "sts", b"GetUser": "iam"})


def test_the_target_is_asked_before_the_scope():
    assert named(signed(headers={"X-Amz-Target": "TrentService.Encrypt"}, service="sts")) == "kms"


@pytest.mark.parametrize(
    "target",
    ["CloudTrail_20131101.LookupEvents", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"],
)
def test_both_of_cloudtrails_prefixes_are_known(target):
    assert named(signed(headers={"X-Amz-Target": target}, service="cloudtrail")) == "cloudtrail"


FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    ("request_", "service"),
    [
        (signed(body=b"Version=2011-06-15&Action=AssumeRole", headers=FORM, service="iam"), "sts"),
        (signed(body=b"Action=AssumeRole&RoleArn=a", headers=FORM, service="kms"), "sts"),
        (presigned(target="/?Action=GetUser&Version=2010-05-08"), "iam"),
        (signed(body=b"Action=Juggle", headers=FORM, service="iam"), "iam"),
        (signed(body=b"&Action=GetUser&", headers={"Content-Type": "text/plain"}, service="s3"), "s3"),
        (
            signed(body=b"&Action=GetUser&", headers=FORM, method="PUT", target="/bucket/key", service="s3"),
            "s3",
        ),
    ],
)
def test_the_action_is_asked_before_the_scope(request_, service):
    assert named(request_) == service


@pytest.mark.parametrize(
    ("request_", "service"),
    [
        (signed(service="iam"), "iam"),
        (presigned(), "sts"),
        (presigned(service="iam"), "iam"),
        (signed(headers={"X-Amz-Target": "AmazonSSM.GetParameter"}, service="ssm"), "ssm"),
        (Request("POST", b"/", b"", (), b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15"), "sts"),
        (Request("GET", b"/", b"Version=2011-06-15&Action=AssumeRoleWithSAML", (), b""), "sts"),
        (Request("POST", b"/", b"", (), b"Action=AssumeRole"), None),
        (Request("GET", b"/", b"", (), b""), None),
        (Request("GET", b"/", b"X-Amz-Credential=a/b/c", (), b""), None),
        (Request("GET", b"/", b"X-Amz-Credential=a%2Fb%2Fc%2F%3Cscript%3E%2Fe", (), b""), None),
        (Request("GET", b"/", b"", ((b"authorization", b"Basic abc"),), b""), None),
    ],
)
def test_the_scope_names_the_service(request_, service):
    assert named(request_) == service


@pytest.mark.parametrize(
    ("headers", "method", "path", "name"),
    [
        ({b"x-amz-target": b"TrentService.Encrypt"}, "POST", b"/", "Encrypt"),
        ({b"x-amz-target": b"TrentService."}, "POST", b"/", ""),
        ({b"x-amz-target": b"Other.Encrypt"}, "POST", b"/", None),
        ({b"x-amz-target": b"Encrypt"}, "POST", b"/", None),
        ({b"x-amz-target": b"TrentService.Encrypt"}, "GET", b"/", None),
        ({b"x-amz-target": b"TrentService.Encrypt"}, "POST", b"/keys", None),
        ({}, "POST", b"/", None),
    ],
)
def test_the_operation_of_a_json_request_is_what_follows_the_last_dot(headers, method, path, name):
    request = Request(method, path, b"", tuple(headers.items()), b"")
    if name is not None:
        assert json11.operation_name(load("kms"), request) == name
        return

    with pytest.raises(Refused, match="UnknownOperationException"):
        json11.operation_name(load("kms"), request)
