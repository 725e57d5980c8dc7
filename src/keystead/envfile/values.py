"""Fetches what references stand for, and knows which versions that were."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from keystead.envfile import databases
from keystead.envfile.references import Form, Reference, reference, resolved

TOGETHER: Final = 10
"""Names in one GetParameters (its model)."""


class NotResolved(Exception):
    """What cannot be had, or is not what the reference says. The text names it, and shows nothing of it."""


class Values:
    """An environment out of a reference file. `client` gives botocore's of a service, by its name.

    versions  of each secret and parameter, the version that was read last
    """

    def __init__(self, client: Callable[[str], Any], lines: Mapping[str, str]) -> None:
        self._client = client
        self._lines = lines
        self._parameters: dict[str, str] = {}
        self.versions: dict[Reference, str] = {}

    def environment(self) -> dict[str, str]:
        """Raises NotResolved, and botocore's errors."""
        named = references_of(self._lines, Form.PARAMETER)
        self._parameters = {}
        for one, (value, version) in self._read(named).items():
            self._parameters[one.name] = value
            self.versions[one] = version
        return resolved(self._lines, self._fetch)

    def changed(self) -> bool:
        """Whether anything has another current version than the one that was read."""
        secrets = [one for one in self.versions if one.form is not Form.PARAMETER]
        if any(self._current(one.name) != self.versions[one] for one in secrets):
            return True
        parameters = [one for one in self.versions if one.form is Form.PARAMETER]
        return any(self.versions[one] != version for one, (_, version) in self._read(parameters).items())

    def _fetch(self, asked: Reference) -> str:
        if asked.form is Form.PARAMETER:
            return self._parameters[asked.name]
        answer = self._client("secretsmanager").get_secret_value(SecretId=asked.name)
        if "SecretString" not in answer:
            raise NotResolved(f"{asked.name} is binary.")
        self.versions[asked] = answer["VersionId"]
        text: str = answer["SecretString"]
        return url(asked.name, text) if asked.form is Form.URL else text

    def _read(self, named: Sequence[Reference]) -> dict[Reference, tuple[str, str]]:
        """Values and versions of parameters. Raises NotResolved."""
        found: dict[Reference, tuple[str, str]] = {}
        for start in range(0, len(named), TOGETHER):
            some = {bare(one.name): one for one in named[start : start + TOGETHER]}
            names = [one.name for one in some.values()]
            answer = self._client("ssm").get_parameters(Names=names, WithDecryption=True)
            if absent := answer["InvalidParameters"]:
                raise NotResolved(f"There is no parameter {', '.join(sorted(absent))}.")
            for one in answer["Parameters"]:
                found[some[bare(one["Name"] + one.get("Selector", ""))]] = (
                    one["Value"],
                    f"{one['Version']} {one['LastModifiedDate'].timestamp()}",
                )
        return found

    def _current(self, secret: str) -> str | None:
        stages = self._client("secretsmanager").describe_secret(SecretId=secret).get("VersionIdsToStages", {})
        return next((version for version, labels in stages.items() if "AWSCURRENT" in labels), None)


def bare(parameter: str) -> str:
    """Of a name or an ARN, what both have in common: `x` and `/x` are one parameter."""
    return parameter.rpartition(":parameter/")[2].removeprefix("/")


def url(secret: str, text: str) -> str:
    try:
        return databases.url_of(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotResolved(f"{secret} is not the JSON of a database secret.") from None


def references_of(lines: Mapping[str, str], form: Form) -> list[Reference]:
    """Each once."""
    found = (reference(value) for value in lines.values())
    return list(dict.fromkeys(one for one in found if one is not None and one.form is form))
