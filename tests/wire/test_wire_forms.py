"""The query protocol's forms: limits before nesting, what repeats, what is malformed, and XML that says what was said."""

import time
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET  # reads our own answers

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.wire import forms, query
from keystead.wire.errors import Refused
from keystead.wire.http import Request
from keystead.wire.model import load

from .samples import bound

IAM = bound("iam")
STS = bound("sts")
VERSION = "2010-05-08"


def post(form, target=b""):
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    return Request("POST", b"/", target, (), body)


def parse(form, operation="CreateUser", served=IAM):
    return query.parse(served.operations[operation], post(form))


def refused(form, operation="CreateUser", served=IAM):
    with pytest.raises(Refused) as caught:
        parse(form, operation, served)
    return caught.value


def test_names_draw_a_tree():
    form = {
        "UserName": "u",
        "Tags.member.2.Key": "b",
        "Tags.member.2.Value": "2",
        "Tags.member.1.Key": "a",
        "Tags.member.1.Value": "1",
    }

    assert parse(form) == {"user_name": "u", "tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}


def test_the_tenth_comes_after_the_ninth():
    form = {"UserName": "u"} | {f"TagKeys.member.{number}": f"k{number}" for number in range(1, 12)}

    assert parse(form, "UntagUser")["tag_keys"] == [f"k{number}" for number in range(1, 12)]


def test_an_empty_list_is_sent_as_its_bare_name():
    assert parse({"UserName": "u", "Tags": ""}) == {"user_name": "u", "tags": []}


def test_a_get_carries_the_same_names_in_the_query():
    request = Request("GET", b"/", b"Action=GetUser&Version=2010-05-08&UserName=a%2Fb", (), b"")

    assert query.operation_name(IAM.model, request) == "GetUser"
    assert forms.read_form(request)["UserName"] == "a/b"


def test_the_body_of_a_get_is_no_form():
    request = Request("GET", b"/", b"Action=GetUser", (), b"Action=DeleteUser")

    assert query.operation_name(IAM.model, request) == "GetUser"


def test_the_body_wins_over_the_query():
    request = post({"Action": "GetUser"}, target=b"Action=DeleteUser&UserName=u")

    assert query.operation_name(IAM.model, request) == "GetUser"


def test_of_a_repeated_name_the_last_counts():
    assert parse(b"UserName=a&UserName=b") == {"user_name": "b"}


def test_a_plus_is_a_blank_in_a_body_and_a_plus_in_a_signed_query():
    body = Request("POST", b"/", b"", (), b"Description=a+b%2Bc")
    target = Request("GET", b"/", b"Description=a+b%2Bc", (), b"")

    assert forms.read_form(body)["Description"] == "a b+c"
    assert forms.read_form(target)["Description"] == "a+b+c"


@pytest.mark.parametrize(
    "body", [b"\xff=\xff", b"UserName=%ff", b"%ff=x", "&".join(["a=b"] * 2001).encode(), b"UserName=%C3"]
)
def test_a_form_that_cannot_be_read_is_malformed(body):
    assert refused(body).code == "MalformedQueryString"


@pytest.mark.parametrize("name", ["a." * 12 + "a", "x" * 513, "." * 100_000, ".".join("Tags" for _ in range(5000))])
def test_depth_and_length_of_names_are_bounded_before_a_tree_is_built(name):
    started = time.perf_counter()

    assert refused({"UserName": "u", name: "v"}).code == "MalformedQueryString"
    assert time.perf_counter() - started < 5


def test_the_largest_form_is_read_in_moderate_time():
    deepest = {f"Tags.member.{number}.{'x.' * 8}y": "v" for number in range(1, 1999)}
    started = time.perf_counter()

    assert refused({"UserName": "u", **deepest}).code == "UnsupportedOperation"
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    "name",
    [
        "Unheard",
        "userName",
        "Tags.1.Key",
        "Tags.member.0.Key",
        "Tags.member.01.Key",
        "Tags.member.-1.Key",
        "Tags.member.1",
        "Tags.member.1.key",
        "Tags.member.x.Key",
        "Tags.member",
        "UserName.x",
        "",
        ".",
    ],
)
def test_a_name_that_the_operation_has_not_is_refused_and_never_ignored(name):
    error = refused({"UserName": "u", name: "v"})

    assert (error.code, error.status) == ("UnsupportedOperation", 400)


