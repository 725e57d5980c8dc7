"""Making secrets: the record, the first version, tags and words, in one transaction.

1. decide about a secret that does not exist yet     3. may the caller use the key? seal the value
2. the name: free, or this very call's repetition    4. the transaction, which looks at the name again
"""

import secrets as randomness
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import insert

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.secrets import finding, names, putting, records, sealing, writing
from keystead.secrets.errors import NameMarked, NameTaken, SecretNotFound, TokenTaken
from keystead.secrets.room import Secrets
from keystead.secrets.secret import CURRENT, Link, Sealed, Secret, Value
from keystead.secrets.store import KIND, REPLICA, secrets

WAITING: Final = "Pending"
"""For the primary's account to associate the replica."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A secret that is about to be made; `value` of None makes one without a version.

    primary  ARN of a secret of another account, of which it is to be a replica
    """

    name: str
    token: str
    value: Value | None
    description: str | None = None
    key: str | None = None
    type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    primary: str | None = None


async def create(room: Secrets, call: Call, plan: Plan) -> tuple[Secret, str | None]:
    """The secret, and the id of its version. THE CALLER HAS DECIDED.

    Raises NameTaken, NameMarked, TokenTaken, ParameterWrong, KeyDenied, SealingFailed.
    """
    there = await room.known.named(names.Named(call.account, call.region, plan.name, None))
    if there is not None:
        return await repeated(room, call, there, plan)  # 2
    made = draft(room, call, plan)
    if made.follows:
        sealing.check_named(made)
    key = await sealing.probe(room.keys, call, made)  # 3
    if made.follows:
        sealing.check_customers(key)
    sealed = None
    if plan.value is not None:
        sealed = await sealing.seal(room.keys, call, made, plan.token, plan.value)
    async with room.database.write(call.id) as tx:  # 4
        found = await records.find(tx.connection, made.account, made.region, made.name)
        if found is None:
            made = await insert_secret(tx, made, plan.token, sealed)
    if found is not None:
        there = await room.known.secret(found)
        if there is None:
            raise SecretNotFound
        return await repeated(room, call, there, plan)
    return made, plan.token if sealed is not None else None


async def repeated(room: Secrets, call: Call, there: Secret, plan: Plan) -> tuple[Secret, str | None]:
    """The name is taken; that is well only when this very call took it (Secrets Manager API reference, ClientRequestToken)."""
    if there.deleted_at is not None:
        raise NameMarked
    async with room.database.read() as connection:
        version = await records.version(connection, there.id, plan.token)
    if version is None or version.sealed is None:
        raise NameTaken(plan.name)
    if plan.value is None:
        raise TokenTaken(plan.token, there.arn)
    await putting.is_written(room, call, there, plan.token, plan.value)
    return there, plan.token


def draft(room: Secrets, call: Call, plan: Plan) -> Secret:
    """As it will be, but for its id."""
    now = room.clock()
    return Secret(
        id=0,
        account=call.account,
        region=call.region,
        name=plan.name,
        suffix=new_suffix(),
        created_at=now,
        changed_at=now,
        description=plan.description,
        key=plan.key,
        type=plan.type,
        labels={CURRENT: plan.token} if plan.value is not None else {},
        tags=plan.tags or None,
        link=None if plan.primary is None else Link(replica=True, arn=plan.primary, status=WAITING),
    )


def new_suffix() -> str:
    return "".join(randomness.choice(names.SUFFIX) for _ in range(names.SUFFIX_LENGTH))


async def insert_secret(tx: Transaction, made: Secret, token: str, sealed: Sealed | None, **more: Any) -> Secret:
    """The secret with its id. `more`: columns that only replicas and the like have."""
    done = await tx.execute(insert(secrets).values(**row_of(made), **more))
    secret_id = done.inserted_primary_key[0]  # type: ignore[index]  # one row was inserted
    made = replace(made, id=secret_id, created_at=tx.at, changed_at=tx.at)
    if sealed is not None:
        await writing.insert_version(tx, made.id, token, sealed)
        await writing.store_labels(tx, made.id, {}, made.labels)
    await writing.insert_tags(tx, made.id, made.tags or {})
    await finding.store_words(tx, made)
    tx.changed(KIND, str(made.id))
    return made


def row_of(made: Secret) -> dict[str, Any]:
    return {
        "account": made.account,
        "region": made.region,
        "name": made.name,
        "suffix": made.suffix,
        "description": made.description,
        "key": made.key,
        "type": made.type,
        "policy": made.policy_text,
        "policy_ids": dict(made.policy_ids),
        "tagged": made.tags is not None,
        "accessed_on": 0.0,
        "created_at": made.created_at,
        "changed_at": made.changed_at,
        **({} if made.link is None else link_row(made.link)),
    }


def link_row(link: Link) -> dict[str, str]:
    """Of a replica that is not associated yet."""
    return {"linked_as": REPLICA, "linked_arn": link.arn, "link_status": link.status}
