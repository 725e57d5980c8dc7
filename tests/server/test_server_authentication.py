"""Who gets past the signature, what those who do not are told, and what is recorded of them."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.wire.http import Request

SECRET = "x" * 40
TEXTS = {
    "wrong": "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details.",
    "unknown": "The security token included in the request is invalid.",
    "expired": "The security token included in the request is expired",
}
CODES = {
    #  finding     json                                  query                       source: recorded AWS answers
    "wrong":   {"kms": (400, "InvalidSignatureException"),   "iam": (403, "SignatureDoesNotMatch")},
    "unknown": {"kms": (400, "UnrecognizedClientException"), "iam": (403, "InvalidClientTokenId")},
    "expired": {"kms": (400, "ExpiredTokenException"),       "iam": (403, "ExpiredToken")},
}  # fmt: skip  # a table
both = pytest.mark.parametrize(("service", "operation"), [("kms", "ListKeys"), ("iam", "ListUsers")])


def changed(request, headers=None, without=(), query=None, body=None, method=None):
    given = dict(headers or {})
    kept = [(name, given.pop(name, value)) for name, value in request.headers if name not in without]
    return Request(
        method or request.method,
        request.raw_path,
        request.query if query is None else query,
        (*kept, *given.items()),
        request.body if body is None else body,
    )


def said(response):
    text = response.body.decode()
    if text.startswith("{"):
        return json.loads(text).get("message")
    return text.split("<Message>")[1].split("</Message>")[0] if "<Message>" in text else None


async def session(world):
    arn = await world.role("role")
    return (await world.sts("assume_role", role_arn=arn, role_session_name="s"))["Credentials"]


def of(house, credentials):
    return house.credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


@both
async def test_a_wrong_secret(world, house, code_of, service, operation):
    async with world:
        response = await house.call(service, operation, credentials=house.credentials(secret=SECRET))

    assert ((response.status, code_of(response)), said(response)) == (CODES["wrong"][service], TEXTS["wrong"])


@both
async def test_all_that_is_unknown_looks_the_same(world, house, code_of, service, operation):
    async with world:
        temporary = await session(world)
        made = (await world.iam("create_access_key", user_name="administrator"))["AccessKey"]
        await world.iam(
            "update_access_key", user_name="administrator", access_key_id=made["AccessKeyId"], status="Inactive"
        )
        key, secret, token = (temporary[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
        answers = [
            await house.call(service, operation, credentials=credentials)
            for credentials in (
                house.credentials("AKIAAAAAAAAAAAAAAAAA", SECRET),
                house.credentials("nobody", SECRET),
                house.credentials("A" * 2000, SECRET),
                house.credentials(made["AccessKeyId"], made["SecretAccessKey"]),
                house.credentials(key, secret),
                house.credentials(key, secret, "other" + token),
                house.credentials(world.key_id, world.secret, token),
            )
        ]

    for response in answers:
        assert ((response.status, code_of(response)), said(response)) == (CODES["unknown"][service], TEXTS["unknown"])


async def test_for_an_unknown_key_a_signing_key_is_derived_and_compared_all_the_same(world, house):
    asked = []
    signing_key = world.identities.signing_key

    async def counted(credential, *scope):
        asked.append((credential is None, scope))
        return await signing_key(credential, *scope)

    world.identities.signing_key = counted
    async with world:
        await house.call("kms", "ListKeys", credentials=house.credentials("AKIAAAAAAAAAAAAAAAAA", SECRET))
        await house.call("kms", "ListKeys", credentials=house.credentials(secret=SECRET))

    (unknown, scope), (known, same) = asked
    assert unknown
    assert not known
    assert scope == same


@both
async def test_an_expired_session(world, house, code_of, service, operation):
    async with world:
        credentials = of(house, await session(world))
        request = house.request(service, operation, credentials=credentials)
        house.gateway._clock = lambda: world.now
        before = await house.send(request)
        world.now += 3601
        house.gateway._clock = lambda: world.now - 3601
        after = await house.send(request)

    assert code_of(before) not in {code for _, code in CODES["expired"].values()}
    assert ((after.status, code_of(after)), said(after)) == (CODES["expired"][service], TEXTS["expired"])


async def test_a_session_works_with_its_token(world, house):
    async with world:
        response = await house.call("sts", "GetCallerIdentity", credentials=of(house, await session(world)))

    assert response.status == 200
    assert b"assumed-role/role/s" in response.body


@pytest.mark.parametrize(
    ("service", "operation", "seconds"),
    [("kms", "ListKeys", 300), ("iam", "ListUsers", 900), ("sts", "GetCallerIdentity", 900)],
)
async def test_each_service_has_its_window(world, house, service, operation, seconds):
    async with world:
        statuses = []
        for off in (
            seconds - 60,
            seconds + 60,
            60 - seconds,
            -60 - seconds,
        ):  # signed by the machine's clock, which goes on
            request = house.request(service, operation)
            house.gateway._clock = lambda by=off: world.now + by
            statuses.append((await house.send(request)).status)

    refused = 400 if service == "kms" else 403
    assert statuses == [200, refused, 200, refused]


async def test_a_signature_for_another_service_is_refused(world, house):
    async with world:
        to_kms = await house.call("kms", "ListKeys", scope="sts")
        to_iam = await house.call("iam", "ListUsers", scope="sts")
        to_sts = await house.call("sts", "GetCallerIdentity", scope="kms")

    assert said(to_kms) == "Credential should be scoped to correct service: 'kms'. "
    assert b"<Code>SignatureDoesNotMatch</Code>" in to_iam.body
    assert b"Credential should be scoped to correct service: 'iam'. " in to_iam.body
    assert b"Credential should be scoped to correct service: 'sts'. " in to_sts.body


async def test_a_signature_for_an_unknown_region_is_refused(world, house):
    async with world:
        response = await house.call("kms", "ListKeys", region="mars-north-1")

    assert said(response) == "Credential should be scoped to a valid region, not 'mars-north-1'. "


async def test_a_bad_signature_on_an_unknown_operation_is_a_bad_signature(world, house, code_of):
    async with world:
        response = await house.call("kms", "Juggle", b"{", credentials=house.credentials(secret=SECRET))

    assert code_of(response) == "InvalidSignatureException"


@pytest.mark.parametrize(("status", "expires", "later"), [(200, 60, 0), (200, 3600, 3500), (403, 60, 160)])
async def test_a_presigned_get_caller_identity(world, house, status, expires, later):
    async with world:
        request = house.presigned(expires)
        house.gateway._clock = lambda: world.now + later
        response = await house.send(request)

    assert response.status == status


async def test_a_presigned_url_of_a_session_ends_with_the_session(world, house, code_of):
    async with world:
        request = house.presigned(7200, of(house, await session(world)))
        good = await house.send(request)
        world.now += 3601
        bad = await house.send(request)

    assert (good.status, code_of(bad)) == (200, "ExpiredToken")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (b"AssumeRoleWithWebIdentity&RoleArn=arn&RoleSessionName=s&WebIdentityToken=hush", "ValidationError"),
        (b"AssumeRoleWithSAML&RoleArn=arn&PrincipalArn=arn&SAMLAssertion=hush", "UnsupportedOperation"),
    ],
)
async def test_sign_in_by_somebody_else_needs_no_signature(world, house, code_of, asked, code):
    async with world:
        body = b"Version=2011-06-15&Action=" + asked
        response = await house.send(Request("POST", b"/", b"", ((b"host", b"x"),), body))

    assert (response.status, code_of(response)) == (400, code)
    assert "hush" not in json.dumps(house.events)


@pytest.mark.parametrize(
    "body",
    [
        b"Action=AssumeRoleWithSAML&Action=GetCallerIdentity&Version=2011-06-15",
        b"Action=AssumeRole",
        b"Action=GetCallerIdentity",
        b"",
        b"Action=AssumeRoleWithSAML2",
    ],
)
async def test_nothing_else_goes_without_a_signature(world, house, code_of, body):
    async with world:
        response = await house.send(Request("POST", b"/", b"", ((b"host", b"x"),), body))

    assert (response.status, code_of(response)) == (403, "MissingAuthenticationToken")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (
            {
                b"x-amz-target": b"DynamoDB_20120810.GetItem",
                b"authorization": b"AWS4-HMAC-SHA256 Credential=A/1/r/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            },
            "UnsupportedOperationException",
        ),
        (
            {b"authorization": b"AWS4-HMAC-SHA256 Credential=A/1/r/sns/aws4_request, SignedHeaders=host, Signature=0"},
            "UnsupportedOperation",
        ),
    ],
)
async def test_a_service_that_is_not_served_is_said_not_to_be(world, house, code_of, headers, code):
    async with world:
        response = await house.send(Request("POST", b"/", b"", tuple(headers.items()), b""))

    assert (response.status, code_of(response)) == (400, code)
    assert said(response).endswith(" is not served here.")


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST", "PUT", "HEAD", "DELETE", "PATCH"])
async def test_a_browsers_page_gets_nothing_to_work_with(world, house, method):
    headers = (
        (b"host", b"rebound.example"), (b"origin", b"https://evil.example"), (b"content-type", b"text/plain"),
        (b"access-control-request-method", b"POST"), (b"access-control-request-headers", b"x-amz-target"),
    )  # fmt: skip  # what a browser sends
    async with world:
        response = await house.send(Request(method, b"/", b"", headers, b"Action=ListUsers&Version=2010-05-08"))

    assert response.status == 403
    assert not any(name.lower().startswith(b"access-control") for name, _ in response.headers)


async def test_a_request_for_another_host_name_does_not_carry_over(world, house, code_of):
    async with world:
        request = house.request("kms", "ListKeys")
        response = await house.send(changed(request, headers={b"host": b"rebound.example"}))

    assert code_of(response) == "InvalidSignatureException"


async def test_what_cannot_be_read_in_one_way_is_answered_400_and_nothing(world, house):
    async with world:
        response = await house.send(Request("GET", b"/%zz", b"", ((b"host", b"x"),), b""))

    assert (response.status, response.headers, response.body) == (400, (), b"")


async def test_a_failed_signature_is_recorded(world, house):
    async with world:
        await house.call("kms", "ListKeys", credentials=house.credentials(secret=SECRET))

    (event,) = house.events
    assert (event["eventSource"], event["eventName"]) == ("keystead.internal", "AuthenticationFailure")
    assert event["serviceEventDetails"] == {
        "service": "kms.amazonaws.com",
        "errorCode": "InvalidSignatureException",
        "sourceIPAddress": "192.0.2.7",
        "accessKeyId": world.key_id,
    }


async def test_failed_signatures_cannot_fill_the_disk(world, house):
    async with world:
        for _ in range(35):
            await house.call("kms", "ListKeys", credentials=house.credentials(secret=SECRET))
        within = len(house.events)
        world.now += 1
        await house.call("kms", "ListKeys", credentials=house.credentials(secret=SECRET))

    assert within == 10
    assert house.events[-1]["serviceEventDetails"]["notRecorded"] == 25


async def test_a_made_up_access_key_id_is_not_recorded(world, house):
    async with world:
        await house.call("kms", "ListKeys", credentials=house.credentials("<script>", SECRET))

    assert "accessKeyId" not in house.events[0]["serviceEventDetails"]


async def test_tokens_and_signatures_are_in_no_record(world, house):
    async with world:
        temporary = await session(world)
        good = house.request("kms", "ListKeys", credentials=of(house, temporary))
        bad = house.request(
            "kms", "ListKeys", credentials=house.credentials(world.key_id, SECRET, temporary["SessionToken"])
        )
        await house.send(good)
        await house.send(bad)

    recorded = json.dumps(house.events)
    assert temporary["SessionToken"] not in recorded
    assert dict(good.headers)[b"authorization"].decode()[-64:] not in recorded


parts = st.binary(max_size=40) | st.sampled_from([b"/", b"Action=GetCallerIdentity&Version=2011-06-15", b"{}"])
names = st.sampled_from(
    [b"host", b"x-amz-target", b"authorization", b"x-amz-date", b"content-type", b"x-amz-security-token", b"x-a"]
)


@st.composite
def spoilt(draw):
    """A signed request with something of it replaced."""
    return {
        "headers": draw(st.dictionaries(names, parts, max_size=2)),
        "without": draw(st.frozensets(names, max_size=2)),
        "query": draw(st.none() | parts),
        "body": draw(st.none() | parts),
        "method": draw(st.none() | st.sampled_from(["GET", "PUT", "POST"])),
    }


def test_no_spoilt_request_gets_a_500_or_past_the_signature(world, house):
    loop = asyncio.new_event_loop()
    loop.run_until_complete(world.__aenter__())

    @settings(deadline=None)
    @given(
        called=st.sampled_from([("kms", "ListKeys"), ("iam", "ListUsers"), ("sts", "GetCallerIdentity")]),
        drawn=spoilt(),
    )
    def check(called, drawn):
        request = house.request(*called)
        sent = changed(request, **drawn)

        response = loop.run_until_complete(house.send(sent))

        assert response.status in {400, 403} or signed_part(sent) == signed_part(request)

    try:
        check()
    finally:
        loop.run_until_complete(world.__aexit__())
        loop.close()


def signed_part(request):
    return request.method, request.query, request.body, sorted(pair for pair in request.headers if pair[0] != b"x-a")
