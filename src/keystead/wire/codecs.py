"""A protocol is a module: operation_name, parse, render, render_error."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from keystead.wire import json11, query, restjson, restxml
from keystead.wire.binding import Operation
from keystead.wire.http import Request, Response
from keystead.wire.model import Model


class Codec(Protocol):
    """What each module promises."""

    def operation_name(self, model: Model, request: Request) -> str: ...
    def parse(self, operation: Operation, request: Request) -> dict[str, Any]: ...
    def render(self, operation: Operation, answer: Mapping[str, Any] | None, request_id: str) -> Response: ...
    def render_error(
        self,
        model: Model,
        code: str,
        text: str | None,
        request_id: str,
        *,
        status: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Response: ...


CODECS: Final[Mapping[str, Codec]] = {"json": json11, "query": query, "rest-json": restjson, "rest-xml": restxml}
