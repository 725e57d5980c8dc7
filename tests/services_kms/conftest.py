"""One Keystead for all tests of KMS with boto3; each makes what it needs under names of its own."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from enclaves import Hypervisor
from keystead.testing import Keystead, running


@pytest.fixture(scope="session")
def hypervisor() -> Hypervisor:
    """Signs attestation documents; its root is trusted."""
    return Hypervisor()


@pytest.fixture(scope="session")
def keystead(hypervisor: Hypervisor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystead]:
    roots = tmp_path_factory.mktemp("attestation") / "roots.pem"
    roots.write_bytes(hypervisor.root.pem)
    with running(attestation_roots=str(roots)) as made:
        yield made


@pytest.fixture(scope="session")
def kms(keystead: Keystead) -> Any:
    return keystead.client("kms")


@pytest.fixture(scope="session")
def elsewhere(keystead: Keystead) -> Any:
    """A client of another Region."""
    return keystead.client("kms", region_name="eu-west-1")


@pytest.fixture(scope="session")
def key_of(kms: Any) -> Callable[..., dict[str, Any]]:
    """The metadata of a key of this spec and usage: one that all tests share, who must not change its state."""
    kept: dict[tuple[str, str, int], dict[str, Any]] = {}

    def make(spec: str = "SYMMETRIC_DEFAULT", usage: str = "ENCRYPT_DECRYPT", number: int = 0) -> dict[str, Any]:
        if (spec, usage, number) not in kept:
            kept[spec, usage, number] = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
        return kept[spec, usage, number]

    return make


@pytest.fixture(scope="session")
def user(keystead: Keystead) -> Callable[..., Any]:
    """Makes a user with an inline policy of these statements; gives the KMS client of its access key."""
    iam = keystead.client("iam")

    def make(name: str, *statements: dict[str, Any]) -> Any:
        iam.create_user(UserName=name)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document)
        return keystead.client("kms", iam.create_access_key(UserName=name)["AccessKey"])

    return make


@pytest.fixture(scope="session")
def refused() -> Callable[[], AbstractContextManager[list[str | None]]]:
    """[code, text] of what the block is refused with; the text is None where AWS sends none."""

    @contextmanager
    def told() -> Iterator[list[str | None]]:
        found: list[str | None] = []
        with pytest.raises(ClientError) as raised:
            yield found
        error = raised.value.response["Error"]
        found += [error["Code"], error.get("Message") or None]

    return told


@pytest.fixture(scope="session")
def records(keystead: Keystead) -> Callable[[str, str], list[dict[str, Any]]]:
    """The trail's records of an operation on a resource; what has been answered is in it."""

    def found(name: str, arn: str) -> list[dict[str, Any]]:
        log = b"".join(path.read_bytes() for path in sorted((keystead.data / "trail").rglob("*")) if path.is_file())
        text, decoder = log.decode("utf-8", "replace"), json.JSONDecoder()
        place, events = text.find('{"eventVersion"'), []
        while place >= 0:
            event, length = decoder.raw_decode(text[place : place + 20_000])
            if event["eventName"] == name and any(arn == one["ARN"] for one in event.get("resources", [])):
                events.append(event)
            place = text.find('{"eventVersion"', place + length)
        return events

    return found
