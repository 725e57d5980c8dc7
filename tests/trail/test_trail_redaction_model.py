"""What is shown of requests and answers, for every operation that is served: nothing secret, whatever is sent."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.catalogue import SERVICES
from keystead.trail import event as events
from keystead.trail import redaction
from keystead.trail.notes import Notes
from keystead.wire import model
from keystead.wire.shapes import field_name

MARK = "MARKED-AS-SECRET"
SECRETS = {"GrantToken", "GrantTokens", "SessionToken", "ImportToken"}
"""By facts of the trail, not by the code that is tested: what the model does not mark and must not be shown."""


def operations():
    for service, module in SERVICES.items():
        by_name = {found.python_name: found for found in model.load(service).operations.values()}
        for function in module.OPERATIONS:
            yield service, by_name[function.__name__.rstrip("_")]


SERVED = list(operations())
EVERY = pytest.mark.parametrize(("service", "operation"), SERVED, ids=lambda value: getattr(value, "name", value))


def values(shape, *, secret=False, python=False):
    """Random values of a shape, with a marker in whatever is secret."""
    secret = secret or shape.sensitive
    if shape.type == "structure":
        members = {
            field_name(name) if python else name: values(held, secret=secret or name in SECRETS)
            for name, held in shape.members.items()
        }
        return st.fixed_dictionaries({}, optional=members)
    if shape.type == "list":
        return st.lists(values(shape.member, secret=secret), max_size=2)
    if shape.type == "map":
        return st.dictionaries(values(shape.key, secret=secret), values(shape.value, secret=secret), max_size=2)
    if shape.type == "blob":
        return st.just(MARK.encode())
    if shape.type == "string":
        return st.just(MARK) if secret else st.sampled_from(["a", "alias/x", *shape.enum])
    return SCALARS[shape.type]


SCALARS = {
    "boolean": st.booleans(),
    "integer": st.integers(0, 100),
    "long": st.integers(0, 100),
    "timestamp": st.floats(0, 2e9),
}


@EVERY
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_no_secret_reaches_the_record(service, operation, data):
    redactor = redaction.compile(service, operation)
    arguments = data.draw(values(operation.input, python=True)) if operation.input else {}
    answer = data.draw(values(operation.output)) if operation.output else {}

    record = events.event(
        request_id="r",
        at=0.0,
        source=f"{service}.amazonaws.com",
        name=operation.name,
        region="us-east-1",
        identity={},
        invoked_by=None,
        source_ip="",
        user_agent="",
        error=None,
        parameters=redactor.parameters(arguments),
        response=redactor.response(answer),
        notes=Notes(),
        read_only=redactor.read_only,
        recipient_account="",
        tls=None,
        shared_id=None,
    )

    assert MARK.encode() not in record
    assert b"TUFSS0VELUFTLVNFQ1JFV" not in record  # the marker in base64


def test_the_marker_is_found_where_it_is_not_left_out():
    """The property above can fail: what is shown at all carries the marker through."""
    operation = model.load("kms").operations["Encrypt"]

    shown = redaction.compile("kms", operation).parameters({"key_id": MARK, "plaintext": MARK.encode()})

    assert shown["keyId"] == MARK


@EVERY
def test_names_are_the_models_with_a_small_first_letter(service, operation):
    redactor = redaction.compile(service, operation)
    members = list(operation.input.members) if operation.input else []
    given_ = {field_name(name): sample(operation.input.members[name]) for name in members}

    shown = redactor.parameters(given_) or {}

    assert shown.keys() <= {name[0].lower() + name[1:] for name in members}


def sample(shape):
    return {"structure": {}, "list": [], "map": {}, "blob": b"", "timestamp": 0.0}.get(shape.type, "x")


@EVERY
def test_every_shown_value_can_be_written_as_json(service, operation):
    redactor = redaction.compile(service, operation)

    json.dumps([redactor.parameters({}), redactor.response({})])


READ_ONLY = {
    #  not Get, List, Describe or Lookup, and all the same true      source: trail facts, section 3
    "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateRandom",
    "AssumeRole", "AssumeRoleWithWebIdentity", "SimulateCustomPolicy", "SimulatePrincipalPolicy",
    "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "DeriveSharedSecret", "Encapsulate", "Decapsulate",
    "Sign", "Verify", "GenerateMac", "VerifyMac", "BatchGetSecretValue",
    "HeadBucket", "HeadObject",                           # S3 API reference: they read
    "ExplainRequest",                                     # ours: it asks what was decided
}  # fmt: skip


@EVERY
def test_read_only_is_told_by_operation(service, operation):
    looks = operation.name.startswith(("Get", "List", "Describe", "Lookup"))

    assert redaction.compile(service, operation).read_only == (looks or operation.name in READ_ONLY)


def test_a_request_that_could_not_be_read_shows_nothing():
    redactor = redaction.compile("kms", model.load("kms").operations["Decrypt"])

    assert redactor.parameters(None) is None


def test_an_argument_that_the_model_does_not_have_is_left_out():
    redactor = redaction.compile("kms", model.load("kms").operations["Encrypt"])

    assert "other" not in redactor.parameters({"key_id": "k", "other": "x"})


def test_encryption_contexts_keep_their_keys():
    redactor = redaction.compile("kms", model.load("kms").operations["Encrypt"])

    shown = redactor.parameters({"encryption_context": {"Department": "Engineering", "plaintext": "v"}})

    assert shown["encryptionContext"] == {"Department": "Engineering", "plaintext": "v"}


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (1660171107, "Aug 10, 2022, 10:38:27 PM"),
        (1570057949, "Oct 2, 2019, 11:12:29 PM"),
        (1747806465.9, "May 21, 2025, 5:47:45 AM"),
        (1735689600, "Jan 1, 2025, 12:00:00 AM"),
        (1735732800, "Jan 1, 2025, 12:00:00 PM"),
    ],
)
def test_times_are_written_as_aws_writes_them(seconds, written):
    """The first three are recorded from AWS."""
    assert redaction.moment(seconds) == written


@pytest.mark.parametrize("service", ["kms", "iam", "sts", "cloudtrail", "secretsmanager", "ssm"])
def test_every_operation_of_every_model_has_a_redactor(service):
    for operation in model.load(service).operations.values():
        redaction.compile(service, operation)


def test_a_shape_within_itself_is_left_out():
    redactor = redaction.compile("ssm", model.load("ssm").operations["GetInventory"])

    shown = redactor.parameters({"aggregators": [{"Expression": "a", "Aggregators": [{"Expression": "b"}]}]})

    assert shown == {"aggregators": [{"expression": "a"}]}
