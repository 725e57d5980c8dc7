"""Compiles a model's input shapes into msgspec structures, so that parsing and checking a document is one call.

Structures nested below the top stay plain dictionaries in the hands of the operations: each is decoded as a structure
and handed over with AWS's member names. What recurses is taken as it is and left to the walker.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta, defstruct

from keystead.wire.model import Shape, python_name
from keystead.wire.patterns import compiled, translate

TEXT_TIME: Final = int | float | str
NUMBERS: Final = {"integer": int, "long": int, "float": float, "double": float}
RANGES: Final = {
    #  type      what a number without limits of its own may be (Smithy: integer has 32 bits, long 64)
    "integer": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "float": (None, None),
    "double": (None, None),
}
KEYWORDS: Final = frozenset({"lambda", "and", "from", "in", "is", "not", "or"})


class Input(msgspec.Struct):
    """The base of every compiled structure. Its repr names the type alone: the fields may be secrets."""

    def __repr__(self) -> str:
        return type(self).__name__


class NoInput(Input, forbid_unknown_fields=True):
    """Of an operation without parameters."""


def annotation(shape: Shape, path: tuple[str, ...] = ()) -> Any:
    """The type that msgspec checks for this shape."""
    if shape.name in path:
        return Any
    return COMPILERS[shape.type](shape, (*path, shape.name))


def structure(shape: Shape, path: tuple[str, ...]) -> type[Input]:
    """Optional members may be absent or null, which AWS takes for the same.

    Members that the model does not know are refused, which AWS does not do: they are what a newer client asks for, and
    to ignore a condition that somebody set is worse than to refuse it.
    """
    fields: list[Any] = []
    names: dict[str, str] = {}
    for member, held in shape.members.items():
        name = field_name(member)
        names[name] = member
        type_ = annotation(held, path)
        fields.append((name, type_) if member in shape.required else (name, type_ | None, None))
    made = defstruct(
        shape.name, fields, bases=(Input,), rename=names, kw_only=True, gc=False, forbid_unknown_fields=True
    )
    return cast("type[Input]", made)


def field_name(member: str) -> str:
    """A Python keyword cannot be a keyword argument."""
    name = python_name(member)
    return f"{name}_" if name in KEYWORDS else name


def string(shape: Shape, _: tuple[str, ...]) -> Any:
    if shape.enum:
        return Literal[shape.enum]
    if shape.pattern:
        compiled(shape.pattern)
    return bounded(str, shape, pattern=translate(shape.pattern) if shape.pattern else None)


def blob(shape: Shape, _: tuple[str, ...]) -> Any:
    return bounded(bytes, shape)


def number(shape: Shape, _: tuple[str, ...]) -> Any:
    least, most = limits(shape)
    return Annotated[NUMBERS[shape.type], Meta(ge=least, le=most)]


def limits(shape: Shape) -> tuple[float | None, float | None]:
    """Of a number: those of the model, else those of its type."""
    least, most = RANGES[shape.type]
    return (least if shape.min is None else shape.min), (most if shape.max is None else shape.max)


def sequence(shape: Shape, path: tuple[str, ...]) -> Any:
    return bounded(list[annotation(shape.member, path)], shape)  # type: ignore[misc]  # the type is made at start-up


def mapping(shape: Shape, path: tuple[str, ...]) -> Any:
    return bounded(dict[annotation(shape.key, path), annotation(shape.value, path)], shape)  # type: ignore[misc]  # likewise


def bounded(type_: Any, shape: Shape, **more: Any) -> Any:
    lengths = {"min_length": shape.min, "max_length": shape.max, **more}
    given: dict[str, Any] = {name: value for name, value in lengths.items() if value is not None}
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


def recurses(shape: Shape, path: tuple[str, ...] = ()) -> bool:
    """Whether some of the shape is left to the walker."""
    if shape.name in path:
        return True
    inner = (*path, shape.name)
    if shape.type == "structure":
        return any(recurses(held, inner) for held in shape.members.values())
    if shape.type == "list":
        return recurses(shape.member, inner)
    return shape.type == "map" and recurses(shape.value, inner)
