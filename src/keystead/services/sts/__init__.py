"""AWS STS: temporary credentials, and the answer to "who am I"."""

from typing import Final

from keystead.identities.room import Identities
from keystead.services.service import Function, Service
from keystead.services.sts.errors import TABLE
from keystead.services.sts.federation import get_federation_token
from keystead.services.sts.operations import (
    assume_role,
    decode_authorization_message,
    get_access_key_info,
    get_caller_identity,
    get_session_token,
)
from keystead.services.sts.web_identity import assume_role_with_web_identity

NO_MFA: Final = "there are no MFA devices"
NO_SIZES: Final = "session tokens are opaque and of one size"

OPERATIONS: Final[tuple[Function, ...]] = (
    get_caller_identity,
    get_access_key_info,
    decode_authorization_message,
    assume_role,
    assume_role_with_web_identity,
    get_session_token,
    get_federation_token,
)

REFUSED: Final = {
    "AssumeRoleWithSAML": "there is no sign-in through SAML providers",
    "AssumeRoot": "there is no organisation above the accounts",
    "GetDelegatedAccessToken": "there are no delegation requests",
    "GetWebIdentityToken": "no tokens for other systems are issued",
    "AssumeRole.SerialNumber": NO_MFA,
    "AssumeRole.TokenCode": NO_MFA,
    "AssumeRole.ProvidedContexts": "there are no context providers",
    "AssumeRole.MinimumSessionTokenSize": NO_SIZES,
    "AssumeRoleWithWebIdentity.ProviderId": "there is no sign-in with tokens of OAuth 2.0",
    "AssumeRoleWithWebIdentity.MinimumSessionTokenSize": NO_SIZES,
    "GetFederationToken.MinimumSessionTokenSize": NO_SIZES,
    "GetSessionToken.SerialNumber": NO_MFA,
    "GetSessionToken.TokenCode": NO_MFA,
    "GetSessionToken.MinimumSessionTokenSize": NO_SIZES,
}

EXEMPT: Final = frozenset(("GetCallerIdentity", "GetSessionToken"))
"""AWS lets no policy govern these two."""


def service(identities: Identities) -> Service:
    return Service(
        name="sts",
        room=identities,
        operations=OPERATIONS,
        errors=TABLE,
        unforeseen="InternalFailure",
        exempt=EXEMPT,
        refused=REFUSED,
    )
