"""Spans of OpenTelemetry around a request and its parts. Imported only where an operator asks for them; else nothing is paid.

    SERVICE/OPERATION      from a request that has been read to its answer; continues the caller's trace (W3C traceparent)
      authenticate         signature, session token, clock
      keyholder OPERATION  asked and answered
      record               the event made durable

A span holds names of services and operations, error codes, and request ids. Nothing that a caller sent: not even tracestate, and of
an error neither its words nor its traceback. OTEL_* variables configure the exporter and the sampler, as everywhere.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from keystead import __version__
from keystead.gateway import Authenticated, Gateway, Peer
from keystead.identities.call import Call
from keystead.keyholder.promise import Keyholder
from keystead.served import UNKNOWN, Outcome, Served
from keystead.wire.http import Request, Response

TRACER: Final = trace.get_tracer("keystead", __version__)
PROPAGATOR: Final = TraceContextTextMapPropagator()


def start(process: str) -> TracerProvider:
    """Export from now on; shut it down before the process ends. It exports from a thread of its own."""
    provider = TracerProvider(resource=Resource.create({"service.name": "keystead", "service.instance.id": process}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


@contextmanager
def part(name: str, context: Context | None = None, kind: SpanKind = SpanKind.INTERNAL) -> Iterator[Span]:
    """A span that says of an exception only that there was one, by its kind."""
    with TRACER.start_as_current_span(
        name, context, kind, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            raise


def caller(request: Request) -> Context:
    """The caller's span, if it named one in the form that W3C Trace Context prescribes."""
    named = request.named.get(b"traceparent", b"").decode("latin-1")
    return PROPAGATOR.extract({"traceparent": named}, Context())


class TracedGateway(Gateway):
    """The gateway, with a span around each request and two of its parts."""

    async def answer(self, request: Request, peer: Peer) -> Response:
        with part("request", caller(request), SpanKind.SERVER) as span:
            response = await super().answer(request, peer)
            span.set_attribute("http.response.status_code", response.status)
            return response

    async def _authenticate(self, served: Served, request: Request, at: float, peer: Peer) -> Authenticated:
        with part("authenticate"):
            return await super()._authenticate(served, request, at, peer)

    async def _record(self, served: Served, call: Call, outcome: Outcome, tls: Mapping[str, str] | None) -> None:
        describe(trace.get_current_span(), served, call, outcome)
        with part("record"):
            await super()._record(served, call, outcome, tls)


def describe(span: Span, served: Served, call: Call, outcome: Outcome) -> None:
    """As OpenTelemetry's conventions for AWS calls name it."""
    operation = call.action if call.action in served.model.operations else UNKNOWN
    span.update_name(f"{served.service.name}/{operation}")
    span.set_attributes(
        {
            "rpc.system": "aws-api",
            "rpc.service": served.service.name,
            "rpc.method": operation,
            "aws.request_id": call.id,
        }
    )
    if outcome.failure is not None:
        span.set_attribute("error.type", outcome.failure.code)


class TracedKeyholder:
    """Everything that is asked of a keyholder, with a span around each."""

    def __init__(self, keyholder: Keyholder) -> None:
        self._keyholder = keyholder

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self._keyholder, name)

        async def asked(*arguments: Any, **named: Any) -> Any:
            with part(f"keyholder {name}"):
                return await ask(*arguments, **named)

        return asked


def traced_keyholder(keyholder: Keyholder) -> Keyholder:
    return cast(Keyholder, TracedKeyholder(keyholder))
