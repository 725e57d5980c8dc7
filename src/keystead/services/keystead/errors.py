"""What the own service says when something is wrong: the one table from error to code and text."""

from typing import Final

from keystead.access.errors import AccessDenied
from keystead.database.errors import DatabaseLost
from keystead.explain import errors
from keystead.identities.errors import SessionForbidden
from keystead.keyholder.errors import KeyholderLost
from keystead.keys import errors as keys
from keystead.secrets import errors as secrets
from keystead.services.service import Table
from keystead.trail import lookup

UNFORESEEN: Final = "InternalFailure"

ERRORS: Final[Table] = {
    #  what happened          code                          text
    AccessDenied:            ("AccessDeniedException",     "{text}"),
    SessionForbidden:        ("AccessDeniedException",     None),
    keys.KeyNotFound:         ("ResourceNotFoundException", "Key '{arn}' does not exist"),
    keys.AliasNotFound:       ("ResourceNotFoundException", "Alias {arn} is not found."),
    keys.KeyIdMalformed:      ("ValidationException",       "Invalid keyId '{named}'"),
    keys.ArnElsewhere:        ("ValidationException",       "Invalid arn {what}"),
    secrets.SecretNotFound:   ("ResourceNotFoundException", "There is no such secret."),
    secrets.NameInvalid:      ("ValidationException",       "That is no name or ARN of a secret."),
    errors.PrincipalElsewhere: ("ValidationException",      "That is no user or role of this account."),
    errors.TimesReversed:     ("ValidationException",       "The end must not come before the beginning."),
    errors.NothingToRead:     ("ResourceNotFoundException", "{arn} has no current value, or its key is gone."),
    errors.RequestUnknown:   ("ResourceNotFoundException", "The trail has no request {request_id} of the last 90 days."),
    lookup.IndexBehind:      ("ThrottlingException",       "The index of the trail is behind. Try again."),  # clients do
    KeyholderLost:           (UNFORESEEN,                  None),
    DatabaseLost:            (UNFORESEEN,                  None),
}  # fmt: skip  # a table
