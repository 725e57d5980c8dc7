"""What a witness adds to a log's own proof: an owner of disk and keys, who can write everything anew, is found out."""

import asyncio
import shutil
from hashlib import sha256

import httpx
import pytest

from keystead.trail import audit as auditing
from keystead.trail import cosigned, state
from keystead.trail import log as logs
from keystead.trail.audit import Asked
from keystead.trail.log import Log
from keystead.trail.verify import Verdict
from keystead.trail.witnessed import LAG_SECONDS

from .town import NOW, Scene


@pytest.fixture
def grown(scene: Scene) -> Scene:
    """Ten records, of which a quorum has seen all."""
    (scene.folder / "checkpoint.vkeys").write_text("".join(f"{key}\n" for key in scene.signer.verifiers))
    for _ in range(2):
        scene.grow()
        asyncio.run(scene.asking.run())
    return scene


def asked(scene: Scene, **named):
    """The witnesses' monitoring prefix is their submission prefix."""

    def fetch(name, url, origin):
        path = f"/{sha256(origin.encode()).hexdigest()}/checkpoint"
        (party,) = (party for party in scene.parties if party.name == name)
        if not party.up:
            return None

        async def get():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(party.app), base_url=url) as client:
                return await client.get(path)

        answer = asyncio.run(get())
        return answer.content if answer.is_success else None

    given = {"folder": scene.folder, "policy": scene.policy, "fetch": fetch, "clock": scene.clock}
    return auditing.audit(Asked(**(given | named)))


def rewrite(scene: Scene, count: int = 10, kind: bytes = b"other") -> None:
    """The owner of disk and keys makes another log, every checkpoint signed, and leaves what he cannot make."""
    scene.log.close()
    aside = scene.folder.rename(scene.folder.with_name("aside"))
    logs.create(scene.folder)
    scene.log = Log(scene.folder, lambda name, **_: name.encode())
    scene.log.append([(7, number + 1, kind) for number in range(count)])
    scene.log.checkpoint(scene.signer.sign)
    shutil.copy(aside / "checkpoint.vkeys", scene.folder)
    shutil.copytree(aside / "cosigned", scene.folder / "cosigned")


def test_a_log_that_is_as_the_witnesses_saw_it_is_proven(grown):
    found = asked(grown)

    assert found.verdict is Verdict.PROVEN
    assert (found.log.records, found.cosigned, found.cosigned_at) == (10, 10, NOW)
    assert found.copies == {"a": 10, "b": 10, "c": 10}
    assert found.findings == ()


def test_what_is_newer_than_the_witnesses_have_seen_is_counted(grown):
    grown.grow(3)

    found = asked(grown)

    assert found.verdict is Verdict.PROVEN
    assert (found.log.records, found.cosigned) == (13, 10)


def test_a_log_written_anew_with_its_own_keys_is_found_by_witnesses_alone(grown):
    rewrite(grown)

    assert asked(grown, policy=None, fetch=None).verdict is Verdict.PROVEN
    found = asked(grown)

    assert found.verdict is Verdict.CONTRADICTION
    assert any("its root differs" in finding for finding in found.findings)


def test_it_is_found_without_asking_them_by_what_they_cosigned(grown):
    rewrite(grown)

    found = asked(grown, fetch=None)

    assert found.verdict is Verdict.CONTRADICTION


def test_a_tail_that_is_missing_is_found(grown):
    rewrite(grown, 8)

    found = asked(grown)

    assert found.verdict is Verdict.CONTRADICTION
    assert any("the end is missing" in finding for finding in found.findings)


def put_back(scene: Scene, older) -> None:
    """An old copy of the whole folder, cosignatures and all."""
    scene.log.close()
    shutil.rmtree(scene.folder)
    shutil.copytree(older, scene.folder)
    scene.log = Log(scene.folder, lambda name, **_: name.encode())


