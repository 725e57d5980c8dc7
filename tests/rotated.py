"""A secret about a user of a real database, as rotation's tests ask for its rotation."""

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

from botocore.config import Config

from keystead.rotation.credential import Credential
from keystead.testing import Keystead

SECONDS = 30
NUMBERS = itertools.count()


def until(holds: Callable[[], Any], seconds: float = SECONDS) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.1)  # another thread does it, at its own pace
    return found


class Rotated:
    """A secret about a user of a target, and its administrator's."""

    def __init__(self, keystead: Keystead, target: Any, function: str, **tags: str) -> None:
        self.keystead = keystead
        self.target = target
        self.client = keystead.client("secretsmanager")
        self.function = f"arn:aws:lambda:{keystead.region}:{keystead.account}:function:{function}"
        number = next(NUMBERS)
        master = self.client.create_secret(Name=f"admin-{number}", SecretString=target.admin().text())
        self.first = target.user()
        document = {**self.first.document, "masterarn": master["ARN"]}
        listed = [{"Key": f"keystead:{name.replace('_', '-')}", "Value": value} for name, value in tags.items()]
        made = self.client.create_secret(Name=f"db-{number}", SecretString=json.dumps(document), Tags=listed)
        self.arn = made["ARN"]

    def rotate(self, **asked: Any) -> str:
        answer = self.client.rotate_secret(SecretId=self.arn, RotationLambdaARN=self.function, **asked)
        return str(answer["VersionId"])

    def labels(self) -> dict[str, str]:
        stages = self.client.describe_secret(SecretId=self.arn)["VersionIdsToStages"]
        return {label: version for version, labels in stages.items() for label in labels}

    def rotated(self, version: str) -> Credential:
        until(lambda: self.labels().get("AWSCURRENT") == version)
        return self.current()

    def current(self) -> Credential:
        return Credential.read(self.client.get_secret_value(SecretId=self.arn)["SecretString"])


def other_reader(keystead: Keystead, **named: Any) -> Any:
    return keystead.client("secretsmanager", config=Config(user_agent_extra=f"reader/{next(NUMBERS)}"), **named)


def events(secret: Rotated, name: str) -> list[Any]:
    trail = secret.keystead.client("cloudtrail")
    found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
    records = [json.loads(event["CloudTrailEvent"]) for event in found]
    return [record for record in records if record["additionalEventData"]["SecretId"] == secret.arn]
