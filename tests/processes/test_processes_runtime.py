"""The folder of a run's sockets."""

import os
import socket
import stat

import pytest

from keystead.processes import Child, Runtime


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    made = Runtime()
    yield made
    made.close()


def test_the_folder_is_for_its_owner_alone_and_lies_where_the_system_wants_it(runtime, tmp_path):
    assert stat.S_IMODE(runtime.path.stat().st_mode) == 0o700
    assert runtime.path.parent == tmp_path


def test_a_listening_socket_is_there_before_any_process_answers(runtime):
    descriptor = runtime.listen("worker.sock")

    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(runtime.path / "worker.sock"))

    assert not os.get_inheritable(descriptor)  # only the child that it is handed to gets it


def test_nothing_is_left_behind(runtime):
    runtime.listen("worker.sock")

    runtime.close()

    assert not runtime.path.exists()


def test_what_a_child_is_told_shows_in_no_repr():
    assert "secret" not in repr(Child("worker", ("-m", "x"), stdin=b"secret"))


@pytest.mark.parametrize(("name", "kind"), [("worker 12", "worker"), ("keyholder", "keyholder")])
def test_children_of_a_kind_differ_by_a_number(name, kind):
    assert Child(name, ()).kind == kind
