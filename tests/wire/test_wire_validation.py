"""AWS's wording of broken constraints, row by row. Source: recorded AWS answers; enum brackets are never compared."""

import base64
import json

import pytest

from keystead.wire import json11
from keystead.wire.errors import Refused
from keystead.wire.http import Request
from keystead.wire.model import load, resolve
from keystead.wire.shapes import Input
from keystead.wire.walker import problems

from .samples import Sampler, bound

KMS = bound("kms")
SECRETS = bound("secretsmanager")
AT = "failed to satisfy constraint: Member must"
ONE = "1 validation error detected: "
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"


def refused(document, operation="Encrypt", served=KMS):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(Refused) as caught:
        json11.parse(served.operations[operation], Request("POST", b"/", b"", (), body))
    return caught.value


ROWS = [
    #  row            operation, document                                                                           text
    ("missing",       "Encrypt", {"Plaintext": "QQ=="},                                                             f"{ONE}Value null at 'keyId' {AT} not be null"),
    ("null",          "Encrypt", {"KeyId": None, "Plaintext": "QQ=="},                                              f"{ONE}Value null at 'keyId' {AT} not be null"),
    ("two",           "Encrypt", {},                                                                                f"2 validation errors detected: Value null at 'keyId' {AT} not be null; Value null at 'plaintext' {AT} not be null"),
    ("min length",    "Encrypt", {"KeyId": "", "Plaintext": "QQ=="},                                                f"{ONE}Value '' at 'keyId' {AT} have length greater than or equal to 1"),
    ("max length",    "DescribeKey", {"KeyId": "k" * 2049},                                                         f"{ONE}Value '{'k' * 2049}' at 'keyId' {AT} have length less than or equal to 2048"),
    ("sensitive",     "Encrypt", {"KeyId": KEY, "Plaintext": "QUFB" * 2000},                                        f"{ONE}Value at 'plaintext' {AT} have length less than or equal to 4096"),
    ("max value",     "ListKeys", {"Limit": 1001},                                                                  f"{ONE}Value '1001' at 'limit' {AT} have value less than or equal to 1000"),
    ("min value",     "ListKeys", {"Limit": 0},                                                                     f"{ONE}Value '0' at 'limit' {AT} have value greater than or equal to 1"),
    ("pattern",       "CreateAlias", {"AliasName": "alias/a b", "TargetKeyId": KEY},                                f"{ONE}Value 'alias/a b' at 'aliasName' {AT} satisfy regular expression pattern: {load('kms').operations['CreateAlias'].input.members['AliasName'].pattern}"),
    ("enum",          "Encrypt", {"KeyId": KEY, "Plaintext": "QQ==", "EncryptionAlgorithm": "ROT13"},               f"{ONE}Value 'ROT13' at 'encryptionAlgorithm' {AT} satisfy enum value set: [["),
    ("list of enums", "CreateGrant", {"KeyId": KEY, "GranteePrincipal": "arn:aws:iam::1:root", "Operations": ["Encrypt", "Juggle"]}, f"{ONE}Value '[Encrypt, Juggle]' at 'operations' {AT} satisfy constraint: [Member must satisfy enum value set: [["),
    ("list length",   "CreateGrant", {"KeyId": KEY, "GranteePrincipal": "arn:aws:iam::1:root", "Operations": ["Encrypt"], "GrantTokens": ["t"] * 11}, f"{ONE}Value '[{', '.join(['t'] * 11)}]' at 'grantTokens' {AT} have length less than or equal to 10"),
    ("list of texts", "CreateGrant", {"KeyId": KEY, "GranteePrincipal": "arn:aws:iam::1:root", "Operations": ["Encrypt"], "GrantTokens": ["a", ""]}, f"{ONE}Value '[a, ]' at 'grantTokens' {AT} satisfy constraint: [Member must have length less than or equal to 8192, Member must have length greater than or equal to 1, Member must not be null]"),
    ("in structures", "TagResource", {"KeyId": KEY, "Tags": [{"TagKey": "", "TagValue": "v"}]},                     f"{ONE}Value '' at 'tags.1.member.tagKey' {AT} have length greater than or equal to 1"),
    ("second item",   "TagResource", {"KeyId": KEY, "Tags": [{"TagKey": "k", "TagValue": "v"}, {"TagKey": "k"}]},   f"{ONE}Value null at 'tags.2.member.tagValue' {AT} not be null"),
]  # fmt: skip  # a table


