"""What CloudTrail says when something is wrong: the one table from error to code and text. Texts are ours."""

from typing import Final

from keystead.access.errors import AccessDenied
from keystead.database.errors import DatabaseLost
from keystead.identities.errors import SessionForbidden
from keystead.keyholder.errors import KeyholderLost
from keystead.services.service import Table
from keystead.trail import lookup

UNFORESEEN: Final = "InternalFailure"
"""Of the errors common to all services (CloudTrail API reference, Common Errors)."""

ERRORS: Final[Table] = {
    #  what happened               code                                text
    AccessDenied:              ("AccessDeniedException",            "{text}"),
    SessionForbidden:          ("AccessDeniedException",            None),
    lookup.AttributeInvalid:   ("InvalidLookupAttributesException", "Give one lookup attribute; ReadOnly is true or false."),
    lookup.TimeRangeInvalid:   ("InvalidTimeRangeException",        "The start time must not be after the end time."),
    lookup.PageSizeInvalid:    ("InvalidMaxResultsException",       "MaxResults must be between 1 and 50."),
    lookup.TokenInvalid:       ("InvalidNextTokenException",        "The token is not one of this lookup."),
    lookup.IndexBehind:        ("ThrottlingException",              "The index of the trail is behind. Try again."),  # clients do
    KeyholderLost:             (UNFORESEEN,                         None),
    DatabaseLost:              (UNFORESEEN,                         None),
}  # fmt: skip  # a table
