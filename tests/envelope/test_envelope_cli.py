"""The verbs of the command line, run as a user runs them, against a running Keystead."""

import json
import os
import resource
import subprocess
import sys
import time

import pytest

COMMAND = [sys.executable, "-m", "keystead"]


@pytest.fixture(scope="module")
def key(house):
    return house.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def keystead(house, tmp_path):
    """Runs a verb; the result of the process."""

    def run(*arguments, data=None, env=None, where=tmp_path):
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            input=data,
            capture_output=True,
            cwd=where,
            env={**os.environ, **house.environment, "HOME": str(tmp_path), **(env or {})},
            check=False,
        )

    return run


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "plain"
    path.write_bytes(bytes(range(256)) * 1000)
    path.chmod(0o640)
    os.utime(path, ns=(1_700_000_000_123_456_789, 1_700_000_001_987_654_321))
    return path


def test_a_file_goes_there_and_back_with_its_metadata(keystead, plain, key, tmp_path):
    sealed = keystead("encrypt", "plain", "-o", "sealed", "--key-id", key, "--context", "tenant=a", "--context", "n=1")
    opened = keystead("decrypt", "sealed", "-o", "opened", "--key-id", key, "--context", "tenant=a")

    assert (sealed.returncode, opened.returncode, sealed.stderr, opened.stderr) == (0, 0, b"", b"")
    assert (tmp_path / "opened").read_bytes() == plain.read_bytes()
    for path in ("sealed", "opened"):
        stat = (tmp_path / path).stat()
        assert (stat.st_mode & 0o777, stat.st_mtime_ns) == (0o640, 1_700_000_001_987_654_321)


def test_pipes_are_sealed_and_opened(keystead, key):
    sealed = keystead("encrypt", "-", "-o", "-", "--key-id", key, data=b"x" * 200_000)
    opened = keystead("decrypt", "-", "-o", "-", data=sealed.stdout)

    assert opened.stdout == b"x" * 200_000


def test_a_signed_message_is_opened_to_a_file_but_not_to_a_pipe(keystead, key, tmp_path):
    sealed = keystead("encrypt", "-", "-o", "-", "--key-id", key, "--signed", data=b"x").stdout

    to_file = keystead("decrypt", "-", "-o", "opened", data=sealed)
    to_pipe = keystead("decrypt", "-", "-o", "-", data=sealed)

    assert (to_file.returncode, (tmp_path / "opened").read_bytes()) == (0, b"x")
    assert (to_pipe.returncode, to_pipe.stdout) == (1, b"")


def test_an_alias_is_enough(house, keystead, plain, key, tmp_path):
    house.client("kms").create_alias(AliasName="alias/files", TargetKeyId=key)

    keystead("encrypt", "plain", "-o", "sealed", "--key-id", "alias/files")
    opened = keystead("decrypt", "sealed", "-o", "opened", "--key-id", "alias/files")

    assert opened.returncode == 0


