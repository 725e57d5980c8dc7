"""Aliases."""

from collections.abc import Mapping
from typing import Any, Final

from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keys import aliasing
from keystead.keys.conditions import KeyContext
from keystead.keys.key import alias_arn
from keystead.keys.pages import Pages
from keystead.keys.use import Keys
from keystead.services.kms.limits import within

PAGE: Final = 50
MOST: Final = 100


async def create_alias(keys: Keys, call: Call, *, alias_name: str, target_key_id: str) -> None:
    await aliasing.create(keys, call, alias_name, target_key_id)


async def update_alias(keys: Keys, call: Call, *, alias_name: str, target_key_id: str) -> None:
    await aliasing.move(keys, call, alias_name, target_key_id)


async def delete_alias(keys: Keys, call: Call, *, alias_name: str) -> None:
    await aliasing.remove(keys, call, alias_name)


async def list_aliases(
    keys: Keys, call: Call, *, key_id: str | None = None, limit: int = PAGE, marker: str | None = None
) -> Mapping[str, Any]:
    authorize(call, "kms:ListAliases", extra=KeyContext(call, None))
    within(limit, MOST)
    wanted = (await keys.find(call, "ListAliases", key_id)).id if key_id is not None else None
    pages = Pages(keys.keyholder, call, key=wanted)
    found = await aliasing.page(keys, call, wanted, await pages.place(marker, ""), limit)
    answer: dict[str, Any] = {
        "Aliases": [
            {
                "AliasName": alias.name,
                "AliasArn": alias_arn(call.account, call.region, alias.name),
                "TargetKeyId": alias.key_id,
                "CreationDate": alias.created_at,
                "LastUpdatedDate": alias.updated_at,
            }
            for alias in found[:limit]
        ],
        "Truncated": len(found) > limit,
    }
    if len(found) > limit:
        answer["NextMarker"] = await pages.marker(found[limit - 1].name)
    return answer
