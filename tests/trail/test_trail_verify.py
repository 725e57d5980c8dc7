"""The verifier proves what is so, and finds whatever is not: every byte changed, every part taken away or put back."""

import json
import os
import random
import shutil
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import msgspec
import pytest

from keystead.trail import log as logs
from keystead.trail import segments, state
from keystead.trail.log import Log
from keystead.trail.mark import Mark
from keystead.trail.signed_note import Signer
from keystead.trail.verify import Verdict, verify

from .conftest import describe

QUICK = 400
"""Places that are changed unless all of them are."""


@pytest.fixture(scope="module")
def proven(tmp_path_factory) -> Path:
    """A log of two segments and three checkpoints, properly closed, with its verifier keys."""
    folder = tmp_path_factory.mktemp("proven") / "trail"
    grow(folder, 5)
    return folder


def grow(folder: Path, count: int, *, kind: bytes = b"event", seeds: tuple[bytes, bytes] | None = None) -> None:
    signer = Signer("keystead.invalid/test", seeds or (bytes(32), bytes(32)))
    logs.create(folder)
    log = Log(folder, describe, segment_size=250)
    for number in range(count):
        log.append([(7, number + 1, b'{"%s": %d}' % (kind, number))])
        if number % 2 == 0:
            log.checkpoint(signer.sign)
    log.close()
    (folder / "checkpoint.vkeys").write_text("".join(f"{key}\n" for key in signer.verifiers))


@pytest.fixture
def copied(proven, tmp_path) -> Path:
    return shutil.copytree(proven, tmp_path / "trail")


def test_a_log_that_is_as_it_was_written_is_proven(proven):
    report = verify(proven)

    assert report.verdict is Verdict.PROVEN
    assert (report.records, report.signed, report.checkpoints) == (5, 5, 3)
    assert report.findings == ()
    assert report.own_keys


def places(folder: Path) -> list[tuple[Path, int]]:
    """Every byte of segments, hashes, checkpoints, state, mark and verifier keys."""
    files = [folder / name for name in ("state", "checkpoints", "durable", "checkpoint.vkeys")]
    files += [*(folder / "segments").iterdir(), *(folder / "hashes").iterdir()]
    return [(file, place) for file in sorted(files) for place in range(file.stat().st_size)]


def changed_and_still_proven(folder: Path, where: list[tuple[Path, int]]) -> list[str]:
    missed = []
    chance = random.Random(1)  # noqa: S311  # which bytes, not a secret
    for file, place in where:
        content = file.read_bytes()
        other = content[place] ^ chance.randrange(1, 256)
        file.write_bytes(content[:place] + bytes([other]) + content[place + 1 :])
        if verify(folder).verdict is Verdict.PROVEN:
            missed.append(f"{file.name} at {place}: {content[place]} became {other}")
        file.write_bytes(content)
    return missed


def test_a_changed_byte_is_found(copied):
    where = random.Random(0).sample(places(copied), QUICK)  # noqa: S311  # which bytes, not a secret

    assert changed_and_still_proven(copied, where) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_changed_byte_is_found(copied):
    assert changed_and_still_proven(copied, places(copied)) == []


