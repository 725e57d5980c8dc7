"""AWS's REST-XML: S3, as far as operations without a body of their own go.

GET /BUCKET/KEY?versionId=…     parts of the path, the query string and headers are parameters, as the model says
x-amz-checksum-mode: ENABLED    a bucket may also stand before the host's name (`path_style`)

<ListBucketResult xmlns="…">…   a structure, or one of its members as the body itself; other members are headers

<Error><Code>…</Code><Message>…</Message><RequestId>…</RequestId><HostId>…</HostId></Error>
"""

import re
from collections.abc import Container, Mapping
from email.utils import formatdate, parsedate_to_datetime
from functools import cache
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import msgspec

from keystead.wire.binding import Operation
from keystead.wire.errors import Refused
from keystead.wire.http import Request, Response
from keystead.wire.model import Model, OperationModel, Shape
from keystead.wire.restjson import query_of, scalar
from keystead.wire.unmodelled import STATUSES, status_of
from keystead.wire.walker import refusal
from keystead.wire.xml import escape, members, text_of

XML: Final = (b"Content-Type", b"application/xml")
LABEL: Final = re.compile(r"\{([A-Za-z0-9]+)(\+?)\}")
HINT: Final = "x-id"
"""Names the operation; clients may leave it out, and so nothing depends on it."""
PRESIGNED: Final = "X-Amz-"
SIGNATURE: Final = frozenset({"x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent"})
"""Headers in x-amz- that are no parameters."""
ROOTS: Final = {
    #  operation           root                       source: S3 API reference, response syntax
    "ListObjects":         "ListBucketResult",
    "ListObjectsV2":       "ListBucketResult",
    "ListBuckets":         "ListAllMyBucketsResult",
    "GetBucketLocation":   "LocationConstraint",
}  # fmt: skip  # a table
"""Where the model's name of the answer is not the element's."""
BARE: Final = frozenset({"GetBucketLocation"})
"""The root holds its one member's text."""
SUPERSEDED: Final = frozenset(
    {
        #  which no request can mean: another operation answers the very same ones          source: the model
        "GetBucketLifecycle", "PutBucketLifecycle", "GetBucketNotification", "PutBucketNotification",
        "ListDirectoryBuckets",
    }
)  # fmt: skip  # a list of names
MALFORMED: Final = "InvalidArgument"


class Route(NamedTuple):
    """query and headers are those that a request must have to mean this operation; of `query`, None is any value."""

    method: str
    path: re.Pattern[str]
    query: Mapping[str, str | None]
    headers: frozenset[str]
    operation: str

    def fits(self, method: str, path: str, query: Mapping[str, list[str]], headers: Container[bytes]) -> bool:
        return (
            self.method == method
            and self.path.fullmatch(path) is not None
            and all(name in query and value in {None, query[name][0]} for name, value in self.query.items())
            and all(name.encode() in headers for name in self.headers)
        )

    @property
    def demands(self) -> int:
        return len(self.query) + len(self.headers)


def path_style(request: Request, buckets: Container[str]) -> Request:
    """The request with its bucket in the path, where it stands before the host's name and is one of `buckets`."""
    host = request.named.get(b"host", b"").decode("latin-1")
    bucket, dot, _ = host.partition(".")
    if not dot or bucket not in buckets:
        return request
    path = b"/" + bucket.encode() + (b"" if request.raw_path == b"/" else request.raw_path)
    return Request(request.method, path, request.query, request.headers, request.body)


ROUTES: Final[dict[str, tuple[Route, ...]]] = {}


def routes(model: Model) -> tuple[Route, ...]:
    """Most demanding first: of all that fit a request, the one that demands most is meant."""
    known = ROUTES.get(model.name)
    if known is None:
        made = (route(operation) for name, operation in model.operations.items() if name not in SUPERSEDED)
        known = ROUTES[model.name] = tuple(sorted(made, key=lambda one: -one.demands))
    return known


def route(operation: OperationModel) -> Route:
    uri, _, constant = operation.http.uri.partition("?")
    query: dict[str, str | None] = {}
    for name, equals, value in (part.partition("=") for part in constant.split("&") if part):
        if name != HINT:
            query[name] = value if equals else None
    required = [
        (held.location, held.location_name or name)
        for name, held in (operation.input.members.items() if operation.input else ())
        if operation.input and name in operation.input.required
    ]
    query |= {name: None for where, name in required if where == "querystring"}
    headers = frozenset(name.lower() for where, name in required if where == "header")
    return Route(operation.http.method, pattern(uri), query, headers, operation.name)


@cache
def pattern(uri: str) -> re.Pattern[str]:
    """A greedy label takes slashes too."""
    pieces = LABEL.split(uri.partition("?")[0])
    made = "".join(
        f"{re.escape(literal)}(?P<{name}>{'.+' if greedy else '[^/]+'})" if name else re.escape(literal)
        for literal, name, greedy in zip(pieces[::3], [*pieces[1::3], ""], [*pieces[2::3], ""], strict=True)
    )
    return re.compile(f"{made}/?" if uri != "/" and "+" not in uri else made, re.DOTALL)


def operation_name(model: Model, request: Request) -> str:
    """Raises Refused."""
    query = query_of(request)
    path = request.raw_path.decode("latin-1")
    for one in routes(model):
        if one.fits(request.method, path, query, request.named):
            return one.operation
    raise Refused("MethodNotAllowed", "The specified method is not allowed against this resource.")


