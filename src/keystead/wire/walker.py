"""Says what is wrong with a document, in AWS's words: all problems at once, sensitive values never echoed.

Runs only when the compiled decoder has refused. A value of the wrong JSON type is a SerializationException; one that
breaks a constraint of the model is part of the one ValidationException.
"""

import base64
import binascii
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from keystead.wire.errors import Refused
from keystead.wire.model import Shape
from keystead.wire.patterns import compiled
from keystead.wire.shapes import seconds

DEPTH: Final = 64
TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
}


class WrongType(Exception):
    """The document is not of the shape's form at all."""


def problems(shape: Shape, document: Any) -> list[str]:
    """One sentence for each constraint that is broken. Raises WrongType."""
    return list(walk(shape, document, "", 0))


def refusal(shape: Shape, document: Any, code: str) -> Refused:
    """What to answer for a document that the decoder refused; `code` is the protocol's for failed constraints."""
    try:
        found = problems(shape, document)
    except WrongType:
        return Refused("SerializationException")
    if not found:
        return Refused("SerializationException")
    plural = "" if len(found) == 1 else "s"
    return Refused(code, f"{len(found)} validation error{plural} detected: {'; '.join(found)}")


def walk(shape: Shape, value: Any, path: str, depth: int) -> Iterator[str]:
    if depth > DEPTH or not of_type(shape, value):
        raise WrongType
    if shape.type == "structure":
        yield from walk_structure(shape, value, path, depth)
    elif shape.type == "list":
        yield from walk_list(shape, value, path, depth)
    elif shape.type == "map":
        yield from walk_map(shape, value, path, depth)
    else:
        yield from (sentence(shape, value, path, demand) for demand in demands(shape, value))


def of_type(shape: Shape, value: Any) -> bool:
    if isinstance(value, bool) and shape.type != "boolean":
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if not isinstance(value, TYPES[shape.type]):
        return False
    if shape.type == "blob":
        return decoded(value) is not None
    return shape.type != "timestamp" or is_time(value)


def is_time(value: float | str) -> bool:
    try:
        seconds(value)
    except (ValueError, OverflowError):
        return False
    return True


def decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def walk_structure(shape: Shape, value: dict[str, Any], path: str, depth: int) -> Iterator[str]:
    for name, held in shape.members.items():
        place = f"{path}.{lowered(name)}" if path else lowered(name)
        given = value.get(name)
        if given is not None:
            yield from walk(held, given, place, depth + 1)
        elif name in shape.required:
            yield f"Value null at '{place}' failed to satisfy constraint: Member must not be null"


def walk_list(shape: Shape, values: list[Any], path: str, depth: int) -> Iterator[str]:
    yield from (sentence(shape, values, path, demand) for demand in demands(shape, values))
    if shape.member.type in {"structure", "list", "map"}:
        for number, value in enumerate(values, 1):
            yield from walk(shape.member, value, f"{path}.{number}.member", depth + 1)
        return
    if not all(of_type(shape.member, value) for value in values):
        raise WrongType
    if any(next(demands(shape.member, value), None) for value in values):
        yield sentence(shape, values, path, f"satisfy constraint: [{all_demands(shape.member)}]")


def walk_map(shape: Shape, values: dict[str, Any], path: str, depth: int) -> Iterator[str]:
    yield from (sentence(shape, values, path, demand) for demand in demands(shape, values))
    if any(next(demands(shape.key, key), None) for key in values):
        yield f"{said(shape, values)} at '{path}' failed to satisfy constraint: " + (
            f"Map keys must satisfy constraint: [{all_demands(shape.key)}]"
        )
    if shape.value.type in {"structure", "list", "map"}:
        for key, value in values.items():
            yield from walk(shape.value, value, f"{path}.{key}.member", depth + 1)
        return
    if not all(of_type(shape.value, value) for value in values.values()):
        raise WrongType
    if any(next(demands(shape.value, value), None) for value in values.values()):
        yield f"{said(shape, values)} at '{path}' failed to satisfy constraint: " + (
            f"Map value must satisfy constraint: [{all_demands(shape.value)}]"
        )


def demands(shape: Shape, value: Any) -> Iterator[str]:
    """What the model demands of this value and it does not meet."""
    if shape.enum:
        if value not in shape.enum:
            yield enum_demand(shape)
        return
    kind, size = ("value", value) if isinstance(value, int | float) else ("length", length(shape, value))
    if isinstance(value, bool) or shape.type == "timestamp":
        return
    if shape.max is not None and size > shape.max:
        yield f"have {kind} less than or equal to {shape.max}"
    if shape.min is not None and size < shape.min:
        yield f"have {kind} greater than or equal to {shape.min}"
    if shape.pattern and not compiled(shape.pattern).search(value):
        yield f"satisfy regular expression pattern: {shape.pattern}"


def length(shape: Shape, value: Any) -> int:
    return len(decoded(value) or b"") if shape.type == "blob" else len(value)


def enum_demand(shape: Shape) -> str:
    return f"satisfy enum value set: [{', '.join(shape.enum)}]"


def all_demands(shape: Shape) -> str:
    """Every constraint on the items of a scalar list, in AWS's order."""
    kind = "value" if shape.type in {"integer", "long", "float", "double"} else "length"
    parts = [f"Member must {enum_demand(shape)}"] if shape.enum else []
    if shape.max is not None and not shape.enum:
        parts.append(f"Member must have {kind} less than or equal to {shape.max}")
    if shape.min is not None and not shape.enum:
        parts.append(f"Member must have {kind} greater than or equal to {shape.min}")
    if shape.pattern and not shape.enum:
        parts.append(f"Member must satisfy regular expression pattern: {shape.pattern}")
    return ", ".join([*parts, "Member must not be null"])


def sentence(shape: Shape, value: Any, path: str, demand: str) -> str:
    return f"{said(shape, value)} at '{path}' failed to satisfy constraint: Member must {demand}"


def said(shape: Shape, value: Any) -> str:
    return "Value" if secret(shape) else f"Value '{shown(value)}'"


def secret(shape: Shape) -> bool:
    """A blob is never shown either: it is no text, and may be a ciphertext."""
    if shape.sensitive or shape.type == "blob":
        return True
    if shape.type == "list":
        return secret(shape.member)
    return shape.type == "map" and (secret(shape.key) or secret(shape.value))


def shown(value: Any) -> str:
    """As Java prints it."""
    if isinstance(value, list):
        return f"[{', '.join(shown(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={shown(item)}' for key, item in value.items())}}}"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def lowered(name: str) -> str:
    return name[:1].lower() + name[1:]
