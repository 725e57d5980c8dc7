"""The principals of an account as they were at a moment, from the history of policies: its newest rows until then.

Tags have no history, and are not known of the past. Whom a role trusted by unique id is known from when that was first kept;
before, from the role as it is now.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from keystead.database.engine import Connection
from keystead.explain.holders import Entity, Inline, Rows
from keystead.identities import aws_managed
from keystead.identities.store.tables import entities, policy_history

Kept = dict[tuple[str, str, str], str]
"""(subject, kind, name) to value."""
KINDS = {"AIDA": "user", "AROA": "role", "AGPA": "group"}


async def rows(connection: Connection, account: str, at: float) -> Rows:
    kept = await history(connection, account, at)
    trusted = {
        row.id: row.trust_ids
        for row in await connection.execute(select(entities.c.id, entities.c.trust_ids).filter_by(account=account))
    }
    found = Rows(account, tags=None, texts=dict(aws_managed.TEXTS))
    for (subject, kind, name), value in kept.items():
        if kind == "inline":
            found.inline.append(Inline(subject, name, value))
        elif kind == "attached":
            found.attached.append((subject, value))
        elif kind == "group":
            found.members.append((subject, value))
        elif kind == "entity" and subject[:4] in KINDS:
            found.entities.append(entity(kept, trusted, subject, value))
        elif kind == "entity":
            version = kept.get((subject, "default", ""), "")
            found.texts[value] = kept.get((subject, "version", version), "")
    found.texts = {arn: text for arn, text in found.texts.items() if text}
    return found


async def history(connection: Connection, account: str, at: float) -> Kept:
    """What was in force."""
    kept: Kept = {}
    table = policy_history
    wanted = select(table.c.subject, table.c.kind, table.c.name, table.c.value)
    ordered = wanted.where(table.c.account == account, table.c.at <= at).order_by(table.c.seq)
    for subject, kind, name, value in await connection.execute(ordered):
        if value is None:
            kept.pop((subject, kind, name), None)
        else:
            kept[subject, kind, name] = value
    return kept


def entity(kept: Kept, trusted: Mapping[str, Any], subject: str, arn: str) -> Entity:
    ids = kept.get((subject, "trust-ids", ""))
    return Entity(
        subject,
        KINDS[subject[:4]],
        arn,
        kept.get((subject, "boundary", "")),
        kept.get((subject, "trust", "")),
        json.loads(ids) if ids is not None else trusted.get(subject) or {},
    )
