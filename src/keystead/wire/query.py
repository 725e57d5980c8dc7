"""The query protocol: IAM and STS. A form goes in, XML comes out.

POST / HTTP/1.1                                        GET /?Action=… carries the same names
Content-Type: application/x-www-form-urlencoded
Action=CreateRole&Version=2010-05-08&RoleName=…        lists: Name.member.N   maps: Name.entry.N.key|value

<CreateRoleResponse xmlns="…"><CreateRoleResult>…</CreateRoleResult>
  <ResponseMetadata><RequestId>…</RequestId></ResponseMetadata></CreateRoleResponse>
<ErrorResponse xmlns="…"><Error><Type>Sender</Type><Code>…</Code><Message>…</Message></Error><RequestId>…</RequestId></ErrorResponse>
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape as escape_xml  # writes only; what is read goes through no XML parser

import msgspec

from keystead.wire.binding import Operation
from keystead.wire.errors import Refused
from keystead.wire.http import Request, Response
from keystead.wire.model import Model, Shape
from keystead.wire.walker import refusal

FIELDS: Final = 2000
"""Names in one form; bounded before a tree is built from them."""
DEPTH: Final = 12
"""Dots in one name."""
MALFORMED: Final = "MalformedQueryString"
HEADERS: Final = ((b"Content-Type", b"text/xml"),)
STATUSES: Final = {"AccessDenied": 403}
"""Of codes that are sent and not modelled, where it is not 400."""
NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry, even escaped."""


def operation_name(model: Model, request: Request) -> str:
    """Raises Refused."""
    form = read_form(request)
    name, version = form.get("Action"), form.get("Version")
    if not name:
        raise Refused("MissingAction", "Missing Action")
    if version and version != model.api_version:
        raise Refused("InvalidAction", f"Could not find operation {name[:128]} for version {version[:32]}")
    return name


def read_form(request: Request) -> dict[str, str]:
    """Body over query string; of a repeated name the last."""
    if request.method not in {"POST", "GET"}:
        raise Refused("InvalidAction", None)
    form: dict[str, str] = {}
    for part in (request.query, request.body if request.method == "POST" else b""):
        try:
            pairs = parse_qsl(part.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS, errors="strict")
        except (ValueError, UnicodeDecodeError):
            raise Refused(MALFORMED, "The query string contains a syntax error") from None
        form.update(pairs)
    return form


def parse(operation: Operation, request: Request) -> dict[str, Any]:
    """Keyword arguments for the operation's function. Raises Refused in AWS's words."""
    shape = operation.model.input
    if shape is None:
        return {}
    document = Tree(read_form(request)).structure(shape, "")
    try:
        return operation.arguments(msgspec.convert(document, operation.input, strict=True))
    except msgspec.ValidationError:
        raise refusal(shape, encoded(shape, document), "ValidationError") from None
    except (ValueError, OverflowError):
        raise Refused(MALFORMED, "The query string contains a value of the wrong form") from None


class Tree:
    """A form as the nested document that its dotted names draw."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form
        self._prefixes: set[str] = set()
        for name in form:
            parts = name.split(".")
            if len(parts) > DEPTH:
                raise Refused(MALFORMED, "The query string is nested too deeply")
            self._prefixes.update(".".join(parts[:count]) for count in range(1, len(parts) + 1))

    def value(self, shape: Shape, name: str) -> Any:
        if shape.type == "structure":
            return self.structure(shape, name) if name in self._prefixes else None
        if shape.type == "list":
            return self.sequence(shape, name)
        if shape.type == "map":
            return self.mapping(shape, name)
        text = self._form.get(name)
        return None if text is None else scalar(shape, text)

    def structure(self, shape: Shape, name: str) -> dict[str, Any]:
        found = {}
        for member, held in shape.members.items():
            value = self.value(held, f"{name}.{member}" if name else member)
            if value is not None:
                found[member] = value
        return found

    def sequence(self, shape: Shape, name: str) -> list[Any] | None:
        if name not in self._prefixes:
            return None
        if self._form.get(name) == "":
            return []
        item = shape.member.location_name or "member"
        base = name if shape.flattened else f"{name}.{item}"
        return [self.value(shape.member, f"{base}.{number}") for number in self._numbers(base)]

    def mapping(self, shape: Shape, name: str) -> dict[str, Any] | None:
        if name not in self._prefixes:
            return None
        base = name if shape.flattened else f"{name}.entry"
        key, value = shape.key.location_name or "key", shape.value.location_name or "value"
        return {
            str(self.value(shape.key, f"{base}.{number}.{key}")): self.value(shape.value, f"{base}.{number}.{value}")
            for number in self._numbers(base)
        }

    def _numbers(self, base: str) -> list[int]:
        start = len(base) + 1
        found = {prefix[start:] for prefix in self._prefixes if prefix.startswith(f"{base}.")}
        return sorted(int(text) for text in found if text.isascii() and text.isdigit() and len(text) <= 6)


def scalar(shape: Shape, text: str) -> Any:
    """Raises Refused for text that is not of the shape's type."""
    try:
        if shape.type in {"integer", "long"}:
            return int(text)
        if shape.type in {"float", "double"}:
            return float(text)
        if shape.type == "boolean":
            return {"true": True, "false": False}[text.lower()]
        if shape.type == "blob":
            return base64.b64decode(text, validate=True)
    except (ValueError, KeyError, binascii.Error):
        raise Refused(MALFORMED, "The query string contains a value of the wrong form") from None
    return text


