"""Runs a program with an environment of secrets: as this process itself, or as a child that hears of what has changed.

Nothing lies on disk and nothing stands on a command line; the environment of a process can be read by its own user and by root.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Final

FORWARDED: Final = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCONT
)  # fmt: skip  # a list
NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
"""Exit statuses as shells have them (POSIX, Shell Command Language, Exit Status for Commands)."""
GRACE_SECONDS: Final = 10.0
RESTART: Final = "restart"


def become(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Turn into the program: signals and exit status are its own. Returns a status only when it cannot be started."""
    try:
        os.execvpe(command[0], list(command), dict(environment))  # noqa: S606  # the caller's own command; no shell
    except FileNotFoundError:
        return NOT_FOUND
    except OSError:
        return NOT_EXECUTABLE


class Watched:
    """A child that is restarted, or told by a signal, when what it was given has changed.

    environment  what it is started with, read anew each time
    changed      asked every so often; what it raises is told to `complain`, and the child runs on
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Callable[[], Mapping[str, str]],
        changed: Callable[[], bool],
        *,
        on_change: str,
        every: float,
        complain: Callable[[Exception], None],
    ) -> None:
        self._command = list(command)
        self._environment = environment
        self._changed = changed
        self._on_change = on_change
        self._every = every
        self._complain = complain
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """The exit status of the last child, as a shell tells it."""
        before = {number: signal.signal(number, self._forward) for number in FORWARDED}
        try:
            return self._run(self._environment())
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _run(self, environment: Mapping[str, str] | None) -> int:
        while environment is not None:
            try:
                child = self._child = subprocess.Popen(self._command, env=dict(environment))
            except FileNotFoundError:
                return NOT_FOUND
            except OSError:
                return NOT_EXECUTABLE
            environment = self._watch(child)
        return shell_status(child.returncode)

    def _watch(self, child: "subprocess.Popen[bytes]") -> Mapping[str, str] | None:
        """Until the child has ended by itself; or with what it is to be started with anew, when it has been ended for that."""
        while True:
            with suppress(subprocess.TimeoutExpired):
                child.wait(self._every)
                return None
            if (environment := self._news()) is None:
                continue
            if self._on_change == RESTART:
                end(child)
                return environment
            child.send_signal(signal.Signals[self._on_change])

    def _news(self) -> Mapping[str, str] | None:
        """The environment, if it has changed. The service may be away: then the child goes on with what it has."""
        try:
            return self._environment() if self._changed() else None
        except Exception as error:  # noqa: BLE001  # as above, whatever it is
            self._complain(error)
            return None

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        if self._child is not None:
            self._child.send_signal(number)  # does nothing to one that has ended and been waited for


def end(child: "subprocess.Popen[bytes]") -> None:
    child.terminate()
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def shell_status(status: int) -> int:
    return status if status >= 0 else 128 - status
