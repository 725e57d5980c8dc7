"""How rotation speaks to Secrets Manager: as one of its clients, with credentials of its own, on the record like everybody else."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
PREVIOUS: Final = "AWSPREVIOUS"


class ApiRefused(Exception):
    """Secrets Manager answered with an error. `code` is AWS's."""

    def __init__(self, operation: str, code: str) -> None:
        super().__init__(operation, code)
        self.operation = operation
        self.code = code

    @property
    def missing(self) -> bool:
        return self.code == "ResourceNotFoundException"


class Api(Protocol):
    """One client. Members and answers are named as in AWS's model. Raises ApiRefused."""

    async def __call__(self, operation: str, **members: Any) -> Mapping[str, Any]: ...