@pytest.mark.parametrize(("row", "operation", "document", "text"), ROWS, ids=[row[0] for row in ROWS])
def test_a_broken_constraint_is_worded_as_aws_words_it(row, operation, document, text):
    error = refused(document, operation)

    assert error.code == "ValidationException"
    assert error.status == 400
    head, brackets, _ = text.partition("[[")
    assert error.text.startswith(head) if brackets else error.text == text


def test_after_an_enum_in_a_list_comes_the_rest_of_what_is_demanded():
    error = refused(ROWS[10][2], "CreateGrant")

    assert error.text.endswith("], Member must not be null]")


def test_several_faults_on_one_member_are_several_problems():
    error = refused({"AliasName": "b" * 300 + " ", "TargetKeyId": KEY}, "CreateAlias")

    assert error.text.startswith("2 validation errors detected: ")
    assert "have length less than or equal to 256; Value 'bb" in error.text


@pytest.mark.parametrize(
    ("operation", "document", "text"),
    [
        ("ListInsightsData", {"InsightSource": "kms.amazonaws.com", "DataType": "InsightsEvents", "Dimensions": {"No": "v"}}, "Value '{No=v}' at 'dimensions' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy enum value set: ["),
        ("ListInsightsData", {"InsightSource": "kms.amazonaws.com", "DataType": "InsightsEvents", "Dimensions": {"EventId": ""}}, "Value '{EventId=}' at 'dimensions' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 2000, Member must have length greater than or equal to 1, "),
    ],
)  # fmt: skip  # a table
def test_map_keys_and_values_have_their_own_wording(operation, document, text):
    error = refused(document, operation, bound("cloudtrail"))

    assert error.text.startswith(ONE + text)


def test_of_a_union_one_member_is_given():
    operation = bound("ssm").operations["StartExecutionPreview"]
    (name,) = operation.model.input.members["ExecutionInputs"].members

    assert (
        refused({"DocumentName": "AWS-Document", "ExecutionInputs": {}}, "StartExecutionPreview", bound("ssm")).code
        == "SerializationException"
    )
    assert json11.parse(
        operation,
        Request(
            "POST", b"/", b"", (), json.dumps({"DocumentName": "AWS-Document", "ExecutionInputs": {name: {}}}).encode()
        ),
    )


@pytest.mark.parametrize(
    "document",
    [
        {"KeyId": 5, "Plaintext": "QQ=="}, {"KeyId": True, "Plaintext": "QQ=="}, {"KeyId": [], "Plaintext": "QQ=="},
        {"KeyId": KEY, "Plaintext": "%%%"}, {"KeyId": KEY, "Plaintext": 5}, {"KeyId": KEY, "Plaintext": "QQ"},
        {"KeyId": KEY, "Plaintext": "QQ==", "DryRun": "yes"}, {"KeyId": KEY, "Plaintext": "QQ==", "DryRun": 1},
        {"KeyId": KEY, "Plaintext": "QQ==", "EncryptionContext": []},
        {"KeyId": KEY, "Plaintext": "QQ==", "EncryptionContext": {"a": None}},
        {"KeyId": KEY, "Plaintext": "QQ==", "EncryptionContext": {"a": 1}},
        {"KeyId": KEY, "Plaintext": "QQ==", "GrantTokens": [None]},
        [], "x", 5, None, True, b"", b"{", b"{}x", b"\xff\xfe", b'{"KeyId": NaN}', b'{"KeyId": "\\ud800"}', b"[" * 5000,
        b'{"KeyId":' * 5000, b'\xef\xbb\xbf{"KeyId": "a"}', b"{" + b" " * 100_000, b"nul", b"{'a': 1}",
        json.dumps({"KeyId": KEY}).encode("utf-16"),
    ],
    ids=str,
)  # fmt: skip  # one case after another
def test_what_is_not_of_the_shapes_form_is_a_serialization_error(document):
    if document == b"":
        assert refused(document).code == "ValidationException"  # an empty body is {}
        return

    assert refused(document).code == "SerializationException"


@pytest.mark.parametrize("number", [1.0, 10.5, "10", True, [], 2**31, -(2**31) - 1])
def test_what_is_no_integer_is_a_serialization_error(number):
    ssm = bound("ssm")
    operation = ssm.operations["ListCommands"]
    assert operation.model.input.members["MaxResults"].type == "integer"

    error = refused({"MaxResults": number}, "ListCommands", ssm)

    assert error.code == (
        "ValidationException" if isinstance(number, int) and abs(number) > 1 else "SerializationException"
    )


@pytest.mark.parametrize(
    "time", ["yesterday", "nan", "inf", "", 1e300, -1e300, 10**400, True, "2020-13-01T00:00:00Z", "1" * 30]
)
def test_what_is_no_moment_is_a_serialization_error(time):
    trail = bound("cloudtrail")

    assert refused({"StartTime": time}, "LookupEvents", trail).code == "SerializationException"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (1_600_000_000, 1_600_000_000.0), (1_600_000_000.25, 1_600_000_000.25), ("1600000000", 1_600_000_000.0),
        ("2020-09-13T12:26:40Z", 1_600_000_000.0), ("2020-09-13T14:26:40+02:00", 1_600_000_000.0),
        ("2020-09-13T12:26:40", 1_600_000_000.0), (0, 0.0), (-1, -1.0),
    ],
)  # fmt: skip  # pairs
def test_a_moment_may_be_a_number_or_iso_text(given, seconds):
    operation = bound("cloudtrail").operations["LookupEvents"]

    parsed = json11.parse(operation, Request("POST", b"/", b"", (), json.dumps({"StartTime": given}).encode()))

    assert parsed == {"start_time": seconds}


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("unheard", {"Unheard": 1}),
        ("unheard", {"Unheard": None}),
        ("tags.1.member.unheard", {"Tags": [{"TagKey": "k", "TagValue": "v", "Unheard": 1}]}),
    ],
)
def test_a_parameter_that_the_model_does_not_know_is_refused_by_name(name, document):
    error = refused(document, "CreateKey")

    assert (error.code, error.text) == ("UnsupportedOperationException", f"The parameter {name} is not known here.")


def test_null_is_absent():
    operation = KMS.operations["CreateKey"]

    parsed = json11.parse(
        operation, Request("POST", b"/", b"", (), b'{"Policy": null, "Description": "d", "Tags": null}')
    )

    assert parsed == {"description": "d"}


def test_the_last_of_repeated_members_counts():
    operation = KMS.operations["CreateKey"]

    parsed = json11.parse(operation, Request("POST", b"/", b"", (), b'{"Description": "a", "Description": "b"}'))

    assert parsed == {"description": "b"}


def test_very_many_problems_do_not_make_a_very_long_answer():
    error = refused({"KeyId": KEY, "Tags": [{"TagKey": ""}] * 20_000}, "TagResource")

    assert len(error.text) < 40_000


def test_a_very_long_value_is_not_repeated_whole():
    assert len(refused({"KeyId": "k" * 500_000}, "DescribeKey").text) < 10_000


def holders(shape, seen=()):
    """Sensitive members, with the path to them."""
    if shape.sensitive:
        yield shape
    elif shape.name not in seen and shape.type == "structure":
        for member in shape.members.values():
            yield from holders(member, (*seen, shape.name))
    elif shape.name not in seen and shape.type == "list":
        yield from holders(shape.member, (*seen, shape.name))
    elif shape.name not in seen and shape.type == "map":
        yield from holders(shape.key, (*seen, shape.name))
        yield from holders(shape.value, (*seen, shape.name))


