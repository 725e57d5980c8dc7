"""Pages of numbers: what is written is read by another process, survives its writer, and is never half there."""

import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.metrics import page
from keystead.metrics.page import Entry, Page

KEYS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=4)

WRITER = """
import os, signal, sys
from pathlib import Path
from keystead.metrics import meters
meters.attach(Path(sys.argv[1]))
meters.REQUESTS.count("kms", "Encrypt", "OK")
os.kill(os.getpid(), signal.SIGKILL)
"""


@given(st.dictionaries(KEYS.map(tuple), st.lists(st.floats(allow_nan=False), min_size=1, max_size=9), max_size=8))
def test_what_is_written_is_read(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("page") / "one"
    made = Page.open(path)

    for key, numbers in written.items():
        first = made.place(key, len(numbers))
        for place, number in enumerate(numbers):
            made.numbers[first + place] = number

    assert page.read(path) == [Entry(key, tuple(numbers)) for key, numbers in written.items()]


def test_the_numbers_of_a_killed_process_go_on_in_the_next_one(tmp_path):
    path = tmp_path / "one"

    for _ in range(2):
        subprocess.run([sys.executable, "-c", WRITER, str(path)], check=False)

    assert Entry(("keystead_requests_total", "kms", "Encrypt", "OK"), (2.0,)) in page.read(path)


def test_what_was_not_finished_is_not_read_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "one"
    Page.open(path).place(("first",), 1)
    with path.open("r+b") as torn:
        (used,) = struct.unpack("=Q", torn.read(8))
        torn.seek(used)
        torn.write(struct.pack("=II", 5, 64) + b"x" * 200)

    made = Page.open(path)
    made.place(("second",), 3)

    assert page.read(path) == [Entry(("first",), (0.0,)), Entry(("second",), (0.0, 0.0, 0.0))]


def test_a_full_page_takes_no_more_and_keeps_what_it_has(tmp_path):
    made = Page.open(tmp_path / "one", 4096)

    places = [made.place((f"key {number}",), 12) for number in range(64)]

    assert places[0] is not None
    assert places[-1] is None
    assert len(page.read(tmp_path / "one")) == sum(place is not None for place in places)


def test_a_page_that_cannot_be_had_is_said_and_does_not_matter(tmp_path, told):
    from keystead.metrics import meters

    assert not meters.attach(tmp_path / "missing" / "one")

    meters.RECORDED.count()
    assert told.now()["keystead_trail_records_total", "process=test"] == 1.0


def test_nobody_else_may_read_a_page(tmp_path):
    Page.open(tmp_path / "one")

    assert (tmp_path / "one").stat().st_mode & 0o077 == 0


def test_a_page_is_all_there_on_the_disk_before_it_is_used(tmp_path):
    Page.open(tmp_path / "one", page.LARGE)

    assert (tmp_path / "one").stat().st_blocks * 512 >= page.LARGE


@pytest.mark.parametrize("content", [b"", b"\0" * 7])
def test_a_page_that_is_only_being_made_has_no_numbers_yet(tmp_path, content):
    (tmp_path / "one").write_bytes(content)

    assert page.read(tmp_path / "one") == []
