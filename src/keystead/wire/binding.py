"""Binds functions to operations: a signature must agree with the model, or the server does not start.

An operation is `async def name(room, call, *, …)` whose name and keyword-only parameters are the model's in snake case.
A required member is a parameter without default; no optional member is. What the function does not name is refused.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from keystead.wire.errors import Refused
from keystead.wire.model import Model, OperationModel
from keystead.wire.shapes import Input, NoInput, field_name, recurses, structure
from keystead.wire.values import Convert, converter, renderer

Function = Callable[..., Awaitable[Mapping[str, Any] | None]]


UNSUPPORTED: Final = {
    "json": "UnsupportedOperationException",
    "query": "UnsupportedOperation",
    "rest-json": "UnsupportedOperationException",
    "rest-xml": "NotImplemented",
}


class BindingError(Exception):
    """A function does not fit the model; the text says which and why."""

    def __init__(self, operation: str, why: str) -> None:
        super().__init__(f"{operation}: {why}")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that is served.

    members   (parameter, conversion or None) for each member the function names
    refused   (parameter, AWS's name) for each that it does not
    recurses  the decoder does not see all of a document, and the walker must
    renderer  what an answer needs before it is encoded as JSON, or None
    """

    name: str
    namespace: str
    model: OperationModel
    function: Function
    input: type[Input] = field(repr=False)
    decoder: msgspec.json.Decoder[Input] = field(repr=False)
    members: tuple[tuple[str, Convert | None], ...]
    refused: tuple[tuple[str, str], ...]
    reasons: Mapping[str, str] = field(repr=False)
    protocol: str
    recurses: bool
    renderer: Convert | None

    def arguments(self, decoded: Input) -> dict[str, Any]:
        """Keyword arguments for the function: only what was given. Raises Refused for a member not served."""
        found: dict[str, Any] = {}
        for name, convert in self.members:
            value = getattr(decoded, name)
            if value is not None:
                found[name] = convert(value) if convert else value
        if self.refused:
            self._refuse(decoded)
        return found

    def _refuse(self, decoded: Input) -> None:
        for name, member in self.refused:
            if getattr(decoded, name) is not None:
                reason = self.reasons.get(f"{self.name}.{member}", "")
                text = f"{member} is not served in {self.name}" + (f": {reason}" if reason else ".")
                raise Refused(UNSUPPORTED[self.protocol], text)


@dataclass(frozen=True, slots=True)
class Bound:
    """A model with the functions that serve it."""

    model: Model
    operations: Mapping[str, Operation]
    reasons: Mapping[str, str] = field(repr=False)

    def operation(self, name: str) -> Operation:
        """Raises Refused for what the model does not know, and, differently, for what is known but not served."""
        found = self.operations.get(name)
        if found is not None:
            return found
        if name not in self.model.operations:
            raise unknown(self.model, name)
        reason = self.reasons.get(name, "")
        text = f"{name} is not served here" + (f": {reason}" if reason else ".")
        raise Refused(UNSUPPORTED[self.model.protocol], text)


def unknown(model: Model, name: str) -> Refused:
    if model.protocol == "query":
        text = f"Could not find operation {name[:128]} for version {model.api_version}"
        return Refused("InvalidAction", text)
    return Refused("UnknownOperationException")


def bind(model: Model, functions: Sequence[Function], *, refused: Mapping[str, str]) -> Bound:
    """Raises BindingError."""
    by_python = {operation.python_name: operation for operation in model.operations.values()}
    bound: dict[str, Operation] = {}
    for function in functions:
        name = function.__name__.rstrip("_")
        operation = by_python.get(name)
        if operation is None:
            raise BindingError(name, f"{model.name} has no such operation")
        if operation.name in bound:
            raise BindingError(operation.name, "served twice")
        bound[operation.name] = bind_one(model, operation, function, refused)
    for key in refused:
        check_refusal(model, bound, key)
    return Bound(model, bound, refused)


def check_refusal(model: Model, bound: Mapping[str, Operation], key: str) -> None:
    name, _, member = key.partition(".")
    operation = model.operations.get(name)
    if operation is None:
        raise BindingError(key, "refused, but unknown to the model")
    if not member and name in bound:
        raise BindingError(key, "refused and served")
    if member and (operation.input is None or member not in operation.input.members):
        raise BindingError(key, "refused, but the operation has no such member")


def bind_one(model: Model, operation: OperationModel, function: Function, reasons: Mapping[str, str]) -> Operation:
    named = parameters(operation.name, function)
    members = dict(operation.input.members) if operation.input else {}
    by_name = {field_name(member): member for member in members}
    required = operation.input.required if operation.input else frozenset()
    for name, has_default in named.items():
        if name not in by_name:
            raise BindingError(operation.name, f"the model has no member {name}")
        if (by_name[name] in required) == has_default:
            raise BindingError(operation.name, f"{name} must {'not ' if has_default else ''}have a default")
    missing = [name for name, member in by_name.items() if member in required and name not in named]
    if missing:
        raise BindingError(operation.name, f"required members without a parameter: {missing}")
    input_ = structure(operation.input, (operation.input.name,)) if operation.input else NoInput
    return Operation(
        name=operation.name,
        namespace=model.namespace,
        model=operation,
        function=function,
        input=input_,
        decoder=msgspec.json.Decoder(input_),
        members=tuple((name, converter(members[by_name[name]])) for name in named),
        refused=tuple((name, member) for name, member in by_name.items() if name not in named),
        reasons=reasons,
        protocol=model.protocol,
        recurses=recurses(operation.input) if operation.input else False,
        renderer=renderer(operation.output) if operation.output else None,
    )


def parameters(operation: str, function: Function) -> dict[str, bool]:
    """Keyword-only parameters and whether each has a default."""
    listed = list(inspect.signature(function).parameters.values())
    if any(parameter.kind is not inspect.Parameter.KEYWORD_ONLY for parameter in listed[2:]):
        raise BindingError(operation, "parameters after room and call must be keyword-only")
    return {parameter.name: parameter.default is not inspect.Parameter.empty for parameter in listed[2:]}


def unaccounted(model: Model, functions: Sequence[Function], refused: Mapping[str, str]) -> list[str]:
    """Operations and members of the model that are neither served nor listed as refused: what a newer model brought."""
    bound = bind(model, functions, refused=refused)
    missing = [name for name in model.operations if name not in bound.operations and name not in refused]
    for operation in bound.operations.values():
        missing += [
            f"{operation.name}.{member}"
            for _, member in operation.refused
            if f"{operation.name}.{member}" not in refused
        ]
    return missing
