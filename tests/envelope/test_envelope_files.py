"""Files: whole or not there, kept as they were, and never half."""

import os
import signal
import subprocess
import sys
import time

import pytest

from keystead.envelope import COMMITTED_SIGNED, Envelope, MessageInvalid, NotAuthentic, RawAesKeyring, SourceChanged
from keystead.envelope import files as module


def names(folder):
    return [path.name for path in folder.iterdir()]


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"])
def envelope(request, keyring):
    return Envelope(keyring, threads=request.param)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 6 * 1024 * 1024, 6 * 1024 * 1024 + 1])
def test_any_size_goes_there_and_back(envelope, tmp_path, size):
    (tmp_path / "plain").write_bytes(os.urandom(size))

    envelope.encrypt_file(tmp_path / "plain", tmp_path / "sealed")
    envelope.decrypt_file(tmp_path / "sealed", tmp_path / "opened")

    assert (tmp_path / "opened").read_bytes() == (tmp_path / "plain").read_bytes()
    assert envelope.decrypt((tmp_path / "sealed").read_bytes()).plaintext == (tmp_path / "plain").read_bytes()


def test_vectors_are_opened_to_files(offline, tmp_path):
    for vector in offline:
        (tmp_path / "sealed").write_bytes(vector.message)

        vector.envelope().decrypt_file(tmp_path / "sealed", tmp_path / "opened", vector.context)

        assert (tmp_path / "opened").read_bytes() == vector.plaintext, vector.name


@pytest.mark.parametrize("at", [0, 100, 3_000_000, -1])
def test_a_changed_byte_leaves_nothing(envelope, tmp_path, at):
    (tmp_path / "plain").write_bytes(bytes(6 * 1024 * 1024))
    envelope.encrypt_file(tmp_path / "plain", tmp_path / "sealed")
    sealed = bytearray((tmp_path / "sealed").read_bytes())
    sealed[at] ^= 1
    (tmp_path / "sealed").write_bytes(sealed)

    with pytest.raises(Exception) as refused:
        envelope.decrypt_file(tmp_path / "sealed", tmp_path / "opened")

    assert refused.type.__module__ == "keystead.envelope.errors"
    assert sorted(names(tmp_path)) == ["plain", "sealed"]


def test_a_bad_signature_leaves_nothing(keyring, tmp_path):
    envelope = Envelope(keyring, suite=COMMITTED_SIGNED)
    (tmp_path / "plain").write_bytes(bytes(200_000))
    envelope.encrypt_file(tmp_path / "plain", tmp_path / "sealed")
    sealed = bytearray((tmp_path / "sealed").read_bytes())
    sealed[-1] ^= 1
    (tmp_path / "sealed").write_bytes(sealed)

    with pytest.raises(NotAuthentic):
        envelope.decrypt_file(tmp_path / "sealed", tmp_path / "opened")

    assert sorted(names(tmp_path)) == ["plain", "sealed"]


@pytest.mark.parametrize("cut", [1, 40, 65_568, 200_000])
def test_a_cut_file_leaves_nothing(envelope, tmp_path, cut):
    (tmp_path / "plain").write_bytes(bytes(300_000))
    envelope.encrypt_file(tmp_path / "plain", tmp_path / "sealed")
    (tmp_path / "sealed").write_bytes((tmp_path / "sealed").read_bytes()[:-cut])

    with pytest.raises(MessageInvalid):
        envelope.decrypt_file(tmp_path / "sealed", tmp_path / "opened")

    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("change", ["grows", "shrinks"])
def test_a_file_that_changes_meanwhile_is_refused(envelope, tmp_path, change):
    path = tmp_path / "plain"
    path.write_bytes(bytes(6 * 1024 * 1024))
    done = []

    def meddle(_):
        if not done:
            done.append(1)
            path.write_bytes(bytes(10 * 1024 * 1024 if change == "grows" else 10))

    with pytest.raises(SourceChanged):
        envelope.encrypt_file(path, tmp_path / "sealed", progress=meddle)

    assert sorted(names(tmp_path)) == ["plain"]


def test_progress_adds_up_to_the_size(envelope, tmp_path):
    (tmp_path / "plain").write_bytes(bytes(5_000_000))
    told = []

    envelope.encrypt_file(tmp_path / "plain", tmp_path / "sealed", progress=told.append)

    assert sum(told) == 5_000_000


def test_a_process_that_is_killed_leaves_nothing_under_the_final_name(tmp_path):
    """Killed at moments spread over its work; what it leaves bears the ending of unfinished files."""
    (tmp_path / "plain").write_bytes(bytes(128 * 1024 * 1024))
    code = (
        "from pathlib import Path; from keystead.envelope import *; print('ready', flush=True)\n"
        "Envelope(RawAesKeyring('n', 'k', bytes(32))).encrypt_file(Path('plain'), Path('sealed'))"
    )
    for number in range(4):
        process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(0.01 * number)  # spread; the outcome is the same whenever it hits
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

        left = {name for name in names(tmp_path) if name != "plain"}
        if "sealed" in left:  # it was faster
            assert (tmp_path / "sealed").stat().st_size > 128 * 1024 * 1024
            (tmp_path / "sealed").unlink()
            left.discard("sealed")
        assert all(name.endswith(module.PARTIAL) for name in left)


@pytest.mark.parametrize("kept", [700, 65_536, 3_000_000], ids=["header", "a frame", "half"])
@pytest.mark.parametrize("verb", ["encrypt", "decrypt"])
def test_a_full_disk_is_said_once_and_leaves_nothing(tmp_path, verb, kept):
    """A limit of this process on the size of a file stands for the disk: the system refuses in the same place."""
    (tmp_path / "plain").write_bytes(os.urandom(6 * 1024 * 1024))
    Envelope(RawAesKeyring("n", "k", bytes(32))).encrypt_file(tmp_path / "plain", tmp_path / "sealed")
    source = "plain" if verb == "encrypt" else "sealed"
    code = (
        "import resource, sys; from pathlib import Path; from keystead.envelope import *\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({kept}, {kept}))\n"
        f"work = Envelope(RawAesKeyring('n', 'k', bytes(32)), threads=3).{verb}_file\n"
        "try: work(Path(sys.argv[1]), Path('out'))\n"
        "except OSError as error: print(error.strerror)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, source], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("File too large\n", "")
    assert sorted(names(tmp_path)) == ["plain", "sealed"]
