"""What IAM Roles Anywhere says when something is wrong: the one table from error to code and text.

Texts are ours unless marked: few of AWS's are recorded.
"""

from keystead.access.errors import AccessDenied, PolicyMalformed
from keystead.identities import errors
from keystead.identities.certificates import CertificateRefused
from keystead.keyholder.errors import KeyholderLost
from keystead.services.service import Table


class InputRefused(Exception):
    """Something that the model takes and this service does not."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class SignInRefused(Exception):
    """Whoever comes with a certificate may not have the session it asks for. The text may be told."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


TABLE: Table = {
    AccessDenied: ("AccessDeniedException", "{text}"),
    SignInRefused: ("AccessDeniedException", "{text}"),
    CertificateRefused: ("ValidationException", "{text}"),
    InputRefused: ("ValidationException", "{text}"),
    PolicyMalformed: ("ValidationException", "{text}"),
    errors.SessionForbidden: ("AccessDeniedException", "Cannot call this operation with session credentials"),
    errors.ObjectNotFound: ("ResourceNotFoundException", "{name} was not found."),
    errors.EntityNotFound: ("ValidationException", "The {kind} with name {name} cannot be found."),
    errors.PolicyNotAttachable: ("ValidationException", "Policy {arn} does not exist or is not attachable."),
    errors.QuotaExceeded: ("ValidationException", "Cannot exceed quota for {quota}: {limit}"),
    errors.DuplicateTags: ("ValidationException", "Duplicate tag keys found."),
    errors.TagRefused: ("ValidationException", "Tag keys that begin with aws: are reserved for system use."),
    errors.MarkerInvalid: ("ValidationException", "Invalid nextToken."),
    errors.DurationTooLong: (
        "ValidationException",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",  # as STS says
    ),
    errors.SessionTooLarge: (
        "ValidationException",
        "Packed policy consumes {percent}% of allotted space, please use smaller policy.",  # as STS says
    ),
    errors.TooManyPolicies: ("ValidationException", "A session may have 10 managed policies."),
    KeyholderLost: ("ServiceUnavailableException", None),
}
