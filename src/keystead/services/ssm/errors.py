"""How Systems Manager names what went wrong: one table (SSM API reference, and texts recorded from AWS)."""

from typing import Final

from keystead.access.errors import AccessDenied, PolicyMalformed
from keystead.database.errors import DatabaseLost
from keystead.identities.errors import SessionForbidden
from keystead.keyholder.errors import KeyholderLost
from keystead.keys.errors import MarkerInvalid
from keystead.parameters import errors
from keystead.services.service import Table

EXISTS: Final = (
    "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
)
NO_VERSION: Final = "Systems Manager could not find version {version} of {name}. Verify the version and try again."
OLDEST: Final = (
    "You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. Version "
    "{version}, the oldest version, can't be deleted because it has a label associated with it. Move the label to another "
    "version of the parameter, and try again."
)
REFERENCE: Final = "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {secret} not found."

ERRORS: Final[Table] = {
    #  what happened                code                                        text; None sends none
    AccessDenied:                  ("AccessDeniedException", "{text}"),
    SessionForbidden:              ("AccessDeniedException", None),
    errors.KeyDenied:              ("AccessDeniedException", "{text}"),
    errors.NameReserved:           ("AccessDeniedException", "No access to reserved parameter name: {name}."),
    errors.KeyRefused:             ("InvalidKeyId", "{text}"),
    errors.RequestWrong:           ("ValidationException", "{text}"),
    errors.ParameterNotFound:      ("ParameterNotFound", None),
    errors.ReferenceNotFound:      ("ParameterNotFound", REFERENCE),
    errors.VersionNotFound:        ("ParameterVersionNotFound", NO_VERSION),
    errors.ParameterExists:        ("ParameterAlreadyExists", EXISTS),
    errors.TooDeep:                ("HierarchyLevelLimitExceededException", "A parameter hierarchy can have at most {levels} levels."),
    errors.TypeFixed:              ("HierarchyTypeMismatchException", "Parameter Store doesn't support changing a parameter type in a hierarchy: create a new parameter instead."),
    errors.TooMany:                ("ParameterLimitExceeded", "An account can have at most {limit} parameters of this tier in each Region."),
    errors.OldestLabelled:         ("ParameterMaxVersionLimitExceeded", OLDEST),
    errors.TooManyLabels:          ("ParameterVersionLabelLimitExceeded", "A parameter version can have maximum {limit} labels. Move one or more labels to another version and try again."),
    errors.UpdatedMeanwhile:       ("TooManyUpdates", "There are concurrent updates for a resource that supports one update at a time."),
    errors.PatternInvalid:         ("InvalidAllowedPatternException", "{text}"),
    errors.PatternMismatch:        ("ParameterPatternMismatchException", "{text}"),
    errors.TooManyPolicies:        ("PoliciesLimitExceededException", "{text}"),
    errors.PolicyTypeUnknown:      ("InvalidPolicyTypeException", "{text}"),
    errors.PolicyAttributeWrong:   ("InvalidPolicyAttributeException", "{text}"),
    errors.PoliciesIncompatible:   ("IncompatiblePolicyException", "{text}"),
    errors.FilterKeyInvalid:       ("InvalidFilterKey", "{text}"),
    errors.FilterOptionInvalid:    ("InvalidFilterOption", "{text}"),
    errors.FilterValueInvalid:     ("InvalidFilterValue", "{text}"),
    MarkerInvalid:                 ("InvalidNextToken", "The specified token isn't valid."),
    errors.TaggedNotFound:         ("InvalidResourceId", None),
    errors.TaggedTypeWrong:        ("InvalidResourceType", None),
    errors.TooManyTags:            ("TooManyTagsError", None),
    errors.SettingNotFound:        ("ServiceSettingNotFound", "{text}"),
    errors.ShareNotFound:          ("ResourceNotFoundException", "{text}"),
    errors.SharingWrong:           ("ResourcePolicyInvalidParameterException", "{text}"),
    errors.SharingLimit:           ("ResourcePolicyLimitExceededException", "{text}"),
    errors.SharingConflict:        ("ResourcePolicyConflictException", "{text}"),
    errors.SharedPolicyNotFound:   ("ResourcePolicyNotFoundException", "{text}"),
    PolicyMalformed:               ("MalformedResourcePolicyDocumentException", "{text}"),
    KeyholderLost:                 ("InternalServerError", None),
    DatabaseLost:                  ("InternalServerError", None),
}  # fmt: skip  # a table
