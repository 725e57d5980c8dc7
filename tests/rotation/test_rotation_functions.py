"""Functions written for Lambda, in processes of their own: what they are given, and what they cannot do."""

import asyncio
import os
import textwrap
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from keystead.rotation.executors.directory import DirectoryFunction
from keystead.rotation.executors.work import Credentials, FunctionFailed, Work
from keystead.rotation.steps import CREATE, Event

ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-a1b2c3"
WORK = Work(
    Event(CREATE, ARN, "11111111-2222-4333-8444-555555555555", "a-rotation-token-of-thirty-six-characters"),
    Credentials("ASIAEXAMPLEEXAMPLE00", "the-secret-access-key", "the-session-token", time.time() + 900),
    arn="arn:aws:lambda:us-east-1:111122223333:function:rotate",
    region="us-east-1",
    endpoint="http://127.0.0.1:8333",
    request_id="99999999-2222-4333-8444-555555555555",
)


def function(folder: Path, source: str, **named: object) -> DirectoryFunction:
    code = folder / "code"
    code.mkdir(exist_ok=True)
    (code / "app.py").write_text(textwrap.dedent(source))
    return DirectoryFunction("rotate", str(code), "app.handler", **named)  # type: ignore[arg-type]


def perform(made: DirectoryFunction) -> list[str]:
    """What was logged of what it printed."""
    with capture_logs() as logged:
        asyncio.run(made.perform(WORK))
    return [entry["said"] for entry in logged if "said" in entry]


def failure(made: DirectoryFunction) -> str:
    with pytest.raises(FunctionFailed) as raised:
        perform(made)
    return raised.value.kind


def test_a_handler_gets_the_event_and_the_context_that_lambda_hands_over(tmp_path: Path) -> None:
    made = function(
        tmp_path,
        f"""
        def handler(event, context):
            assert event == {WORK.event.document()!r}
            assert context.aws_request_id == {WORK.request_id!r}
            assert context.function_name == "rotate"
            assert context.invoked_function_arn == {WORK.arn!r}
            assert 0 < context.get_remaining_time_in_millis() <= 30_000
        """,
    )

    perform(made)


def test_the_environment_is_made_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_NODE", "secret")
    made = function(
        tmp_path,
        """
        import os
        def handler(event, context):
            assert "OF_THE_NODE" not in os.environ
            assert os.environ["OWN"] == "variable"
            assert os.environ["AWS_SESSION_TOKEN"] == "the-session-token"
            assert os.environ["SECRETS_MANAGER_ENDPOINT"] == "http://127.0.0.1:8333"
            import boto3
            client = boto3.client("secretsmanager", endpoint_url=os.environ["SECRETS_MANAGER_ENDPOINT"])
            assert client.meta.region_name == "us-east-1"
        """,
        variables={"OWN": "variable"},
    )

    perform(made)


def test_an_exception_is_a_failure_by_the_name_of_its_type(tmp_path: Path) -> None:
    made = function(tmp_path, "def handler(event, context):\n    raise ValueError('swordfish')\n")

    assert failure(made) == "ValueError"


def test_a_function_that_cannot_be_loaded_is_a_failure(tmp_path: Path) -> None:
    made = function(tmp_path, "def handler(:")

    assert failure(made) == "SyntaxError"


def test_a_function_that_hangs_is_killed_with_everything_it_has_started(tmp_path: Path) -> None:
    made = function(
        tmp_path,
        """
        import os, subprocess, sys, time
        def handler(event, context):
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            print("pids", os.getpid(), child.pid, flush=True)


            time.sleep(600)
        """,
        seconds=4.0,
    )
    before = set(processes())

    assert failure(made) == "TimedOut"

    assert set(processes()) <= before


def processes() -> list[str]:
    """Those that sleep for ten minutes, and functions."""
    return [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"time.sleep(600)" in content(path) or b"executors.child" in content(path)
    ]


def content(path: Path) -> bytes:
    try:
        state = (path.parent / "stat").read_text().rpartition(")")[2].split()[0]
        return b"" if state == "Z" else path.read_bytes()
    except OSError:
        return b""


def test_a_function_that_dies_is_a_failure(tmp_path: Path) -> None:
    made = function(
        tmp_path, "import os, signal\ndef handler(event, context):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    assert failure(made) == "Signal9"


def test_a_function_that_takes_too_much_memory_fails(tmp_path: Path) -> None:
    made = function(tmp_path, "def handler(event, context):\n    bytearray(2 << 30)\n", memory=256)

    assert failure(made) == "MemoryError"


def test_what_a_function_prints_is_told_without_what_could_be_a_secret(tmp_path: Path) -> None:
    made = function(
        tmp_path,
        """
        import os
        def handler(event, context):
            password = os.environ["VALUE"]
            print("setSecret: the password is " + password)
            print(event, os.environ)
        """,
        variables={"VALUE": "correcthorse battery9"},
    )

    said = perform(made)

    assert said[0] == "setSecret: the password is … …"
    everything = "\n".join(said)
    for secret in ("correcthorse", "battery", "the-secret-access-key", "the-session-token", "thirty-six"):
        assert secret not in everything


def test_endless_output_is_cut_off(tmp_path: Path) -> None:
    made = function(tmp_path, "def handler(event, context):\n    for _ in range(300_000):\n        print('handler')\n")

    assert 0 < len(perform(made)) <= 100


@pytest.mark.parametrize(
    "attempt",
    [
        "open(os.environ['VICTIM']).read()",
        "open(os.environ['VICTIM'], 'w')",
        "os.listdir(os.path.dirname(os.environ['VICTIM']))",
        "open('/proc/%d/environ' % os.getppid()).read()",
        "open('/etc/shadow').read()",
        "open(__file__, 'a')",
    ],
)
def test_a_function_opens_no_file_that_is_not_its_own(tmp_path: Path, attempt: str) -> None:
    victim = tmp_path / "data" / "seal"
    victim.parent.mkdir()
    victim.write_text("of the node")
    made = function(
        tmp_path, f"import os\ndef handler(event, context):\n    {attempt}\n", variables={"VICTIM": str(victim)}
    )

    assert failure(made) == "PermissionError"

    assert victim.read_text() == "of the node"


def test_a_function_signals_nobody_outside(tmp_path: Path) -> None:
    made = function(tmp_path, f"import os\ndef handler(event, context):\n    os.kill({os.getpid()}, 0)\n")

    assert failure(made) == "PermissionError"


def test_a_function_may_write_in_its_temporary_folder(tmp_path: Path) -> None:
    source = "import tempfile\ndef handler(event, context):\n    with tempfile.NamedTemporaryFile() as f:\n        f.write(b'x')\n"

    perform(function(tmp_path, source))


def test_what_hides_from_its_function_s_group_ends_with_it_too(tmp_path: Path) -> None:
    source = """
        import os, time
        def handler(event, context):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.execv("/bin/sleep", ["sleep", "611"])
                os._exit(0)
            time.sleep(0.5)
    """

    perform(function(tmp_path, source))

    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"sleep\0" + b"611" in content(path)]
