"""Reads what is to be imported: .env files as python-dotenv reads them, and exports of AWS and Vault.

    .env                  NAME=value, as dotenv_values() of python-dotenv understands it
    Secrets Manager       {"SecretValues": [{"Name", "SecretString"}]}            aws secretsmanager batch-get-secret-value
    Parameter Store       {"Parameters": [{"Name", "Type", "Value"}]}             aws ssm get-parameters-by-path
    Vault, KV version 2   {"data": {"data": {"NAME": value}}}                     vault kv get -format=json
    Vault, KV version 1   {"data": {"NAME": value}}

Whatever is wrong is told by its line, and never with what stands there.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values
from dotenv.parser import parse_stream

INTERPOLATED: Final = "${"
LIMIT: Final = 1024 * 1024
"""Bytes of a file; what is larger is something else."""


NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
CHARACTERS: Final = "A-Z, a-z, 0-9, _, . and -"


class Binary(Exception):
    """A secret of bytes. Its name."""


class NotReadable(Exception):
    """The file cannot be read. The text names lines and never what is in them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name and its value.

    template  the value as it is written, where it refers to others: `${HOST}:${PORT}`
    secret    whether the place that it comes from kept it as a secret; None where it does not say
    """

    name: str
    value: str = field(repr=False)
    template: str | None = field(default=None, repr=False)
    secret: bool | None = None


def read(path: Path) -> list[Entry]:
    """Every entry, in the file's order; of a name given twice the last counts. Raises NotReadable."""
    try:
        raw = path.read_bytes()
        text = raw.decode()
    except OSError as error:
        raise NotReadable(f"{path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise NotReadable(f"{path}, line {line}: not UTF-8.") from None
    if len(raw) > LIMIT:
        raise NotReadable(f"{path}: larger than {LIMIT} bytes.")
    return exported(path, text) if text.lstrip().startswith("{") else variables(path, text)


def variables(path: Path, text: str) -> list[Entry]:
    bindings = list(parse_stream(io.StringIO(text)))
    if broken := [str(one.original.line) for one in bindings if one.error]:
        raise NotReadable(f"{path}, line {', '.join(broken)}: not NAME=value.")
    if strange := [
        str(one.original.line) for one in bindings if one.key is not None and "\0" in f"{one.key}{one.value}"
    ]:
        raise NotReadable(f"{path}, line {', '.join(strange)}: a zero byte.")
    if unnamed := [str(one.original.line) for one in bindings if one.key is not None and not NAME.fullmatch(one.key)]:
        raise NotReadable(f"{path}, line {', '.join(unnamed)}: a name of other characters than {CHARACTERS}.")
    templates = {one.key: one.value for one in bindings if one.key is not None and one.value is not None}
    values = dotenv_values(stream=io.StringIO(text), interpolate=True)
    return [
        Entry(name, values[name] or "", template if INTERPOLATED in template else None)
        for name, template in templates.items()
    ]


def exported(path: Path, text: str) -> list[Entry]:
    try:
        document = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise NotReadable(f"{path}, line {line}: not JSON.") from None
    for listed in (of_secrets_manager, of_parameter_store, of_vault):
        try:
            found = listed(document)
        except (KeyError, TypeError, AttributeError):
            raise NotReadable(f"{path}: an export with entries that are not as its service writes them.") from None
        except Binary as binary:
            raise NotReadable(f"{path}: {binary} is binary, which no variable can be. Leave it out.") from None
        if found is not None:
            return told_apart(path, found)
    raise NotReadable(f"{path}: neither a .env file nor an export of Secrets Manager, Parameter Store or Vault.")


def told_apart(path: Path, entries: list[Entry]) -> list[Entry]:
    """Raises NotReadable where two places end in the same name: one value would take the other's place."""
    if twice := sorted(name for name, times in Counter(entry.name for entry in entries).items() if times > 1):
        raise NotReadable(f"{path}: more than one place ends in {', '.join(twice)}. Import them apart.")
    if unnamed := sorted(entry.name for entry in entries if not NAME.fullmatch(entry.name)):
        raise NotReadable(f"{path}: {', '.join(unnamed)}: a name of other characters than {CHARACTERS}.")
    if any("\0" in entry.value for entry in entries):
        raise NotReadable(f"{path}: a zero byte.")
    return entries


def text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def of_secrets_manager(document: Mapping[str, Any]) -> list[Entry] | None:
    listed = document.get("SecretValues")
    if not isinstance(listed, list):
        return None
    for one in listed:
        if "SecretString" not in one:
            raise Binary(one["Name"])
    return [Entry(variable(one["Name"]), text(one["SecretString"]), secret=True) for one in listed]


def of_parameter_store(document: Mapping[str, Any]) -> list[Entry] | None:
    listed = document.get("Parameters")
    if not isinstance(listed, list):
        return None
    return [
        Entry(variable(one["Name"]), text(one["Value"]), secret=one.get("Type") == "SecureString") for one in listed
    ]


def of_vault(document: Mapping[str, Any]) -> list[Entry] | None:
    data = document.get("data")
    if isinstance(data, dict) and isinstance(data.get("data"), dict):
        data = data["data"]
    if not isinstance(data, dict):
        return None
    return [
        Entry(name, value if isinstance(value, str) else json.dumps(value), secret=True) for name, value in data.items()
    ]


def variable(name: str) -> str:
    """The environment variable that a path stands for: its last part, in capitals."""
    last = name.rstrip("/").rpartition("/")[2]
    return "".join(one if one.isalnum() else "_" for one in last).upper()