@pytest.mark.parametrize("change", ["cut", "flip", "append"])
def test_nothing_is_left_of_what_does_not_verify(keystead, plain, key, tmp_path, change):
    keystead("encrypt", "plain", "-o", "sealed", "--key-id", key)
    sealed = (tmp_path / "sealed").read_bytes()
    changed = {
        "cut": sealed[:-1],
        "append": sealed + b"!",
        "flip": sealed[:-20] + bytes([sealed[-20] ^ 1]) + sealed[-19:],
    }
    (tmp_path / "sealed").write_bytes(changed[change])

    opened = keystead("decrypt", "sealed", "-o", "opened")

    assert (opened.returncode, len(opened.stderr.splitlines())) == (1, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain", "sealed"]


def test_what_is_there_is_kept_unless_told(keystead, plain, key, tmp_path):
    (tmp_path / "sealed").write_text("precious")

    refused = keystead("encrypt", "plain", "-o", "sealed", "--key-id", key)
    kept = (tmp_path / "sealed").read_text()
    allowed = keystead("encrypt", "plain", "-o", "sealed", "--key-id", key, "--overwrite")

    assert (refused.returncode, kept, allowed.returncode) == (1, "precious", 0)


def test_a_failure_does_not_touch_what_is_there(keystead, key, tmp_path):
    (tmp_path / "sealed").write_bytes(b"no message")
    (tmp_path / "opened").write_text("precious")

    failed = keystead("decrypt", "sealed", "-o", "opened", "--overwrite")

    assert (failed.returncode, (tmp_path / "opened").read_text()) == (1, "precious")


@pytest.fixture
def tree(tmp_path):
    for name in ("a", "sub/b", "sub/deep/c", "empty"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * (0 if name == "empty" else 50_000))
    return tmp_path / "in"


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_folder_goes_there_and_back(keystead, tree, key, tmp_path):
    sealed = keystead("encrypt", "in", "-o", "sealed", "--key-id", key, "--recursive", "--jobs", 3)
    opened = keystead("decrypt", "sealed", "-o", "opened", "--recursive")

    assert (sealed.returncode, opened.returncode) == (0, 0)
    assert set(contents(tmp_path / "sealed")) == {
        "a.encrypted",
        "sub/b.encrypted",
        "sub/deep/c.encrypted",
        "empty.encrypted",
    }
    assert contents(tmp_path / "opened") == contents(tree)


def test_a_run_is_taken_up_where_it_ended(keystead, tree, key, tmp_path):
    keystead("encrypt", "in", "-o", "sealed", "--key-id", key, "--recursive")
    before = {path: path.stat().st_ino for path in (tmp_path / "sealed").rglob("*.encrypted")}
    (tmp_path / "sealed" / "a.encrypted").unlink()
    (tmp_path / "sealed" / ".a.encrypted.0123.keystead-partial").write_text("half")
    (tree / "sub" / "b").write_text("changed")

    refused = keystead("encrypt", "in", "-o", "sealed", "--key-id", key, "--recursive")
    resumed = keystead("encrypt", "in", "-o", "sealed", "--key-id", key, "--recursive", "--resume")
    opened = keystead("decrypt", "sealed", "-o", "opened", "--recursive")

    after = {path: path.stat().st_ino for path in (tmp_path / "sealed").rglob("*.encrypted")}
    redone = {path.name for path in after if after[path] != before.get(path)}
    assert (refused.returncode, resumed.returncode, opened.returncode) == (1, 0, 0)
    assert "b.encrypted" in redone
    assert "c.encrypted" not in redone
    assert contents(tmp_path / "opened") == contents(tree)
    assert not list((tmp_path / "sealed").rglob("*.keystead-partial"))


def test_one_bad_file_does_not_stop_the_others_and_is_named(keystead, tree, key, tmp_path):
    keystead("encrypt", "in", "-o", "sealed", "--key-id", key, "--recursive")
    (tmp_path / "sealed" / "sub" / "b.encrypted").write_bytes(b"no message")

    opened = keystead("decrypt", "sealed", "-o", "opened", "--recursive")

    assert opened.returncode == 1
    assert b"b.encrypted" in opened.stderr
    assert set(contents(tmp_path / "opened")) == {"a", "sub/deep/c", "empty"}


def test_links_are_left_out_and_said(keystead, tree, key, tmp_path):
    (tree / "link").symlink_to("/etc/passwd")

    sealed = keystead("encrypt", "in", "-o", "sealed", "--key-id", key, "--recursive")

    assert sealed.returncode == 1
    assert b"link or a special file" in sealed.stderr
    assert "link.encrypted" not in contents(tmp_path / "sealed")


def test_an_output_within_the_input_is_refused(keystead, tree, key):
    assert keystead("encrypt", "in", "-o", "in/out", "--key-id", key, "--recursive").returncode == 1


def test_a_header_is_shown_without_any_key(keystead, plain, key):
    keystead("encrypt", "plain", "-o", "sealed", "--key-id", key, "--context", "tenant=a")

    shown = keystead("inspect", "sealed", "--output", "json", env={"AWS_ACCESS_KEY_ID": "", "AWS_ENDPOINT_URL": ""})
    document = json.loads(shown.stdout)

    assert document["context"] == {"tenant": "a"}
    assert document["wrapped keys"] == [f"aws-kms  {key}"]
    assert document["plaintext bytes"] == 256_000
    assert key.encode() in keystead("inspect", "sealed").stdout


def test_vectors_are_inspected(keystead, messages, tmp_path):
    for vector in messages[::12]:
        (tmp_path / "vector").write_bytes(vector.message)

        assert json.loads(keystead("inspect", "vector", "--output", "json").stdout)["plaintext bytes"] == 10_240


def test_custodians_of_two_profiles_open_it_together_only(house, keystead, plain, key, tmp_path):
    other = house.client("kms").create_key()["KeyMetadata"]["Arn"]
    config = tmp_path / "credentials"
    config.write_text("".join(
        f"[{name}]\naws_access_key_id = {house.access_key_id}\naws_secret_access_key = {house.secret_access_key}\n" for name in "ab"
    ))  # fmt: skip
    env = {"AWS_SHARED_CREDENTIALS_FILE": str(config)}
    both = ["--custodian", f"a={key}", "--custodian", f"b={other}"]

    sealed = keystead("encrypt", "plain", "-o", "sealed", *both, env=env)
    opened = keystead("decrypt", "sealed", "-o", "opened", *both, env=env)
    alone = keystead("decrypt", "sealed", "-o", "alone", "--key-id", key)
    shown = keystead("inspect", "sealed")

    assert (sealed.returncode, opened.returncode, alone.returncode) == (0, 0, 1)
    assert (tmp_path / "opened").read_bytes() == plain.read_bytes()
    assert b"share 2, 2 of 2 needed" in shown.stdout


def test_a_message_is_not_rewrapped_in_place_and_it_is_said_why(keystead, plain, key):
    keystead("encrypt", "plain", "-o", "sealed", "--key-id", key)

    refused = keystead("rewrap", "sealed", "--key-id", key)

    assert refused.returncode == 2
    assert b"forge" in refused.stderr


def test_a_message_is_sealed_anew_under_another_key(house, keystead, plain, key, tmp_path):
    other = house.client("kms").create_key()["KeyMetadata"]["Arn"]
    keystead("encrypt", "plain", "-o", "sealed", "--key-id", key, "--signed")

    moved = keystead("rewrap", "sealed", "-o", "moved", "--key-id", other, "--anew")
    opened = keystead("decrypt", "moved", "-o", "opened", "--key-id", other)

    assert (moved.returncode, opened.returncode) == (0, 0)
    assert (tmp_path / "opened").read_bytes() == plain.read_bytes()


def test_a_bad_message_is_not_sealed_anew(keystead, plain, key, tmp_path):
    keystead("encrypt", "plain", "-o", "sealed", "--key-id", key)
    sealed = bytearray((tmp_path / "sealed").read_bytes())
    sealed[-1] ^= 1
    (tmp_path / "sealed").write_bytes(sealed)

    moved = keystead("rewrap", "sealed", "-o", "moved", "--key-id", key, "--anew")

    assert moved.returncode == 1
    assert not (tmp_path / "moved").exists()


def test_data_keys_of_records_are_moved_in_place(house, keystead, key, tmp_path):
    from sqlalchemy import create_engine

    from keystead.envelope import KmsKeyring
    from keystead.envelope.databases import SqlRecordRows, metadata
    from keystead.envelope.records import RecordKeys, Records

    other = house.client("kms").create_key()["KeyMetadata"]["Arn"]
    engine = create_engine(f"sqlite:///{tmp_path}/keys.db")
    metadata.create_all(engine)
    rows = SqlRecordRows(engine)
    records = [Records(RecordKeys(rows, KmsKeyring(house.client("kms"), key), ttl=60), f"n{n}") for n in range(5)]
    sealed = [one.seal(b"x") for one in records]

    moved = keystead("rewrap", "--database", f"sqlite:///{tmp_path}/keys.db", "--key-id", other)
    opened = [
        Records(RecordKeys(rows, KmsKeyring(house.client("kms"), other), ttl=60), "n").open(one) for one in sealed
    ]
    engine.dispose()

    assert moved.stderr.startswith(b"5 data keys moved")
    assert opened == [b"x"] * 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["encrypt", "plain", "-o", "x"],
        ["encrypt", "plain", "-o", "x", "--key-id", "k", "--context", "novalue"],
        ["encrypt", "plain", "-o", "x", "--key-id", "k", "--custodian", "a=b"],
        ["encrypt", "plain", "-o", "x", "--key-id", "k", "--needed", "2"],
        ["encrypt", "plain", "-o", "x", "--key-id", "k", "--frame-length", "0"],
        ["encrypt", "plain"],
        ["plan", "--bytes", "many"],
    ],
)
def test_arguments_that_mean_nothing_end_with_status_2(keystead, plain, arguments):
    ended = keystead(*arguments)

    assert ended.returncode == 2
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["decrypt", "nothing", "-o", "x"],
        ["inspect", "nothing"],
        ["encrypt", "plain", "-o", "no/where", "--key-id", "alias/none"],
    ],
)
def test_what_is_not_there_is_said_in_one_line(keystead, plain, arguments):
    ended = keystead(*arguments)

    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)


def test_the_plan_is_arithmetic(keystead):
    document = json.loads(keystead("plan", "--bytes", "1TB", "--object-bytes", "1MB", "--output", "json").stdout)

    assert document["data"]["objects"] == 1_000_000


def test_a_verb_starts_in_a_fifth_of_a_second(house, key, tmp_path):
    """Of processor time, since others use this machine too; what is compiled is kept, as in an installation."""
    (tmp_path / "plain").write_bytes(b"x")
    env = {
        **os.environ,
        **house.environment,
        "PYTHONPYCACHEPREFIX": str(tmp_path / "compiled"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    spent = []
    for _ in range(8):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        arguments = ["encrypt", "plain", "-o", "sealed", "--overwrite", "--key-id", key]
        subprocess.run([*COMMAND, *arguments], cwd=tmp_path, env=env, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        time.sleep(0)

    assert min(spent) < 0.2


def test_the_documented_plan_is_what_the_command_prints(keystead):
    from pathlib import Path

    document = (Path(__file__).parents[2] / "docs" / "envelope.md").read_text()
    shown = document.partition("<!-- keystead plan -->\n```\n")[2].partition("```")[0]

    assert keystead("plan").stdout.decode() == shown
