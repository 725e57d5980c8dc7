"""Three nodes over one PostgreSQL, on ports of their own; each reaches it through a proxy that can fall silent."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from installation import Node, install, join

from ..database.proxy import Proxy  # noqa: TID252  # rings of tests are no packages

SOAK = bool(os.environ.get("KEYSTEAD_SOAK"))
NODES = 3


class Cable:
    """A proxy with an event loop of its own, so that a test may cut it while it waits for something else."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._proxy = Proxy(url)
        self._run(self._proxy.__aenter__())
        self.url = self._proxy.url

    def pull(self) -> None:
        """Connections stay, and nothing passes."""
        self._loop.call_soon_threadsafe(self._proxy.silence)

    def plug(self) -> None:
        self._loop.call_soon_threadsafe(self._proxy.restore)

    def close(self) -> None:
        self._run(self._proxy.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> None:
        running: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        running.result(30)


class Cluster(list[Node]):
    """The nodes, and the cable of each; none where a URL names several hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.cables: list[Cable] = []


@contextmanager
def cluster(folder: Path, url: str, *, cabled: bool = True) -> Iterator[Cluster]:
    with ExitStack() as stack:
        made = Cluster()
        facts: dict[str, str] = {}
        for number in range(NODES):
            data = folder / f"data{number}"
            if number:
                join(data, made[0].data, url)
            else:
                facts = install(data, database=url)
            log = os.open(folder / f"log{number}", os.O_WRONLY | os.O_CREAT, 0o600)
            stack.callback(os.close, log)
            reached = url
            if cabled:
                made.cables.append(Cable(url))
                stack.callback(made.cables[-1].close)
                reached = made.cables[-1].url
            made.append(Node(data, facts, settings={"KEYSTEAD_DATABASE": reached}, log=log))
        for node in made:
            node.launch()
            stack.callback(node.stop)
        for node in made:
            node.url = node.announced().split()[-1]
        yield made


@pytest.fixture
def much() -> Callable[[int, int], int]:
    """The first number in the short form, the second in the full one."""
    return lambda short, full: full if SOAK else short


@pytest.fixture(scope="module")
def nodes(postgresql: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """For a whole file of tests, which leave them as they found them."""
    url = postgresql.create()
    with cluster(tmp_path_factory.mktemp("cluster"), url) as made:
        yield made
    postgresql.drop(url)