def parse(operation: Operation, request: Request) -> dict[str, Any]:
    """Keyword arguments for the operation's function. Raises Refused."""
    shape = operation.model.input
    if request.body:
        raise Refused("NotImplemented", f"{operation.name} with a body is not served here.")
    if shape is None:
        return {}
    document = parameters(shape, request, operation.model.http.uri)
    try:
        return operation.arguments(msgspec.convert(document, operation.input, strict=True))
    except msgspec.ValidationError:
        raise refusal(shape, document, operation.protocol) from None
    except (ValueError, OverflowError):
        raise Refused(MALFORMED) from None


def parameters(shape: Shape, request: Request, uri: str) -> dict[str, Any]:
    """What the request says outside its body. What the model does not know is refused. Raises Refused."""
    constant = {part.partition("=")[0] for part in uri.partition("?")[2].split("&")}
    query = {name: values for name, values in query_of(request).items() if not name.startswith(PRESIGNED)}
    for name in {HINT, *constant}:
        query.pop(name, None)
    headers = {name.decode("latin-1"): text_in(value) for name, value in request.named.items()}
    labels = pattern(uri).fullmatch(request.raw_path.decode("latin-1"))
    found: dict[str, Any] = {}
    for member, held in shape.members.items():
        name = held.location_name or member
        if held.location == "uri" and labels is not None:
            found[member] = decoded(labels[name])
        elif held.location == "querystring" and name in query:
            found[member] = in_query(held, query.pop(name))
        elif held.location == "header" and name.lower() in headers:
            found[member] = in_header(held, headers.pop(name.lower()))
    unknown = [*query] + [name for name in headers if name.startswith("x-amz-") and name not in SIGNATURE]
    if unknown:
        raise Refused("NotImplemented", f"The parameter {min(unknown)[:128]} is not known here.")
    return found


def decoded(label: str) -> str:
    try:
        return unquote(label, errors="strict")
    except UnicodeDecodeError:
        raise Refused("InvalidURI", "Couldn't parse the specified URI.") from None


def in_query(shape: Shape, values: list[str]) -> Any:
    if len(values) > 1:
        raise Refused(MALFORMED, "A parameter is given twice.")
    return moment(values[0]) if shape.type == "timestamp" else scalar(shape, values[0])


def text_in(header: bytes) -> str:
    """SDKs differ in how they write what is not ASCII."""
    try:
        return header.decode()
    except UnicodeDecodeError:
        return header.decode("latin-1")


def in_header(shape: Shape, text: str) -> Any:
    if shape.type == "list":
        return [scalar(shape.member, item.strip()) for item in text.split(",")]
    return moment(text) if shape.type == "timestamp" else scalar(shape, text)


def moment(text: str) -> float | str:
    """RFC 9110's date as seconds since the epoch; anything else is left as it is."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return text


def render(operation: Operation, answer: Mapping[str, Any] | None, request_id: str) -> Response:
    shape, said = operation.model.output, answer or {}
    headers = [*ids(request_id)]
    if shape is None:
        return Response(operation.model.http.status, tuple(headers))
    headers += in_headers(shape, said)
    status = 206 if said.get("ContentRange") else operation.model.http.status
    if operation.model.http.method == "HEAD":
        return Response(status, tuple(headers), length=said.get("ContentLength", 0))
    if shape.payload is not None and shape.members[shape.payload].type == "blob":
        return Response(status, tuple(headers), said.get(shape.payload, b""))
    return Response(status, (*headers, XML), document(operation, shape, said).encode())


def in_headers(shape: Shape, answer: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Content-Length is the server's to say."""
    found = []
    for member, value in answer.items():
        held = shape.members[member]
        name = held.location_name or member
        if held.location == "header" and name != "Content-Length":
            found.append((name, header_text(held, value)))
        elif held.location == "headers":
            found += [(f"{name}{key}", text) for key, text in value.items()]
    return [(name.encode("latin-1"), text.encode("latin-1")) for name, text in found]


def header_text(shape: Shape, value: Any) -> str:
    if shape.type == "timestamp" and shape.timestamp_format is None:
        return formatdate(value, usegmt=True)
    return text_of(shape, value)


def document(operation: Operation, shape: Shape, answer: Mapping[str, Any]) -> str:
    within = {name: value for name, value in answer.items() if shape.members[name].location is None}
    if shape.payload is not None:
        within = within.get(shape.payload, {})
        shape = shape.members[shape.payload]
    root = ROOTS.get(operation.name, shape.location_name or shape.name)
    if operation.name in BARE:
        inner = "".join(escape(text_of(shape.members[name], value)) for name, value in within.items())
    else:
        inner = members(shape, within)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{operation.namespace}">{inner}</{root}>'


def ids(request_id: str) -> tuple[tuple[bytes, bytes], ...]:
    """The second one is of use to AWS's support alone; clients print it."""
    return (b"x-amz-request-id", request_id.encode()), (b"x-amz-id-2", request_id.encode())


def render_error(
    model: Model,
    code: str,
    text: str | None,
    request_id: str,
    *,
    status: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """The model's status wins, then that of the codes that S3 does not model, then the one given."""
    known = model.errors.get(code)
    answered = known.status if known else STATUSES.get(code) or status or status_of(code)
    if answered == 304:
        return Response(answered, ids(request_id))
    message = f"<Message>{escape(text)}</Message>" if text is not None else ""
    more = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in (extra or {}).items())
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>{message}{more}'
        f"<RequestId>{request_id}</RequestId><HostId>{request_id}</HostId></Error>"
    )
    return Response(answered, (*ids(request_id), XML), body.encode())
