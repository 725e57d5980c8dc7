"""Writes the XML of the query protocol. What comes in is never XML, so there is no parser here to attack."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import escape as escape_xml  # writes only

from keystead.wire.model import Shape

NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry, even escaped."""
CARRIAGE_RETURN: Final = {"\r": "&#13;"}
"""Else a parser makes a line feed of it (XML 1.0, 2.11)."""


def members(shape: Shape, value: Mapping[str, Any]) -> str:
    return "".join(
        element(held, held.location_name or name, value[name]) for name, held in shape.members.items() if name in value
    )


def element(shape: Shape, tag: str, value: Any) -> str:
    if shape.type == "structure":
        return f"<{tag}>{members(shape, value)}</{tag}>"
    if shape.type == "list":
        return sequence(shape, tag, value)
    if shape.type == "map":
        return mapping(shape, tag, value)
    return f"<{tag}>{escape(text_of(shape, value))}</{tag}>"


def sequence(shape: Shape, tag: str, values: Any) -> str:
    item = tag if shape.flattened else shape.member.location_name or "member"
    inner = "".join(element(shape.member, item, held) for held in values)
    return inner if shape.flattened else f"<{tag}>{inner}</{tag}>"


def mapping(shape: Shape, tag: str, values: Mapping[str, Any]) -> str:
    item = tag if shape.flattened else "entry"
    key, value = shape.key.location_name or "key", shape.value.location_name or "value"
    inner = "".join(
        f"<{item}>{element(shape.key, key, name)}{element(shape.value, value, held)}</{item}>"
        for name, held in values.items()
    )
    return inner if shape.flattened else f"<{tag}>{inner}</{tag}>"


def escape(text: str) -> str:
    return escape_xml(NOT_XML.sub("\ufffd", text), CARRIAGE_RETURN)


def text_of(shape: Shape, value: Any) -> str:
    if shape.type == "timestamp":
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if shape.type == "boolean":
        return "true" if value else "false"
    if shape.type == "blob":
        return base64.b64encode(value).decode()
    return str(value)
