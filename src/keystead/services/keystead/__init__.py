"""Keystead's own operations: what no service of AWS answers. They read, and change nothing."""

from typing import Final

from keystead.explain.room import Explain
from keystead.services.keystead.access import list_principals_with_access
from keystead.services.keystead.changes import list_changed_versions
from keystead.services.keystead.errors import ERRORS, UNFORESEEN
from keystead.services.keystead.exposure import get_key_blast_radius, get_principal_blast_radius, list_overdue
from keystead.services.keystead.holders import list_secret_holders
from keystead.services.keystead.refused import REFUSED
from keystead.services.keystead.requests import explain_request
from keystead.services.service import Function, Service

__all__ = ["OPERATIONS", "REFUSED", "service"]

OPERATIONS: Final[tuple[Function, ...]] = (
    explain_request,
    list_principals_with_access,
    get_key_blast_radius,
    get_principal_blast_radius,
    list_overdue,
    list_secret_holders,
    list_changed_versions,
)


def service(room: Explain) -> Service:
    return Service(
        name="keystead",
        room=room,
        operations=OPERATIONS,
        errors=ERRORS,
        unforeseen=UNFORESEEN,
        refused=REFUSED,
    )
