"""The local agent, asked as AWS's documentation asks it, over a house of its own."""

import asyncio
import http.client
import json
import os
import subprocess
import sys
import time
from datetime import datetime

import pytest

from keystead.agent.asked import Asked
from keystead.agent.cache import ENTRIES, Cache
from keystead.agent.upstream import Fetched, Refused, Unreachable
from keystead.testing import running

TOKEN = "token-of-this-machine"


@pytest.fixture(scope="module")
def house():
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def manager(house):
    return house.client("secretsmanager")


def launched(house, tmp, *options, **more):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp), "AWS_TOKEN": TOKEN, **house.environment, **more}
    process = subprocess.Popen(
        [sys.executable, "-m", "keystead", "agent", "--port", "0", *options],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().split()[-1]


@pytest.fixture(scope="module")
def agent(house, tmp_path_factory):
    process, url = launched(house, tmp_path_factory.mktemp("home"), "--ttl", "1")
    yield url
    process.terminate()
    assert process.wait(20) == 0
    process.stdout.close()


def ask(url, path, method="GET", **headers):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    shown = {} if "X-Vault-Token" in headers else {"X-Aws-Parameters-Secrets-Token": TOKEN}
    connection.request(method, path, headers=shown | headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_a_secret_is_answered_with_the_members_of_get_secret_value(agent, manager):
    made = manager.create_secret(Name="agent/one", SecretString="value")

    status, body = ask(agent, "/secretsmanager/get?secretId=agent/one")

    answer = json.loads(body)
    assert status == 200
    assert answer.pop("CreatedDate").replace(".", "").isdigit()
    assert answer == {
        "ARN": made["ARN"], "Name": "agent/one", "VersionId": made["VersionId"], "SecretString": "value",
        "VersionStages": ["AWSCURRENT"],
    }  # fmt: skip  # a table


def test_the_id_may_stand_in_the_path_and_the_token_in_the_header_of_vault(agent, manager):
    manager.create_secret(Name="agent/path", SecretBinary=b"\0\1")

    status, body = ask(agent, "/v1/agent/path", **{"X-Vault-Token": TOKEN})

    assert (status, json.loads(body)["SecretBinary"]) == (200, "AAE=")


@pytest.mark.parametrize(
    ("path", "method", "headers", "answer"),
    [
        ("/secretsmanager/get?secretId=x", "GET", {"X-Forwarded-For": "10.0.0.1"}, (400, b"Forwarded")),
        ("/nowhere", "POST", {"X-Aws-Parameters-Secrets-Token": "wrong"}, (403, b"Bad Token")),
        ("/nowhere", "POST", {"X-Aws-Parameters-Secrets-Token": ""}, (403, b"Bad Token")),
        ("/nowhere", "POST", {}, (405, b"Not allowed")),
        ("/nowhere", "GET", {}, (404, b"Not found")),
        ("/secretsmanager/get", "GET", {}, (400, b"missing parameter secretId")),
        ("/v1/", "GET", {}, (400, b"missing secret ID")),
        ("/v1/x?secretId=y", "GET", {}, (400, b"unknown parameter: secretId")),
        ("/systemsmanager/parameters/get", "GET", {}, (400, b"missing parameter name")),
        ("/systemsmanager/parameters/get?name=x&secretId=x", "GET", {}, (400, b"unknown parameter: secretId")),
        ("/systemsmanager/parameters/get?name=x&version=1&label=y", "GET", {}, (400, b"either version or label")),
        ("/systemsmanager/parameters/get?name=x&withDecryption=si", "GET", {}, (400, b"invalid withDecryption value")),
        ("/systemsmanager/parameters/get?name=x", "GET", {"X-Forwarded-For": "10.0.0.1"}, (400, b"Forwarded")),
        ("/secretsmanager/get?secretId=x&x=1", "GET", {}, (400, b"unknown parameter: x")),
        ("/secretsmanager/get?secretId=x&refreshNow=maybe", "GET", {}, (400, b"invalid refreshNow value")),
        ("/ping", "GET", {"X-Aws-Parameters-Secrets-Token": "wrong"}, (200, b"healthy")),
        ("/ping", "GET", {"X-Forwarded-For": "10.0.0.1"}, (200, b"healthy")),
        ("/ping", "POST", {"X-Aws-Parameters-Secrets-Token": "wrong"}, (405, b"Not allowed")),
    ],
)
def test_who_is_turned_away_is_told_in_the_words_of_aws(agent, path, method, headers, answer):
    assert ask(agent, path, method, **headers) == answer


def test_either_header_may_hold_the_token(agent, manager):
    manager.create_secret(Name="agent/either", SecretString="value")
    headers = {"X-Aws-Parameters-Secrets-Token": "wrong", "X-Vault-Token": TOKEN}

    assert ask(agent, "/secretsmanager/get?secretId=agent/either", **headers)[0] == 200


def test_a_version_may_be_asked_for_by_id_or_label(agent, manager):
    first = manager.create_secret(Name="agent/versions", SecretString="one")["VersionId"]
    manager.put_secret_value(SecretId="agent/versions", SecretString="two")
    path = "/secretsmanager/get?secretId=agent/versions"

    found = [
        json.loads(ask(agent, f"{path}{more}")[1])["SecretString"]
        for more in ("", "&versionStage=AWSPREVIOUS", f"&versionId={first}")
    ]

    assert found == ["two", "one", "one"]


# Parameters, as the Parameters and Secrets Lambda extension serves them


def test_a_parameter_is_answered_with_every_member_of_get_parameter(agent, house):
    house.client("ssm").put_parameter(Name="/agent/plain", Type="String", Value="value")

    status, body = ask(agent, "/systemsmanager/parameters/get?name=%2Fagent%2Fplain")

    answer = json.loads(body)
    assert (status, answer["ResultMetadata"]) == (200, {})
    assert datetime.fromisoformat(answer["Parameter"].pop("LastModifiedDate")).tzinfo is not None
    assert answer["Parameter"] == {
        "ARN": f"arn:aws:ssm:{house.region}:{house.account}:parameter/agent/plain", "DataType": "text", "Name": "/agent/plain",
        "Selector": None, "SourceResult": None, "Type": "String", "Value": "value", "Version": 1,
    }  # fmt: skip  # a table


def test_a_sealed_parameter_is_opened_when_that_is_asked_for(agent, house):
    house.client("ssm").put_parameter(Name="/agent/sealed", Type="SecureString", Value="value")
    path = "/systemsmanager/parameters/get?name=/agent/sealed"

    closed, opened = (json.loads(ask(agent, f"{path}{more}")[1]) for more in ("", "&withDecryption=true"))

    assert opened["Parameter"]["Value"] == "value"
    assert "value" not in closed["Parameter"]["Value"]


def test_versions_and_labels_of_parameters(agent, house):
    ssm = house.client("ssm")
    for value in ("one", "two"):
        ssm.put_parameter(Name="/agent/many", Type="String", Value=value, Overwrite=True)
    ssm.label_parameter_version(Name="/agent/many", ParameterVersion=1, Labels=["live"])
    path = "/systemsmanager/parameters/get?name=/agent/many"

    found = [json.loads(ask(agent, f"{path}{more}")[1])["Parameter"] for more in ("", "&version=1", "&label=live")]

    assert [(one["Value"], one["Selector"]) for one in found] == [("two", None), ("one", ":1"), ("one", ":live")]


def test_a_parameter_may_refer_to_a_secret(agent, manager):
    manager.create_secret(Name="agent/referred", SecretString="value")

    path = "/systemsmanager/parameters/get?name=/aws/reference/secretsmanager/agent/referred&withDecryption=true"
    _, body = ask(agent, path)

    assert json.loads(body)["Parameter"]["Value"] == "value"


def test_a_parameter_that_is_not_there_is_refused_in_the_words_of_the_service(agent):
    status, body = ask(agent, "/systemsmanager/parameters/get?name=/agent/none")

    assert (status, json.loads(body)["__type"]) == (400, "ParameterNotFound")


def test_what_the_service_refuses_is_passed_on(agent):
    status, body = ask(agent, "/secretsmanager/get?secretId=agent/nothing")

    assert (status, json.loads(body)["__type"]) == (400, "ResourceNotFoundException")


def test_a_new_version_is_seen_when_the_time_is_over_and_at_once_when_asked_for(agent, manager):
    manager.create_secret(Name="agent/moving", SecretString="old")
    path = "/secretsmanager/get?secretId=agent/moving"
    assert json.loads(ask(agent, path)[1])["SecretString"] == "old"
    manager.put_secret_value(SecretId="agent/moving", SecretString="new")

    now = json.loads(ask(agent, f"{path}&refreshNow=TRUE")[1])["SecretString"]
    manager.put_secret_value(SecretId="agent/moving", SecretString="newer")
    time.sleep(1.1)
    later = json.loads(ask(agent, path)[1])["SecretString"]

    assert (now, later) == ("new", "newer")


def test_through_a_role_what_the_role_may(house, agent, manager):
    iam, account = house.client("iam"), house.client("sts").get_caller_identity()["Account"]
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="reader", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
    )
    manager.create_secret(Name="agent/role", SecretString="value")
    path = f"/secretsmanager/get?secretId=agent/role&roleArn={role['Role']['Arn']}"

    before = ask(agent, path)
    allow = {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}
    iam.put_role_policy(
        RoleName="reader", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow})
    )
    after = ask(agent, path)
    nobody = ask(agent, path.replace("role/reader", "role/nobody"))

    assert (before[0], json.loads(before[1])["__type"]) == (400, "AccessDeniedException")
    assert json.loads(after[1])["SecretString"] == "value"
    assert nobody[0] == 403


