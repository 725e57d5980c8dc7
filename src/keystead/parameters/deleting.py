"""The end of a parameter: asked for, or because it has expired; and what is said of parameters before and instead.

    policy                   when it is due                                   event
    Expiration               the parameter goes, and everything of it         ParameterExpired
    ExpirationNotification   it is said once                                  ParameterExpirationNotification
    NoChangeNotification     it is said once; a change of the value sets it   ParameterNoChangeNotification

Nothing is kept of a parameter: its name is free at once. Each effect is one transaction with its event (trail.outbox), and may be
run again. Source: Systems Manager user guide, parameter policies; AWS tells of them in EventBridge, we in the trail.
"""

from typing import Final

from sqlalchemy import select, update

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.parameters import putting, records, sharing
from keystead.parameters.errors import ParameterNotFound
from keystead.parameters.parameter import Enforced, Parameter
from keystead.parameters.policies import EXPIRATION, FINISHED
from keystead.parameters.room import Parameters
from keystead.parameters.store import KIND, enforced
from keystead.trail import outbox
from keystead.trail.event import parameter_event

EXPIRED: Final = "ParameterExpired"
SAID: Final = {
    "ExpirationNotification": "ParameterExpirationNotification",
    "NoChangeNotification": "ParameterNoChangeNotification",
}
AT_ONCE: Final = 500


async def delete(room: Parameters, call: Call, parameter: Parameter) -> None:
    """THE CALLER HAS BEEN ADMITTED. Raises ParameterNotFound when somebody was here first."""
    async with room.database.write(call.id) as tx:
        now = await records.load(tx.connection, parameter.id)
        if now is None:
            raise ParameterNotFound
        await drop(tx, now)


async def drop(tx: Transaction, now: Parameter) -> None:
    if now.policy_text is not None:
        await sharing.note(tx, now.arn, None, {})
    await putting.remove(tx, now)


async def enforce_due(room: Parameters, now: float) -> list[str]:
    """Do what parameter policies ask for by `now`; the ARNs of the parameters that have gone."""
    gone: list[str] = []
    while True:
        async with room.database.read() as connection:
            query = select(enforced.c.parameter_id).where(enforced.c.due_at <= now).distinct()
            ids = [row.parameter_id for row in await connection.execute(query.limit(AT_ONCE))]
        for parameter_id in ids:
            gone += await enforce(room, parameter_id, now)
        if len(ids) < AT_ONCE:
            return gone


async def enforce(room: Parameters, parameter_id: int, now: float) -> list[str]:
    async with room.database.write("parameter policies", announced=False) as tx:
        parameter = await records.load(tx.connection, parameter_id)
        if parameter is None:
            return []
        due = [one for one in parameter.enforced if one.due_at is not None and one.due_at <= now]
        expired = any(one.type == EXPIRATION for one in due)
        for place, one in enumerate(parameter.enforced):
            if one in due and one.type != EXPIRATION:
                await say(tx, parameter, place, one)
        if expired:
            await outbox.put(
                tx, parameter_event(EXPIRED, parameter.arn, at=tx.at, details=details(parameter, EXPIRATION))
            )
            await drop(tx, parameter)
        return [parameter.arn] if expired else []


async def say(tx: Transaction, parameter: Parameter, place: int, one: Enforced) -> None:
    event = parameter_event(SAID[one.type], parameter.arn, at=tx.at, details=details(parameter, one.type))
    await outbox.put(tx, event)
    this = (enforced.c.parameter_id == parameter.id) & (enforced.c.place == place)
    await tx.execute(update(enforced).where(this).values(status=FINISHED, due_at=None))
    tx.changed(KIND, str(parameter.id))


def details(parameter: Parameter, policy: str) -> dict[str, object]:
    """The members of AWS's event: Parameter Store Policy Action."""
    return {
        "parameter-name": parameter.shown,
        "parameter-type": parameter.latest.type,
        "policy-type": policy,
        "action-status": "Success",
    }
