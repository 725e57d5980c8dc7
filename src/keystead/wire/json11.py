"""AWS JSON 1.1: KMS, Secrets Manager, SSM, CloudTrail.

POST / HTTP/1.1
X-Amz-Target: <prefix>.<Operation>
Content-Type: application/x-amz-json-1.1
{…}                                      errors: {"__type": "<Code>", "message": "…"}
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from keystead.wire.binding import Operation
from keystead.wire.errors import Refused
from keystead.wire.http import Request, Response
from keystead.wire.model import Model
from keystead.wire.unmodelled import status_of
from keystead.wire.walker import refusal, verdict

HEADERS: Final = (
    (b"Content-Type", b"application/x-amz-json-1.1"),
    (b"Cache-Control", b"no-cache, no-store, must-revalidate, private"),
    (b"Expires", b"0"),
    (b"Pragma", b"no-cache"),
)
NUL: Final = b"\\u0000"
"""The one way to write it in JSON (RFC 8259, 7)."""
COMMON: Final = frozenset(
    {"AccessDeniedException", "ThrottlingException", "UnsupportedOperationException", "ValidationException"}
)
"""Codes that any operation may answer and few declare. Their member is lower-case (recorded from Systems Manager, whose model has
shapes of these names, with `Message`, for operations that are not served)."""
encode: Final = msgspec.json.Encoder().encode


def operation_name(model: Model, request: Request) -> str:
    """The operation is what follows the last dot of the target. Raises Refused."""
    target = request.named.get(b"x-amz-target")
    if target is None or request.method != "POST" or request.raw_path != b"/":
        raise Refused("UnknownOperationException")
    prefix, _, name = target.decode("latin-1").rpartition(".")
    if prefix not in model.target_prefixes:
        raise Refused("UnknownOperationException")
    return name


def parse(operation: Operation, request: Request) -> dict[str, Any]:
    """Keyword arguments for the operation's function. Raises Refused in AWS's words."""
    body = request.body or b"{}"
    try:
        found = operation.arguments(operation.decoder.decode(body))
    except msgspec.ValidationError:
        raise explain(operation, body) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        raise Refused("SerializationException") from None
    if (operation.recurses or NUL in body) and operation.model.input is not None:
        refused = verdict(operation.model.input, read(body), operation.protocol)
        if refused is not None:
            raise refused
    return found


def explain(operation: Operation, body: bytes) -> Refused:
    """The document was read but refused: say why in AWS's words."""
    if operation.model.input is None:
        return Refused("SerializationException")
    return refusal(operation.model.input, read(body), operation.protocol)


def read(body: bytes) -> Any:
    """Of half a surrogate pair no text is made, which could not be written into an answer or a record."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Refused("SerializationException") from None


def render(operation: Operation, answer: Mapping[str, Any] | None, request_id: str) -> Response:
    """Moments are seconds since the epoch with at most three decimals; bytes become base64."""
    headers = ((b"x-amzn-RequestId", request_id.encode()), *HEADERS)
    if operation.model.output is None:
        return Response(200, headers)
    if answer is None:
        return Response(200, headers, b"{}")
    return Response(200, headers, encode(operation.renderer(answer) if operation.renderer else answer))


def render_error(
    model: Model,
    code: str,
    text: str | None,
    request_id: str,
    *,
    status: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """An error without a text has no message member at all. The model's status wins over the one given."""
    known = model.errors.get(code)
    body: dict[str, Any] = {"__type": code}
    if text is not None:
        body[(known is not None and code not in COMMON and known.message_member) or "message"] = text
    headers = ((b"x-amzn-RequestId", request_id.encode()), *HEADERS)
    answered = known.status if known else (status or status_of(code))
    return Response(answered, headers, encode({**body, **(extra or {})}))