MARKER = "MARKERMARKER"


def marked(shape, value):
    """The document with every sensitive text replaced by a marker that is too long for anything."""
    if shape.sensitive:
        return {"string": MARKER * 9000, "blob": MARKER.encode() * 9000}.get(shape.type, value)
    if shape.type == "structure":
        return {name: marked(shape.members[name], held) for name, held in value.items()}
    if shape.type == "list":
        return [marked(shape.member, held) for held in value]
    if shape.type == "map":
        return {key: marked(shape.value, held) for key, held in value.items()}
    return value


@pytest.mark.parametrize("service", ["kms", "secretsmanager", "ssm", "cloudtrail"])
def test_no_sensitive_value_is_ever_echoed(service):
    from .test_wire_walker import as_json

    said = []
    for operation in bound(service).operations.values():
        shape = operation.model.input
        if shape is None or not list(holders(shape)):
            continue
        for seed in range(5):
            body = json.dumps(as_json(marked(shape, Sampler(seed).valid(shape)))).encode()
            try:
                json11.parse(operation, Request("POST", b"/", b"", (), body))
            except Refused as error:
                said += [error.text or "", str(error)]

    assert said or service == "cloudtrail"
    assert not any(MARKER in text or base64.b64encode(MARKER.encode()).decode() in text for text in said)


def test_a_list_is_not_shown_if_a_secret_is_anywhere_in_it():
    shapes = {
        "Secrets": {"type": "list", "member": {"shape": "Pair"}, "max": 1},
        "Pair": {"type": "structure", "members": {"Open": {"shape": "Open"}, "Hidden": {"shape": "Hidden"}}},
        "Open": {"type": "string"},
        "Hidden": {"type": "string", "sensitive": True},
    }
    shape = resolve({"shape": "Secrets"}, shapes)

    assert problems(shape, [{"Open": "a", "Hidden": "hush"}] * 2) == [
        "Value at '' failed to satisfy constraint: Member must have length less than or equal to 1"
    ]


def test_a_compiled_structure_shows_nothing_of_what_it_holds():
    operation = KMS.operations["Encrypt"]
    decoded = operation.decoder.decode(json.dumps({"KeyId": KEY, "Plaintext": "aHVzaA=="}).encode())

    assert isinstance(decoded, Input)
    assert repr(decoded) == "EncryptRequest"
    assert "hush" not in repr(decoded)


@pytest.mark.parametrize(
    ("operation", "document", "path"),
    [
        ("UpdateKeyDescription", {"KeyId": KEY, "Description": "a\0b"}, "description"),
        ("TagResource", {"KeyId": KEY, "Tags": [{"TagKey": "k", "TagValue": "\0"}]}, "tags.1.member.tagValue"),
        ("Encrypt", {"KeyId": KEY, "Plaintext": "QQ==", "EncryptionContext": {"\0": "v"}}, "encryptionContext"),
    ],
)
def test_a_text_with_a_nul_is_refused_since_not_every_store_can_hold_it(operation, document, path):
    error = refused(document, operation)

    assert error.code == "ValidationException"
    assert error.text == f"{ONE}Value at '{path}' {AT} not contain the character U+0000"


def test_a_sealed_value_may_hold_a_nul():
    body = json.dumps({"SecretId": "s", "SecretString": "a\0b", "ClientRequestToken": "t" * 32}).encode()

    found = json11.parse(SECRETS.operations["PutSecretValue"], Request("POST", b"/", b"", (), body))

    assert found["secret_string"] == "a\0b"


def test_half_a_surrogate_pair_is_no_text_even_where_something_else_is_wrong():
    error = refused(b'{"KeyId": "", "Description": "\\ud800"}', "UpdateKeyDescription")

    assert (error.code, error.text) == ("SerializationException", None)
