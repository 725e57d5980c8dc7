"""Fetches what references stand for, and knows which versions that were."""

import json
from collections.abc import Mapping
from typing import Any

from keystead.envfile import databases
from keystead.envfile.references import Reference, reference, resolved


class NotResolved(Exception):
    """A secret that cannot be had, or is not what the reference says. The text names it, and shows nothing of it."""


class Values:
    """An environment out of a reference file. `client` is botocore's of Secrets Manager.

    versions  of each secret, the version that was read last
    """

    def __init__(self, client: Any, lines: Mapping[str, str]) -> None:
        self._client = client
        self._lines = lines
        self.versions: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        """Raises NotResolved, and botocore's errors."""
        return resolved(self._lines, self._fetch)

    def changed(self) -> bool:
        """Whether any secret has another current version than the one that was read."""
        return any(self._current(secret) != version for secret, version in self.versions.items())

    def _fetch(self, asked: Reference) -> str:
        answer = self._client.get_secret_value(SecretId=asked.secret)
        if "SecretString" not in answer:
            raise NotResolved(f"{asked.secret} is binary.")
        self.versions[asked.secret] = answer["VersionId"]
        text: str = answer["SecretString"]
        return url(asked.secret, text) if asked.url else text

    def _current(self, secret: str) -> str | None:
        stages = self._client.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
        return next((version for version, labels in stages.items() if "AWSCURRENT" in labels), None)


def url(secret: str, text: str) -> str:
    try:
        return databases.url_of(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotResolved(f"{secret} is not the JSON of a database secret.") from None


def secrets_of(lines: Mapping[str, str]) -> list[str]:
    return sorted({asked.secret for value in lines.values() if (asked := reference(value)) is not None})
