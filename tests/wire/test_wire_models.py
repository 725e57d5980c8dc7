"""What is read of botocore's data: names, prefixes, errors, unsigned operations, patterns, Regions."""

import re
import time

import pytest

from keystead.wire import model
from keystead.wire.patterns import compiled

from .samples import SERVICES

FACTS = {
    #  service          protocol  signed as          prefixes of X-Amz-Target                                                     source: botocore 1.44.5
    "kms":            ("json",   "kms",             {"TrentService"}),
    "secretsmanager": ("json",   "secretsmanager",  {"secretsmanager"}),
    "ssm":            ("json",   "ssm",             {"AmazonSSM"}),
    "cloudtrail":     ("json",   "cloudtrail",      {"com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "CloudTrail_20131101"}),
    "iam":            ("query",  "iam",             set()),
    "sts":            ("query",  "sts",             set()),
}  # fmt: skip  # a table


@pytest.mark.parametrize("service", SERVICES)
def test_the_facts_of_each_service(service):
    loaded = model.load(service)

    assert (loaded.protocol, loaded.signing_name, set(loaded.target_prefixes)) == FACTS[service]


def test_an_unknown_service_has_no_model():
    with pytest.raises(FileNotFoundError):
        model.load("juggling")


@pytest.mark.parametrize("service", SERVICES)
def test_only_the_two_web_sign_ins_are_unsigned(service):
    unsigned = {name for name, operation in model.load(service).operations.items() if operation.unsigned}

    assert unsigned == ({"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"} if service == "sts" else set())


@pytest.mark.parametrize(
    ("service", "code", "status", "member"),
    [
        ("kms", "NotFoundException", 400, "message"),
        ("kms", "KMSInternalException", 500, "message"),
        ("secretsmanager", "ResourceNotFoundException", 400, "Message"),
        ("secretsmanager", "InternalServiceError", 500, "Message"),
        ("iam", "NoSuchEntity", 404, "message"),
        ("iam", "DeleteConflict", 409, "message"),
        ("iam", "MalformedPolicyDocument", 400, "message"),
        ("sts", "ExpiredTokenException", 400, "message"),
        ("cloudtrail", "InvalidNextTokenException", 400, None),
    ],
)
def test_errors_have_the_models_status_and_message_member(service, code, status, member):
    error = model.load(service).errors[code]

    assert (error.status, error.message_member) == (status, member)


def shapes(shape, seen):
    if id(shape._traits) in seen or shape.name in seen:
        return
    seen.add(shape.name)
    yield shape
    for held in shape.members.values() if shape.type == "structure" else ():
        yield from shapes(held, seen)
    for part in {"list": ("member",), "map": ("key", "value")}.get(shape.type, ()):
        yield from shapes(getattr(shape, part), seen)


def patterns(service):
    seen = set()
    for operation in model.load(service).operations.values():
        if operation.input:
            yield from (shape for shape in shapes(operation.input, seen) if shape.pattern)


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_compiles_and_matches_whole_values_only(service):
    for shape in patterns(service):
        assert isinstance(compiled(shape.pattern), re.Pattern), shape
        assert compiled(shape.pattern).pattern.endswith(r")\Z")


@pytest.mark.parametrize("service", ["kms", "iam", "sts", "cloudtrail"])
def test_no_pattern_takes_long_over_a_hostile_text(service):
    for shape in patterns(service):
        length = int(shape.max or 8192)
        for unit in ("a", "/", "a/", "arn:aws:", "-", ".", " ", "!", "a.", "A1"):
            text = (unit * length)[:length] + "\x00"
            started = time.perf_counter()
            compiled(shape.pattern).search(text)
            assert time.perf_counter() - started < 2, (shape, unit)


@pytest.mark.parametrize(
    ("java", "good", "bad"),
    [
        (r"[\w]+", "abc_1", "é"),
        (r"^[a-z]+$", "abc", "abc\n"),
        (r"[a-z]+", "abc", "abc!"),
        (r"a|b", "b", "bb"),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "Größe 1/é", "a\x00"),
        (r"(?i)^ab$", "AB", "ABC"),
        (r"\d{12}", "123456789012", "١٢٣٤٥٦٧٨٩٠١٢"),
    ],
)
def test_javas_patterns_in_python(java, good, bad):
    assert compiled(java).search(good)
    assert not compiled(java).search(bad)


def test_regions_are_those_of_the_partition():
    known = model.regions()

    assert {"us-east-1", "eu-central-1", "ap-southeast-2"} <= known
    assert not any("global" in name or name.startswith(("cn-", "us-gov")) for name in known)
