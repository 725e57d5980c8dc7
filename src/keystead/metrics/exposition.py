"""The pages of a node's processes in Prometheus' text format; each sample says whose it is in the label `process`.

prometheus-client writes the format: its own makers keep it, with the escaping and the negotiation of its versions.
"""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from keystead.metrics.meters import METERS, Histogram, Meter
from keystead.metrics.page import Entry, read


class Pages(Collector):
    """What all the pages in a folder hold at the moment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        read_now = {path.name: read(path) for path in sorted(self._folder.iterdir())}
        for meter in METERS.values():
            yield family(meter, read_now)


def family(meter: Meter, pages: Mapping[str, list[Entry]]) -> Metric:
    labels = ("process", *meter.labels)
    samples = [
        ((process, *entry.key[1:]), entry.numbers)
        for process, found in pages.items()
        for entry in found
        if entry.key[0] == meter.name
    ]
    if isinstance(meter, Histogram):
        histogram = HistogramMetricFamily(meter.name, meter.help, labels=labels)
        bounds = [*map(floatToGoString, meter.bounds), "+Inf"]
        for values, numbers in samples:
            histogram.add_metric(values, list(zip(bounds, accumulate(numbers[:-1]), strict=True)), numbers[-1])
        return histogram
    made = (CounterMetricFamily if meter.kind == "counter" else GaugeMetricFamily)(
        meter.name, meter.help, labels=labels
    )
    for values, numbers in samples:
        made.add_metric(values, numbers[0])
    return made


def exposed(folder: Path, accept: str) -> tuple[str, bytes]:
    """(content type, page), in the version that the Accept header asks for. Raises OSError."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Pages(folder))
    encoder, content_type = choose_encoder(accept)
    return content_type, encoder(registry)
