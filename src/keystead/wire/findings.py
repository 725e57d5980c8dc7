"""What a failed authentication is called: one table from finding to code and status, per protocol."""

from typing import Final

from keystead.wire.errors import Refused

CODES: Final = {
    #  finding            json 1.1, always 400                        query                                 source: recorded AWS answers
    "wrong":           {"json": ("InvalidSignatureException", 400), "query": ("SignatureDoesNotMatch", 403)},
    "skewed":          {"json": ("InvalidSignatureException", 400), "query": ("SignatureDoesNotMatch", 403)},
    "malformed":       {"json": ("IncompleteSignatureException", 400), "query": ("IncompleteSignature", 400)},
    "missing":         {"json": ("MissingAuthenticationTokenException", 400), "query": ("MissingAuthenticationToken", 403)},
    "unknown_key":     {"json": ("UnrecognizedClientException", 400), "query": ("InvalidClientTokenId", 403)},
    "expired_token":   {"json": ("ExpiredTokenException", 400), "query": ("ExpiredToken", 403)},
    "wrong_signature": {"json": ("InvalidSignatureException", 400), "query": ("SignatureDoesNotMatch", 403)},
}  # fmt: skip  # a table
OF_S3: Final = {
    #  finding            rest-xml                                    source: S3 API reference, Error responses
    "wrong":           ("SignatureDoesNotMatch", 403),
    "skewed":          ("RequestTimeTooSkewed", 403),
    "malformed":       ("AuthorizationHeaderMalformed", 400),
    "missing":         ("AccessDenied", 403),
    "unknown_key":     ("InvalidAccessKeyId", 403),
    "expired_token":   ("ExpiredToken", 400),
    "wrong_signature": ("SignatureDoesNotMatch", 403),
}  # fmt: skip  # a table
FORBIDDEN: Final = 403
"""REST-JSON has the names of JSON 1.1, with this status (recorded AWS answers)."""
TEXTS: Final = {
    "missing": "Request is missing Authentication Token",
    "unknown_key": "The security token included in the request is invalid.",
    "expired_token": "The security token included in the request is expired",
    "wrong_signature": "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details.",
}


def refusal(finding: str, protocol: str, text: str | None = None) -> Refused:
    """What to answer for a finding of the table, in the names of the protocol."""
    if protocol == "rest-json":
        return Refused(CODES[finding]["json"][0], text or TEXTS.get(finding), FORBIDDEN)
    code, status = OF_S3[finding] if protocol == "rest-xml" else CODES[finding][protocol]
    return Refused(code, text or TEXTS.get(finding), status)
