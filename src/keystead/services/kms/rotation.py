"""Rotation."""

from collections.abc import Mapping
from typing import Any, Final

from keystead.access.request import Values
from keystead.identities.call import Call
from keystead.keys import rotation
from keystead.keys.changes import check_rotatable
from keystead.keys.key import State
from keystead.keys.pages import Pages
from keystead.keys.use import Keys

Answer = Mapping[str, Any]
PAGE: Final = 100
ALL_KEY_MATERIAL: Final = "ALL_KEY_MATERIAL"


async def enable_key_rotation(
    keys: Keys, call: Call, *, key_id: str, rotation_period_in_days: int | None = None
) -> None:
    asked: dict[str, Values] = {}
    if rotation_period_in_days is not None:
        asked["kms:rotationperiodindays"] = (str(rotation_period_in_days),)
    await rotation.enable(keys, call, key_id, rotation_period_in_days, asked)


async def disable_key_rotation(keys: Keys, call: Call, *, key_id: str) -> None:
    await rotation.disable(keys, call, key_id)


async def get_key_rotation_status(keys: Keys, call: Call, *, key_id: str) -> Answer:
    key = await keys.admit(call, "GetKeyRotationStatus", key_id)
    check_rotatable(key)
    period, next_at = key.rotation.period, key.rotation.next_at
    if period is None or next_at is None or key.state is State.PENDING_DELETION:
        return {"KeyId": key.arn, "KeyRotationEnabled": False}
    return {"KeyId": key.arn, "KeyRotationEnabled": True, "RotationPeriodInDays": period, "NextRotationDate": next_at}


async def rotate_key_on_demand(keys: Keys, call: Call, *, key_id: str) -> Answer:
    key = await rotation.on_demand(keys, call, key_id)
    return {"KeyId": key.arn}


async def list_key_rotations(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    include_key_material: str = "ROTATIONS_ONLY",
    limit: int = PAGE,
    marker: str | None = None,
) -> Answer:
    key = await keys.admit(call, "ListKeyRotations", key_id)
    check_rotatable(key)
    pages = Pages(keys.keyholder, call, key=key.id, include=include_key_material)
    after = await pages.place(marker, 0)
    numbered = list(enumerate(key.versions, 1))
    if include_key_material != ALL_KEY_MATERIAL:
        numbered = numbered[1:]
    rest = [(number, version) for number, version in numbered if number > after]
    answer: dict[str, Any] = {
        "Rotations": [entry(key.arn, version, current=number == len(key.versions)) for number, version in rest[:limit]],
        "Truncated": len(rest) > limit,
    }
    if len(rest) > limit:
        answer["NextMarker"] = await pages.marker(rest[limit - 1][0])
    return answer


def entry(key_arn: str, version: Any, *, current: bool) -> dict[str, Any]:
    """RotationsListEntry; the first material was not rotated to, and has neither date nor type."""
    found: dict[str, Any] = {
        "KeyId": key_arn,
        "KeyMaterialId": version.material.material_id,
        "KeyMaterialState": "CURRENT" if current else "NON_CURRENT",
    }
    if version.rotation_type is not None:
        found |= {"RotationDate": version.made_at, "RotationType": version.rotation_type}
    return found
