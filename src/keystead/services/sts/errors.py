"""What STS says when something is wrong: the one table from error to code and text.

Texts are recorded AWS answers unless marked (ours).
"""

from keystead.access.errors import AccessDenied, PolicyMalformed
from keystead.database.errors import DatabaseLost
from keystead.identities import errors
from keystead.keyholder.errors import KeyholderLost
from keystead.services.service import Table


class AccessKeyUnknown(Exception):
    """There is no access key of that id, long-term or temporary."""


class MessageInvalid(Exception):
    """An encoded authorization message that was not issued here."""


TOO_MANY = (
    "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: "
    "Member must have length less than or equal to 10"
)

NO_KEYS = (
    "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)

TABLE: Table = {
    AccessDenied: ("AccessDenied", "{text}"),
    PolicyMalformed: ("MalformedPolicyDocument", "{text}"),
    errors.DurationTooLong: (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    ),
    errors.ChainTooLong: (
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    ),
    errors.SessionTooLarge: (
        "PackedPolicyTooLarge",
        "Packed policy consumes {percent}% of allotted space, please use smaller policy.",
    ),
    errors.TooManyPolicies: ("ValidationError", TOO_MANY),  # ours, in the words of other constraints
    errors.PolicyNotAttachable: ("ValidationError", "Policy {arn} does not exist or is not attachable."),  # ours
    errors.DuplicateTags: (
        "ValidationError",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    ),
    errors.TagRefused: ("ValidationError", "Tag keys that begin with aws: are reserved for system use."),  # ours
    errors.TagNotTransitive: ("ValidationError", "The transitive tag key {key} is not among the tags."),  # ours
    errors.TagInherited: (
        "ValidationError",
        "The tag {key} came along the chain of roles and cannot be changed.",  # ours
    ),
    errors.EntityNotFound: ("AccessDenied", None),  # the user or role went while the session was being made
    errors.ProviderUnknown: ("InvalidIdentityToken", "No OpenIDConnect provider found in your account for {issuer}"),
    errors.IssuerUnreachable: ("IDPCommunicationError", NO_KEYS),
    errors.KeysNotFound: ("InvalidIdentityToken", NO_KEYS),
    errors.SignatureWrong: (
        "InvalidIdentityToken",
        "The signature of the provided token could not be verified.",
    ),  # ours
    errors.TokenInvalid: ("InvalidIdentityToken", "The ID Token provided is not a valid JWT."),
    errors.TokenExpired: (
        "ExpiredTokenException",
        "Token expired: current date/time {now} must be before the expiration date/time {expires}",
    ),
    errors.AudienceWrong: ("InvalidIdentityToken", "Incorrect token audience"),
    AccessKeyUnknown: ("ValidationError", "There is no access key of that id."),  # ours: AWS reads the id alone
    MessageInvalid: ("InvalidAuthorizationMessageException", "Message is not valid"),  # ours
    errors.SessionForbidden: ("AccessDenied", "Cannot call this operation with session credentials"),  # ours
    KeyholderLost: ("ServiceUnavailable", None),
    DatabaseLost: ("ServiceUnavailable", None),
}
