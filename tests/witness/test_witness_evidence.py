"""Evidence bundles: what an auditor gets, checks with one file, and cannot be deceived with."""

import ast
import asyncio
import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from keystead.trail import check_evidence, cosigned
from keystead.trail.check_evidence import CONTRADICTION, PROVEN, UNCHECKED, check
from keystead.trail.evidence import NothingSigned, Source, bundle, picked

from .town import NOW, Scene

POLICY = "policy"


def event(number):
    """As the log holds it: with characters that JSON may write in more than one way."""
    who = {"arn": f"arn:aws:iam::111122223333:user/ünï{number}"}
    return json.dumps(
        {"eventTime": "2026-11-24T06:00:00Z", "eventName": "Decrypt", "userIdentity": who}, ensure_ascii=number % 2 == 0
    ).encode()


def record(scene: Scene, count: int) -> None:
    scene.log.append([(7, scene.number + place + 1, event(scene.number + place)) for place in range(count)])
    scene.number += count
    scene.log.checkpoint(scene.signer.sign)


@pytest.fixture(scope="module")
def grown(tmp_path_factory) -> Scene:
    """300 records in several segments, seen by witnesses in two hours, and 5 more that only the log has signed."""
    scene = Scene(tmp_path_factory.mktemp("grown"))
    scene.log._segment_size = 9_000
    (scene.folder / "checkpoint.vkeys").write_text("".join(f"{key}\n" for key in scene.signer.verifiers))
    for hour in range(2):
        for _ in range(15):
            record(scene, 10)
        asyncio.run(scene.asking.run())
        if hour == 0:
            scene.clock.now += 3600
    record(scene, 5)
    lines = [f"log {key}" for key in scene.signer.verifiers]
    lines += [f"witness {name} {party.key}" for name, party in scene.policy.witnesses.items()]
    (scene.folder.parent / POLICY).write_text("\n".join([*lines, "group G 2 a b c", "quorum G", ""]))
    yield scene
    scene.log.close()


@pytest.fixture
def made(tmp_path):
    """Makes a bundle in a folder of the test's own."""
    return lambda scene, numbers, **named: make(tmp_path, scene, numbers, **named)


def make(folder: Path, scene: Scene, numbers, *, with_policy=True, name="bundle.zip"):
    policy = (scene.folder.parent / POLICY).read_bytes() if with_policy else None
    target = folder / name
    done = bundle(Source(scene.folder, policy), numbers, {"key": "k"}, target)
    return target, done


NUMBERS = [0, 7, 149, 150, 151, 299]


def test_a_bundle_is_proven_and_says_by_when_witnesses_had_seen_each_event(grown, capsys, made):
    target, done = made(grown, NUMBERS)

    assert done[:3] == (6, 0, 300)
    assert check(target, [str(key) for key in grown.signer.verifiers], grown.folder.parent / POLICY) == PROVEN
    said = capsys.readouterr().out.splitlines()
    hour = f"2025-06-15T{15:02}:"
    first, later = said[0], said[3]
    assert NOW == 1_750_000_000  # 2025-06-15T15:06:40Z
    assert "Decrypt by arn:aws:iam::111122223333:user/ünï0, seen by witnesses by " + hour in first
    assert "seen by witnesses by 2025-06-15T16:" in later
    assert said[-1] == "PROVEN: 6 events are in the log, unchanged"
    assert not any("bundle:" in line for line in said)


def test_its_own_keys_and_policy_are_enough_to_run_and_said_to_be_its_own(grown, capsys, made):
    target, _ = made(grown, NUMBERS)

    assert check(target, [], None) == PROVEN
    said = capsys.readouterr().out
    assert "the log's keys were those in the bundle" in said
    assert "the policy was the one in the bundle" in said


def test_without_a_policy_it_says_what_that_means(grown, capsys, made):
    target, _ = made(grown, NUMBERS, with_policy=False)

    assert check(target, [], None) == PROVEN
    assert "the log's owner could have written all of it anew" in capsys.readouterr().out


def test_what_is_newer_than_witnesses_have_seen_is_proven_by_the_logs_signature_alone(grown, capsys, made):
    target, done = made(grown, [7, 302])

    assert (done.size, done.seen) == (305, 300)
    assert check(target, [], None) == UNCHECKED
    said = capsys.readouterr().out.splitlines()
    assert "seen by witnesses" in said[0]
    assert "seen by witnesses" not in said[1]
    assert "the checkpoint is not cosigned by the policy's quorum" in said


