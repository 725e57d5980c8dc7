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


class CannotBeSwitchedOff(Exception):
    """Somebody asks for the end of logging."""


class NameInvalid(Exception):
    """No trail can have that name."""


class ArnInvalid(Exception):
    """Not the ARN of a trail."""


class TokenReserved(Exception):
    """A page that was never offered."""


class TrailNotFound(Exception):
    """There is one trail, and it is not the one asked for."""

    def __init__(self, named: str) -> None:
        super().__init__(named)
        self.named = named


ERRORS: Final[Table] = {
    #  what happened               code                                text
    AccessDenied:              ("AccessDeniedException",            "{text}"),
    SessionForbidden:          ("AccessDeniedException",            None),
    lookup.AttributeInvalid:   ("InvalidLookupAttributesException", "Give one lookup attribute; ReadOnly is true or false."),
    lookup.TimeRangeInvalid:   ("InvalidTimeRangeException",        "The start time must not be after the end time."),
    lookup.PageSizeInvalid:    ("InvalidMaxResultsException",       "MaxResults must be between 1 and 50."),
    lookup.TokenInvalid:       ("InvalidNextTokenException",        "The token is not one of this lookup."),
    CannotBeSwitchedOff:       ("OperationNotPermittedException",   "Logging cannot be switched off: the trail covers every call, always."),
    NameInvalid:               ("InvalidTrailNameException",        "The trail name is not valid."),
    ArnInvalid:                ("CloudTrailARNInvalidException",    "The ARN is not that of a trail."),
    TokenReserved:             ("InvalidTokenException",            "There are no further pages."),
    TrailNotFound:             ("TrailNotFoundException",           "Unknown trail: {named}"),
    lookup.IndexBehind:        ("ThrottlingException",              "The index of the trail is behind. Try again."),  # clients do
    KeyholderLost:             (UNFORESEEN,                         None),
    DatabaseLost:              (UNFORESEEN,                         None),
}  # fmt: skip  # a table
