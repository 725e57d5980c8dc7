"""CreateKey's way: who may, with which policy, and then the key."""

import uuid
from collections.abc import Mapping
from dataclasses import replace

from keystead.access.request import Values
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keys import placing, policies
from keystead.keys.conditions import KeyContext, of_tags
from keystead.keys.key import Key
from keystead.keys.making import Plan
from keystead.keys.use import RESOURCE, Keys


async def create(
    room: Keys,
    call: Call,
    *,
    spec: str,
    usage: str,
    policy: str | None,
    description: str,
    origin: str,
    multi_region: bool,
    tags: Mapping[str, str],
    bypass: bool,
    asked: Mapping[str, Values],
    store_id: str | None = None,
    external_key_id: str | None = None,
) -> Key:
    """Raises PolicyMalformed, PolicyTooLarge, LockedOut, and what keys.placing raises.

    A default policy is not checked for lockout, as in AWS.
    """
    context = KeyContext(call, None, asked={**asked, **of_tags(tags)})
    authorize(call, "kms:CreateKey", resource_account=call.account, extra=context)
    if tags:
        authorize(call, "kms:TagResource", resource_account=call.account, extra=context)
    checked = await policies.check(room.identities, policy or policies.default(call.account), room.quotas.policy_bytes)
    plan = Plan(
        call.account,
        call.region,
        checked,
        room.clock(),
        spec=spec,
        usage=usage,
        origin=origin,
        description=description,
        tags=tags,
    )
    if multi_region:
        plan = replace(plan, primary_region=call.region, id=f"mrk-{uuid.uuid4().hex}")
    if policy is not None and not bypass:
        policies.check_lockout(call, plan.key(), checked.policy, asked)
    if store_id is not None:
        plan = await placing.placed(room, call, plan, store_id, external_key_id)
    key = await placing.make(room, call, plan, plan.key_store) if plan.key_store else await room.make(call, plan)
    call.notes.resource(key.account, RESOURCE, key.arn)
    return key
