"""Keys and secrets as they were at a moment: their policies and grants by history; their tags, of the past, are not known."""

from collections.abc import Sequence

from sqlalchemy import or_, select

from keystead.access.policy import Policy
from keystead.database.engine import Connection
from keystead.explain.subjects import Keyed
from keystead.identities.store.tables import policy_history as identity_history
from keystead.keys import records
from keystead.keys.key import Key
from keystead.keys.store import grants, policy_history
from keystead.secrets.records import compiled
from keystead.secrets.secret import Secret
from keystead.secrets.store import policy_history as secret_history


async def keyed_at(connection: Connection, key: Key, at: float) -> Keyed | None:
    """None for a key that was not there yet."""
    mine = (policy_history.c.region == key.region) & (policy_history.c.key_id == key.id) & (policy_history.c.at <= at)
    newest = select(policy_history).where(mine).order_by(policy_history.c.seq.desc()).limit(1)
    row = (await connection.execute(newest)).first()
    if row is None or row.policy is None:
        return None
    ended = or_(grants.c.ended_at.is_(None), grants.c.ended_at > at)
    living = select(grants).filter_by(region=key.region, key_id=key.id).where(grants.c.created_at <= at, ended)
    given = tuple(records.grant_of(one) for one in await connection.execute(living.order_by(grants.c.created_at)))
    return Keyed(key, records.compiled(row.policy, row.policy_ids), given, None)


async def secret_policy_at(connection: Connection, secret: Secret, at: float) -> Policy | None:
    table = secret_history
    mine = select(table).where(table.c.secret_arn == secret.arn, table.c.at <= at)
    row = (await connection.execute(mine.order_by(table.c.seq.desc()).limit(1))).first()
    return compiled(row.policy, row.policy_ids) if row is not None and row.policy is not None else None


async def changes(connection: Connection, account: str, keys: Sequence[Key], since: float, until: float) -> list[float]:
    """When anything about who may what changed in between, and the beginning."""
    found = {since}
    queries = [select(identity_history.c.at).where(identity_history.c.account == account)]
    queries.append(select(policy_history.c.at).where(policy_history.c.key_id.in_([key.id for key in keys])))
    queries.append(
        select(secret_history.c.at).where(secret_history.c.secret_arn.like(f"arn:aws:secretsmanager:%:{account}:%"))
    )
    mine = grants.c.key_account == account
    queries += [select(grants.c.created_at).where(mine), select(grants.c.ended_at).where(mine)]
    for query in queries:
        column = query.selected_columns[0]
        found |= {row[0] for row in await connection.execute(query.where(column > since, column <= until))}
    return sorted(found)
