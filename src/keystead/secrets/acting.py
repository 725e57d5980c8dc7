"""In whose name a copy of a secret is written: the caller's; of a replica in another account, the role's that was given for it."""

from typing import Final

from keystead.access.errors import AccessDenied
from keystead.identities import passing
from keystead.identities.call import Call
from keystead.secrets.errors import KeyDenied
from keystead.secrets.room import Secrets
from keystead.secrets.secret import Secret

SERVICE: Final = "secretsmanager.amazonaws.com"
SESSION: Final = "SecretsManagerReplication"


async def for_copy(room: Secrets, call: Call, primary: Secret, copy: Secret) -> Call:
    """Raises KeyDenied when the role is gone, or does not trust Secrets Manager."""
    role = primary.link.role if primary.link is not None and copy.follows else None
    return call if role is None else await as_role(room, call, primary, role)


async def as_role(room: Secrets, call: Call, primary: Secret, role: str) -> Call:
    """As `for_copy`, of a role that is not kept yet."""
    source = passing.Source(SERVICE, primary.account, primary.arn)
    try:
        return await passing.assume(room.identities, call, source, role, SESSION)
    except AccessDenied:
        raise KeyDenied from None
