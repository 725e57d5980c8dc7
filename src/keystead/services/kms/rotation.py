"""Rotation."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from keystead.access.request import Values
from keystead.identities.call import Call
from keystead.keys import rotation
from keystead.keys.changes import check_rotatable
from keystead.keys.key import AWS_KMS, EXTERNAL, Key, State, Version
from keystead.keys.pages import Pages
from keystead.keys.use import Keys
from keystead.services.kms.answers import expiration

Answer = Mapping[str, Any]
PAGE: Final = 100
ALL_KEY_MATERIAL: Final = "ALL_KEY_MATERIAL"
CURRENT: Final = "CURRENT"
NON_CURRENT: Final = "NON_CURRENT"
PENDING_ROTATION: Final = "PENDING_ROTATION"
PENDING_IMPORTS: Final = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"


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
    check_rotatable(key, (AWS_KMS, EXTERNAL))
    pages = Pages(keys.keyholder, call, key=key.id, include=include_key_material)
    after = await pages.place(marker, 0)
    entries = list(enumerate(every_entry(key, everything=include_key_material == ALL_KEY_MATERIAL), 1))
    rest = [(number, entry) for number, entry in entries if number > after]
    answer: dict[str, Any] = {
        "Rotations": [entry for _, entry in rest[:limit]],
        "Truncated": len(rest) > limit,
    }
    if len(rest) > limit:
        answer["NextMarker"] = await pages.marker(rest[limit - 1][0])
    return answer


def every_entry(key: Key, *, everything: bool) -> Iterator[dict[str, Any]]:
    """What was rotated to; with `everything`, the first material and what waits for a rotation as well."""
    for number, version in enumerate(key.versions, 1):
        if everything or number > 1:
            yield entry(key, version, CURRENT if number == len(key.versions) else NON_CURRENT)
    if everything and key.pending is not None:
        yield entry(key, key.pending, PENDING_ROTATION if key.pending_everywhere else PENDING_IMPORTS)


def entry(key: Key, version: Version, state: str) -> dict[str, Any]:
    """RotationsListEntry; the first material and a pending one have neither date nor type of a rotation."""
    found: dict[str, Any] = {"KeyId": key.arn, "KeyMaterialId": version.id, "KeyMaterialState": state}
    if version.rotation_type is not None:
        found |= {"RotationDate": version.made_at, "RotationType": version.rotation_type}
    if key.origin != EXTERNAL:
        return found
    found["ImportState"] = "IMPORTED" if version.present else "PENDING_IMPORT"
    if version.present:
        found |= expiration(version.expires_at)
    if version.description is not None:
        found["KeyMaterialDescription"] = version.description
    return found
