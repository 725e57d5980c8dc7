"""Says what is wrong with a document, in AWS's words: all problems at once, sensitive values never echoed.

Runs only when the compiled decoder has refused, or for shapes that recurse. A value of the wrong JSON type, a member
that the model does not know, and a broken constraint are three different answers, in this order.
"""

import base64
import binascii
import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

from keystead.wire.errors import Refused
from keystead.wire.model import Shape
from keystead.wire.patterns import compiled
from keystead.wire.shapes import limits
from keystead.wire.values import seconds

DEPTH: Final = 64
PROBLEMS: Final = 100
"""Named in one answer; AWS knows no such bound, but a megabyte of wrong members would make twenty of text."""
SHOWN: Final = 4096
"""Characters of a value that are repeated in an answer; likewise."""
NESTED: Final = frozenset({"structure", "list", "map"})
NUMERIC: Final = frozenset({"integer", "long", "float", "double"})
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
CODES: Final = {
    #  protocol   constraint               wrong form                  member unknown
    "json":     ("ValidationException",   "SerializationException",   "UnsupportedOperationException"),
    "rest-json": ("ValidationException",  "SerializationException",   "UnsupportedOperationException"),
    "query":    ("ValidationError",       "MalformedQueryString",     "UnsupportedOperation"),
    "rest-xml": ("InvalidArgument",       "InvalidArgument",          "NotImplemented"),
}  # fmt: skip  # a table


class WrongType(Exception):
    """The document is not of the shape's form at all."""


