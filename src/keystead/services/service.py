"""What a service hands to the gateway: its operations, the room they work in, and how its errors are named."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keystead.identities.call import Call

Answer = Mapping[str, Any]
Function = Callable[..., Awaitable[Answer | None]]
Table = Mapping[type[Exception], tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Service:
    """name        the model's name, such as "kms"
    room        first argument of every operation: the domain it works in
    operations  functions `name(room, call, *, …)` in the model's snake-case names
    errors      one table from domain error to (code, text); the text is formatted with the error's attributes,
                None sends no message
    unforeseen  the code of an internal error
    exempt      operations that make no access decision, by AWS's name
    refused     "Operation" or "Operation.Member" that is known and not served, with the reason
    throttle    with the room, counts each call before its operation is run, or raises
    buckets     names that may stand before the host's instead of in the path
    """

    name: str
    room: object
    operations: Sequence[Function]
    errors: Table
    unforeseen: str
    exempt: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    throttle: Callable[[Any, Call], None] | None = None
    buckets: frozenset[str] = frozenset()


def worded(table: Table, error: Exception) -> tuple[str, str | None] | None:
    """(code, text) of an error in a service's words; None for one that is not in its table.

    Raises what a text raises that its error cannot fill.
    """
    for kind in type(error).__mro__:
        if kind in table:
            code, text = table[kind]
            return code, text and text.format_map(Facts(error))
    return None


class Facts(dict[str, Any]):
    """An error's attributes, for the text of its row."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def __missing__(self, name: str) -> object:
        return getattr(self._error, name)
