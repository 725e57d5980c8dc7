"""The principals of an account as they are: read in a handful of queries, however many there are."""

from typing import Any

from sqlalchemy import Select, select

from keystead.database.engine import Connection
from keystead.explain.holders import Entity, Inline, Rows
from keystead.identities.store import entities as stored
from keystead.identities.store import managed
from keystead.identities.store.tables import attachments, entities, group_members, inline_policies, tags


async def rows(connection: Connection, account: str) -> Rows:
    found = Rows(account, tags={})
    mine = entities.c.account == account
    for row in await connection.execute(select(entities).where(mine)):
        one = stored.from_row(row)
        found.entities.append(Entity(one.id, one.kind, one.arn, one.boundary, row.trust, row.trust_ids))
    found.inline = [
        Inline(row.entity_id, row.name, row.text)
        for row in await connection.execute(of_account(select(inline_policies), inline_policies.c.entity_id, account))
    ]
    found.attached = [
        (row.entity_id, row.policy_arn)
        for row in await connection.execute(of_account(select(attachments), attachments.c.entity_id, account))
    ]
    found.members = [
        (row.user_id, row.group_id)
        for row in await connection.execute(of_account(select(group_members), group_members.c.user_id, account))
    ]
    wanted = {arn for _, arn in found.attached} | {one.boundary for one in found.entities if one.boundary is not None}
    found.texts = await managed.texts(connection, wanted)
    tagged: dict[str, dict[str, str]] = {}
    for row in await connection.execute(of_account(select(tags), tags.c.subject, account)):
        tagged.setdefault(row.subject, {})[row.folded] = row.value
    found.tags = tagged
    return found


def of_account(query: Select[Any], column: Any, account: str) -> Select[Any]:
    """Of the account's users, roles and groups, in the order they were made."""
    return query.join(entities, entities.c.id == column).where(entities.c.account == account)