class UnknownMember(Exception):
    """The document asks for something that the model does not know."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def problems(shape: Shape, document: Any) -> list[str]:
    """One sentence for each constraint that is broken. Raises WrongType, UnknownMember."""
    return list(islice(chain(walk(shape, document, "", 0), nul_sentences(shape, document)), PROBLEMS))


def verdict(shape: Shape, document: Any, protocol: str) -> Refused | None:
    """What to answer for a document; None if nothing is wrong with it."""
    constraint, form, unknown = CODES[protocol]
    try:
        found = problems(shape, document)
    except WrongType:
        return Refused(form)
    except UnknownMember as error:
        return Refused(unknown, f"The parameter {error.path} is not known here.")
    return Refused(constraint, detected(found)) if found else None


def refusal(shape: Shape, document: Any, protocol: str) -> Refused:
    """The same for a document that the decoder refused, even where nothing is found wrong with it."""
    return verdict(shape, document, protocol) or Refused(CODES[protocol][1])


def nul_sentences(shape: Shape, document: Any) -> Iterator[str]:
    """Text with U+0000 is refused where it is not sealed: neither PostgreSQL nor XML can hold it. Ours; of AWS it is not known."""
    for path in with_nul(shape, document, ""):
        yield f"Value at '{path}' failed to satisfy constraint: Member must not contain the character U+0000"


def with_nul(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """The paths of such texts."""
    if shape.sensitive or value is None:
        return
    if shape.type == "structure":
        for name, held in shape.members.items():
            yield from with_nul(held, value.get(name), below(path, name))
    elif shape.type == "list":
        for number, held in enumerate(value, 1):
            yield from with_nul(shape.member, held, f"{path}.{number}.member")
    elif shape.type == "map":
        for key, held in value.items():
            yield from with_nul(shape.key, key, path)
            yield from with_nul(shape.value, held, path)
    elif isinstance(value, str) and "\0" in value:
        yield path


def detected(found: list[str]) -> str:
    plural = "" if len(found) == 1 else "s"
    return f"{len(found)} validation error{plural} detected: {'; '.join(found)}"


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
    fits = isinstance(value, TYPES[shape.type])
    if not fits:
        return False
    if shape.type == "blob":
        return decoded(value) is not None
    if shape.type == "timestamp":
        return is_time(value)
    return shape.type not in NUMERIC or in_range(shape, value)


def in_range(shape: Shape, value: float) -> bool:
    """What the type itself can hold; what the model asks for beyond that is a constraint."""
    if isinstance(value, float) and not math.isfinite(value):
        return False
    least, most = limits(shape)
    too_small = shape.min is None and least is not None and value < least
    return not too_small and not (shape.max is None and most is not None and value > most)


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
        place = below(path, name)
        given = value.get(name)
        if given is not None:
            yield from walk(held, given, place, depth + 1)
        elif name in shape.required:
            yield f"Value null at '{place}' failed to satisfy constraint: Member must not be null"
    for name in value.keys() - shape.members.keys():
        raise UnknownMember(below(path, name[:128]))
    if shape.union and sum(given is not None for given in value.values()) != 1:
        raise WrongType


def below(path: str, name: str) -> str:
    lowered = name[:1].lower() + name[1:]
    return f"{path}.{lowered}" if path else lowered


def walk_list(shape: Shape, values: list[Any], path: str, depth: int) -> Iterator[str]:
    yield from (sentence(shape, values, path, demand) for demand in demands(shape, values))
    if shape.member.type in NESTED:
        for number, value in enumerate(values, 1):
            yield from walk(shape.member, value, f"{path}.{number}.member", depth + 1)
    elif not well(shape.member, values):
        yield sentence(shape, values, path, f"satisfy constraint: [{all_demands(shape.member)}]")


def walk_map(shape: Shape, values: dict[str, Any], path: str, depth: int) -> Iterator[str]:
    yield from (sentence(shape, values, path, demand) for demand in demands(shape, values))
    if not well(shape.key, values):
        yield f"{said(shape, values, path)}: Map keys must satisfy constraint: [{all_demands(shape.key)}]"
    if shape.value.type in NESTED:
        for key, value in values.items():
            yield from walk(shape.value, value, f"{path}.{'' if secret(shape.key) else key}.member", depth + 1)
    elif not well(shape.value, values.values()):
        yield f"{said(shape, values, path)}: Map value must satisfy constraint: [{all_demands(shape.value)}]"


def well(shape: Shape, values: Iterable[Any]) -> bool:
    """Whether all of these meet the demands on each. Raises WrongType."""
    good = True
    for value in values:
        if not of_type(shape, value):
            raise WrongType
        good = good and next(demands(shape, value), None) is None
    return good


def demands(shape: Shape, value: Any) -> Iterator[str]:
    """What the model demands of this value and it does not meet."""
    if shape.type in {"boolean", "timestamp"}:
        return
    if shape.enum:
        if value not in shape.enum:
            yield enum_demand(shape)
        return
    kind, size = ("value", value) if shape.type in NUMERIC else ("length", length(shape, value))
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
    if shape.enum:
        return f"Member must {enum_demand(shape)}, Member must not be null"
    kind = "value" if shape.type in NUMERIC else "length"
    parts = [
        (shape.max, f"have {kind} less than or equal to {shape.max}"),
        (shape.min, f"have {kind} greater than or equal to {shape.min}"),
        (shape.pattern, f"satisfy regular expression pattern: {shape.pattern}"),
    ]
    return ", ".join(
        [*(f"Member must {text}" for given, text in parts if given is not None), "Member must not be null"]
    )


def sentence(shape: Shape, value: Any, path: str, demand: str) -> str:
    return f"{said(shape, value, path)}: Member must {demand}"


def said(shape: Shape, value: Any, path: str) -> str:
    named = "Value" if secret(shape) else f"Value '{shown(value)[:SHOWN]}'"
    return f"{named} at '{path}' failed to satisfy constraint"


def secret(shape: Shape, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a value holds, at any depth, what is not to be shown.

    A blob is not either: it is no text, and may be a ciphertext.
    """
    if shape.sensitive or shape.type == "blob":
        return True
    if shape.name in seen or shape.type not in NESTED:
        return False
    inner = seen | {shape.name}
    if shape.type == "structure":
        return any(secret(member, inner) for member in shape.members.values())
    if shape.type == "list":
        return secret(shape.member, inner)
    return secret(shape.key, inner) or secret(shape.value, inner)


def shown(value: Any) -> str:
    """As Java prints it."""
    if isinstance(value, list):
        return f"[{', '.join(shown(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={shown(item)}' for key, item in value.items())}}}"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
