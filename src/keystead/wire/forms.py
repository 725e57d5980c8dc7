"""Reads the form of a query request, and the tree that its dotted names draw.

    Tags.member.1.Key=a            {"Tags": [{"Key": "a"}]}        lists: Name.member.N   maps: Name.entry.N.key|value

Everything is bounded before a tree is built, and a name that is not part of the operation is refused, never ignored.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from keystead.wire.errors import Refused
from keystead.wire.http import Request
from keystead.wire.model import Shape

FIELDS: Final = 2000
"""Names in one form."""
DEPTH: Final = 12
"""Parts of one name; the deepest of IAM's has seven."""
NAME: Final = 512
"""Characters of one name."""
MALFORMED: Final = "MalformedQueryString"
SYNTAX: Final = "The query string contains a syntax error"
FORM: Final = "The query string contains a value of the wrong form"
INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
POSITION: Final = re.compile(r"[1-9][0-9]{0,5}")
COMMON: Final = frozenset({"Action", "Version"})
"""Of every form; and the signature's names in a presigned request begin with X-Amz-."""


def read_form(request: Request) -> dict[str, str]:
    """Body over query string; of a repeated name the last. Raises Refused."""
    form = split(request.query.replace(b"+", b"%2B"))  # its signature takes a plus for a plus: so must whoever reads it
    if request.method == "POST":
        form.update(split(request.body))
    return form


def split(raw: bytes) -> dict[str, str]:
    if not raw:
        return {}
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise Refused(MALFORMED, SYNTAX) from None
    for name, value in pairs:
        if "\0" in name or "\0" in value:  # neither XML nor PostgreSQL can hold it
            raise Refused(MALFORMED, FORM)
        if len(name) > NAME or name.count(".") >= DEPTH:
            raise Refused(MALFORMED, "The query string is nested too deeply")
    return dict(pairs)


def document(form: Mapping[str, str], shape: Shape) -> dict[str, Any]:
    """The nested document of an operation's input. Raises Refused."""
    tree = Tree(form)
    found = tree.structure(shape, "")
    tree.check_read()
    return found


class Tree:
    """The parts of dotted names, each with what may follow it, and which names have been read."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form
        self._below: dict[str, set[str]] = {}
        self._unread = {name for name in form if name not in COMMON and not name.startswith("X-Amz-")}
        for name in self._unread:
            self._plant(name)

    def _plant(self, name: str) -> None:
        above, dot, last = name.rpartition(".")
        known = name in self._below
        self._below.setdefault(name, set())
        if dot and not known:
            self._plant(above)
            self._below[above].add(last)

    def check_read(self) -> None:
        """Raises Refused for a name that the operation has not."""
        if self._unread:
            raise Refused("UnsupportedOperation", f"The parameter {min(self._unread)[:128]} is not known here.")

    def value(self, shape: Shape, name: str) -> Any:
        if name not in self._below:
            return None
        if shape.type == "structure":
            return self.structure(shape, name)
        if shape.type == "list":
            return self.sequence(shape, name)
        if shape.type == "map":
            return self.mapping(shape, name)
        return None if name not in self._form else scalar(shape, self._text(name))

    def structure(self, shape: Shape, name: str) -> dict[str, Any]:
        found = {}
        for member, held in shape.members.items():
            value = self.value(held, f"{name}.{held.location_name or member}" if name else member)
            if value is not None:
                found[member] = value
        return found

    def sequence(self, shape: Shape, name: str) -> list[Any]:
        base = name if shape.flattened else f"{name}.{shape.member.location_name or 'member'}"
        found = [self.value(shape.member, f"{base}.{number}") for number in self._positions(base)]
        if not found and self._form.get(name) == "":
            self._text(name)  # an empty list is sent as its bare name
        return found

    def mapping(self, shape: Shape, name: str) -> dict[str, Any]:
        base = name if shape.flattened else f"{name}.entry"
        key, value = shape.key.location_name or "key", shape.value.location_name or "value"
        found = {}
        for number in self._positions(base):
            given = self.value(shape.key, f"{base}.{number}.{key}")
            if given is None:
                raise Refused(MALFORMED, FORM)
            found[given] = self.value(shape.value, f"{base}.{number}.{value}")
        return found

    def _positions(self, base: str) -> list[int]:
        return sorted(int(part) for part in self._below.get(base, ()) if POSITION.fullmatch(part))

    def _text(self, name: str) -> str:
        self._unread.discard(name)
        return self._form[name]


def scalar(shape: Shape, text: str) -> Any:
    """Raises Refused for text that is not of the shape's type."""
    try:
        if shape.type in {"integer", "long"} and INTEGER.fullmatch(text):
            return int(text)
        if shape.type in {"float", "double"}:
            return float(text)
        if shape.type == "boolean":
            return {"true": True, "false": False}[text.lower()]
        if shape.type == "blob":
            return base64.b64decode(text, validate=True)
    except (ValueError, KeyError, binascii.Error):
        raise Refused(MALFORMED, FORM) from None
    if shape.type in {"integer", "long"}:
        raise Refused(MALFORMED, FORM)
    return text


def as_json(shape: Shape, value: Any) -> Any:
    """The document as JSON would hold it: the walker reads blobs as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict) and shape.type == "structure":
        return {name: as_json(shape.members[name], held) for name, held in value.items()}
    if isinstance(value, dict):
        return {name: as_json(shape.value, held) for name, held in value.items()}
    if isinstance(value, list):
        return [as_json(shape.member, held) for held in value]
    return value
