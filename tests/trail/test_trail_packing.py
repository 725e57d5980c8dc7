"""Closed segments are packed: every reader reads on, nothing that was signed changes, and no crash leaves less than one form."""

import os
import random
import signal
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.backup import logs as backed_up
from keystead.trail import disk, evidence, packed, packing, records, segments, state
from keystead.trail.errors import LogDamaged, LogInUse
from keystead.trail.evidence import Source
from keystead.trail.lock import PACKING, lock
from keystead.trail.log import Log
from keystead.trail.packing import Packing
from keystead.trail.records import Stamp
from keystead.trail.segments import HEADER_LENGTH, Reader, Walk
from keystead.trail.signed_note import Signer
from keystead.trail.tiles import Entries
from keystead.trail.verify import Verdict, verify

from .conftest import ORIGIN, SEEDS, describe
from .test_trail_recorder_crash import child, kill_at

COUNT = 3000


def write(folder: Path, count: int, first: int = 0, segment_size: int = 40_000) -> None:
    """Records of many lengths; all but the last few signed."""
    chance = random.Random(first)  # noqa: S311  # how long, not a secret
    signer = Signer(ORIGIN, SEEDS)
    log = Log(folder, describe, segment_size=segment_size, sync=lambda _: None)
    for number in range(first, first + count, 50):
        log.append(
            [(7, one + 1, b'{"n": %d}%s' % (one, b" " * chance.randrange(90))) for one in range(number, number + 50)]
        )
    log.checkpoint(signer.sign)
    log.append([(7, first + count + one + 1, b"{}") for one in range(5)])
    log.close()


@pytest.fixture
def grown(folder):
    write(folder, COUNT)
    return folder


def pack_all(folder: Path) -> list[int]:
    found = packing.closed(folder)
    for first, following in found:
        packing.pack(folder, first, following)
    return [first for first, _ in found]


def everything(folder: Path) -> list[tuple]:
    walk = Walk.at(folder, 0)
    try:
        return [(stored, walk.segment, stored.leaf(walk.segment)) for stored in walk]
    finally:
        walk.close()


def proven(folder: Path) -> bool:
    return verify(folder, Signer(ORIGIN, SEEDS).verifiers).verdict is Verdict.PROVEN


STORED = st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=40)


@settings(deadline=None)
@given(STORED, st.integers(0, 2**40), st.data())
def test_any_segment_comes_out_as_it_was(tmp_path_factory, events, first, data):
    lying = [
        records.encode(Stamp(first + number, 1, 2, 3, 4), bytes(32) + event) for number, event in enumerate(events)
    ]
    plain = segments.header(first) + b"".join(lying)
    file = tmp_path_factory.mktemp("packed") / "one"
    file.write_bytes(packed.pack(first, HEADER_LENGTH, lying))
    segment = segments.opened(file, first)

    place = data.draw(st.integers(HEADER_LENGTH, len(plain)))
    read = b""
    while came := segment.read(100, place + len(read)):
        read += came

    assert read == plain[place:]
    assert segment.size() == len(plain)
    segment.close()


def test_readers_see_no_difference(grown):
    before = everything(grown)
    plain = {first: segments.path(grown, first).stat().st_size for first in segments.firsts(grown)}

    done = pack_all(grown)

    assert done == segments.firsts(grown)[:-1]
    assert len(done) > 5
    assert all(segments.is_packed(grown, first) for first in done)
    assert not segments.is_packed(grown, segments.firsts(grown)[-1])
    assert everything(grown) == before
    assert all(segments.path(grown, first).stat().st_size < plain[first] for first in done)
    assert proven(grown)


def test_the_log_goes_on_after_its_segments_were_packed(grown):
    pack_all(grown)

    write(grown, 1000, first=COUNT + 5)
    pack_all(grown)

    assert proven(grown)
    assert [stored.stamp.index for stored, _, _ in everything(grown)] == list(range(COUNT + 1010))


def test_a_record_is_read_from_its_block_alone(folder, monkeypatch):
    write(folder, 2000, segment_size=10_000_000)
    write(folder, 50, first=2005, segment_size=1)
    pack_all(folder)
    inflated = []
    inflate = packed.inflated
    monkeypatch.setattr(packed, "inflated", lambda *given: inflated.append(1) or inflate(*given))

    reader = Reader(folder)
    found = reader.after(1499, 1)

    assert [record.index for record in found] == [1500]
    assert len(inflated) == 1
    reader.close()


def test_a_reader_in_the_middle_of_a_segment_reads_on(grown):
    reader = Reader(grown)
    found = reader.after(-1, 100)

    pack_all(grown)
    while more := reader.after(found[-1].index, 100):
        found += more

    assert [record.index for record in found] == list(range(COUNT + 5))
    reader.close()


