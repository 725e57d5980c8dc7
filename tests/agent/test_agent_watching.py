"""What has changed is given out within seconds, long before its time is over: against a real node, and call by call."""

import asyncio
import contextlib
import http.client
import json
import os
import subprocess
import sys
import time

import pytest

from installation import Node, install
from keystead.agent.asked import Asked, AskedParameter
from keystead.agent.cache import ENTRIES, Cache
from keystead.agent.upstream import PARAMETERS, SECRETS, Fetched, Refused, Unreachable
from keystead.agent.watching import LET_BE_SECONDS, REFUSED_SECONDS, SEVERAL, TOGETHER, Watching
from keystead.testing import running

TOKEN = "token-of-this-machine"
SOON = 45
"""Seconds: no more than a loaded machine takes, and far less than the five minutes that an answer is believed."""


@contextlib.contextmanager
def agent(environment, home, log):
    variables = {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_TOKEN": TOKEN, **environment}
    command = [sys.executable, "-m", "keystead", "agent", "--port", "0", "--ttl", "300"]
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
            assert process.wait(20) == 0


def ask(url, path):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request("GET", path, headers={"X-Aws-Parameters-Secrets-Token": TOKEN})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


def soon(what, expected):
    until = time.monotonic() + SOON
    while (found := what()) != expected and time.monotonic() < until:
        time.sleep(0.1)
    assert found == expected


@pytest.fixture(scope="module")
def house():
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def told(house, tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    with agent(house.environment, folder, folder / "log") as url:
        yield url


def secret_of(url, name):
    return lambda: ask(url, f"/secretsmanager/get?secretId={name}")[1].get("SecretString")


def test_a_new_version_is_given_out_before_its_time(house, told):
    manager = house.client("secretsmanager")
    manager.create_secret(Name="told/one", SecretString="one")
    assert secret_of(told, "told/one")() == "one"

    for value in ("two", "three"):
        manager.put_secret_value(SecretId="told/one", SecretString=value)
        soon(secret_of(told, "told/one"), value)


def test_a_new_version_of_a_parameter_too(house, told):
    ssm = house.client("ssm")
    ssm.put_parameter(Name="/told/one", Type="SecureString", Value="one")
    path = "/systemsmanager/parameters/get?name=/told/one&withDecryption=true"
    assert ask(told, path)[1]["Parameter"]["Value"] == "one"

    ssm.put_parameter(Name="/told/one", Value="two", Overwrite=True)

    soon(lambda: ask(told, path)[1]["Parameter"]["Value"], "two")


def test_a_deleted_secret_is_refused_before_its_time(house, told):
    manager = house.client("secretsmanager")
    manager.create_secret(Name="told/deleted", SecretString="one")
    ask(told, "/secretsmanager/get?secretId=told/deleted")

    manager.delete_secret(SecretId="told/deleted")

    soon(lambda: ask(told, "/secretsmanager/get?secretId=told/deleted")[0], 400)


def test_many_names_that_are_kept_one_after_another_are_all_told_of(house, told):
    manager = house.client("secretsmanager")
    names = [f"told/many-{number}" for number in range(SEVERAL + 2)]
    for name in names:
        manager.create_secret(Name=name, SecretString="one")
        ask(told, f"/secretsmanager/get?secretId={name}")
        time.sleep(0.6)

    for name in names:
        manager.put_secret_value(SecretId=name, SecretString="two")

    for name in names:
        soon(secret_of(told, name), "two")


@pytest.mark.whole
def test_a_rotation_on_a_real_node_is_given_out_before_its_time(tmp_path):
    node = Node(tmp_path / "data", install(tmp_path / "data")).start("--workers", "2")
    try:
        manager = node.client("secretsmanager")
        manager.create_secret(Name="told/rotated", SecretString="one")
        environment = {
            "AWS_ENDPOINT_URL": node.url,
            "AWS_DEFAULT_REGION": node.facts["region"],
            "AWS_ACCESS_KEY_ID": node.facts["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": node.facts["secret_access_key"],
        }
        with agent(environment, tmp_path, tmp_path / "log") as url:
            assert secret_of(url, "told/rotated")() == "one"
            manager.put_secret_value(SecretId="told/rotated", SecretString="pending", VersionStages=["AWSPENDING"])
            versions = manager.describe_secret(SecretId="told/rotated")["VersionIdsToStages"]
            pending, current = (
                next(version for version, labels in versions.items() if label in labels)
                for label in ("AWSPENDING", "AWSCURRENT")
            )
            manager.update_secret_version_stage(
                SecretId="told/rotated", VersionStage="AWSCURRENT", MoveToVersionId=pending, RemoveFromVersionId=current
            )

            soon(secret_of(url, "told/rotated"), "pending")
    finally:
        node.stop()


# Call by call


class Service:
    """The upstream's part, answered by the test. A call of a role is let go when the test says what came of it."""

    def __init__(self):
        self.calls = []

    async def fetch(self, asked):
        if isinstance(asked, AskedParameter):
            return Fetched("1", b"", PARAMETERS, {"Name": asked.name, "Version": 1})
        return Fetched("1", b"", SECRETS, {"SecretId": asked.secret, "VersionId": "1", "VersionStage": "AWSCURRENT"})

    async def is_current(self, asked, version):
        return True


@pytest.fixture
def cache():
    return Cache(Service(), ttl=300, stale=100)


@pytest.fixture
def watched(cache):
    return Watching(cache, cache._upstream)


NOTHING = {SECRETS: [], PARAMETERS: []}


def keep(cache, *asked):
    async def all_of():
        for one in asked:
            await cache.get(one)

    asyncio.run(all_of())


def names(call):
    lists = call.lists()
    return {one["SecretId"] for one in lists[SECRETS]} | {one["Name"] for one in lists[PARAMETERS]}


def test_what_is_kept_is_asked_about_once(cache, watched):
    keep(cache, Asked("a"), AskedParameter("b"))

    assert [names(call) for call in watched.due(0)] == [{"a", "b"}]
    assert watched.due(0) == []
    keep(cache, Asked("c"))
    assert [names(call) for call in watched.due(0)] == [{"c"}]


def test_roles_are_asked_through_apart(cache, watched):
    keep(cache, Asked("a"), Asked("b", role="r"), Asked("c", role="s"), Asked("d", role="r"))

    assert {call.role: names(call) for call in watched.due(0)} == {None: {"a"}, "r": {"b", "d"}, "s": {"c"}}


def test_a_call_is_about_no_more_than_it_may_be(cache, watched):
    keep(cache, *(Asked(f"{number}") for number in range(ENTRIES)))

    assert [len(names(call)) for call in watched.due(0)] == [TOGETHER] * (ENTRIES // TOGETHER)


def test_several_calls_become_one(cache, watched):
    for number in range(SEVERAL):
        keep(cache, Asked(f"{number}"))
        assert len(watched.due(0)) == 1
    keep(cache, Asked("last"))

    (last,) = watched.due(0)

    assert names(last) == {*map(str, range(SEVERAL)), "last"}


def test_what_a_call_named_is_doubted_and_the_rest_is_asked_about_again(cache, watched):
    keep(cache, Asked("a"), Asked("b"))
    (call,) = watched.due(0)
    told = {
        **NOTHING,
        SECRETS: [{"SecretId": "a", "VersionId": "1", "VersionStage": "AWSCURRENT", "Reason": "Changed"}],
    }

    watched.ended(call, told, 0)

    assert cache.kept(Asked("a")) is None
    assert [names(call) for call in watched.due(0)] == [{"b"}]


def test_a_call_that_was_overtaken_uncovers_nothing(cache, watched):
    first = None
    for number in range(SEVERAL + 1):
        keep(cache, Asked(f"{number}"))
        first = first or watched.due(0)[0]
        watched.due(0)

    watched.ended(first, NOTHING, 0)

    assert watched.due(0) == []


def test_what_may_not_be_described_is_let_be(cache, watched):
    keep(cache, Asked("a"))
    (call,) = watched.due(0)
    told = [{"SecretId": "a", "VersionId": "1", "VersionStage": "AWSCURRENT", "Reason": "AccessDenied"}]

    watched.ended(call, {**NOTHING, SECRETS: told}, 0)
    keep(cache, Asked("a"))

    assert watched.due(LET_BE_SECONDS - 1) == []
    assert len(watched.due(LET_BE_SECONDS + 1)) == 1


@pytest.mark.parametrize(
    ("error", "pause"),
    [(Unreachable(502, "ConnectionError", ""), 1.0), (Refused(404, "UnknownOperationException", ""), REFUSED_SECONDS)],
)
def test_after_a_failure_nothing_is_asked_for_a_while(cache, watched, error, pause):
    keep(cache, Asked("a"))
    (call,) = watched.due(0)

    watched.ended(call, error, 100.0)

    assert watched._not_before == 100.0 + pause
    assert len(watched.due(0)) == 1


def test_an_agent_that_ends_does_not_wait_for_its_calls(house, tmp_path):
    house.client("secretsmanager").create_secret(Name="told/ending", SecretString="one")
    with agent(house.environment, tmp_path, tmp_path / "log") as url:
        secret_of(url, "told/ending")()
        time.sleep(2)
        before = time.monotonic()
    assert time.monotonic() - before < SOON
