"""Where the statements of a policy stand in its text, and which condition keys it asks for as they are written there."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from keystead.access.patterns import INSIDE, REFERENCE

TOKEN: Final = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|[{}\[\]]')


class Place(NamedTuple):
    """Both counted from 1, as editors do."""

    line: int
    column: int


class Span(NamedTuple):
    """From a statement's opening brace to behind its closing one."""

    start: Place
    end: Place


def statements(text: str) -> list[Span]:
    """In their order. Expects a text that `parse` took."""
    return [Span(place(text, start), place(text, end)) for start, end in offsets(text)]


def offsets(text: str) -> Iterator[tuple[int, int]]:
    path: list[str] = []
    key = ""
    begun = 0
    for token in TOKEN.finditer(text):
        if token[1] is not None:
            key = json.loads(token[1]) if token[2] is not None else ""
            continue
        if token[0] in "{[":
            path.append(key)
            key = ""
            if token[0] == "{" and is_statement(path):
                begun = token.start()
            continue
        if token[0] == "}" and is_statement(path):
            yield begun, token.end()
        path.pop()
        key = ""


def is_statement(path: list[str]) -> bool:
    """One alone, or one of a list."""
    return path in (["", "Statement"], ["", "Statement", ""])


def place(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def condition_keys(text: str) -> list[str]:
    """Each once, whatever its case, as it is first written. Expects a text that `parse` took."""
    document = json.loads(text)
    listed = document["Statement"]
    found: dict[str, str] = {}
    for statement in [listed] if isinstance(listed, dict) else listed:
        for key in asked(statement):
            found.setdefault(key.lower(), key)
    return list(found.values())


def asked(statement: dict[str, Any]) -> Iterator[str]:
    for keys in statement.get("Condition", {}).values():
        yield from keys
        for values in keys.values():
            yield from variables(values)
    for element in ("Resource", "NotResource"):
        yield from variables(statement.get(element, ()))


def variables(values: Any) -> Iterator[str]:
    for value in [values] if isinstance(values, str) else values if isinstance(values, list | tuple) else ():
        for reference in REFERENCE.finditer(value) if isinstance(value, str) else ():
            named = INSIDE.fullmatch(reference[1])
            if named is not None and named[1] not in {"*", "?", "$"}:
                yield named[1]
