"""What was allowed, and from when: the rows that answer "who could at time T". Append only."""

import json
from collections.abc import Mapping

from sqlalchemy import insert

from keystead.database.engine import Transaction
from keystead.identities.store.tables import policy_history


async def note(tx: Transaction, account: str, subject: str, kind: str, name: str, value: str | None) -> None:
    """From now on `name` among the subject's `kind` is `value`; None: it is gone. The kinds are in tables.py."""
    row = {"at": tx.at, "because": tx.because, "account": account, "subject": subject}
    await tx.execute(insert(policy_history).values(**row, kind=kind, name=name, value=value))


async def note_trust(tx: Transaction, account: str, role: str, text: str, ids: Mapping[str, str]) -> None:
    """From now on these users and roles, under the ids that they have now, are whom a role trusts."""
    await note(tx, account, role, "trust", "", text)
    await note(tx, account, role, "trust-ids", "", json.dumps(dict(ids)))
