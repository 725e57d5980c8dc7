"""What rotation puts on the record, in the transaction in which it happens; and, where somebody wants to be told, on their way too.

AWS's names: RotationStarted, RotationSucceeded, RotationFailed, RotationAbandoned, TestRotationStarted, TestRotationSucceeded,
TestRotationFailed (Secrets Manager user guide, CloudTrail entries). Keystead's own: RotationCancelled, RotationStuck, OverlapEnded,
OverlapHeld.
"""

from typing import Final

from sqlalchemy import insert

from keystead.database.engine import Transaction
from keystead.rotation.run import Kind, Run
from keystead.rotation.store import notices
from keystead.trail import outbox
from keystead.trail.event import secret_event

OWN: Final = frozenset({"RotationCancelled", "RotationStuck", "OverlapEnded", "OverlapHeld"})


async def of_run(tx: Transaction, what: str, run: Run, *, error: str | None = None, told: bool = False) -> None:
    """`what`: Started, Succeeded, Failed, Abandoned, Cancelled, Stuck. `told`: a webhook wants to hear of it."""
    name = f"TestRotation{what}" if run.kind == Kind.test else f"Rotation{what}"
    details: dict[str, object] = {"runId": run.id, "function": run.function, "versionId": run.token, "kind": run.kind}
    if what == "Failed" and run.step is not None:
        text = f"Error when executing lambda {run.function} during {run.step} step"
        details |= {"step": run.step, "attempt": run.attempt + 1, "error": error}
        await put(tx, name, run.secret_arn, details, text, run=run.id, told=told)
        return
    await put(tx, name, run.secret_arn, details, run=run.id, told=told)


async def of_overlap(
    tx: Transaction, name: str, arn: str, old_version: str, *, outcome: str | None = None, told: bool = False
) -> None:
    details: dict[str, object] = {"versionId": old_version}
    if outcome is not None:
        details["outcome"] = outcome
    await put(tx, name, arn, details, told=told)


async def put(
    tx: Transaction,
    name: str,
    arn: str,
    details: dict[str, object],
    error: str | None = None,
    *,
    run: str | None = None,
    told: bool,
) -> None:
    event = secret_event(name, arn, at=tx.at, error=error, details=details, own=name in OWN, run=run)
    await outbox.put(tx, event)
    if told:
        await tx.execute(insert(notices).values(event=event, made_at=tx.at))