def encoded(shape: Shape, value: Any) -> Any:
    """The document as JSON would hold it: the walker reads blobs as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict) and shape.type == "structure":
        return {name: encoded(shape.members[name], held) for name, held in value.items()}
    if isinstance(value, list):
        return [encoded(shape.member, held) for held in value]
    return value


def render(operation: Operation, answer: Mapping[str, Any] | None, request_id: str) -> Response:
    name, output = operation.name, operation.model.output
    inner = ""
    if output is not None and operation.model.result_wrapper:
        wrapper = operation.model.result_wrapper
        inner = f"<{wrapper}>{members(output, answer or {})}</{wrapper}>"
    body = (
        f'<{name}Response xmlns="{operation.namespace}">{inner}<ResponseMetadata><RequestId>{request_id}</RequestId>'
        f"</ResponseMetadata></{name}Response>"
    )
    return Response(200, (*HEADERS, (b"x-amzn-RequestId", request_id.encode())), body.encode())


def members(shape: Shape, value: Mapping[str, Any]) -> str:
    return "".join(
        element(held, held.location_name or name, value[name]) for name, held in shape.members.items() if name in value
    )


def element(shape: Shape, tag: str, value: Any) -> str:
    if shape.type == "structure":
        return f"<{tag}>{members(shape, value)}</{tag}>"
    if shape.type == "list":
        item = shape.member.location_name or "member"
        if shape.flattened:
            return "".join(element(shape.member, tag, held) for held in value)
        return f"<{tag}>{''.join(element(shape.member, item, held) for held in value)}</{tag}>"
    if shape.type == "map":
        return f"<{tag}>{''.join(entry(shape, key, held) for key, held in value.items())}</{tag}>"
    return f"<{tag}>{escape(text_of(shape, value))}</{tag}>"


def entry(shape: Shape, key: Any, value: Any) -> str:
    named = element(shape.key, shape.key.location_name or "key", key)
    return f"<entry>{named}{element(shape.value, shape.value.location_name or 'value', value)}</entry>"


def escape(text: str) -> str:
    return escape_xml(NOT_XML.sub("\ufffd", text))


def text_of(shape: Shape, value: Any) -> str:
    if shape.type == "timestamp":
        moment = datetime.fromtimestamp(value, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    if shape.type == "boolean":
        return "true" if value else "false"
    if shape.type == "blob":
        return base64.b64encode(value).decode()
    return str(value)


def render_error(
    model: Model,
    code: str,
    text: str | None,
    request_id: str,
    *,
    status: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    known = model.errors.get(code)
    answered = known.status if known else (status or STATUSES.get(code, 400))
    message = f"<Message>{escape(text)}</Message>" if text is not None else ""
    more = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in (extra or {}).items())
    kind = "Receiver" if answered >= 500 else "Sender"
    body = (
        f'<ErrorResponse xmlns="{model.namespace}"><Error><Type>{kind}</Type><Code>{code}</Code>{message}{more}</Error>'
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Response(answered, (*HEADERS, (b"x-amzn-RequestId", request_id.encode())), body.encode())
