"""The compiled decoder and the walker are two readings of one model: they accept and refuse the same documents."""

import base64
import json
from datetime import datetime
from functools import cache
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.wire import json11
from keystead.wire.errors import Refused
from keystead.wire.http import Request
from keystead.wire.walker import UnknownMember, WrongType, problems

from .samples import Sampler, bound

SERVICES = ("kms", "secretsmanager", "ssm", "cloudtrail")
DAMAGE = [
    None, True, False, 0, -1, 1, 10.0, 0.5, 2**31, 2**63, -(2**63) - 1, 10**30, 1e308, "", "x", "QQ==", "QQ", "%%%", "é",
    "2020-01-01T00:00:00Z", "yesterday", "nan", "1e3", "x" * 5000, [], [None], [[]], ["x"] * 200, {}, {"a": 1}, {"": None},
    {"a" * 9000: "b"}, "\x00", "😀", "a\n", "QR==", "QQ==QQ==", "Q Q==", "-_-_",
]  # fmt: skip  # a list of odd values


@cache
def operations():
    return [
        (service, operation)
        for service in SERVICES
        for operation in bound(service).operations.values()
        if operation.model.input is not None
    ]


def as_json(value):
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: as_json(held) for key, held in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list) else value


def damaged(random, value):
    """The document with one part of it replaced, removed or added."""
    if isinstance(value, dict) and value and random.random() < 0.8:
        key = random.choice(list(value))
        if random.random() < 0.1:
            return {name: held for name, held in value.items() if name != key}
        return {**value, key: damaged(random, value[key])}
    if isinstance(value, list) and value and random.random() < 0.7:
        place = random.randrange(len(value))
        return [*value[:place], damaged(random, value[place]), *value[place + 1 :]]
    if isinstance(value, dict) and random.random() < 0.3:
        return {**value, "Unheard": random.choice(DAMAGE)}
    return random.choice(DAMAGE)


def decoder_accepts(operation, body):
    try:
        operation.arguments(operation.decoder.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, OverflowError):
        return False
    return True


def walker_accepts(operation, body):
    try:
        return not problems(operation.model.input, json.loads(body))
    except (WrongType, UnknownMember):
        return False


def check_agreement(seed):
    random = Random(seed)  # noqa: S311  # tests that can be repeated
    service, operation = random.choice(operations())
    document = as_json(Sampler(seed).valid(operation.model.input))
    for _ in range(random.randrange(3)):
        document = damaged(random, document)
    body = json.dumps(document).encode()

    decoder, walker = decoder_accepts(operation, body), walker_accepts(operation, body)

    if operation.recurses or json11.NUL in body:  # the decoder leaves some to the walker
        assert decoder or not walker, (service, operation.name, document)
    else:
        assert decoder == walker, (service, operation.name, document)


@settings(deadline=None)
@given(seed=st.integers(0, 2**63))
def test_decoder_and_walker_agree(seed):
    check_agreement(seed)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(seed=st.integers(0, 2**63))
def test_decoder_and_walker_agree_on_very_many_documents(seed):
    check_agreement(seed)


@settings(deadline=None)
@given(seed=st.integers(0, 2**63))
def test_what_one_of_them_refuses_is_refused_in_awss_codes(seed):
    random = Random(seed)  # noqa: S311  # likewise
    _, operation = random.choice(operations())
    body = json.dumps(damaged(random, as_json(Sampler(seed).valid(operation.model.input)))).encode()

    try:
        json11.parse(operation, Request("POST", b"/", b"", (), body))
    except Refused as refused:
        code = refused.code
    else:
        assert walker_accepts(operation, body)
        return

    assert not walker_accepts(operation, body)
    assert code in {"ValidationException", "SerializationException", "UnsupportedOperationException"}


@settings(deadline=None)
@given(body=st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_no_body_breaks_the_parser(body):
    for _, operation in operations()[:20]:
        try:
            json11.parse(operation, Request("POST", b"/", b"", (), body))
        except Refused as refused:
            code = refused.code
        else:
            continue

        assert code in {"ValidationException", "SerializationException", "UnsupportedOperationException"}


def test_of_a_shape_that_recurses_the_walker_checks_what_the_decoder_leaves():
    (operation,) = [one for _, one in operations() if one.name == "GetInventory"]
    inner = {"Expression": "x" * 2000, "Aggregators": [{"Unheard": 1}]}
    body = json.dumps({"Aggregators": [{"Expression": "e", "Aggregators": [inner]}]}).encode()

    with pytest.raises(Refused) as caught:
        json11.parse(operation, Request("POST", b"/", b"", (), body))

    assert caught.value.code in {"ValidationException", "UnsupportedOperationException"}
