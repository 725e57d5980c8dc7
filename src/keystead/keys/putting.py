"""Putting a key policy in the place of the one before."""

from collections.abc import Mapping

from keystead.access.request import Values
from keystead.identities.call import Call
from keystead.keys import policies
from keystead.keys.changes import admitted, again, change
from keystead.keys.making import note_policy
from keystead.keys.use import Keys


async def put(room: Keys, call: Call, named: str, text: str, *, bypass: bool, asked: Mapping[str, Values]) -> None:
    """Raises PolicyMalformed, PolicyTooLarge, LockedOut."""
    key = await admitted(room, call, "PutKeyPolicy", named, asked)
    checked = await policies.check(room.identities, text, room.quotas.policy_bytes)
    if not bypass:
        policies.check_lockout(call, key, checked.policy, asked)
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "PutKeyPolicy")
        await change(tx, now, policy=checked.text, policy_ids=dict(checked.ids))
        await note_policy(tx, key.region, key.id, checked.text, checked.ids)
