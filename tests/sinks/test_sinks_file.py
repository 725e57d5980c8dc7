"""The file sink: every record a line, whoever moves, removes or fills the file."""

import json
import resource
import signal

import pytest

from keystead.sinks.configuration import FileSink as Settings
from keystead.sinks.file import FileSink
from keystead.sinks.promise import SinkFailed

from .conftest import numbers


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trail.json"


def sink(path, **settings):
    return FileSink(Settings(path=str(path), **settings))


async def test_a_record_is_a_line(path, records):
    made = sink(path, required=True)

    await made.deliver(records(3))
    await made.deliver(records(2, first=3))
    await made.close()

    assert numbers(path.read_bytes().splitlines()) == [0, 1, 2, 3, 4]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("disturb", ["moved", "removed", "replaced"])
async def test_it_goes_on_where_the_name_leads(path, records, disturb):
    made = sink(path)
    await made.deliver(records(2))
    if disturb == "removed":
        path.unlink()
    else:
        path.rename(path.with_suffix(".1"))
    if disturb == "replaced":
        path.touch()

    await made.deliver(records(2, first=2))

    assert numbers(path.read_bytes().splitlines()) == [2, 3]
    assert made.reopened == 1
    if disturb != "removed":
        assert numbers(path.with_suffix(".1").read_bytes().splitlines()) == [0, 1]


async def test_half_a_line_of_a_killed_writer_stays_apart(path, records):
    path.write_bytes(b'{"half": ')

    await sink(path).deliver(records(1))

    assert numbers(path.read_bytes().splitlines()[1:]) == [0]


async def test_a_folder_that_is_gone_fails_and_is_tried_again(path, tmp_path, records):
    folder = tmp_path / "logs"
    made = sink(folder / "trail.json")
    with pytest.raises(SinkFailed, match="No such file"):
        await made.deliver(records(1))

    folder.mkdir()
    await made.deliver(records(1))

    assert numbers((folder / "trail.json").read_bytes().splitlines()) == [0]


async def test_a_full_disk_leaves_no_half_line(path, records):
    """The size of files is limited in the place of the disk's."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    made = sink(path)
    await made.deliver(records(1))
    size = path.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
    try:
        with pytest.raises(SinkFailed):
            await made.deliver(records(1, first=1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert path.stat().st_size == size
    await made.deliver(records(1, first=1))
    assert numbers(path.read_bytes().splitlines()) == [0, 1]


async def test_it_rotates_and_keeps_what_it_is_told_to(path, records):
    made = sink(path, rotate_bytes=1, keep=2)

    for number in range(5):
        await made.deliver(records(1, first=number))

    rotated = sorted(path.parent.glob("trail.json.*"))
    assert len(rotated) == 2
    assert numbers(one.read_bytes().strip() for one in rotated) == [3, 4]
    assert not path.exists()


async def test_rotation_without_a_number_keeps_all(path, records):
    made = sink(path, rotate_bytes=1)

    for number in range(4):
        await made.deliver(records(1, first=number))

    lines = [line for name in sorted(path.parent.iterdir()) for line in name.read_bytes().splitlines()]
    assert sorted(json.loads(line)["serviceEventDetails"]["number"] for line in lines) == [0, 1, 2, 3]
