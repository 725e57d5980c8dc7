"""Writes that are torn, fsyncs that fail, a disk that is full: calls fail closed, and what was acknowledged is there afterwards."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from components import missing
from installation import contradictions, health, recorded, until
from load import Load, lost

pytestmark = [pytest.mark.alone, pytest.mark.whole, pytest.mark.slow, pytest.mark.timeout(600)]

CLIENTS = 2
BACK_WITHIN = 20.0
DATABASE, TRAIL = "keystead.db-wal", "/trail/segments/"
FAULTS = [
    ("sync", "fail", DATABASE),
    ("write", "short", DATABASE),
    ("write", "full", DATABASE),
    ("sync", "fail", TRAIL),
    ("write", "short", TRAIL),
    ("write", "full", TRAIL),
]


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """shim.c, compiled."""
    compiler = shutil.which("cc")
    if compiler is None:
        missing("cc", "no C compiler (Debian: apt-get install gcc)")
    made = tmp_path_factory.mktemp("shim") / "shim.so"
    source = Path(__file__).with_name("shim.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True)
    return made


def connect(node):
    return lambda config: node.client("kms", config=config)


def status(call):
    """Of one call without a second attempt."""
    try:
        return call()["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]


def judge(node, load):
    """What was acknowledged holds, before and after everything has died and come back from the disk.

    A call may fail while the disk takes nothing for longer than a client tries; it is told to try again.
    """
    assert load.refused == []
    patient = Config(retries={"mode": "standard", "total_max_attempts": 10})
    assert lost(node.client("kms", config=patient), load) == []
    node.kill()
    node.start()
    assert lost(node.client("kms", config=patient), load) == []
    node.stop()
    assert load.answers - recorded(node.data) == set()
    assert contradictions(node.data, node.settings.get("KEYSTEAD_DATABASE", "")) == []


@pytest.mark.timeout(3600)
def test_a_disk_that_fails_is_noticed_and_nothing_acknowledged_is_lost(new_node, shim, tmp_path, much):
    plan = tmp_path / "plan"
    node = new_node(LD_PRELOAD=str(shim), FAULT_FILE=str(plan)).start()
    kms = node.client("kms")
    with Load(connect(node), CLIENTS) as load:
        until(lambda: load.answered > 20)
        for number in range(much(len(FAULTS), 20 * len(FAULTS))):
            call, mode, path = FAULTS[number % len(FAULTS)]
            skip = number // len(FAULTS) % 7
            plan.write_text(f"{call} {mode} {skip} {path}")
            try:
                if (
                    skip
                ):  # a process that comes back and fails again after as many calls may be waited for, and not felt
                    [status(kms.create_key) for _ in range(3)]
                else:
                    until(lambda: status(kms.create_key) >= 500)
                    time.sleep(0.3)
                    assert status(kms.create_key) >= 500, (call, mode, path)
            finally:
                plan.unlink()
            until(lambda: health(node.url)[0] == 200 and status(kms.create_key) == 200, BACK_WITHIN)
        load.end()
    judge(node, load)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 48 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "none", place], check=False, stderr=-1)
    if done.returncode:
        missing("mount", "this user may not mount a file system")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_stops_the_answers_until_there_is_room_again(new_node, small_disk, much):
    node = new_node(data=small_disk / "data").start()
    kms = node.client("kms")
    filler = small_disk / "filler"
    with Load(connect(node), CLIENTS) as load:
        until(lambda: load.answered > 20)
        for _ in range(much(2, 20)):
            fill(filler)
            until(lambda: status(kms.create_key) >= 500, 60)
            filler.unlink()
            until(lambda: health(node.url)[0] == 200 and status(kms.create_key) == 200, BACK_WITHIN)
        load.end()
    judge(node, load)


def fill(path):
    """Until not a byte more is taken."""
    with open(path, "wb", 0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


def test_a_clock_that_is_stepped_harms_nothing_that_was_acknowledged(new_node, shim, tmp_path):
    """By minutes, calls go on; by a day, signatures are no longer of this time, and are refused until the clock is right."""
    clock = tmp_path / "clock"
    node = new_node(LD_PRELOAD=str(shim), FAULT_CLOCK=str(clock)).start()
    kms = node.client("kms")

    def told(step):
        clock.write_text(str(step))
        time.sleep(1)
        return status(kms.list_keys), health(node.url)[0]

    with Load(connect(node), CLIENTS) as load:
        until(lambda: load.answered > 20)
        near = [told(step) for step in (-240, 240)]
        load.end()
    far = [told(step) for step in (-86400, 86400)]
    right = told(0)

    assert near == [(200, 200)] * 2
    assert far == [(400, 200)] * 2
    assert right == (200, 200)
    assert load.failures == []
    judge(node, load)
