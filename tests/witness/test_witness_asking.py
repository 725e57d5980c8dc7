"""A log and its witnesses: asked over the protocol, k of n counted, lies and silence told apart."""

import httpx
import pytest

from keystead.trail import asking, cosigned
from keystead.trail.checkpoints import of_note
from keystead.trail.log import Log
from keystead.trail.signed_note import Signer
from keystead.witness.book import Book

from .town import NOW, ORIGIN, Scene


async def test_all_are_asked_and_what_they_say_is_kept(scene):
    scene.grow()

    await scene.asking.run()

    checked = scene.policy.check(cosigned.newest(scene.folder))
    assert checked.checkpoint.size == 5
    assert checked.cosigned == {"a": NOW, "b": NOW, "c": NOW}
    found = cosigned.standings(scene.folder)
    assert (found.size, found.at) == (5, NOW)
    assert {one.size for one in found.witnesses.values()} == {5}


async def test_growth_is_cosigned_and_a_log_at_rest_now_and_then(scene):
    scene.grow()
    await scene.asking.run()
    await scene.asking.run()
    once = len(scene.town.asked)
    scene.clock.now += asking.REFRESH_SECONDS + 1
    await scene.asking.run()
    at_rest = scene.policy.check(cosigned.newest(scene.folder))
    scene.grow(300)
    await scene.asking.run()

    assert once == 3
    assert at_rest.cosigned["a"] == int(scene.clock.now)
    assert scene.size == 305


async def test_before_anything_is_signed_nobody_is_asked(scene):
    await scene.asking.run()

    assert scene.town.asked == []
    assert cosigned.standings(scene.folder) is None


async def test_two_of_three_suffice_and_one_does_not(scene):
    scene.c.up = False
    scene.grow()
    await scene.asking.run()
    assert scene.size == 5
    assert scene.errors == {"c": "unreachable"}

    scene.b.up = False
    scene.grow()
    await scene.asking.run()

    assert scene.size == 5
    assert scene.errors == {"b": "unreachable", "c": "unreachable"}


async def test_a_witness_that_comes_back_completes_the_quorum(scene):
    scene.b.up = scene.c.up = False
    scene.grow()
    await scene.asking.run()
    assert scene.size is None

    scene.b.up = True
    scene.clock.now += asking.REFRESH_SECONDS + 1
    await scene.asking.run()

    assert scene.policy.check(cosigned.newest(scene.folder)).cosigned.keys() == {"a", "b"}


async def test_an_asker_started_anew_learns_where_the_witnesses_stand(scene):
    scene.grow()
    await scene.asking.run()
    scene.again()
    scene.grow(40)

    await scene.asking.run()

    assert scene.size == 45
    assert scene.errors == {}
    assert len(scene.town.asked) == 3 + 2 * 3


async def test_a_witness_started_anew_goes_on(scene):
    scene.grow()
    await scene.asking.run()
    for party in scene.parties:
        party.start()
    scene.grow()

    await scene.asking.run()

    assert scene.size == 10


async def test_a_log_that_lost_its_tail_is_told(scene, tmp_path):
    """The records after 5 are gone, and the log goes on from there: the witnesses know of more."""
    import shutil

    scene.grow()
    scene.log.close()
    shutil.copytree(scene.folder, tmp_path / "copy")
    scene.log = Log(scene.folder, lambda name, **_: name.encode())
    scene.grow(20)
    await scene.asking.run()
    scene.log.close()
    shutil.rmtree(scene.folder)
    shutil.copytree(tmp_path / "copy", scene.folder)
    scene.log = Log(scene.folder, lambda name, **_: name.encode())
    scene.again()
    await scene.asking.run()
    assert set(scene.errors.values()) == {asking.AHEAD}

    scene.grow(90)
    scene.clock.now += asking.REFRESH_SECONDS + 1
    await scene.asking.run()

    assert set(scene.errors.values()) == {asking.CONTRADICTED}
    assert scene.size is None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"junk"),
        httpx.Response(200, content="— a.example/w AAAA\n".encode()),
        httpx.Response(500),
        httpx.Response(403),
        httpx.Response(302, headers={"location": "http://b.example/add-checkpoint"}),
        httpx.Response(409, headers={"content-type": "text/x.tlog.size"}, content=b"05\n"),
        httpx.Response(409, headers={"content-type": "text/x.tlog.size"}, content=b"\xff"),
        httpx.Response(200, content=b"x" * 70_000),
    ],
)
async def test_an_answer_that_is_none_does_not_count(scene, answer):
    scene.a.answer = answer
    scene.grow()

    await scene.asking.run()

    assert scene.errors.keys() == {"a"}
    assert scene.policy.check(cosigned.newest(scene.folder)).cosigned.keys() == {"b", "c"}


async def test_anothers_cosignature_and_an_old_one_do_not_count(scene):
    scene.grow()
    text = of_note(cosigned.last_signed(scene.folder)).text()
    other = f"{ORIGIN}\n4\n{text.splitlines()[2]}\n"
    for lines in (scene.b.signer.cosign(text), scene.a.signer.cosign(other)):
        scene.a.answer = httpx.Response(200, content=lines)
        scene.again()

        await scene.asking.run()

        assert scene.errors.keys() == {"a"}


async def test_a_time_in_the_future_does_not_count(scene):
    scene.grow()
    ahead = Signer("a.example/w", Book(scene.a.data).seeds(), clock=lambda: NOW + asking.FUTURE_SECONDS + 10)
    text = of_note(cosigned.last_signed(scene.folder)).text()
    scene.a.answer = httpx.Response(200, content=ahead.cosign(text))

    await scene.asking.run()

    assert scene.errors.keys() == {"a"}


async def test_one_note_of_each_hour_is_kept(scene):
    for hours in (0, 0.1, 1, 1.5, 2):
        scene.clock.now = NOW + hours * 3600
        scene.grow()
        await scene.asking.run()

    sizes = [of_note(note).size for note in cosigned.hourly(scene.folder)]
    assert len(sizes) == len({int(NOW + hours * 3600) // 3600 for hours in (0, 0.1, 1, 1.5, 2)})
    assert sizes[0] == 5
    assert scene.size == 25


async def test_where_no_quorum_is_asked_for_the_newest_signed_is_published(tmp_path):
    scene = Scene(tmp_path, "quorum none")
    scene.a.up = scene.b.up = scene.c.up = False
    scene.grow()

    await scene.asking.run()

    assert of_note(cosigned.to_publish(scene.folder, scene.policy)).size == 5
    scene.log.close()


async def test_where_a_quorum_is_asked_for_only_what_has_it_is_published(scene):
    scene.grow()
    assert cosigned.to_publish(scene.folder, scene.policy) is None
    await scene.asking.run()
    scene.grow()

    assert of_note(cosigned.to_publish(scene.folder, scene.policy)).size == 5


def test_the_newest_note_is_found_without_reading_all(scene):
    for _ in range(60):
        scene.grow(1)
        assert of_note(cosigned.last_signed(scene.folder)).size == scene.number
    path = scene.folder / "checkpoints"
    assert path.stat().st_size > 100_000

    with path.open("ab") as file:
        file.write(f"{ORIGIN}\n61\nAAAA".encode())

    assert of_note(cosigned.last_signed(scene.folder)).size == 60
