"""ListSecretHolders: who may hold which version of a secret, and what keeps an old credential alive."""

from typing import Any

from keystead.explain.room import Explain
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.rotation import glances, holding
from keystead.rotation.consumers import Holder
from keystead.rotation.holding import Held
from keystead.rotation.overlap import Overlap
from keystead.rotation.run import Run
from keystead.secrets import names
from keystead.secrets.errors import SecretNotFound
from keystead.services.keystead.requests import given
from keystead.services.service import Answer


async def list_secret_holders(room: Explain, call: Call, *, secret_id: str) -> Answer:
    """Of a secret of the caller's account, in the Region of the call. `Looking`: who is connected with the current version is being
    looked at, and known better in a moment.
    """
    place = names.read(call, secret_id)
    secret = await room.secrets.reach(call, place)
    arn = secret.arn if secret is not None else place.arn
    authorize(call, "keystead:ListSecretHolders", arn, resource_account=place.account)
    if secret is None or secret.account != call.account:
        raise SecretNotFound
    async with room.database.read() as connection:
        found = await holding.view(connection, secret, room.clock())
    if found.stale:
        async with room.database.write(call.id, announced=False) as tx:
            await glances.want(tx, secret.id)
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "Versions": [version(one) for one in found.versions],
        "Looking": found.stale,
        **given(
            Overlap=overlapping(found.overlap) if found.overlap is not None else None,
            Rotation=rotating(found.run) if found.run is not None else None,
        ),
    }


def version(one: Held) -> dict[str, Any]:
    return {
        "VersionId": one.version,
        "VersionStages": list(one.stages),
        "CreatedDate": one.created_at,
        "Readers": [reader(holder) for holder in one.holders],
        "Sessions": [
            {"Address": each["address"], "Application": each["application"], "Connections": each["connections"]}
            for each in one.sessions
        ],
        **given(SessionsLookedAt=one.looked_at, SessionsError=one.error),
    }


def reader(holder: Holder) -> dict[str, Any]:
    return {
        "Principal": holder.reader.arn,
        "Address": holder.reader.address,
        "UserAgent": holder.reader.agent,
        "Refresh": holder.refresh.value,
        "LastRead": holder.read_at,
        **given(MayHoldUntil=holder.until),
    }


def overlapping(one: Overlap) -> dict[str, Any]:
    return {
        "OldVersionId": one.old_version,
        "Began": one.began_at,
        "Deadline": one.deadline,
        "Policy": one.policy,
        "EnforcedByServer": one.limited,
        "BlockedBy": blocked_by(one.blocked_by or {}),
        **given(LookedAt=one.looked_at, Ended=one.ended_at, Outcome=one.outcome),
    }


def blocked_by(found: dict[str, Any]) -> list[str]:
    """What keeps it, in words."""
    connections = sum(session["connections"] for session in found.get("sessions", ()))
    readers = len(found.get("readers", ()))
    said = [f"{readers} {'reader' if readers == 1 else 'readers'}"] if readers else []
    if connections:
        said.append(f"{connections} open {'connection' if connections == 1 else 'connections'}")
    said += [f"the log of node {node}, which is not indexed yet" for node in found.get("unread", ())]
    return said + ([f"error: {found['error']}"] if "error" in found else [])


def rotating(run: Run) -> dict[str, Any]:
    return {
        "State": run.state,
        "VersionId": run.token,
        "Attempt": run.attempt + 1,
        **given(Step=run.step, Error=run.error, NextAttempt=run.next_at),
    }
