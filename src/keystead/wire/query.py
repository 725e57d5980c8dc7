"""The query protocol: IAM and STS. A form goes in, XML comes out.

POST / HTTP/1.1                                        GET /?Action=… carries the same names
Content-Type: application/x-www-form-urlencoded
Action=CreateRole&Version=2010-05-08&RoleName=…        lists: Name.member.N   maps: Name.entry.N.key|value

<CreateRoleResponse xmlns="…"><CreateRoleResult>…</CreateRoleResult>
  <ResponseMetadata><RequestId>…</RequestId></ResponseMetadata></CreateRoleResponse>
<ErrorResponse xmlns="…"><Error><Type>Sender</Type><Code>…</Code><Message>…</Message></Error><RequestId>…</RequestId></ErrorResponse>
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from keystead.wire import forms
from keystead.wire.binding import Operation
from keystead.wire.errors import Refused
from keystead.wire.http import Request, Response
from keystead.wire.model import Model
from keystead.wire.unmodelled import status_of
from keystead.wire.walker import refusal, verdict
from keystead.wire.xml import escape, members

HEADERS: Final = (
    (b"Content-Type", b"text/xml"),
    (b"Cache-Control", b"no-cache, no-store, must-revalidate, private"),  # a presigned GET might be kept by a proxy
)


def operation_name(model: Model, request: Request) -> str:
    """Raises Refused."""
    if request.method not in {"POST", "GET"} or request.raw_path != b"/":
        raise Refused("InvalidAction")
    form = forms.read_form(request)
    name, version = form.get("Action"), form.get("Version")
    if not name:
        raise Refused("MissingAction", "Missing Action")
    if version and version != model.api_version:
        raise Refused("InvalidAction", f"Could not find operation {name[:128]} for version {version[:32]}")
    return name


def parse(operation: Operation, request: Request) -> dict[str, Any]:
    """Keyword arguments for the operation's function. Raises Refused in AWS's words."""
    form = forms.read_form(request)
    shape = operation.model.input
    if shape is None:
        forms.Tree(form).check_read()
        return {}
    document = forms.document(form, shape)
    try:
        found = operation.arguments(msgspec.convert(document, operation.input, strict=True))
    except msgspec.ValidationError:
        raise refusal(shape, forms.as_json(shape, document), operation.protocol) from None
    except (ValueError, OverflowError):
        raise Refused(forms.MALFORMED, forms.FORM) from None
    if operation.recurses and (refused := verdict(shape, forms.as_json(shape, document), operation.protocol)):
        raise refused
    return found


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
    answered = known.status if known else (status or status_of(code))
    message = f"<Message>{escape(text)}</Message>" if text is not None else ""
    more = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in (extra or {}).items())
    kind = "Receiver" if answered >= 500 else "Sender"
    body = (
        f'<ErrorResponse xmlns="{model.namespace}"><Error><Type>{kind}</Type><Code>{code}</Code>{message}{more}</Error>'
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Response(answered, (*HEADERS, (b"x-amzn-RequestId", request_id.encode())), body.encode())
