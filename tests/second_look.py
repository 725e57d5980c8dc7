"""What fails beside others is run once more by itself: a fault of the test's neighbours is told from one of its own.

Both outcomes stand in the output. More than a few failures have a common cause, and get no second look.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

MOST = 4
NOT_AGAIN = "KEYSTEAD_TEST_SECOND_LOOK"


def failed(session: pytest.Session) -> list[str]:
    """The names of tests that failed, or whose fixtures did."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    reports = [*reporter.stats.get("failed", []), *reporter.stats.get("error", [])] if reporter else []
    return sorted({report.nodeid for report in reports if isinstance(report, pytest.TestReport)})


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    yield
    if hasattr(session.config, "workerinput") or session.exitstatus != pytest.ExitCode.TESTS_FAILED:
        return
    names = failed(session)
    if "CI" not in os.environ or NOT_AGAIN in os.environ or not 0 < len(names) <= MOST:
        return
    print(f"\n{len(names)} failed beside others; once more, by themselves:", *names, sep="\n  ", flush=True)
    again = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *names],
        cwd=session.config.rootpath,
        env={**os.environ, NOT_AGAIN: "1"},
        check=False,
    )
    if again.returncode == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.OK