def test_an_old_copy_of_everything_is_found_by_asking_and_else_by_its_age(grown, tmp_path):
    older = shutil.copytree(grown.folder, tmp_path / "older")
    grown.clock.now += 100
    grown.grow(20)
    asyncio.run(grown.asking.run())
    put_back(grown, older)

    assert asked(grown).verdict is Verdict.CONTRADICTION
    assert asked(grown, fetch=None).verdict is Verdict.PROVEN  # so far: nobody was asked, and it is not old yet

    grown.clock.now = NOW + LAG_SECONDS + 1
    found = asked(grown, fetch=None)

    assert found.verdict is Verdict.UNCHECKED
    assert any("last cosigned 3601 seconds ago" in finding for finding in found.findings)


def test_everything_deleted_is_never_proven(grown):
    shutil.rmtree(grown.folder)

    assert asked(grown, fetch=None).verdict is Verdict.UNCHECKED
    logs.create(grown.folder)
    assert asked(grown).verdict is Verdict.CONTRADICTION
    grown.log = Log(grown.folder, lambda name, **_: name.encode())


def test_without_a_quorum_nothing_is_proven(grown):
    shutil.rmtree(grown.folder / "cosigned")

    found = asked(grown)

    assert found.verdict is Verdict.UNCHECKED
    assert "no checkpoint has been cosigned by a quorum" in found.findings


@pytest.mark.parametrize("harm", ["cut", "changed", "fewer"])
def test_a_cosigned_checkpoint_that_is_not_one_is_a_contradiction(grown, harm):
    path = grown.folder / "cosigned" / "newest"
    note = path.read_bytes()
    if harm == "cut":
        path.write_bytes(note[:-1])
    elif harm == "changed":
        path.write_bytes(note.replace(b"\n10\n", b"\n11\n"))
    else:
        path.write_bytes(b"".join(note.splitlines(keepends=True)[:-2]))

    assert asked(grown, fetch=None).verdict is Verdict.CONTRADICTION


def test_a_witness_that_cannot_be_asked_is_said_and_the_others_count(grown):
    grown.a.up = False

    found = asked(grown)

    assert found.copies["a"] is None
    assert found.verdict is Verdict.PROVEN


def test_what_a_witness_shows_must_be_cosigned_by_it(grown):
    found = asked(grown, fetch=lambda *_: cosigned.last_signed(grown.folder))

    assert found.verdict is Verdict.UNCHECKED
    assert "what witness a shows is not cosigned by it" in found.findings


def test_an_hourly_checkpoint_is_compared_too(grown):
    """The newest is of the log that is there; one of an earlier hour is not."""
    grown.clock.now += 3600
    rewrite(grown, 12)
    text = cosigned.last_signed(grown.folder).decode().partition("\n\n")[0] + "\n"
    lines = b"".join(party.signer.cosign(text) for party in grown.parties)
    (grown.folder / "cosigned" / "newest").write_bytes(cosigned.last_signed(grown.folder) + lines)

    found = asked(grown, fetch=None)

    assert found.verdict is Verdict.CONTRADICTION


def test_a_checkpoint_that_was_kept_elsewhere_is_a_witness_too(grown):
    kept = cosigned.last_signed(grown.folder)
    assert asked(grown, policy=None, fetch=None, notes=[kept]).verdict is Verdict.PROVEN

    rewrite(grown)
    found = asked(grown, policy=None, fetch=None, notes=[kept])

    assert found.verdict is Verdict.CONTRADICTION
    assert any(finding.startswith("a checkpoint that was kept elsewhere") for finding in found.findings)


def test_a_checkpoint_of_another_log_is_none_of_this_one(grown):
    found = asked(grown, policy=None, fetch=None, notes=[b"junk", b"x\n1\n" + b"A" * 43 + b"=\n\n"])

    assert found.verdict is Verdict.CONTRADICTION
    assert state.load(grown.folder).size == 10
