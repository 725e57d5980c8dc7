"""Codes that every AWS service sends and no model lists, where their status is not 400."""

from typing import Final

STATUSES: Final = {
    #  code                            status         source: IAM API reference, Common Errors; recorded AWS answers
    "AccessDenied":                    403,
    "ExpiredToken":                    403,
    "InvalidClientTokenId":            403,
    "MissingAuthenticationToken":      403,
    "SignatureDoesNotMatch":           403,
    "RequestEntityTooLargeException":  413,
    "InternalFailure":                 500,
    "ServiceUnavailable":              503,
    "ServiceUnavailableException":     503,
}  # fmt: skip  # a table


def status_of(code: str) -> int:
    """Of a code that the service's model does not know."""
    return STATUSES.get(code, 400)
