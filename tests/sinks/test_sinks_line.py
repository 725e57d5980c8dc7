"""A sink's way through the log: everything once in order while all goes well, again after a failure, and never past a required one."""

import asyncio

import pytest

from keystead.sinks import standing
from keystead.sinks.configuration import FileSink as Settings
from keystead.sinks.promise import SinkFailed
from keystead.trail.errors import LogDamaged

from .conftest import numbers, until

SETTINGS = Settings(path="/unused", timeout=0.2)
REQUIRED = Settings(path="/unused", timeout=0.2, required=True)


class Double:
    """A sink that does as a test says: fails, hangs, or takes."""

    def __init__(self):
        self.taken = []
        self.fails = False
        self.hangs = False
        self.asked = 0
        self.closed = False

    async def deliver(self, records):
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(3600)
        if self.fails:
            raise SinkFailed("as it was told")
        self.taken += [record.event for record in records]

    async def close(self):
        self.closed = True


async def test_a_new_sink_begins_with_what_comes(stage):
    await stage.record(3)
    sink = Double()
    line = stage.line(SETTINGS, sink)

    async with stage.running(line):
        await stage.record(4)

    assert numbers(sink.taken) == [0, 1, 2, 3]
    assert stage.told[0] == ("SinkAdded", {"sink": "a-sink", "required": False, "first": 3})
    assert line.position == standing.position(stage.folder, "a-sink") == 7
    assert sink.closed


async def test_it_goes_on_where_it_was(stage):
    async with stage.running(stage.line(SETTINGS, Double())):
        await stage.record(2)
    await stage.record(3)
    sink = Double()

    async with stage.running(stage.line(SETTINGS, sink)):
        pass

    assert len(sink.taken) == 3
    assert stage.events == ["SinkAdded"]


@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_what_was_not_taken_comes_again(stage, how):
    sink = Double()
    setattr(sink, how, True)
    line = stage.line(REQUIRED, sink)

    async with stage.running(line):
        await stage.record(2)
        await until(lambda: sink.asked >= 2)
        ill = line.standing()
        setattr(sink, how, False)
        await until(lambda: sink.taken)

    assert ill.ill_since
    assert ("as it was told" in ill.error) == (how == "fails")
    assert numbers(sink.taken) == [0, 1]
    assert stage.events == ["SinkAdded", "SinkFailed", "SinkRecovered"]
    assert not line.standing().ill_since


async def test_a_sink_that_is_behind_passes_over_the_oldest_and_says_so(stage):
    sink = Double()
    sink.fails = True
    line = stage.line(Settings(path="/unused", queue=10), sink)

    async with stage.running(line):
        await stage.record(25)
        await until(lambda: "SinkPassedOver" in stage.events)
        sink.fails = False
        await until(lambda: sink.taken)

    told = [details for name, details in stage.told if name == "SinkPassedOver"]
    missed = sum(details["last"] - details["first"] + 1 for details in told)
    assert missed == 25 - len(sink.taken) == line.standing().passed_over
    assert told[0]["first"] == 0
    assert numbers(sink.taken) == list(range(missed, 25))


async def test_a_required_one_passes_nothing_over(stage):
    sink = Double()
    sink.fails = True
    line = stage.line(Settings(path="/unused", queue=1, required=True), sink)

    async with stage.running(line):
        await stage.record(30)
        await until(lambda: sink.asked >= 2)
        sink.fails = False

    assert numbers(sink.taken) == list(range(30))


async def test_a_position_that_cannot_be_read_means_everything_again(stage):
    await stage.record(3)
    standing.position_path(stage.folder, "a-sink").write_bytes(b"\xff")
    sink = Double()

    async with stage.running(stage.line(SETTINGS, sink)):
        pass

    assert numbers(sink.taken) == [0, 1, 2]


async def test_many_records_come_in_groups(stage):
    sink = Double()

    async with stage.running(stage.line(SETTINGS, sink)):
        await stage.record(2000)

    assert len(sink.taken) == 2000
    assert sink.asked >= 4


async def test_a_log_that_is_damaged_ends_it(stage):
    await stage.record(3)
    standing.save_position(stage.folder, "a-sink", 0)
    (path,) = (stage.folder / "segments").iterdir()
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(bytes(content))
    line = stage.line(SETTINGS, Double())

    with pytest.raises(LogDamaged):
        await line.run(asyncio.Event())


def test_the_standing_is_what_was_told(tmp_path):
    (tmp_path / "sinks").mkdir()
    told = standing.Standings(1.0, {"a": standing.Standing(True, 3, 0, 0.0, "")})

    standing.save(tmp_path, told)

    assert standing.load(tmp_path) == told
    standing.forget(tmp_path)
    assert standing.load(tmp_path) is None
