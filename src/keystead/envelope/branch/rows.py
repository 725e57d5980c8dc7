"""Where branch keys lie, wrapped: a table of rows that are written two at a time.

    branch key id | type                    | version                 | sealed | created | key arn | custom context
    tenant-a      | branch:ACTIVE           | branch:version:<uuid>   | …                    the version in use
    tenant-a      | branch:version:<uuid>   |                         | …                    every version, for ever

Both rows of a version hold the same branch key, sealed by KMS under different contexts.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

ACTIVE: Final = "branch:ACTIVE"
VERSION: Final = "branch:version:"


@dataclass(frozen=True, slots=True)
class BranchRow:
    """One row. `created` is in the form 2026-01-01T00:00:00.000000Z; `custom` are the caller's own context pairs."""

    id: str
    type: str
    sealed: bytes
    created: str
    key_arn: str
    version: str | None = None
    custom: dict[str, str] = field(default_factory=dict)


class BranchTaken(Exception):
    """The branch key exists already, or somebody else rotated it at the same time."""


class BranchRows(Protocol):
    """The promise of a store."""

    def get(self, branch_key_id: str, kind: str) -> BranchRow | None: ...

    def put(self, rows: Sequence[BranchRow], instead_of: str | None) -> None:
        """All or none, where the ACTIVE row's version is `instead_of`, or there is none. Raises BranchTaken."""


class MemoryRows:
    """For tests, and for branch keys that live as long as the program."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], BranchRow] = {}
        self._lock = threading.Lock()

    def get(self, branch_key_id: str, kind: str) -> BranchRow | None:
        return self._rows.get((branch_key_id, kind))

    def put(self, rows: Sequence[BranchRow], instead_of: str | None) -> None:
        with self._lock:
            active = self.get(rows[0].id, ACTIVE)
            if (active.version if active else None) != instead_of:
                raise BranchTaken(rows[0].id)
            self._rows.update({(row.id, row.type): row for row in rows})