def test_what_is_not_signed_yet_is_left_out_or_refused(grown, made, tmp_path):
    grown.log.append([(7, 306, event(305))])

    assert made(grown, [7, 305])[1].left_out == 1
    with pytest.raises(NothingSigned):
        made(grown, [305], name="other.zip")
    assert not (tmp_path / "other.zip").exists()


def test_no_events_is_a_bundle_too(grown, made):
    target, _ = made(grown, [])

    assert check(target, [], None) == PROVEN


def test_a_file_that_is_there_is_left_alone(grown, made):
    target, _ = made(grown, NUMBERS)
    before = target.read_bytes()

    with pytest.raises(FileExistsError):
        made(grown, NUMBERS)

    assert target.read_bytes() == before
    assert target.stat().st_mode & 0o077 == 0


def test_the_same_is_always_the_same(grown, made):
    one, other = made(grown, NUMBERS)[0], made(grown, NUMBERS, name="other.zip")[0]

    assert one.read_bytes() == other.read_bytes()


def test_records_are_picked_wherever_they_lie(grown):
    numbers = [*range(0, 305, 7), 304]

    found = list(picked(grown.folder, numbers))

    assert [stored.stamp.index for stored, _ in found] == numbers
    assert [stored.event for stored, _ in found] == [event(number) for number in numbers]
    assert len({segment for _, segment in found}) > 3


# --- deceiving --------------------------------------------------------------------------------------------------------


