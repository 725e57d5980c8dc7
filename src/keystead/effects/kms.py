"""Keys: the records that make and change them, and what the database shows of them.

kind          owner          part         value
key           ARN
key policy    ARN                         its text's digest
key material  key id         material id
key state     ARN                         Enabled, or what else; the database's is looked at only where a key can be used
grant         key ARN        grant id     grantee, operations, constraints, retiring principal, source
alias         alias ARN                   key id
principal     unique id      ARN          whose id a policy or grant takes it for

AWS managed keys are made on first use, in nobody's name: they must be exactly what Keystead makes of them (keys/managed.py), and
are looked at without records. Of asymmetric keys and HMAC keys the records do not name the first material. Not looked at: tags,
descriptions, custom key stores.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select

from keystead.database.engine import Connection
from keystead.effects.event import Event
from keystead.effects.ledger import Ledger
from keystead.effects.slots import UNKNOWN, Fact, Slot, canonical, digest
from keystead.keys import managed, policies
from keystead.keys.key import AWS_KMS, EXTERNAL, Manager, State, alias_arn, arn_of
from keystead.keys.store import aliases, grants, keys, materials

ENABLED: Final = State.ENABLED.value
SYMMETRIC: Final = "SYMMETRIC_DEFAULT"


def arn(event: Event) -> str:
    """Of the key; an alias's record has both."""
    return next((found for found in event.resources if ":key/" in found), "")


def bare(arn_: str) -> str:
    return arn_.rpartition("/")[2]


def created(event: Event, ledger: Ledger) -> None:
    """A replica's is in its Region too, and tells less than ReplicateKey's."""
    if event.forwarded and not event.response:
        return
    metadata = event.response.get("keyMetadata", {})
    text = event.text("policy")
    if text is None and "omitted" not in event.parameters:
        text = policies.default(event.account)
    made(ledger, metadata.get("arn") or arn(event), text, metadata)


def replicated(event: Event, ledger: Ledger) -> None:
    metadata = event.response.get("replicaKeyMetadata", {})
    made(ledger, metadata.get("arn", ""), event.response.get("replicaPolicy"), metadata)


def made(ledger: Ledger, key: str, policy: str | None, metadata: Mapping[str, Any]) -> None:
    ledger.put("key", key)
    ledger.put("key policy", key, value=digest(policy))
    ledger.put("key state", key, value=ENABLED)
    if material := metadata.get("currentKeyMaterialId"):
        ledger.put("key material", bare(key), material)


def deleted(event: Event, ledger: Ledger) -> None:
    ledger.gone("key", arn(event))
    ledger.end("grant", arn(event))


def policy_put(event: Event, ledger: Ledger) -> None:
    ledger.put("key policy", arn(event), value=digest(event.text("policy")))


def rotated(event: Event, ledger: Ledger) -> None:
    told = event.details.get("keyMaterialId") or event.additional.get("keyMaterialId")
    if told:
        ledger.put("key material", bare(arn(event)), told)


def imported(event: Event, ledger: Ledger) -> None:
    rotated(event, ledger)
    ledger.put("key state", arn(event), value=ENABLED)


def enabled(event: Event, ledger: Ledger) -> None:
    ledger.put("key state", arn(event), value=ENABLED)


def unusable(event: Event, ledger: Ledger) -> None:
    ledger.put("key state", arn(event), value=event.name)


def granted(event: Event, ledger: Ledger) -> None:
    told = event.parameters
    constraints = {name[:1].upper() + name[1:]: pairs for name, pairs in (told.get("constraints") or {}).items()}
    source = constraints.pop("SourceArn", None)
    value = grant_value(
        told.get("granteePrincipal"), told.get("operations") or (), constraints, told.get("retiringPrincipal"), source
    )
    ledger.put("grant", arn(event), event.response.get("grantId", ""), UNKNOWN if "omitted" in told else value)


def grant_value(grantee: Any, operations: Sequence[str], constraints: Any, retiring: Any, source: Any) -> str:
    return canonical([grantee, sorted(set(operations)), constraints, retiring, source])


def ended(event: Event, ledger: Ledger) -> None:
    grant = event.additional.get("grantId") or event.parameters.get("grantId")
    ledger.gone("grant", arn(event), grant or "")


def aliased(event: Event, ledger: Ledger) -> None:
    name = next((found for found in event.resources if ":alias/" in found), "")
    if event.name == "DeleteAlias":
        ledger.gone("alias", name)
    else:
        ledger.put("alias", name, value=bare(event.parameters.get("targetKeyId", UNKNOWN)))


