"""AWS's REST-JSON: IAM Roles Anywhere.

PATCH /profile/{profileId}?…    parts of the path and of the query string are parameters, as the model says
Content-Type: application/json
{…}                             the rest of them

201 Created                     the model's status
{…}                             moments as the model writes them

403 Forbidden                   errors
x-amzn-ErrorType: AccessDeniedException
{"message": "…"}
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from keystead.wire.binding import Operation
from keystead.wire.errors import Refused
from keystead.wire.http import Request, Response
from keystead.wire.model import Model, Shape
from keystead.wire.unmodelled import status_of
from keystead.wire.walker import refusal, verdict

HEADERS: Final = ((b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store"))
FIELDS: Final = 100
"""Names in a query string."""
LABEL: Final = re.compile(r"\{([A-Za-z0-9]+)\}")
INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
TRUTHS: Final = {"true": True, "false": False}
MALFORMED: Final = "SerializationException"
encode: Final = msgspec.json.Encoder().encode


class Route(NamedTuple):
    """path  finds the parts of a path by their members' names."""

    method: str
    path: re.Pattern[str]
    operation: str


ROUTES: Final[dict[str, tuple[Route, ...]]] = {}


def routes(model: Model) -> tuple[Route, ...]:
    known = ROUTES.get(model.name)
    if known is None:
        known = tuple(
            Route(operation.http.method, pattern(operation.http.uri), name)
            for name, operation in model.operations.items()
        )
        ROUTES[model.name] = known
    return known


def pattern(uri: str) -> re.Pattern[str]:
    pieces = LABEL.split(uri)
    return re.compile(
        "".join(f"(?P<{piece}>[^/]+)" if number % 2 else re.escape(piece) for number, piece in enumerate(pieces))
    )


def routed(model: Model, request: Request) -> tuple[Route, re.Match[str]] | None:
    path = request.raw_path.decode("latin-1")
    for route in routes(model):
        found = route.path.fullmatch(path) if route.method == request.method else None
        if found is not None:
            return route, found
    return None


def operation_name(model: Model, request: Request) -> str:
    """Raises Refused."""
    found = routed(model, request)
    if found is None:
        raise Refused("UnknownOperationException", status=404)
    return found[0].operation


def parse(operation: Operation, request: Request) -> dict[str, Any]:
    """Keyword arguments for the operation's function. Raises Refused in AWS's words."""
    shape = operation.model.input
    if shape is None:
        return {}
    document = body_of(request)
    labels = pattern(operation.model.http.uri).fullmatch(request.raw_path.decode("latin-1"))
    try:
        place(document, shape, labels.groupdict() if labels else {}, query_of(request))
        found = operation.arguments(msgspec.convert(document, operation.input, strict=True))
    except msgspec.ValidationError:
        raise refusal(shape, document, operation.protocol) from None
    except (ValueError, OverflowError):  # also a path whose bytes are no text
        raise Refused(MALFORMED) from None
    if refused := verdict(shape, document, operation.protocol):  # what the decoder does not see: U+0000
        raise refused
    return found


def body_of(request: Request) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(request.body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(MALFORMED) from None
    if not isinstance(found, dict):
        raise Refused(MALFORMED)
    return found


def query_of(request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    raw = request.query.replace(b"+", b"%2B")  # its signature takes a plus for a plus: so must whoever reads it
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise Refused(MALFORMED) from None
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def place(document: dict[str, Any], shape: Shape, labels: Mapping[str, str], query: dict[str, list[str]]) -> None:
    """Put the parts of path and query string to the rest. What is in two places is refused. Raises Refused."""
    for member, held in shape.members.items():
        name = held.location_name or member
        if held.location == "uri":
            given: Any = unquote(labels.get(name, ""), errors="strict")
        elif held.location == "querystring" and name in query:
            given = from_query(held, query.pop(name))
        else:
            continue
        if member in document:
            raise Refused("ValidationException", f"{member} is given twice.")
        document[member] = given
    if query:
        raise Refused("UnsupportedOperationException", f"The parameter {min(query)[:128]} is not known here.")


def from_query(shape: Shape, values: list[str]) -> Any:
    if shape.type == "list":
        return [scalar(shape.member, value) for value in values]
    if len(values) > 1:
        raise Refused("ValidationException", "A parameter is given twice.")
    return scalar(shape, values[0])


def scalar(shape: Shape, text: str) -> Any:
    """What is of the wrong form stays text, and is refused as such."""
    if shape.type in {"integer", "long"} and INTEGER.fullmatch(text):
        return int(text)
    return TRUTHS.get(text, text) if shape.type == "boolean" else text


def render(operation: Operation, answer: Mapping[str, Any] | None, request_id: str) -> Response:
    headers = ((b"x-amzn-RequestId", request_id.encode()), *HEADERS)
    shown = operation.renderer(answer or {}) if operation.renderer else (answer or {})
    return Response(operation.model.http.status, headers, encode(shown))


def render_error(
    model: Model,
    code: str,
    text: str | None,
    request_id: str,
    *,
    status: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """The model's status wins over the one given."""
    known = model.errors.get(code)
    body: dict[str, Any] = {} if text is None else {(known and known.message_member) or "message": text}
    headers = (
        (b"x-amzn-RequestId", request_id.encode()),
        (b"x-amzn-ErrorType", code.encode("ascii", "replace")),
        *HEADERS,
    )
    answered = known.status if known else (status or status_of(code))
    return Response(answered, headers, encode({**body, **(extra or {})}))