def changed(target: Path, how, *, tell=True) -> Path:
    """Another bundle with other files; `tell`: its manifest agrees, as whoever made it would see to."""
    import hashlib

    with zipfile.ZipFile(target) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    how(content)
    manifest = json.loads(content["manifest.json"])
    if tell:
        names = set(content) - {"manifest.json", "check.py"}
        manifest["files"] = {name: hashlib.sha256(content[name]).hexdigest() for name in names}
        manifest["events"] = len(content["events.jsonl"].splitlines())
        content["manifest.json"] = json.dumps(manifest).encode()
    other = target.with_name("changed.zip")
    with zipfile.ZipFile(other, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return other


def edit_event(**named):
    def edit(content):
        lines = [json.loads(line) for line in content["events.jsonl"].splitlines()]
        lines[2] |= {name: value(lines[2][name]) if callable(value) else value for name, value in named.items()}
        content["events.jsonl"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    return edit


def replaced(name, old, new):
    def edit(content):
        assert old in content[name]
        content[name] = content[name].replace(old, new, 1)

    return edit


def reversed_events(content):
    content["events.jsonl"] = b"\n".join(reversed(content["events.jsonl"].splitlines())) + b"\n"


def twice(content):
    lines = content["events.jsonl"].splitlines(keepends=True)
    content["events.jsonl"] = b"".join([lines[0], *lines])


@pytest.mark.parametrize(
    "how",
    [
        edit_event(event=lambda text: text.replace("Decrypt", "Encrypt")),
        edit_event(event=lambda text: text + " "),
        edit_event(index=148),
        edit_event(wall=1),
        edit_event(source=8),
        edit_event(segment=1),
        edit_event(salt=lambda salt: salt[:-4] + "AAA="),
        edit_event(proof=lambda proof: proof[:-1]),
        edit_event(proof=lambda proof: [*proof, proof[0]]),
        edit_event(proof=[]),
        reversed_events,
        twice,
        replaced("checkpoint", b"\n300\n", b"\n301\n"),
        replaced("history.jsonl", b"\\n150\\n", b"\\n151\\n"),
    ],
)
def test_a_bundle_that_was_changed_is_found_though_its_manifest_agrees(grown, how, made):
    target, _ = made(grown, NUMBERS)

    assert check(changed(target, how), [], None) == CONTRADICTION


@pytest.mark.parametrize(
    "how",
    [
        lambda content: content.pop("history.jsonl"),
        lambda content: content.update({"more": b""}),
        lambda content: content.update({"policy": content["policy"] + b"\n"}),
    ],
)
def test_files_that_are_not_those_of_the_manifest_are_found(grown, how, made):
    target, _ = made(grown, NUMBERS)

    assert check(changed(target, how, tell=False), [], None) == CONTRADICTION


def test_a_history_whose_proof_is_not_one_is_found(grown, made):
    target, _ = made(grown, NUMBERS)

    def edit(content):
        lines = [json.loads(line) for line in content["history.jsonl"].splitlines()]
        lines[0]["proof"] = lines[0]["proof"][::-1]
        content["history.jsonl"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    assert check(changed(target, edit), [], None) == CONTRADICTION


def test_an_other_log_under_its_own_keys_is_found_by_who_knows_the_right_ones(grown, tmp_path, made):
    (tmp_path / "forged").mkdir()
    from keystead.trail.signed_note import Signer

    forged = Scene(tmp_path / "forged")
    forged.signer = Signer("keystead.invalid/test", (b"1" * 32, b"2" * 32), clock=forged.clock)
    (forged.folder / "checkpoint.vkeys").write_text("".join(f"{key}\n" for key in forged.signer.verifiers))
    record(forged, 10)
    target, _ = made(forged, [3], with_policy=False)
    forged.log.close()

    assert check(target, [], None) == PROVEN  # it agrees with itself
    assert check(target, [str(key) for key in grown.signer.verifiers], None) == CONTRADICTION
    assert check(target, [], grown.folder.parent / POLICY) == UNCHECKED


def test_a_policy_of_another_log_is_not_met(grown, tmp_path, made):
    target, _ = made(grown, NUMBERS)
    other = tmp_path / "other"
    other.write_text((grown.folder.parent / POLICY).read_text().replace("log keystead.invalid/test", "#"))

    assert check(target, [], other) == CONTRADICTION


def test_too_few_witnesses_are_not_enough(grown, tmp_path, made):
    target, _ = made(grown, NUMBERS)
    lines = (grown.folder.parent / POLICY).read_text().splitlines()
    from keystead.trail.signed_note import Signer

    other = tmp_path / "stricter"
    stranger = Signer("stranger.example", (b"3" * 32, b"4" * 32)).cosigners[0]
    other.write_text("\n".join([*lines[:-2], f"witness d {stranger}", "group G all a b c d", "quorum G", ""]))

    assert check(target, [], other) == UNCHECKED


def test_junk_could_not_be_checked(tmp_path, capsys):
    (tmp_path / "junk").write_bytes(b"junk")

    assert check(tmp_path / "junk", [], None) == UNCHECKED
    assert check(tmp_path / "none", [], None) == UNCHECKED
    assert check(tmp_path / "junk", ["no key"], tmp_path / "none") == UNCHECKED
    assert "COULD NOT BE CHECKED" in capsys.readouterr().out


def test_no_changed_byte_of_a_bundle_is_proven_to_be_other_events(grown, made):
    """Whatever is changed, the events that are proven are the ones that were."""
    target, _ = made(grown, [7, 150])
    whole = target.read_bytes()
    with zipfile.ZipFile(target) as archive:
        events = archive.read("events.jsonl")
    chance = random.Random(1)  # noqa: S311  # which bytes, not a secret
    for _ in range(150):
        place = chance.randrange(len(whole))
        other = target.with_name("byte.zip")
        other.write_bytes(whole[:place] + bytes([whole[place] ^ chance.randrange(1, 256)]) + whole[place + 1 :])
        if check(other, [str(key) for key in grown.signer.verifiers], grown.folder.parent / POLICY) == PROVEN:
            with zipfile.ZipFile(other) as archive:
                assert archive.read("events.jsonl") == events


# --- the script -------------------------------------------------------------------------------------------------------


def test_the_checker_imports_nothing_but_the_standard_library_and_cryptography():
    tree = ast.parse(Path(check_evidence.__file__).read_text())
    names = {alias.name for found in ast.walk(tree) if isinstance(found, ast.Import) for alias in found.names}
    names |= {found.module for found in ast.walk(tree) if isinstance(found, ast.ImportFrom)}

    roots = {name.partition(".")[0] for name in names}
    assert roots - set(sys.stdlib_module_names) == {"cryptography"}


def test_the_checker_in_the_bundle_runs_alone(grown, tmp_path, made):
    target, _ = made(grown, NUMBERS)
    with zipfile.ZipFile(target) as archive:
        archive.extract("check.py", tmp_path / "auditor")
    keys = [f"--key={key}" for key in grown.signer.verifiers]
    command = [sys.executable, "-I", "check.py", str(target), *keys, "--policy", str(grown.folder.parent / POLICY)]

    good = subprocess.run(command, cwd=tmp_path / "auditor", capture_output=True, text=True, check=False)
    bad_bundle = changed(target, edit_event(wall=1))
    bad = subprocess.run(
        [*command[:3], str(bad_bundle), *command[4:]],
        cwd=tmp_path / "auditor",
        capture_output=True,
        text=True,
        check=False,
    )

    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "PROVEN: 6 events are in the log, unchanged")
    assert (bad.returncode, bad.stdout.splitlines()[-1]) == (1, "CONTRADICTION: event 149 is not in the log")


def test_cosigned_notes_are_kept_by_the_hour(grown):
    assert len(cosigned.hourly(grown.folder)) == 2
