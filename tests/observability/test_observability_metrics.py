"""The numbers as Prometheus reads them."""

import re
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from keystead.metrics import meters
from keystead.metrics.exposition import exposed

NAME = re.compile(r"keystead_[a-z_]+(_total|_seconds|_bytes|_records|_entries|_info)")


def test_every_name_ends_in_its_unit_and_every_meter_says_what_it_is():
    for meter in meters.METERS.values():
        assert NAME.fullmatch(meter.name), meter.name
        assert meter.help.endswith(".")


def test_a_histogram_is_told_cumulatively(told):
    for seconds in (0.0004, 0.0005, 0.002, 99.0):
        meters.KEYHOLDER_TIME.observe(seconds)

    now = told.now()

    name = "keystead_keyholder_round_trip_seconds"
    assert now[f"{name}_bucket", "le=0.0005", "process=test"] == 2.0
    assert now[f"{name}_bucket", "le=0.001", "process=test"] == 2.0
    assert now[f"{name}_bucket", "le=0.0025", "process=test"] == 3.0
    assert now[f"{name}_bucket", "le=+Inf", "process=test"] == 4.0
    assert now[f"{name}_count", "process=test"] == 4.0
    assert now[f"{name}_sum", "process=test"] == 99.0029


def test_who_asks_for_openmetrics_gets_it(told):
    meters.REQUESTS.count("kms", "Encrypt", "OK")

    content_type, page = exposed(told.folder, "application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    families = {family.name: family for family in text_string_to_metric_families(page.decode())}
    assert families["keystead_requests"].samples[0].value == 1.0


def test_the_documentation_names_every_meter_as_it_is():
    text = (Path(__file__).parents[2] / "docs" / "observability.md").read_text()

    for meter in meters.METERS.values():
        assert f"| `{meter.name}` | {', '.join(meter.labels)} | {meter.help} |" in text
