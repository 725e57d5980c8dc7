"""Carries a plan out: each value becomes a secret or a parameter, once. A second run changes nothing, and one that was broken off goes on."""

import os
import secrets
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from keystead.envfile.plan import FINGERPRINT_TAG, Item, Store

KEY_BYTES: Final = 32
CURRENT: Final = "AWSCURRENT"
Refusal = Callable[[Exception], str | None]


class Outcome(StrEnum):
    """What became of one item."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ROTATED_SINCE = "rotated since, left alone"
    CHANGED_SINCE = "changed since, left alone"
    KEPT = "stays in the file"


def apply(client: Callable[[str], Any], item: Item, *, key_id: str | None, tags: Mapping[str, str]) -> Outcome:
    """`client` gives botocore's of a service, by its name. Raises its ClientError; no value is in that."""
    if item.target is None:
        return Outcome.KEPT
    if item.store is Store.PARAMETERS:
        return put(client("ssm"), item.target, item.content, tags)
    if item.same_as is not None:
        return Outcome.UNCHANGED
    return keep(client("secretsmanager"), item, key_id, tags)


def put(client: Any, name: str, value: str, tags: Mapping[str, str]) -> Outcome:
    """A String. What the file says counts once: where it is an earlier version, somebody has changed it since."""
    try:
        current = client.get_parameter(Name=name)["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound:
        client.put_parameter(Name=name, Type="String", Value=value, Tags=listed(tags))
        return Outcome.CREATED
    if current == value:
        return Outcome.UNCHANGED
    pages = client.get_paginator("get_parameter_history").paginate(Name=name)
    if any(one["Value"] == value for page in pages for one in page["Parameters"]):
        return Outcome.CHANGED_SINCE
    client.put_parameter(Name=name, Type="String", Value=value, Overwrite=True)
    return Outcome.UPDATED


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def keep(client: Any, item: Item, key_id: str | None, tags: Mapping[str, str]) -> Outcome:
    """A secret."""
    if item.target is None:
        return Outcome.KEPT
    versions = existing(client, item.target)
    if versions is None:
        create(client, item, key_id, tags)
        return Outcome.CREATED
    if item.token in versions:
        return Outcome.UNCHANGED if CURRENT in versions[item.token] else Outcome.ROTATED_SINCE
    client.put_secret_value(SecretId=item.target, SecretString=item.content, ClientRequestToken=item.token)
    client.tag_resource(SecretId=item.target, Tags=[{"Key": FINGERPRINT_TAG, "Value": item.fingerprint}])
    return Outcome.UPDATED


def existing(client: Any, name: str) -> dict[str, list[str]] | None:
    """Every version and its labels; None where there is no such secret."""
    try:
        found: dict[str, list[str]] = client.describe_secret(SecretId=name).get("VersionIdsToStages", {})
    except client.exceptions.ResourceNotFoundException:
        return None
    return found


def create(client: Any, item: Item, key_id: str | None, tags: Mapping[str, str]) -> None:
    named = {**tags, FINGERPRINT_TAG: item.fingerprint}
    client.create_secret(
        Name=item.target,
        SecretString=item.content,
        ClientRequestToken=item.token,
        Tags=listed(named),
        **({"KmsKeyId": key_id} if key_id else {}),
    )


def shared(client: Any, item: Item) -> list[str]:
    """Names of other secrets that were imported from this machine with the same value."""
    if not item.fingerprint:
        return []
    pages = client.get_paginator("list_secrets").paginate(Filters=[{"Key": "tag-value", "Values": [item.fingerprint]}])
    return [one["Name"] for page in pages for one in page["SecretList"] if one["Name"] != item.target]


def local_key(path: Path) -> bytes:
    """The machine's key for tokens and fingerprints, made when it is first asked for. Mode 0600."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = path.read_bytes()
        if len(found) != KEY_BYTES:
            raise ValueError(f"{path} is no key of keystead import.") from None
        return found
    with os.fdopen(descriptor, "wb") as file:
        made = secrets.token_bytes(KEY_BYTES)
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    return made


def replace(path: Path, text: str, mode: int = 0o644) -> None:
    """The file as a whole or not at all."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
