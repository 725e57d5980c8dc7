"""botocore is the other side, for every operation and every error of every service that is or will be served."""

import time
import zlib
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from keystead.wire import model, sigv4
from keystead.wire.shapes import field_name

from .samples import SERVICES, Sampler, as_given

REQUEST_ID = "01234567-89ab-4cde-8f01-23456789abcd"

each_service = pytest.mark.parametrize("service", SERVICES)


def rounds(wire, service, count):
    for name, operation in wire.bound.operations.items():
        for number in range(count):
            yield name, operation, Sampler(zlib.crc32(f"{service}.{name}.{number}".encode()))


def check_requests(wire, service, count):
    checked = 0
    for name, operation, sampler in rounds(wire, service, count):
        shape = operation.model.input
        given = sampler.valid(shape) if shape else {}
        parsed = []

        def respond(request, operation=operation, name=name, parsed=parsed):
            assert wire.codec.operation_name(wire.model, request) == name
            parsed.append(wire.codec.parse(operation, request))
            return wire.codec.render(operation, {}, REQUEST_ID)

        wire.call(name, given, respond)

        expected = {field_name(key): as_given(shape.members[key], value) for key, value in given.items()}
        assert parsed == [expected], name
        checked += 1
    return checked


def check_answers(wire, service, count):
    for name, operation, sampler in rounds(wire, service, count):
        shape = operation.model.output
        given = sampler.valid(operation.model.input) if operation.model.input else {}
        answer = sampler.answer(shape) if shape else None

        got = wire.call(name, given, lambda _, one=operation, said=answer: wire.codec.render(one, said, REQUEST_ID))

        metadata = got.pop("ResponseMetadata")
        assert metadata["RequestId"] == REQUEST_ID
        assert metadata["HTTPStatusCode"] == 200
        assert got == (as_received(shape, answer) if shape else {}), name


def as_received(shape, value):
    if shape.type == "timestamp":
        return datetime.fromtimestamp(value, UTC)
    if shape.type == "structure":
        return {name: as_received(shape.members[name], held) for name, held in value.items()}
    if shape.type == "list":
        return [as_received(shape.member, held) for held in value]
    if shape.type == "map":
        return {key: as_received(shape.value, held) for key, held in value.items()}
    return value


@each_service
def test_what_boto3_sends_is_what_an_operation_is_given(wires, service):
    assert check_requests(wires(service), service, 1) == len(model.load(service).operations)


@each_service
def test_what_an_operation_answers_is_what_boto3_gives(wires, service):
    check_answers(wires(service), service, 1)


@pytest.mark.slow
@each_service
def test_many_rounds_there_and_back(wires, service):
    check_requests(wires(service), service, 30)
    check_answers(wires(service), service, 30)


@each_service
def test_every_modelled_error_is_the_typed_exception_with_code_and_message(wires, service):
    wire = wires(service)
    operation = next(
        name for name, one in wire.bound.operations.items() if not (one.model.input and one.model.input.required)
    )

    for error in wire.model.errors.values():
        kind = getattr(wire.client.exceptions, error.shape)

        with pytest.raises(ClientError) as caught:
            wire.call(
                operation,
                {},
                lambda _, code=error.code: wire.codec.render_error(wire.model, code, "Why <&> é", REQUEST_ID),
            )

        assert type(caught.value) is kind
        assert caught.value.response["Error"]["Code"] == error.code
        assert caught.value.response["Error"]["Message"] == "Why <&> é"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == error.status
        assert caught.value.response["ResponseMetadata"]["RequestId"] == REQUEST_ID


@each_service
def test_an_error_without_a_text_arrives_without_one(wires, service):
    wire = wires(service)
    operation = next(
        name for name, one in wire.bound.operations.items() if not (one.model.input and one.model.input.required)
    )

    with pytest.raises(ClientError) as caught:
        wire.call(operation, {}, lambda _: wire.codec.render_error(wire.model, "SomethingException", None, REQUEST_ID))

    assert not caught.value.response["Error"].get("Message")


@each_service
def test_what_boto3_signs_verifies(wires, service, read, signing_key):
    wire = wires(service)
    for name, operation, sampler in rounds(wire, service, 1):
        if operation.model.unsigned:
            continue
        given = sampler.valid(operation.model.input) if operation.model.input else {}
        wire.call(name, given, lambda _, one=operation: wire.codec.render(one, {}, REQUEST_ID))

        signed = read(wire.requests[-1], now=time.time(), service=service, protocol=wire.model.protocol)

        assert sigv4.verify(signed, signing_key(signed.date, signed.region, signed.service)), name
