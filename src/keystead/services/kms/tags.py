"""Tags."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keystead.identities.call import Call
from keystead.keys import tags
from keystead.keys.pages import Pages
from keystead.keys.use import Keys
from keystead.services.kms.limits import within

MOST: Final = 50


async def tag_resource(keys: Keys, call: Call, *, key_id: str, tags: Sequence[Mapping[str, str]]) -> None:
    await put(keys, call, key_id, tags)


async def put(keys: Keys, call: Call, named: str, listed: Sequence[Mapping[str, str]]) -> None:
    await tags.put(keys, call, named, tags.check(listed))


async def untag_resource(keys: Keys, call: Call, *, key_id: str, tag_keys: Sequence[str]) -> None:
    await tags.remove(keys, call, key_id, tag_keys)


async def list_resource_tags(
    keys: Keys, call: Call, *, key_id: str, limit: int = MOST, marker: str | None = None
) -> Mapping[str, Any]:
    within(limit, MOST)
    key = await keys.admit(call, "ListResourceTags", key_id)
    pages = Pages(keys.keyholder, call, key=key.id)
    after = await pages.place(marker, "")
    rest = sorted(item for item in key.tags.items() if item[0] > after)
    answer: dict[str, Any] = {
        "Tags": [{"TagKey": name, "TagValue": value} for name, value in rest[:limit]],
        "Truncated": len(rest) > limit,
    }
    if len(rest) > limit:
        answer["NextMarker"] = await pages.marker(rest[limit - 1][0])
    return answer