TOLD: Final = {
    ("kms", "CreateKey"): created,
    ("kms", "ReplicateKey"): replicated,
    ("kms", "DeleteKey"): deleted,
    ("kms", "PutKeyPolicy"): policy_put,
    ("kms", "RotateKey"): rotated,
    ("kms", "RotateKeyOnDemand"): rotated,
    ("kms", "SynchronizeMultiRegionKey"): rotated,
    ("kms", "ImportKeyMaterial"): imported,
    ("kms", "EnableKey"): enabled,
    ("kms", "DisableKey"): unusable,
    ("kms", "ScheduleKeyDeletion"): unusable,
    ("kms", "CancelKeyDeletion"): unusable,
    ("kms", "CreateGrant"): granted,
    ("kms", "RetireGrant"): ended,
    ("kms", "RevokeGrant"): ended,
    ("kms", "CreateAlias"): aliased,
    ("kms", "UpdateAlias"): aliased,
    ("kms", "DeleteAlias"): aliased,
}


async def shown(connection: Connection) -> AsyncIterator[Fact | str]:
    """Facts, and what is wrong whatever the records say."""
    rows = list(await connection.execute(select(keys)))
    for row in rows:
        for one in of_managed(row) if row.manager == Manager.AWS.value else of_key(row):
            yield one
    async for fact in of_materials(connection, {row.id: row for row in rows if row.manager != Manager.AWS.value}):
        yield fact
    for row in await connection.execute(select(grants).where(grants.c.ended_at.is_(None))):
        for fact in of_grant(row):
            yield fact
    own = {(row.region, row.id) for row in rows if row.manager == Manager.AWS.value}
    for row in await connection.execute(select(aliases)):
        name = alias_arn(row.account, row.region, row.name)
        if not row.name.startswith(managed.PREFIX):
            yield Fact(Slot("alias", name), row.key_id, f"alias {name}", row.updated_at)
        elif (row.region, row.key_id) not in own:
            yield f"alias {name} leads to key {row.key_id}, which is not an AWS managed key"


def of_managed(row: Any) -> list[str]:
    if row.policy in {managed.policy(service, row.account, row.region) for service in managed.SERVICES}:
        return []
    key = arn_of(row.account, row.region, row.id)
    return [f"the policy of AWS managed key {key} is not the one that it is made with"]


def of_key(row: Any) -> list[Fact]:
    key = arn_of(row.account, row.region, row.id)
    what = f"the policy of key {key}"
    found = [
        Fact(Slot("key", key), "", f"key {key}", row.created_at),
        Fact(Slot("key policy", key), digest(row.policy), what),
        *principals(row.policy_ids, what),
    ]
    if row.state == ENABLED:
        found.append(Fact(Slot("key state", key), ENABLED, f"state Enabled of key {key}"))
    return found


async def of_materials(connection: Connection, of: Mapping[str, Any]) -> AsyncIterator[Fact]:
    """`of`: the customers' keys, by id."""
    for row in await connection.execute(select(materials).where(materials.c.token.is_not(None))):
        key = of.get(row.key_id)
        named = key is not None and (key.origin == EXTERNAL or (key.origin, key.spec) == (AWS_KMS, SYMMETRIC))
        if row.version > 1 or named:
            what = f"material {row.material_id} of key {row.key_id} in {row.region}"
            yield Fact(Slot("key material", row.key_id, row.material_id), "", what, row.made_at)


def of_grant(row: Any) -> list[Fact]:
    key = arn_of(row.key_account, row.region, row.key_id)
    what = f"grant {row.id} to {row.grantee} on {key}"
    value = grant_value(row.grantee, row.operations, row.constraints, row.retiring, row.source_arn)
    found = [Fact(Slot("grant", key, row.id), value, what, row.created_at)]
    for arn_, id_ in ((row.grantee, row.grantee_id), (row.retiring, row.retiring_id)):
        if arn_ and id_:
            found += principals({arn_: id_}, what)
    return found


def principals(ids: Mapping[str, str] | None, what: str) -> list[Fact]:
    """The ids that a policy or grant takes the ARNs in it for."""
    return [
        Fact(Slot("principal", id_, arn_), "", f"{id_}, which {what} takes {arn_} for,")
        for arn_, id_ in (ids or {}).items()
    ]
