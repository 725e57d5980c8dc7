"""Making a customer managed key."""

from collections.abc import Mapping

from keystead.access.request import Values
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keys import policies
from keystead.keys.conditions import KeyContext, of_tags
from keystead.keys.key import Key, Manager
from keystead.keys.use import RESOURCE, Keys, record_of


async def create(
    room: Keys,
    call: Call,
    *,
    policy: str | None,
    description: str,
    tags: Mapping[str, str],
    bypass: bool,
    asked: Mapping[str, Values],
) -> Key:
    """Raises PolicyMalformed, PolicyTooLarge, LockedOut. A default policy is not checked for lockout, as in AWS."""
    context = KeyContext(call, None, asked={**asked, **of_tags(tags)})
    authorize(call, "kms:CreateKey", resource_account=call.account, extra=context)
    if tags:
        authorize(call, "kms:TagResource", resource_account=call.account, extra=context)
    checked = await policies.check(room.identities, policy or policies.default(call.account))
    record = record_of(
        call.account,
        call.region,
        manager=Manager.CUSTOMER,
        description=description,
        policy=checked.text,
        policy_ids=checked.ids,
        now=room.clock(),
    )
    if policy is not None and not bypass:
        policies.check_lockout(
            call, f"arn:aws:kms:{call.region}:{call.account}:key/{record['id']}", None, checked.policy, asked
        )
    key = await room.make(call, record, tags)
    call.notes.resource(key.account, RESOURCE, key.arn)
    return key
