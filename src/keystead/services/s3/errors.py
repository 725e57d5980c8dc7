"""What S3 says when something is wrong: the one table from error to code and text (S3 API reference, Error responses)."""

from typing import Final

from keystead.access.errors import AccessDenied
from keystead.identities.errors import SessionForbidden
from keystead.services.service import Table
from keystead.trail.bucket import BucketLost, ObjectMissing

UNFORESEEN: Final = "InternalError"


class NoSuchBucket(Exception):
    """There is one bucket, and it is not the one asked for."""


class Unchanged(Exception):
    """The caller has it already, by the tag or time it gave."""


class ConditionFailed(Exception):
    """It is not the one that the caller wants, by the tag or time it gave."""


class RangeInvalid(Exception):
    """It ends before the range begins."""


class TokenInvalid(Exception):
    """A continuation token that was not given out here."""


ERRORS: Final[Table] = {
    #  what happened      code                    text
    AccessDenied:       ("AccessDenied",         "{text}"),
    SessionForbidden:   ("AccessDenied",         "Access Denied"),
    NoSuchBucket:       ("NoSuchBucket",         "The specified bucket does not exist"),
    ObjectMissing:      ("NoSuchKey",            "The specified key does not exist."),
    Unchanged:          ("NotModified",          None),
    ConditionFailed:    ("PreconditionFailed",   "At least one of the pre-conditions you specified did not hold"),
    RangeInvalid:       ("InvalidRange",         "The requested range is not satisfiable"),
    TokenInvalid:       ("InvalidArgument",      "The continuation token provided is incorrect"),
    BucketLost:         ("ServiceUnavailable",   "The bucket cannot be reached just now. Please retry."),
}  # fmt: skip  # a table
