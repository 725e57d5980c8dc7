"""When a secret is due: its rules laid out as the next window, kept beside the secret and shown as its NextRotationDate."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, insert, select

from keystead.database.engine import Connection, Transaction
from keystead.rotation import schedule
from keystead.rotation.schedule import Schedule, Window
from keystead.rotation.store import schedules
from keystead.secrets.secret import Secret
from keystead.secrets.writing import touch

MEMBERS: Final = {
    "AutomaticallyAfterDays": "after_days",
    "ScheduleExpression": "expression",
    "Duration": "duration",
}


def read(rules: Mapping[str, Any] | None) -> Schedule | None:
    """None where no rules are given. Raises ScheduleInvalid."""
    given = {MEMBERS[name]: value for name, value in (rules or {}).items() if value is not None}
    return schedule.read(**given) if given else None


async def plan(tx: Transaction, secret: Secret, *, last: float, rules_set_at: float, **columns: Any) -> Window | None:
    """The next window of the secret's rules after its last rotation, stored; None without rules. `columns` of the secret go along."""
    rules = columns.get("rotation_rules", secret.rotation.rules)
    enabled = columns.get("rotation_enabled", secret.rotation.enabled)
    found = read(rules) if enabled else None
    window = found.window(last=last, since=rules_set_at, now=tx.at) if found is not None else None
    await keep(tx, secret.id, rules_set_at, secret.arn, window)
    shown = window.closes - 1 if window is not None else None
    await touch(tx, secret, rotation_next_at=shown, **columns)
    return window


async def keep(tx: Transaction, secret_id: int, rules_set_at: float, arn: str, window: Window | None) -> None:
    await tx.execute(delete(schedules).where(schedules.c.secret_id == secret_id))
    if window is not None:
        due = {"due_at": max(window.moment(arn), window.opens), "closes_at": window.closes}
        await tx.execute(insert(schedules).values(secret_id=secret_id, since=rules_set_at, **due))


class Planned(NamedTuple):
    """since  when the rules that count were set"""

    since: float
    due_at: float
    closes_at: float


async def planned(connection: Connection, secret_id: int) -> Planned | None:
    this = select(schedules.c.since, schedules.c.due_at, schedules.c.closes_at).where(
        schedules.c.secret_id == secret_id
    )
    row = (await connection.execute(this)).first()
    return Planned(*row) if row is not None else None


async def pass_on(tx: Transaction, secret: Secret, before: Planned) -> Window | None:
    """To the window after the one that was planned. What is shown as NextRotationDate stays until a rotation succeeds: it tells
    that one is late (DescribeSecret's model).
    """
    rules = read(secret.rotation.rules) if secret.rotation.enabled else None
    last = max(secret.rotation.last_at or 0.0, before.since)
    after = max(before.closes_at, tx.at)
    window = rules.window(last=last, since=before.since, now=after) if rules is not None else None
    await keep(tx, secret.id, before.since, secret.arn, window)
    return window


async def due(connection: Connection, now: float, limit: int) -> list[int]:
    """Ids of secrets whose time has come, the longest overdue first."""
    these = select(schedules.c.secret_id).where(schedules.c.due_at <= now).order_by(schedules.c.due_at).limit(limit)
    return [row.secret_id for row in await connection.execute(these)]
