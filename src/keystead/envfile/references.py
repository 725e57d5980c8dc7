"""The file that stays behind: names, configuration, and where each secret lies; nothing in it is secret.

    # Made by keystead import. Read by keystead run and keystead export.
    GREETING='one two'                              configuration, as it was
    PORT=keystead:parameter:/billing/prod/PORT      configuration, a parameter of Parameter Store
    URL=http://${HOST}:${PORT}                      put together when it is read, as python-dotenv does
    API_TOKEN=keystead:secret:billing/prod/API_TOKEN        the secret's string
    DATABASE_URL=keystead:url:billing/prod/DATABASE_URL     built from the JSON of a database secret

It may be committed.
"""

import io
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from keystead.envfile.reading import INTERPOLATED, NotReadable

HEAD: Final = "# Made by keystead import. Read by keystead run and keystead export.\n"
OURS: Final = "keystead:"


class Form(StrEnum):
    """What a reference leads to, and what is made of it."""

    SECRET = "secret"  # noqa: S105  # a form: the secret's string
    URL = "url"
    PARAMETER = "parameter"


class Reference(NamedTuple):
    """Where a value lies: the name or ARN of a secret or a parameter."""

    form: Form
    name: str

    def __str__(self) -> str:
        return f"{OURS}{self.form}:{self.name}"


def reference(value: str) -> Reference | None:
    if not value.startswith(OURS):
        return None
    form, colon, name = value.removeprefix(OURS).partition(":")
    return Reference(Form(form), name) if colon and form in set(Form) else None


def render(lines: Mapping[str, str]) -> str:
    """`lines` by name: a reference, a template, or configuration."""
    return HEAD + "".join(f"{name}={quoted(value)}\n" for name, value in lines.items())


def quoted(value: str) -> str:
    """As python-dotenv reads it back: bare where that is the same, else in single quotes, which know two escapes."""
    if value and all(one.isalnum() or one in "_-./:@,+=${}" for one in value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def load(path: Path) -> dict[str, str]:
    """What stands behind each name, not yet resolved. Raises NotReadable."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise NotReadable(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8'}.") from None
    bindings = list(parse_stream(io.StringIO(text)))
    if broken := [str(one.original.line) for one in bindings if one.error]:
        raise NotReadable(f"{path}, line {', '.join(broken)}: not NAME=value.")
    return {one.key: one.value or "" for one in bindings if one.key is not None}


def resolved(lines: Mapping[str, str], fetch: Callable[[Reference], str]) -> dict[str, str]:
    """The environment: secrets fetched, each once; templates put together of what comes before them."""
    fetched: dict[Reference, str] = {}
    made: dict[str, str] = {}
    for name, value in lines.items():
        if (asked := reference(value)) is not None:
            if asked not in fetched:
                fetched[asked] = fetch(asked)
            made[name] = fetched[asked]
        else:
            made[name] = filled(value, made) if INTERPOLATED in value else value
    return made


def filled(template: str, before: Mapping[str, str]) -> str:
    """python-dotenv's own interpolation. It reads the whole of what came before, so that is given to it by name."""
    known = "".join(f"{name}={quoted(value)}\n" for name, value in before.items() if INTERPOLATED not in value)
    return dotenv_values(stream=io.StringIO(f"{known}_={quoted(template)}\n"), interpolate=True)["_"] or ""
