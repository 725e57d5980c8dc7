"""The act about a password that changes twice under an application that reconnects without pause, and nobody notices."""

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from keystead.demo.application import Application
from keystead.demo.postgresql import SUPERUSER, PostgreSQL, postgresql, programs
from keystead.demo.stage import START_SECONDS, Credentials, DemoFailed
from keystead.demo.telling import Story

FUNCTION: Final = "KeysteadPostgreSQLAlternatingUsersRotation"
CACHE_SECONDS: Final = "10"
"""How long the application may use what it has read; it asks again every second or two."""


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str = field(repr=False)


def password(story: Story) -> None:
    story.act(6, "A PostgreSQL password rotates twice under an application that reconnects without pause")
    folder = programs()
    if folder is None:
        story.say("Left out: there is no PostgreSQL on this machine (Debian: apt-get install postgresql).")
        return
    with postgresql(folder) as server:
        story.say(f"A PostgreSQL of our own, from {folder}, listens at 127.0.0.1:{server.port}.")
        rotate_under(story, server)


def rotate_under(story: Story, server: PostgreSQL) -> None:
    arn, first = stored(story, server)
    with Application(server, story.stage.client("secretsmanager", reader(story, arn)), arn) as application:
        show(story, arn, "before", lambda found: any(version["Readers"] for version in found["Versions"]))
        with report(server, first):
            second = rotated(story, arn)
            show(story, arn, "during the first rotation's overlap", waits_for_the_report)
            story.check(server.lets_in(first.user, first.password), "the old password still works: somebody holds it")
        until_over(story, arn)
        third = rotated(story, arn)
        until_over(story, arn)
        before = application.logins.total()
        until(lambda: application.logins.total() > before, "another login")
        show(story, arn, "after the second", lambda _: True)
    logins, failures = application.logins, application.failures
    for user, count in sorted(logins.items()):
        story.say(f"{count:>6} logins as {user}")
    story.say(f"{failures.total():>6} failures")
    story.check(not failures and len(logins) == 2, f"of {logins.total()} logins none failed, as either user")
    refused = [not server.lets_in(old.user, old.password) for old in (first, second)]
    story.check(
        all(refused) and server.lets_in(third.user, third.password), "of the three passwords only the newest works"
    )


def stored(story: Story, server: PostgreSQL) -> tuple[str, Login]:
    """The ARN of the secret, and what it holds. Rotation works with an administrator's secret, who is no superuser."""
    admin, first = Login("steward", secrets.token_urlsafe(16)), Login("billing", secrets.token_urlsafe(16))
    server.run(
        SUPERUSER,
        server.password,
        f"CREATE ROLE {admin.user} LOGIN CREATEROLE PASSWORD '{admin.password}'",
        f"GRANT pg_read_all_stats, pg_signal_backend TO {admin.user}",
    )
    server.run(admin.user, admin.password, f"CREATE ROLE {first.user} LOGIN PASSWORD '{first.password}'")
    client = story.stage.client("secretsmanager")
    master = client.create_secret(Name="steward", SecretString=document(server, admin))["ARN"]
    tags = [{"Key": "keystead:cache-seconds", "Value": CACHE_SECONDS}]
    value = document(server, first, masterarn=master)
    arn = str(client.create_secret(Name="billing-db", SecretString=value, Tags=tags)["ARN"])
    story.say(arn)
    return arn, first


def document(server: PostgreSQL, login: Login, **more: str) -> str:
    place = {"engine": "postgres", "host": "127.0.0.1", "port": server.port, "dbname": "postgres", "ssl": False}
    return json.dumps({**place, "username": login.user, "password": login.password, **more})


def reader(story: Story, arn: str) -> Credentials:
    """A role that may read this one secret."""
    stage = story.stage
    trust = {"Effect": "Allow", "Principal": {"AWS": stage.root}, "Action": "sts:AssumeRole"}
    made = stage.aws("iam", "create-role", "--role-name", "billing", "--assume-role-policy-document", policy(trust))
    reading = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    leave = policy({"Effect": "Allow", "Action": reading, "Resource": arn})
    stage.aws("iam", "put-role-policy", "--role-name", "billing", "--policy-name", "read", "--policy-document", leave)
    return stage.assume(made["Role"]["Arn"])


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@contextmanager
def report(server: PostgreSQL, login: Login) -> Iterator[None]:
    """A connection that stays open on what it was opened with."""
    with asyncio.Runner() as runner:
        connection = runner.run(server.connect(login.user, login.password, "report"))
        try:
            yield
        finally:
            runner.run(connection.close())


def rotated(story: Story, arn: str) -> Login:
    """The AWS CLI asks for it; what is current afterwards."""
    stage = story.stage
    function = f"arn:aws:lambda:{stage.region}:{stage.account}:function:{FUNCTION}"
    asked = stage.aws("secretsmanager", "rotate-secret", "--secret-id", arn, "--rotation-lambda-arn", function)
    client = stage.client("secretsmanager")

    def current() -> Any:
        value = client.get_secret_value(SecretId=arn)
        return value if value["VersionId"] == asked["VersionId"] else None

    value = json.loads(until(current, "the rotation")["SecretString"])
    story.say(f"Rotated: version {asked['VersionId'][:8]} is current, and the user is {value['username']}.")
    return Login(value["username"], value["password"])


def waits_for_the_report(found: dict[str, Any]) -> bool:
    blocked: list[str] = found.get("Overlap", {}).get("BlockedBy", [])
    return blocked == ["1 open connection"]


def until_over(story: Story, arn: str) -> None:
    """Until nobody holds the old password, and the server refuses it."""
    ended = until(lambda: holders(story, arn)["Overlap"].get("Outcome"), "the end of the overlap")
    story.say(f"The old password is refused: {ended}.")


def holders(story: Story, arn: str) -> Any:
    return json.loads(story.stage.keystead("who-holds", arn, "--output", "json"))


def show(story: Story, arn: str, when: str, ready: Callable[[dict[str, Any]], bool]) -> None:
    """What `keystead who-holds` prints, once what it is about has come into its ledger."""
    until(lambda: ready(holders(story, arn)), "the ledger")
    story.say(f"$ keystead who-holds billing-db    ({when})")
    for line in story.stage.keystead("who-holds", arn).splitlines():
        story.say(f"  {line.rstrip()}")


def until(holds: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + START_SECONDS
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise DemoFailed(f"It has not come: {what}.")
        time.sleep(0.3)
    return found
