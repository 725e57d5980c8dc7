"""Compiles a model's input shapes into msgspec structures, so that parsing and checking a document is one call.

Structures nested below the top stay plain dictionaries in the hands of the operations: each is decoded as a structure
and handed over with AWS's member names. What recurses is taken as it is and left to the walker.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, defstruct

from keystead.wire.model import Shape, python_name
from keystead.wire.patterns import compiled, translate

TEXT_TIME: Final = int | float | str
NUMBERS: Final = {"integer": int, "long": int, "float": float, "double": float}


class Input(msgspec.Struct):
    """The base of every compiled structure. Its repr names the type alone: the fields may be secrets."""

    def __repr__(self) -> str:
        return type(self).__name__


def annotation(shape: Shape, path: tuple[str, ...] = ()) -> Any:
    """The type that msgspec checks for this shape."""
    if shape.name in path:
        return Any
    return COMPILERS[shape.type](shape, (*path, shape.name))


def structure(shape: Shape, path: tuple[str, ...]) -> type[Input]:
    """Optional members may be absent or null, which AWS takes for the same."""
    fields: list[Any] = []
    names: dict[str, str] = {}
    for member, held in shape.members.items():
        name = field_name(member)
        names[name] = member
        type_ = annotation(held, path)
        fields.append((name, type_) if member in shape.required else (name, type_ | None, None))
    return defstruct(shape.name, fields, bases=(Input,), rename=names, kw_only=True, gc=False)


def field_name(member: str) -> str:
    """A Python keyword cannot be a keyword argument."""
    name = python_name(member)
    return f"{name}_" if name in {"lambda", "and", "from", "in", "is", "not", "or"} else name


def string(shape: Shape, _: tuple[str, ...]) -> Any:
    if shape.enum:
        return Literal[shape.enum]
    if shape.pattern:
        compiled(shape.pattern)
    return bounded(str, shape, pattern=translate(shape.pattern) if shape.pattern else None)


def blob(shape: Shape, _: tuple[str, ...]) -> Any:
    return bounded(bytes, shape)


def number(shape: Shape, _: tuple[str, ...]) -> Any:
    limits = {"ge": shape.min, "le": shape.max}
    given = {name: value for name, value in limits.items() if value is not None}
    return Annotated[NUMBERS[shape.type], Meta(**given)] if given else NUMBERS[shape.type]


def sequence(shape: Shape, path: tuple[str, ...]) -> Any:
    return bounded(list[annotation(shape.member, path)], shape)  # type: ignore[misc]  # the type is made at start-up


def mapping(shape: Shape, path: tuple[str, ...]) -> Any:
    return bounded(dict[annotation(shape.key, path), annotation(shape.value, path)], shape)  # type: ignore[misc]  # likewise


def bounded(type_: Any, shape: Shape, **more: Any) -> Any:
    limits = {"min_length": shape.min, "max_length": shape.max, **more}
    given: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    return Annotated[type_, Meta(**given)] if given else type_


COMPILERS: Final[dict[str, Callable[[Shape, tuple[str, ...]], Any]]] = {
    "structure": structure,
    "string": string,
    "blob": blob,
    "integer": number,
    "long": number,
    "float": number,
    "double": number,
    "list": sequence,
    "map": mapping,
    "boolean": lambda _shape, _path: bool,
    "timestamp": lambda _shape, _path: TEXT_TIME,
}


def converter(shape: Shape, path: tuple[str, ...] = ()) -> Callable[[Any], Any] | None:
    """What turns a decoded value into what operations are given; None where it is that already."""
    if shape.name in path:
        return None
    inner = (*path, shape.name)
    if shape.type == "timestamp":
        return seconds
    if shape.type == "structure":
        return structure_converter(shape, inner)
    if shape.type == "list":
        each = converter(shape.member, inner)
        return each and (lambda values: [each(value) for value in values])
    if shape.type == "map":
        held = converter(shape.value, inner)
        return held and (lambda values: {key: held(value) for key, value in values.items()})
    return None


def structure_converter(shape: Shape, path: tuple[str, ...]) -> Callable[[Any], dict[str, Any]]:
    members = [(field_name(name), name, converter(held, path)) for name, held in shape.members.items()]

    def convert(value: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, member, each in members:
            held = getattr(value, name)
            if held is not None:
                found[member] = each(held) if each else held
        return found

    return convert


def seconds(value: float | str) -> float:
    """A timestamp as seconds since the epoch. Raises ValueError for text that is no ISO 8601 time."""
    if not isinstance(value, str):
        return float(value)
    from datetime import UTC, datetime

    try:
        return float(value)
    except ValueError:
        moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
