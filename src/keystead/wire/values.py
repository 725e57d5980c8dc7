"""Turns decoded values into what operations are given, and their answers into what is encoded.

Operations see structures as dictionaries with AWS's member names, and moments as seconds since the epoch.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from keystead.wire.model import Shape
from keystead.wire.shapes import field_name

ISO: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9:]{5,8}(?:\.[0-9]{1,6})?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)
NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?")
FIRST, LAST = -62_135_596_800.0, 253_402_300_799.999
"""The years 1 to 9999: what AWS's SDKs and Python's datetime can hold."""

Convert = Callable[[Any], Any]
Maker = Callable[[Shape, tuple[str, ...]], Convert | None]


def converter(shape: Shape, path: tuple[str, ...] = ()) -> Convert | None:
    """What turns a decoded value into what operations are given; None where it is that already."""
    if shape.name in path:
        return None
    inner = (*path, shape.name)
    if shape.type == "timestamp":
        return seconds
    if shape.type == "structure":
        return structure_converter(shape, inner)
    return of_parts(shape, inner, converter)


def structure_converter(shape: Shape, path: tuple[str, ...]) -> Callable[[Any], dict[str, Any]]:
    members = [(field_name(name), name, converter(held, path)) for name, held in shape.members.items()]

    def convert(value: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, member, each in members:
            held = getattr(value, name)
            if held is not None:
                found[member] = each(held) if each else held
        if shape.union and len(found) != 1:
            raise ValueError
        return found

    return convert


def of_parts(shape: Shape, path: tuple[str, ...], made: Maker) -> Convert | None:
    """The same for what a list or a map holds."""
    if shape.type == "list" and (each := made(shape.member, path)) is not None:
        item = each
        return lambda values: [item(value) for value in values]
    if shape.type == "map" and (each := made(shape.value, path)) is not None:
        held = each
        return lambda values: {key: held(value) for key, value in values.items()}
    return None


def seconds(value: float | str) -> float:
    """A timestamp as seconds since the epoch. Raises ValueError for what is no moment."""
    if not isinstance(value, str) or NUMBER.fullmatch(value):
        at = float(value)
    elif ISO.fullmatch(value) is None:
        raise ValueError
    else:
        moment = datetime.fromisoformat(value)
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not FIRST <= at <= LAST:
        raise ValueError
    return at


def renderer(shape: Shape, path: tuple[str, ...] = ()) -> Convert | None:
    """What an answer needs before msgspec can encode it; None where it needs nothing, as most do."""
    if shape.name in path:
        return None
    inner = (*path, shape.name)
    if shape.type == "timestamp":
        return iso if shape.timestamp_format == "iso8601" else stamp
    if shape.type == "structure":
        return structure_renderer(shape, inner)
    return of_parts(shape, inner, renderer)


def structure_renderer(shape: Shape, path: tuple[str, ...]) -> Convert | None:
    found = {name: renderer(held, path) for name, held in shape.members.items()}
    members = [(name, each) for name, each in found.items() if each is not None]
    if not members:
        return None

    def render(value: Mapping[str, Any]) -> dict[str, Any]:
        rendered = dict(value)
        for name, each in members:
            if name in rendered:
                rendered[name] = each(rendered[name])
        return rendered

    return render


def iso(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(at: float) -> float:
    """Seconds with at most three decimals, and none where there are none."""
    whole = int(at)
    return whole if whole == at else round(at, 3)
