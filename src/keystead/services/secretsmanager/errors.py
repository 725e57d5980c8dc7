"""How Secrets Manager names what went wrong: one table (recorded answers; what is not recorded has our text)."""

from typing import Final

from keystead.access.errors import AccessDenied, PolicyMalformed
from keystead.database.errors import DatabaseLost
from keystead.identities.errors import SessionForbidden
from keystead.keyholder.errors import KeyholderLost
from keystead.keys.errors import MarkerInvalid
from keystead.rotation.errors import WishUnknown
from keystead.secrets import errors
from keystead.services.service import Table

NAME: Final = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
CANNOT_SEAL: Final = (
    "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key is "
    "available, enabled, and not in an invalid state."
)
CANNOT_OPEN: Final = "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
REMOVAL: Final = (
    "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version {version}, "
    "so you must explicitly reference that version in RemoveFromVersionId."
)
MARKED: Final = "You can't perform this operation on the secret because it was marked for deletion."
NAME_MARKED: Final = "You can't create this secret because a secret with this name is already scheduled for deletion."
NO_REQUEST: Final = "You must provide a ClientRequestToken value. We recommend a UUID-type value."
OTHER_VALUE: Final = (
    "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}."
)
REPLICA: Final = "Operation not permitted on a replica secret. Call must be made in primary secret's {place}."
INVOKE: Final = (
    "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the "
    "principal secretsmanager.amazonaws.com."
)

ERRORS: Final[Table] = {
    #  what happened            code                                 text; None sends none
    AccessDenied:              ("AccessDeniedException",            "{text}"),
    SessionForbidden:          ("AccessDeniedException",            None),
    errors.KeyDenied:          ("AccessDeniedException",            "Access to KMS is not allowed"),
    errors.RotationDenied:     ("AccessDeniedException",            INVOKE),
    errors.NameInvalid:        ("ValidationException",              NAME),
    errors.SecretNotFound:     ("ResourceNotFoundException",        "Secrets Manager can't find the specified secret."),
    errors.StageNotFound:      ("ResourceNotFoundException",        "Secrets Manager can't find the specified secret value for staging label: {stage}"),
    errors.VersionNotFound:    ("ResourceNotFoundException",        "Secrets Manager can't find the specified secret value for VersionId: {version}"),
    errors.PolicyNameUnknown:  ("ResourceNotFoundException",        "Secrets Manager can't find the resource policy {name}."),
    errors.StageMismatch:      ("InvalidRequestException",          "You provided a VersionStage that is not associated to the provided VersionId."),
    errors.SecretMarked:       ("InvalidRequestException",          MARKED),
    errors.NameMarked:         ("InvalidRequestException",          NAME_MARKED),
    errors.TokenMissing:       ("InvalidRequestException",          NO_REQUEST),
    errors.RotationTokenMissing: ("InvalidParameterException",      NO_REQUEST),
    errors.RequestWrong:       ("InvalidRequestException",          "{text}"),
    errors.ParameterWrong:     ("InvalidParameterException",        "{text}"),
    errors.RemovalMissing:     ("InvalidParameterException",        REMOVAL),
    errors.ReplicaRefuses:     ("InvalidParameterException",        REPLICA),
    WishUnknown:               ("InvalidParameterException",        "{text}"),
    errors.LimitReached:       ("LimitExceededException",           "{text}"),
    errors.NameTaken:          ("ResourceExistsException",          "The operation failed because the secret {name} already exists."),
    errors.TokenTaken:         ("ResourceExistsException",          OTHER_VALUE),
    errors.SealingFailed:      ("EncryptionFailure",                CANNOT_SEAL),
    errors.OpeningFailed:      ("DecryptionFailure",                CANNOT_OPEN),
    MarkerInvalid:             ("InvalidNextTokenException",        "The NextToken value is invalid."),
    errors.PolicyPublic:       ("PublicPolicyException",            "The resource policy grants broad access to the secret, which BlockPublicPolicy doesn't allow."),
    PolicyMalformed:           ("MalformedPolicyDocumentException", "{text}"),
    KeyholderLost:             ("InternalServiceError",             None),
    DatabaseLost:              ("InternalServiceError",             None),
}  # fmt: skip  # a table


def worded(error: Exception) -> tuple[str, str | None]:
    """(code, text) of an error that is in the table. Raises StopIteration."""
    code, text = next(ERRORS[kind] for kind in type(error).__mro__ if kind in ERRORS)
    return code, text and text.format_map(vars(error))