def test_the_names_of_a_presigned_signature_are_not_the_operations():
    request = Request(
        "GET", b"/", b"Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=x&X-Amz-Signature=y", (), b""
    )

    assert query.parse(STS.operations["GetCallerIdentity"], request) == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MaxItems", "x"),
        ("MaxItems", " 1"),
        ("MaxItems", "1_000"),
        ("MaxItems", "١"),
        ("MaxItems", ""),
        ("MaxItems", "1.0"),
        ("MaxItems", "9" * 5000),
    ],
)
def test_a_number_that_is_none_is_malformed(name, text):
    assert refused({name: text}, "ListUsers").code == "MalformedQueryString"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("True", True)])
def test_booleans(text, value):
    form = {"PolicyArn": "a" * 20, "SetAsDefault": text, "PolicyDocument": "d"}

    assert parse(form, "CreatePolicyVersion")["set_as_default"] is value


def test_a_hole_in_a_list_of_structures_is_closed_but_an_empty_place_is_refused():
    assert (
        len(
            parse(
                {
                    "UserName": "u",
                    "Tags.member.1.Key": "a",
                    "Tags.member.1.Value": "",
                    "Tags.member.5.Key": "b",
                    "Tags.member.5.Value": "",
                }
            )["tags"]
        )
        == 2
    )
    assert refused({"UserName": "u", "Tags.member.1.Unheard": "a"}).code == "UnsupportedOperation"


def test_constraints_are_worded_as_in_json_under_the_querys_code():
    error = refused({"UserName": "", "Tags.member.1.Key": ""})

    assert error.code == "ValidationError"
    assert error.text.startswith(
        "5 validation errors detected: Value '' at 'userName' failed to satisfy constraint: Member must "
    )
    assert "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null" in error.text


def test_a_password_is_not_echoed():
    error = refused({"UserName": "u", "Password": "hush" * 100}, "CreateLoginProfile")

    assert (
        error.text
        == "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must have length less than or equal to 128"
    )


@pytest.mark.parametrize(
    ("form", "code", "text"),
    [
        ({}, "MissingAction", "Missing Action"),
        ({"Action": ""}, "MissingAction", "Missing Action"),
        (
            {"Action": "GetUser", "Version": "2000-01-01"},
            "InvalidAction",
            "Could not find operation GetUser for version 2000-01-01",
        ),
    ],
)
def test_an_action_that_cannot_be_found(form, code, text):
    with pytest.raises(Refused) as caught:
        query.operation_name(IAM.model, post(form))

    assert (caught.value.code, caught.value.text, caught.value.status) == (code, text, 400)


def test_an_unknown_action_names_the_version():
    with pytest.raises(Refused) as caught:
        IAM.operation("Juggle")

    assert (caught.value.code, caught.value.text) == (
        "InvalidAction",
        "Could not find operation Juggle for version 2010-05-08",
    )


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", b"/"), ("DELETE", b"/"), ("OPTIONS", b"/"), ("POST", b"/x"), ("HEAD", b"/")]
)
def test_other_methods_and_paths_name_no_action(method, path):
    with pytest.raises(Refused, match="InvalidAction"):
        query.operation_name(IAM.model, Request(method, path, b"Action=GetUser", (), b""))


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=20)
        | st.sampled_from(["UserName", "Tags.member.1.Key", "Tags.member.1", "Tags", "PermissionsBoundary", "Path"]),
        st.text(max_size=20),
        max_size=6,
    )
)
def test_no_form_breaks_the_parser(form):
    body = "&".join(f"{quote(name)}={quote(value)}" for name, value in form.items()).encode()
    try:
        parse(body)
    except Refused as refused:
        code = refused.code
    else:
        return

    assert code in {"ValidationError", "MalformedQueryString", "UnsupportedOperation"}


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_break_the_parser(body):
    try:
        parse(body)
    except Refused as refused:
        code = refused.code
    else:
        return

    assert code in {"ValidationError", "MalformedQueryString", "UnsupportedOperation"}


@settings(deadline=None)
@given(st.text())
def test_what_xml_cannot_carry_never_breaks_an_answer(text):
    error = query.render_error(load("iam"), "NoSuchEntity", text, "id")
    answer = query.render(IAM.operations["CreateUser"], {"User": {"UserName": text}}, "id")

    assert error.status == 404
    assert ET.fromstring(error.body) is not None  # noqa: S314  # our own
    found = ET.fromstring(answer.body).find(".//{*}UserName")  # noqa: S314  # our own
    carried = "".join(char if query_carries(char) else "\ufffd" for char in text)
    assert (found.text or "") == carried


def query_carries(char):
    code = ord(char)
    return char in "\t\n\r" or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
