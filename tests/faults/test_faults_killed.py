"""kill -9 of any process at random moments under load: nothing that was acknowledged is lost, and nobody is told of it."""

import os
import random
import signal
import time

import pytest
from botocore.config import Config

from installation import contradictions, health, recorded, until
from load import Load, lost
from postgresql import free_port

pytestmark = [pytest.mark.alone, pytest.mark.whole, pytest.mark.slow]

KINDS = ("keyholder", "recorder", "worker", "scheduler", "rotator", "supervisor")
BACK_WITHIN = 3.0
STARTS_WITHIN = 1.5
"""Seconds that a node has for its start (docs, budgets). A machine that others keep so busy that it takes n times as long is given
n times as long for coming back as well.
"""
CLIENTS = 4


class Killing:
    """One node that is killed piece by piece. Who restarts a supervisor is the machine's init; here it is the test."""

    def __init__(self, node, seed):
        self.node = node
        self.port = free_port()
        self.random = random.Random(seed)  # noqa: S311  # to be repeated
        self.took = []
        self.options = ("--port", str(self.port), "--workers", "1")

    def start(self):
        """How many times slower than it should be this machine is now; at least 1."""
        began = time.monotonic()
        self.node.start(*self.options)
        return max(1.0, (time.monotonic() - began) / STARTS_WITHIN)

    def once(self, kind):
        """Kill one process of that kind; until all is as before, and the node says that it is well."""
        began = time.monotonic()
        if kind == "supervisor":
            self.node.kill()
            self.restart()
        else:
            before = self.node.processes()
            os.kill(self.random.choice(before[kind]), signal.SIGKILL)
            until(lambda: self.restored(before, kind), 60)
        until(lambda: health(self.node.url)[0] == 200, 60)
        self.took.append((time.monotonic() - began, kind))

    def restored(self, before, kind):
        now = self.node.processes()
        return now.get(kind) != before[kind] and counts(now) == counts(before)

    def restart(self):
        """Until the port is free: the kernel takes a moment to end the workers."""
        while True:
            self.node.launch(*self.options)
            if self.node.announced():
                return
            self.node.process.wait()
            self.node.process.stdout.close()


def counts(processes):
    return {kind: len(numbers) for kind, numbers in processes.items()}


@pytest.mark.timeout(4000)
def test_killed_at_any_moment_a_node_loses_nothing_and_comes_back(new_node, database, much):
    node = new_node(database)
    killing = Killing(node, seed=20)
    busy = killing.start()
    connect = lambda config: node.client("kms", config=config)  # noqa: E731

    with Load(connect, CLIENTS) as load:
        until(lambda: load.answered > 20)
        for number in range(much(10, 500)):
            killing.once(KINDS[number % len(KINDS)])
            time.sleep(killing.random.random() * 0.5)
        answered = load.answered
        until(lambda: load.answered > answered + 20)

    print(summary(killing, load), f"(this machine is {busy:.1f} times slower than it should be)")
    assert load.failures == []
    assert slow(killing.took, busy) == []
    assert lost(connect(Config(retries={"mode": "standard"})), load) == []
    node.stop()
    assert load.answers - recorded(node.data) == set()
    assert contradictions(node.data, node.settings.get("KEYSTEAD_DATABASE", "")) == []


def slow(took, busy):
    """A whole node that starts again shares the machine with its clients, which do not wait: it may take twice as long."""
    within = dict.fromkeys(KINDS, BACK_WITHIN * busy) | {"supervisor": 2 * BACK_WITHIN * busy}
    return [(seconds, kind) for seconds, kind in took if seconds > within[kind]]


def summary(killing, load):
    took = sorted(seconds for seconds, _ in killing.took)
    slowest = {kind: max(s for s, k in killing.took if k == kind) for kind in KINDS}
    return (
        f"\n{len(took)} kills, {load.answered} answers, {load.retried} retries inside the SDK, "
        f"{len(load.failures)} failures seen; back after {took[len(took) // 2]:.2f} s (median), "
        + ", ".join(f"{kind} {seconds:.2f}" for kind, seconds in slowest.items())
        + " s at most"
    )