def test_a_role_s_session_will_do_and_its_token_is_then_what_clients_show(house, manager, tmp_path):
    """As in a container or a function: AWS's agent takes the session's token where there is no other."""
    manager.create_secret(Name="agent/session", SecretString="value")
    session = house.client("sts").get_session_token()["Credentials"]
    credentials = {
        "AWS_TOKEN": "", "AWS_ACCESS_KEY_ID": session["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }  # fmt: skip  # a table
    process, url = launched(house, tmp_path, **credentials)
    path = "/secretsmanager/get?secretId=agent/session"

    shown = {"X-Aws-Parameters-Secrets-Token": session["SessionToken"]}
    answers = ask(url, path, **shown), ask(url, path)
    process.terminate()

    assert process.wait(20) == 0
    process.stdout.close()
    assert json.loads(answers[0][1])["SecretString"] == "value"
    assert answers[1] == (403, b"Bad Token")


def test_the_record_names_the_agent(house, agent, manager):
    made = manager.create_secret(Name="agent/named", SecretString="value")
    ask(agent, "/secretsmanager/get?secretId=agent/named")
    trail = house.client("cloudtrail")
    until, found = time.monotonic() + 45, []

    while not found and time.monotonic() < until:
        asked = [{"AttributeKey": "ResourceName", "AttributeValue": made["ARN"]}]
        events = trail.lookup_events(LookupAttributes=asked)["Events"]
        found = [json.loads(one["CloudTrailEvent"]) for one in events if one["EventName"] == "GetSecretValue"]
        time.sleep(0.2)

    assert ["keystead-agent" in one["userAgent"] for one in found] == [True]


def test_without_a_token_there_is_no_agent(house, tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_TOKEN": f"file://{tmp_path}/none"}

    command = [sys.executable, "-m", "keystead", "agent", "--port", "0"]
    process = subprocess.run(command, env=environment | house.environment, capture_output=True, text=True, check=False)

    assert process.returncode == 1
    assert "AWS_TOKEN" in process.stderr


# The cache


class Service:
    """What the cache asks, with a switch for each way to fail."""

    def __init__(self):
        self.version, self.failing, self.fetched, self.described = "1", None, 0, 0
        self.unconfirmed = None

    async def fetch(self, asked):
        self.fetched += 1
        await asyncio.sleep(0)
        if self.failing:
            raise self.failing
        return Fetched(self.version, f"{asked.secret} {self.version}".encode())

    async def is_current(self, asked, version):
        self.described += 1
        if self.failing or self.unconfirmed:
            raise self.failing or self.unconfirmed
        return version == self.version


@pytest.fixture
def times():
    return [0.0]


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def cache(service, times):
    return Cache(service, ttl=10, stale=100, clock=lambda: times[0])


def get(cache, name="s", **more):
    return asyncio.run(cache.get(Asked(name, **more))).decode()


def test_nothing_is_asked_while_an_answer_is_young(cache, service, times):
    for times[0] in (0.0, 5.0, 9.9):
        assert get(cache) == "s 1"

    assert (service.fetched, service.described) == (1, 0)


def test_an_old_answer_is_confirmed_and_fetched_only_if_it_moved(cache, service, times):
    get(cache)
    times[0] = 11.0
    assert get(cache) == "s 1"
    assert (service.fetched, service.described) == (1, 1)
    service.version, times[0] = "2", 22.0

    assert get(cache) == "s 2"


def test_while_nobody_answers_the_last_answer_is_given_for_a_bounded_time(cache, service, times):
    get(cache)
    service.failing = Unreachable(502, "ConnectionError", "")
    times[0] = 109.0
    assert get(cache) == "s 1"
    times[0] = 111.0

    with pytest.raises(Unreachable):
        get(cache)


def test_what_is_refused_is_forgotten(cache, service, times):
    get(cache)
    service.failing, times[0] = Refused(400, "AccessDeniedException", ""), 11.0
    with pytest.raises(Refused):
        get(cache)
    service.failing = Unreachable(502, "ConnectionError", "")

    with pytest.raises(Unreachable):
        get(cache)


def test_who_may_read_and_not_describe_has_it_fetched_anew(cache, service, times):
    get(cache)
    service.unconfirmed, times[0] = Refused(400, "AccessDeniedException", ""), 11.0

    assert get(cache) == "s 1"
    assert service.fetched == 2


def test_what_is_doubted_is_confirmed_before_its_time(cache, service):
    get(cache)
    service.version = "2"
    cache.doubt(Asked("s").key, "1")

    assert (get(cache), get(cache)) == ("s 2", "s 2")
    assert (service.fetched, service.described) == (2, 1)


def test_a_doubt_about_an_earlier_version_is_none(cache, service):
    get(cache)

    cache.doubt(Asked("s").key, "0")

    assert [key for key, _ in cache.believed()] == [Asked("s").key]


def test_what_is_doubted_is_still_given_while_nobody_answers(cache, service, times):
    get(cache)
    cache.doubt(Asked("s").key, "1")
    service.failing = Unreachable(502, "ConnectionError", "")
    assert get(cache) == "s 1"
    times[0] = 111.0

    with pytest.raises(Unreachable):
        get(cache)


def test_those_who_ask_together_cost_one_question(cache, service):
    async def together():
        return await asyncio.gather(*(cache.get(Asked("s")) for _ in range(20)))

    assert set(asyncio.run(together())) == {b"s 1"}
    assert service.fetched == 1


def test_memory_is_bounded(cache, service):
    async def many():
        for number in range(ENTRIES + 5):
            await cache.get(Asked(f"s{number}"))

    asyncio.run(many())

    assert len(cache._entries) == ENTRIES


def test_roles_and_labels_are_told_apart(cache, service):
    get(cache)
    get(cache, stage="AWSPREVIOUS")
    get(cache, role="arn:aws:iam::111122223333:role/r")

    assert service.fetched == 3
