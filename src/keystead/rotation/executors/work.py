"""One step, as it is handed to a function outside Keystead, and how that can fail."""

from dataclasses import dataclass, field
from typing import Final

from keystead.rotation.steps import Event

TIMED_OUT: Final = "TimedOut"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of a session of the function's role, good for one step."""

    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True, slots=True)
class Work:
    """endpoint  where the function finds Keystead
    ca        file of the authorities that the endpoint's certificate is of; "" for those that everybody trusts
    """

    event: Event
    credentials: Credentials
    arn: str
    region: str
    endpoint: str
    request_id: str
    ca: str = ""


class FunctionFailed(Exception):
    """The function did not return. `kind` is the type of its error, or ours; never its text."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind
