"""Key policies."""

from collections.abc import Mapping
from typing import Any

from keystead.access.policy import Kind, shown
from keystead.access.request import Values
from keystead.identities.call import Call
from keystead.keys import policies, putting
from keystead.keys.errors import ParameterWrong
from keystead.keys.use import Keys
from keystead.services.policy_warnings import warn


async def get_key_policy(
    keys: Keys, call: Call, *, key_id: str, policy_name: str = policies.DEFAULT
) -> Mapping[str, Any]:
    key = await keys.admit(call, "GetKeyPolicy", key_id, asked={"kms:policyname": (policy_name,)})
    policies.check_name(policy_name, writing=False)
    living = await keys.identities.living(key.policy_ids)
    text = shown(key.policy_text, key.policy_ids, living.__contains__)
    return {"Policy": text, "PolicyName": policy_name}


async def put_key_policy(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    policy: str,
    policy_name: str = policies.DEFAULT,
    bypass_policy_lockout_safety_check: bool | None = None,
) -> None:
    asked: dict[str, Values] = {"kms:policyname": (policy_name,)}
    if bypass_policy_lockout_safety_check is not None:
        asked["kms:bypasspolicylockoutsafetycheck"] = (str(bypass_policy_lockout_safety_check).lower(),)
    policies.check_name(policy_name, writing=True)
    await putting.put(keys, call, key_id, policy, bypass=bool(bypass_policy_lockout_safety_check), asked=asked)
    warn(call, policy, Kind.KEY)


async def list_key_policies(
    keys: Keys, call: Call, *, key_id: str, limit: int = 100, marker: str | None = None
) -> Mapping[str, Any]:
    await keys.admit(call, "ListKeyPolicies", key_id)
    if marker is not None:
        raise ParameterWrong("The marker is not one of this listing, which has one page.")
    return {"PolicyNames": [policies.DEFAULT][:limit], "Truncated": False}
