"""One line of an answer about exposure or about what is overdue."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """count  how often, where that is counted
    first, last  seconds since the epoch
    """

    kind: str
    subject: str
    detail: str
    conditions: tuple[str, ...] = ()
    count: int | None = None
    first: float | None = None
    last: float | None = None
