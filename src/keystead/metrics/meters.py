"""Everything that is counted or measured: one row per meter, with its name, its labels and what it says.

Names follow Prometheus (prometheus.io/docs/practices/naming). Labels have few values, all known beforehand: operations of the
models, error codes of the services, names of jobs and processes. Never an account, a key, an ARN, or anything a caller sent.

`attach` names the page of this process; before it, and in a process of no node, the numbers go where nobody looks.
"""

import time
from bisect import bisect_left
from pathlib import Path
from typing import Final

from keystead.metrics.page import SIZE, Key, Page

REQUEST_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
DISK_SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)
GROUP_RECORDS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)

FOLDER: Final = "metrics"
"""In the runtime folder: one page for each process, named after it."""
SCRATCH: Final = Page.scratch()


class Meter:
    """A name, its help text and the names of its labels."""

    kind = ""
    width = 1

    def __init__(self, name: str, help_text: str, *labels: str) -> None:
        self.name = name
        self.help = help_text
        self.labels = labels
        self.attach(SCRATCH)
        METERS[name] = self

    def attach(self, page: Page) -> None:
        self._places: dict[Key, int | None] = {}
        self._page = page
        self._numbers = page.numbers

    def _place(self, labels: Key) -> int | None:
        """Where its numbers begin. The first time; afterwards `_places` knows, and looking there costs a third of a call."""
        place = self._places[labels] = self._page.place((self.name, *labels), self.width)
        return place


METERS: Final[dict[str, Meter]] = {}


class Counter(Meter):
    """Only grows."""

    kind = "counter"

    def count(self, *labels: str, by: float = 1.0) -> None:
        try:
            place = self._places[labels]
        except KeyError:
            place = self._place(labels)
        if place is not None:
            self._numbers[place] += by


class Gauge(Meter):
    """Is set."""

    kind = "gauge"

    def set(self, value: float, *labels: str) -> None:
        try:
            place = self._places[labels]
        except KeyError:
            place = self._place(labels)
        if place is not None:
            self._numbers[place] = value


class Histogram(Meter):
    """Numbers: one per bound, of what is at most that and above the one before; one for what is above all; the sum."""

    kind = "histogram"

    def __init__(self, name: str, help_text: str, *labels: str, bounds: tuple[float, ...]) -> None:
        super().__init__(name, help_text, *labels)
        self.bounds = bounds
        self.width = len(bounds) + 2

    def observe(self, value: float, *labels: str) -> None:
        try:
            place = self._places[labels]
        except KeyError:
            place = self._place(labels)
        if place is None:
            return
        numbers = self._numbers
        numbers[place + bisect_left(self.bounds, value)] += 1.0
        numbers[place + len(self.bounds) + 1] += value


def attach(path: Path, size: int = SIZE) -> bool:
    """From now on the numbers of this process are in this page. False when it cannot be had: that is no reason not to serve."""
    try:
        page = Page.open(path, size)
    except OSError:
        return False
    for meter in METERS.values():
        meter.attach(page)
    STARTED_AT.set(time.time())
    return True


REQUESTS = Counter(
    "keystead_requests_total",
    "Requests answered, by the code of the error they ended with; OK for none.",
    "service",
    "operation",
    "code",
)
REQUEST_TIME = Histogram(
    "keystead_request_seconds",
    "From a request that has been read to its answer, its record included.",
    "service",
    "operation",
    bounds=REQUEST_SECONDS,
)
KEYHOLDER_TIME = Histogram(
    "keystead_keyholder_round_trip_seconds",
    "From asking the keyholder to its answer, as the asking process sees it.",
    bounds=REQUEST_SECONDS,
)
KEYHOLDER_REFUSED = Counter(
    "keystead_keyholder_errors_total", "What the keyholder did not do, by the kind of error.", "error"
)
KEYHOLDER_TURNS = Counter("keystead_keyholder_turns_total", "Turns of the keyholder's loop that answered something.")
RECORDED = Counter("keystead_trail_records_total", "Records made durable.")
GROUP = Histogram("keystead_trail_group_records", "Records made durable together.", bounds=GROUP_RECORDS)
DURABLE_TIME = Histogram(
    "keystead_trail_group_seconds", "To make one group of records durable: write, fdatasync, tree.", bounds=DISK_SECONDS
)
CHECKPOINT_AT = Gauge("keystead_trail_checkpoint_timestamp_seconds", "When the tree was last found or made signed.")
LOG_SIZE = Gauge("keystead_trail_size_records", "Records in this node's log.")
COSIGNED_SIZE = Gauge(
    "keystead_trail_cosigned_records", "Records in the newest checkpoint that the quorum of the policy has cosigned."
)
COSIGNED_AT = Gauge("keystead_trail_cosigned_timestamp_seconds", "When it was last cosigned.")
WITNESS_SIZE = Gauge(
    "keystead_witness_records", "Records in the newest checkpoint that a witness has cosigned.", "witness"
)
WITNESS_AT = Gauge("keystead_witness_timestamp_seconds", "When a witness last cosigned.", "witness")
WITNESS_FAILURES = Counter(
    "keystead_witness_failures_total", "Times a witness was asked and did not cosign.", "witness"
)
INDEX_LAG = Gauge("keystead_trail_index_lag_records", "Records that are durable and not yet indexed.")
SINK_LAG = Gauge("keystead_sink_lag_records", "Durable records that a sink has not taken.", "sink")
SINK_FAILURES = Counter("keystead_sink_failures_total", "Times a sink did not take what it was given.", "sink")
RESERVE = Gauge("keystead_trail_reserve_bytes", "Disk space held back for a full disk; 0 when it has been released.")
DISK_FREE = Gauge("keystead_data_free_bytes", "Free space of the file system with the data folder.")
FEED_READ_AT = Gauge("keystead_feed_read_timestamp_seconds", "When the other nodes' changes were last read.")
CACHE_ENTRIES = Gauge("keystead_cache_entries", "What a cache holds.", "cache")
CACHE_LOADS = Counter("keystead_cache_loads_total", "Misses: what was read from the database for a cache.", "cache")
OUTBOX_REFUSED = Gauge(
    "keystead_trail_refused_records",
    "Rows among the events that wait in the database that this installation did not make; not recorded.",
)
CACHE_DROPPED = Counter("keystead_cache_dropped_total", "What a full cache let go.", "cache")
DATABASE_ERRORS = Counter("keystead_database_errors_total", "Times the database could not be reached.")
JOB_DONE_AT = Gauge("keystead_job_last_success_timestamp_seconds", "When a job last ended well.", "job")
JOB_FAILURES = Counter("keystead_job_failures_total", "Runs of a job that failed.", "job")
ROTATIONS = Counter("keystead_rotations_total", "Attempts at rotations of secrets.", "outcome")
RESTARTS = Counter("keystead_process_restarts_total", "Processes that ended and were started again.", "child")
STARTED_AT = Gauge("keystead_process_start_timestamp_seconds", "When a process was last started.")
SEAL = Gauge("keystead_seal_info", "Always 1; the version that serves, and the kind of its seal.", "version", "kind")
