"""ListPrincipalsWithAccess: who can decrypt under a key of the caller's account, or read a secret of its."""

from typing import Any, Final

from keystead.explain.room import Explain
from keystead.explain.rows import Row
from keystead.explain.whocan import who_can_decrypt, who_can_read
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.secrets import names
from keystead.secrets.errors import SecretNotFound
from keystead.secrets.secret import Secret
from keystead.services.service import Answer

NAME: Final = "ListPrincipalsWithAccess"
READ: Final = "read"


async def list_principals_with_access(room: Explain, call: Call, *, resource_id: str, access: str) -> Answer:
    if access == READ:
        rows = await who_can_read(room, await secret_of(room, call, NAME, resource_id))
    else:
        key = await room.keys.find(call, NAME, resource_id, aliases=True)
        authorize(call, f"keystead:{NAME}", key.arn, resource_account=key.account)
        rows = await who_can_decrypt(room, key)
    return {"Paths": [shown(row) for row in rows]}


async def secret_of(room: Explain, call: Call, operation: str, named: str) -> Secret:
    """One of the caller's account, once it may ask. Raises AccessDenied, NameInvalid, SecretNotFound."""
    place = names.read(call, named)
    found = await room.secrets.reach(call, place)
    authorize(
        call, f"keystead:{operation}", found.arn if found is not None else place.arn, resource_account=place.account
    )
    if found is None or found.account != call.account:
        raise SecretNotFound
    return found


def shown(row: Row) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Principal": row.principal,
        "Path": row.path,
        "Kind": row.kind,
        "Conditions": list(row.conditions),
    }
    return made | ({"LastUsed": row.last_used} if row.last_used is not None else {})
