"""What the own service says when something is wrong: the one table from error to code and text."""

from typing import Final

from keystead.access.errors import AccessDenied
from keystead.database.errors import DatabaseLost
from keystead.explain import errors
from keystead.identities.errors import SessionForbidden
from keystead.keyholder.errors import KeyholderLost
from keystead.services.service import Table
from keystead.trail import lookup

UNFORESEEN: Final = "InternalFailure"

ERRORS: Final[Table] = {
    #  what happened          code                          text
    AccessDenied:            ("AccessDeniedException",     "{text}"),
    SessionForbidden:        ("AccessDeniedException",     None),
    errors.RequestUnknown:   ("ResourceNotFoundException", "The trail has no request {request_id} of the last 90 days."),
    lookup.IndexBehind:      ("ThrottlingException",       "The index of the trail is behind. Try again."),  # clients do
    KeyholderLost:           (UNFORESEEN,                  None),
    DatabaseLost:            (UNFORESEEN,                  None),
}  # fmt: skip  # a table
