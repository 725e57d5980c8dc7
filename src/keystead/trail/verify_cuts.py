"""Compares CloudTrail's files with the records that they were made of: step 6 of verify_files.py, and what is in no file yet."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from keystead.trail import adoption, attributes
from keystead.trail.digest_content import Listed
from keystead.trail.files_report import FilesReport, Place
from keystead.trail.log_files import HEAD as BEGIN
from keystead.trail.log_files import TAIL, parts_of
from keystead.trail.segments import Reader, Record

PAGE: Final = 1000


class Cuts:
    """Those of this node. `listed`: by key, the files that digests list."""

    def __init__(self, place: Place, report: FilesReport, listed: Mapping[str, Listed]) -> None:
        self._place = place
        self._report = report
        self._listed = listed

    def run(self) -> None:
        """Step 6."""
        cuts: dict[tuple[int, int], dict[str, Listed]] = {}
        for key, listed in self._listed.items():
            made = listed.keystead_records
            if made.node == self._place.node:
                cuts.setdefault((made.first, made.last), {})[key] = listed
        reader = Reader(self._place.folder)
        try:
            covered = 0
            for (first, last), files in sorted(cuts.items()):
                if first < covered:
                    self._report.find(f"records {first} to {covered - 1} are in files of two cuts")
                elif first > covered:
                    self._between(reader, covered, first)
                covered = max(covered, last + 1)
                self._cut(reader, first, last, files)
            self._report.covered = covered
        finally:
            reader.close()

    def _cut(self, reader: Reader, first: int, last: int, files: dict[str, Listed]) -> None:
        if last >= reader.durable():
            self._report.find(f"log files hold records {first} to {last}, and the log has {reader.durable()}")
            return
        made = {
            (
                len(part.events),
                sha256(BEGIN + b",".join(part.events) + TAIL).hexdigest(),
                part.oldest,
                part.newest,
            ): place
            for place, part in parts_of(records(reader, first, last + 1)).items()
        }
        for key, listed in files.items():
            times = adoption.seconds(listed.oldest_event_time), adoption.seconds(listed.newest_event_time)
            place = made.pop((listed.keystead_records.events, listed.hash_value, *times), None)
            self._report.compared += 1
            if place is None or not key.startswith(f"{self._place.files.trail.root(place[0])}CloudTrail/{place[1]}/"):
                self._report.find(f"log file {key} is not what records {first} to {last} make it")
        for (_, _, _, newest), (account, region) in made.items():
            if newest >= self._place.before:
                self._report.find(f"records {first} to {last} of {account} in {region} are in no listed log file")

    def _between(self, reader: Reader, first: int, end: int) -> None:
        """Records that are no CloudTrail records are in no file, and those that have been kept long enough are not any more."""
        places = (attributes.place(record.event) for record in records(reader, first, end))
        newest = max((place.at for place in places if place is not None), default=None)
        if newest is not None and newest >= self._place.before:
            self._report.find(f"records {first} to {end - 1} are in no listed log file")
        elif newest is not None:
            self._report.retired += end - first


def records(reader: Reader, first: int, end: int) -> Iterator[Record]:
    """Raises LogDamaged."""
    while first < end:
        found = reader.after(first - 1, min(PAGE, end - first))
        if not found:
            return
        yield from found
        first += len(found)


def first_after(folder: Path, index: int, before: float) -> float | None:
    """The time of the first event from that record on, none older than `before`, that belongs into a file; None without any."""
    reader = Reader(folder)
    try:
        places = (attributes.place(record.event) for record in records(reader, index, reader.durable()))
        return next((place.at for place in places if place is not None and place.at >= before), None)
    finally:
        reader.close()
