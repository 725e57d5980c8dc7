"""Multi-Region keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from keystead.access.request import Values
from keystead.identities.call import Call
from keystead.keys import replicas
from keystead.keys import tags as key_tags
from keystead.keys.conditions import truth
from keystead.keys.use import Keys
from keystead.services.kms.answers import key_metadata

Answer = Mapping[str, Any]


async def replicate_key(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    replica_region: str,
    policy: str | None = None,
    bypass_policy_lockout_safety_check: bool | None = None,
    description: str = "",
    tags: Sequence[Mapping[str, str]] = (),
) -> Answer:
    asked: dict[str, Values] = {"kms:replicaregion": (replica_region,)}
    primary = await replicas.admitted(keys, call, "ReplicateKey", key_id, asked)
    replicas.check_region(keys, replica_region)
    if bypass_policy_lockout_safety_check is not None:
        asked["kms:bypasspolicylockoutsafetycheck"] = truth(bypass_policy_lockout_safety_check)
    replica = await replicas.replicate(
        keys,
        call,
        primary,
        replica_region,
        policy=policy,
        description=description,
        tags=key_tags.check(tags),
        bypass=bool(bypass_policy_lockout_safety_check),
        asked=asked,
    )
    return {
        "ReplicaKeyMetadata": key_metadata(replica),
        "ReplicaPolicy": replica.policy_text,
        "ReplicaTags": [{"TagKey": name, "TagValue": value} for name, value in replica.tags.items()],
    }


async def update_primary_region(keys: Keys, call: Call, *, key_id: str, primary_region: str) -> None:
    asked: dict[str, Values] = {"kms:primaryregion": (primary_region,)}
    primary = await replicas.admitted(keys, call, "UpdatePrimaryRegion", key_id, asked)
    await replicas.move_primary(keys, call, primary, primary_region, asked)
