"""AWS JSON 1.1: KMS, Secrets Manager, SSM, CloudTrail.

POST / HTTP/1.1
X-Amz-Target: <prefix>.<Operation>
Content-Type: application/x-amz-json-1.1
{…}                                      errors: {"__type": "<Code>", "message": "…"}
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from keystead.wire.binding import Operation
from keystead.wire.errors import Refused
from keystead.wire.http import Request, Response
from keystead.wire.model import Model
from keystead.wire.walker import refusal

HEADERS: Final = (
    (b"Content-Type", b"application/x-amz-json-1.1"),
    (b"Cache-Control", b"no-cache, no-store, must-revalidate, private"),
    (b"Expires", b"0"),
    (b"Pragma", b"no-cache"),
)
encode: Final = msgspec.json.Encoder().encode


def operation_name(model: Model, request: Request) -> str:
    """The operation is what follows the last dot of the target. Raises Refused."""
    target = request.header(b"x-amz-target")
    if request.method != "POST" or target is None:
        raise Refused("UnknownOperationException")
    prefix, _, name = target.decode("latin-1").rpartition(".")
    if prefix not in model.target_prefixes:
        raise Refused("UnknownOperationException")
    return name


def parse(operation: Operation, request: Request) -> dict[str, Any]:
    """Keyword arguments for the operation's function. Raises Refused in AWS's words."""
    body = request.body or b"{}"
    try:
        decoded = operation.decoder.decode(body)
        return operation.arguments(decoded)
    except msgspec.ValidationError:
        raise explain(operation, body) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        raise Refused("SerializationException") from None


def explain(operation: Operation, body: bytes) -> Refused:
    """The document was read but refused: say why in AWS's words."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return Refused("SerializationException")
    if operation.model.input is None:
        return Refused("SerializationException")
    return refusal(operation.model.input, document, "ValidationException")


def render(operation: Operation, answer: Mapping[str, Any] | None, request_id: str) -> Response:
    """Timestamps are seconds since the epoch with at most three decimals; bytes become base64."""
    headers = ((b"x-amzn-RequestId", request_id.encode()), *HEADERS)
    if operation.model.output is None:
        return Response(200, headers)
    return Response(200, headers, encode(answer if answer is not None else {}))


def render_error(
    model: Model,
    code: str,
    text: str | None,
    request_id: str,
    *,
    status: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """An error without a text has no message member at all."""
    known = model.errors.get(code)
    body: dict[str, Any] = {"__type": code}
    if text is not None:
        body[(known and known.message_member) or "message"] = text
    headers = ((b"x-amzn-RequestId", request_id.encode()), *HEADERS)
    default = known.status if known else 400
    return Response(status if status is not None and not known else default, headers, encode({**body, **(extra or {})}))