def test_tiles_and_evidence_are_made_from_either(grown, tmp_path):
    bundles = [Entries(grown).bundle(number * 256, 256) for number in range(COUNT // 256)]
    (grown / "checkpoint.vkeys").write_text("".join(f"{one}\n" for one in Signer(ORIGIN, SEEDS).verifiers))
    numbers = [3, 700, 701, 2999]
    evidence.bundle(Source(grown), numbers, {}, tmp_path / "before.zip")

    pack_all(grown)
    evidence.bundle(Source(grown), numbers, {}, tmp_path / "after.zip")

    assert [Entries(grown).bundle(number * 256, 256) for number in range(COUNT // 256)] == bundles
    told = [zipfile.ZipFile(tmp_path / name).read("events.jsonl") for name in ("before.zip", "after.zip")]
    assert told[0] == told[1]


def test_a_backup_takes_what_is_packed_while_it_runs(grown, tmp_path):
    (grown / "checkpoint.vkeys").write_text("".join(f"{one}\n" for one in Signer(ORIGIN, SEEDS).verifiers))
    packing.pack(grown, *packing.closed(grown)[0])
    count, sources = backed_up.own_log(grown, "copy")
    write(grown, 1000, first=COUNT + 5)  # the last segment of the backup is closed meanwhile
    pack_all(grown)

    for source in sources:
        path = tmp_path / source.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(source.pieces()))

    assert everything(tmp_path / "copy") == everything(grown)[:count]
    assert proven(tmp_path / "copy")


def test_what_is_not_signed_or_still_written_to_is_not_packed(folder):
    log = Log(folder, describe, segment_size=500)
    log.append([(7, number + 1, b"{}") for number in range(20)])
    log.append([(7, number + 1, b"{}") for number in range(20, 40)])
    assert len(segments.firsts(folder)) == 2

    assert packing.closed(folder) == []
    log.checkpoint(Signer(ORIGIN, SEEDS).sign)

    assert packing.closed(folder) == [(0, 20)]
    log.close()


def test_a_log_whose_state_lies_in_a_packed_segment_is_opened(folder, open_log):
    """What was signed last may end with a segment that was closed since."""
    log = Log(folder, describe, segment_size=500)
    log.append([(7, number + 1, b"{}") for number in range(20)])
    log.checkpoint(Signer(ORIGIN, SEEDS).sign)
    log.append([(7, number + 1, b"{}") for number in range(20, 40)])
    log.close()
    assert state.load(folder).segment == 0
    packing.pack(folder, 0, 20)

    opened = open_log(folder)

    assert opened.size == 40


def test_a_damaged_segment_is_left_as_it_lies(grown):
    path = segments.path(grown, 0)
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)

    with pytest.raises(LogDamaged):
        packing.pack(grown, *packing.closed(grown)[0])

    assert path.read_bytes() == content
    assert not list((grown / "segments").glob("*.new"))


async def test_the_job_packs_what_it_can_and_passes_over_what_it_cannot(grown):
    path = segments.path(grown, segments.firsts(grown)[1])
    os.truncate(path, path.stat().st_size - 1)
    job = Packing(grown)

    await job.run()
    await job.run()

    still = [first for first, _ in packing.closed(grown)]
    assert still == [segments.firsts(grown)[1]]
    job.close()


async def test_the_job_waits_for_a_log(tmp_path):
    job = Packing(tmp_path / "trail")

    await job.run()

    job.close()


def test_two_do_not_pack_at_once(grown):
    held = lock(grown, PACKING)

    with pytest.raises(LogInUse):
        packing.pack(grown, *packing.closed(grown)[0])

    os.close(held)


def test_a_full_disk_leaves_the_plain_segment(grown, monkeypatch):
    before = segments.path(grown, 0).read_bytes()
    monkeypatch.setattr(os, "write", lambda descriptor, content: len(content) // 2)

    with pytest.raises(OSError, match="as a whole"):
        packing.pack(grown, *packing.closed(grown)[0])

    monkeypatch.undo()
    assert segments.path(grown, 0).read_bytes() == before
    assert pack_all(grown)[0] == 0
    assert proven(grown)


def test_every_changed_byte_of_a_packed_segment_is_found(folder):
    """Header, blocks, index and trailer, byte by byte."""
    log = Log(folder, describe, segment_size=1)
    for number in range(3):
        log.append([(7, number + 1, b"{}")])
        log.checkpoint(Signer(ORIGIN, SEEDS).sign)
    log.close()
    pack_all(folder)
    path = segments.path(folder, 0)
    content = path.read_bytes()
    assert proven(folder)

    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        assert verify(folder, Signer(ORIGIN, SEEDS).verifiers).verdict is Verdict.CONTRADICTION, place


@pytest.mark.parametrize("left", [0, 1, 15, 16, 17, 100, -1, -8, -9, -32])
def test_a_packed_segment_that_breaks_off_is_found(folder, left):
    write(folder, 50, segment_size=1)
    write(folder, 50, first=55, segment_size=1)
    pack_all(folder)
    path = segments.path(folder, 0)
    path.write_bytes(path.read_bytes()[:left])

    assert verify(folder, Signer(ORIGIN, SEEDS).verifiers).verdict is Verdict.CONTRADICTION


def test_a_block_that_inflates_without_end_is_cut_off():
    bomb = packed.zlib.compress(bytes(50_000_000))

    assert packed.inflated(bomb, 1000) == b""


@pytest.mark.parametrize("after", [False, True])
def test_packing_that_is_killed_at_any_step_leaves_the_log_whole(folder, after):
    write(folder, 300, segment_size=5000)
    before = everything(folder)
    step, status = 0, -signal.SIGKILL

    while status == -signal.SIGKILL:
        step += 1

        def life(_: int, step: int = step) -> None:
            kill_at(step, after)
            pack_all(folder)

        _, status = child(life)
        assert everything(folder) == before, step
        assert proven(folder), step

    assert status == 0
    assert step > 6
    assert packing.closed(folder) == []


def test_a_torn_packed_file_never_takes_the_segments_name(grown, monkeypatch):
    """The file is compared with what it was made of, as it lies on the disk."""
    beside = disk.beside

    def tearing(path: Path, content: bytes, mode: int = 0o600) -> Path:
        fresh = beside(path, content, mode)
        torn = bytearray(content)
        torn[len(content) // 2] ^= 1
        fresh.write_bytes(torn)
        return fresh

    monkeypatch.setattr(disk, "beside", tearing)

    with pytest.raises(LogDamaged):
        packing.pack(grown, *packing.closed(grown)[0])

    assert not segments.is_packed(grown, 0)
