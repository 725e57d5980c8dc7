"""Codes that every AWS service sends and no model lists, where their status is not 400."""

from typing import Final

STATUSES: Final = {
    #  code                            status         source: IAM API reference, Common Errors; S3 API reference, Error responses; recorded AWS answers
    "AccessDenied":                    403,
    "ExpiredToken":                    403,
    "InvalidClientTokenId":            403,
    "MissingAuthenticationToken":      403,
    "SignatureDoesNotMatch":           403,
    "RequestEntityTooLargeException":  413,
    "InvalidAccessKeyId":              403,
    "MethodNotAllowed":                405,
    "PreconditionFailed":              412,
    "InvalidRange":                    416,
    "NotModified":                     304,
    "RequestTimeTooSkewed":            403,
    "InternalError":                   500,
    "InternalFailure":                 500,
    "NotImplemented":                  501,
    "ServiceUnavailable":              503,
    "ServiceUnavailableException":     503,
}  # fmt: skip  # a table


def status_of(code: str) -> int:
    """Of a code that the service's model does not know."""
    return STATUSES.get(code, 400)
