"""Whether traces are made: only where they are asked for, and can be."""

import sys

import pytest
from structlog.testing import capture_logs

from keystead.app import Tracing, tracing_of


def test_nobody_asked_and_nothing_is_wrapped(monkeypatch):
    for name in ("ENDPOINT", "TRACES_ENDPOINT"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)

    assert tracing_of("worker-1") == Tracing()


@pytest.mark.parametrize("name", ["ENDPOINT", "TRACES_ENDPOINT"])
def test_what_is_asked_for_and_not_installed_is_said(monkeypatch, name):
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "keystead.traced", raising=False)

    with capture_logs() as said:
        tracing = tracing_of("worker-1")

    assert tracing == Tracing()
    assert [line["log_level"] for line in said] == ["warning"]