@pytest.mark.parametrize("name", ["state", "checkpoints", "durable", "checkpoint.vkeys", "hashes/0"])
@pytest.mark.parametrize("harm", ["delete", "empty", "halve"])
def test_a_file_taken_away_or_cut_is_found(copied, name, harm):
    path = copied / name
    if harm == "delete":
        path.unlink()
    else:
        os.truncate(path, 0 if harm == "empty" else path.stat().st_size // 2)

    assert verify(copied).verdict is not Verdict.PROVEN


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("harm", ["delete", "cut"])
def test_a_segment_taken_away_or_cut_is_a_contradiction(copied, which, harm):
    path = segments.path(copied, segments.firsts(copied)[which])
    if harm == "delete":
        path.unlink()
    else:
        os.truncate(path, path.stat().st_size - 1)

    assert verify(copied).verdict is Verdict.CONTRADICTION


def test_the_last_checkpoint_cut_off_is_a_contradiction(copied):
    os.truncate(copied / "checkpoints", state.load(copied).checkpoints - 1)

    assert verify(copied).verdict is Verdict.CONTRADICTION


def test_a_log_written_anew_by_one_who_has_not_the_keys_is_found(copied, tmp_path):
    """All of it consistent, and signed; but not by the keys that were kept elsewhere."""
    kept = [line for line in (copied / "checkpoint.vkeys").read_text().splitlines() if line]
    forged = tmp_path / "forged"
    grow(forged, 5, kind=b"other", seeds=(b"1" * 32, b"2" * 32))
    assert verify(forged).verdict is Verdict.PROVEN

    report = verify(forged, [read(key) for key in kept])

    assert report.verdict is Verdict.CONTRADICTION
    assert any("not signed by" in finding for finding in report.findings)


def read(key: str):
    from keystead.trail.signed_note import Verifier

    return Verifier.read(key)


def test_a_log_that_was_forked_is_a_contradiction(copied, tmp_path):
    """Another history under the same keys, with the old checkpoints beside it."""
    fork = tmp_path / "fork"
    grow(fork, 5, kind=b"other")
    shutil.copy(copied / "checkpoints", fork / "checkpoints")

    report = verify(fork)

    assert report.verdict is Verdict.CONTRADICTION
    assert any("its root differs" in finding for finding in report.findings)


def test_checkpoints_out_of_order_are_a_contradiction(copied):
    notes = (copied / "checkpoints").read_bytes()
    parts = notes.split(b"\n\n")
    first, second = b"\n\n".join(parts[:2]), b"\n\n".join(parts[2:4])
    (copied / "checkpoints").write_bytes(notes.replace(first, b"!").replace(second, first).replace(b"!", second))

    assert verify(copied).verdict is Verdict.CONTRADICTION


def test_a_key_that_did_not_sign_is_missed(proven):
    keys = Signer("keystead.invalid/test", (bytes(32), b"x" * 32)).verifiers

    report = verify(proven, keys)

    assert report.verdict is Verdict.CONTRADICTION
    assert not report.own_keys


def test_a_sender_whose_count_has_a_gap_is_a_contradiction(tmp_path):
    signer = Signer("keystead.invalid/test", (bytes(32), bytes(32)))
    folder = tmp_path / "trail"
    logs.create(folder)
    log = Log(folder, describe)
    log.append([(7, 1, b"a"), (7, 3, b"b")])
    log.checkpoint(signer.sign)
    log.close()

    report = verify(folder, signer.verifiers)

    assert report.verdict is Verdict.CONTRADICTION
    assert "before its number 3" in report.findings[0]


def test_senders_may_come_again_and_several_times_at_once(tmp_path):
    signer = Signer("keystead.invalid/test", (bytes(32), bytes(32)))
    folder = tmp_path / "trail"
    logs.create(folder)
    log = Log(folder, describe)
    log.append([(7, 1, b"a"), (7, 1, b"b"), (7, 2, b"c"), (8, 1, b"d"), (7, 2, b"e"), (7, 3, b"f"), (7, 1, b"g")])
    log.checkpoint(signer.sign)
    log.close()

    assert verify(folder, signer.verifiers).verdict is Verdict.PROVEN


def test_records_that_nobody_signed_yet_are_told_and_are_no_contradiction(copied):
    log = Log(copied, describe)
    log.append([(7, 6, b"{}"), (7, 7, b"{}")])
    log.close()

    report = verify(copied)

    assert (report.verdict, report.records, report.signed) == (Verdict.PROVEN, 7, 5)


def test_an_acknowledged_record_that_nobody_signed_yet_cannot_be_cut_off(copied):
    log = Log(copied, describe)
    log.append([(7, 6, b"{}")])
    log.close()
    path = segments.path(copied, segments.firsts(copied)[-1])
    os.truncate(path, path.stat().st_size - 1)

    assert verify(copied).verdict is Verdict.CONTRADICTION


def test_what_was_written_and_not_acknowledged_is_told_and_is_no_contradiction(copied):
    log = Log(copied, describe)
    log.append([(7, 6, b"{}")])
    log.close()
    mark = Mark.open(copied)
    mark.set(5)
    mark.close()
    path = segments.path(copied, segments.firsts(copied)[-1])
    path.write_bytes(path.read_bytes() + b"torn")

    report = verify(copied)

    assert (report.verdict, report.records, report.unacknowledged, report.torn) == (Verdict.PROVEN, 5, 1, 4)


def test_nothing_signed_is_nothing_proven(tmp_path, signer):
    folder = tmp_path / "trail"
    logs.create(folder)
    log = Log(folder, describe)
    log.append([(7, 1, b"{}")])
    log.close()

    assert verify(folder, signer.verifiers).verdict is Verdict.UNCHECKED


def test_no_log_is_not_proven(tmp_path, signer):
    assert verify(tmp_path / "nothing", signer.verifiers).verdict is Verdict.UNCHECKED


def test_a_state_between_signing_and_keeping_is_no_contradiction(copied):
    """The recorder ended after the state was saved and before the checkpoint was kept."""
    held = state.load(copied)
    log = Log(copied, describe)
    log.append([(7, 6, b"{}")])
    end = (copied / "checkpoints").stat().st_size
    where = (log._tail.first, log._tail.end)
    state.save(copied, state.State(6, b64encode(log.root).decode(), log._wall, *where, end))
    log.close()

    assert held.size == 5
    assert verify(copied).verdict is Verdict.PROVEN


@pytest.mark.parametrize("harm", ["wall", "place", "segment", "checkpoints", "size", "root"])
def test_a_state_that_is_not_that_of_the_records_is_a_contradiction(copied, harm):
    held = state.load(copied)
    other = b64encode(bytes(32)).decode() if harm == "root" else getattr(held, harm) - 1
    state.save(copied, msgspec.structs.replace(held, **{harm: other}))

    assert verify(copied).verdict is Verdict.CONTRADICTION


# the command


def run(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "keystead", "trail", "verify", "--data", str(data), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_proves(copied):
    done = run(copied.parent)

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("PROVEN")


def test_the_command_tells_programs_too(copied):
    key = (copied / "checkpoint.vkeys").read_text().split()[0]

    done = run(copied.parent, "--key", key, "--output", "json")

    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert (told["verdict"], told["records"], told["keys"], told["own_keys"]) == ("proven", 5, [key], False)


def test_the_command_ends_with_one_for_a_contradiction(copied):
    os.truncate(segments.path(copied, 0), 100)

    done = run(copied.parent)

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "CONTRADICTION"


def test_the_command_ends_with_two_when_there_is_nothing_to_check(tmp_path):
    assert run(tmp_path).returncode == 2


def test_the_command_refuses_what_is_no_key(copied):
    done = run(copied.parent, "--key", "nonsense")

    assert done.returncode == 2
    assert "NAME+ID+KEY" in done.stderr
