"""Replication to other Regions, and to another account."""

from collections.abc import Mapping, Sequence
from typing import Any

from keystead.identities.call import Call
from keystead.secrets import accounts, names, replication
from keystead.secrets.conditions import asking
from keystead.secrets.errors import ParameterWrong
from keystead.secrets.replication import Wanted
from keystead.secrets.room import Secrets
from keystead.secrets.secret import Secret
from keystead.services.secretsmanager.answers import replica_list

Answer = Mapping[str, Any]
Regions = Sequence[Mapping[str, str]]


def wanted_of(given: Regions) -> list[Wanted]:
    """Raises ParameterWrong."""
    if not all(one.get("Region") for one in given):
        raise ParameterWrong("A replica must have a Region.")
    return [Wanted(one["Region"], one.get("KmsKeyId") or None) for one in given]


def regions_asked(given: Regions, force: bool | None) -> dict[str, tuple[str, ...]]:
    named = tuple(one.get("Region", "") for one in given)
    return asking(ForceOverwriteReplicaSecret=force) | ({"secretsmanager:addreplicaregions": named} if named else {})


async def replicate_secret_to_regions(
    room: Secrets,
    call: Call,
    *,
    secret_id: str,
    add_replica_regions: Regions,
    force_overwrite_replica_secret: bool | None = None,
) -> Answer:
    asked = regions_asked(add_replica_regions, force_overwrite_replica_secret)
    secret = await room.admit(call, "ReplicateSecretToRegions", secret_id, asked=asked)
    force = bool(force_overwrite_replica_secret)
    await replication.replicate(room, call, secret, wanted_of(add_replica_regions), force=force)
    return await status(room, secret)


async def remove_regions_from_replication(
    room: Secrets, call: Call, *, secret_id: str, remove_replica_regions: Sequence[str]
) -> Answer:
    secret = await room.admit(call, "RemoveRegionsFromReplication", secret_id)
    await replication.remove(room, call, secret, remove_replica_regions)
    return await status(room, secret)


async def stop_replication_to_replica(room: Secrets, call: Call, *, secret_id: str) -> Answer:
    secret = await room.admit(call, "StopReplicationToReplica", secret_id)
    if secret.follows:
        room.decide(call, "DeleteResourcePolicy", names.read(call, secret_id), secret_id, secret, accounts.POLICY_ASKED)
        await accounts.stop(room, call, secret)
    else:
        await replication.stop(room, call, secret)
    return {"ARN": secret.arn}


async def associate_cross_account_replica(
    room: Secrets,
    call: Call,
    *,
    secret_id: str,
    cross_account_replica_arn: str,
    replica_restriction: str = "SameOrg",  # noqa: ARG001  # see below
    replication_role_arn: str | None = None,
) -> Answer:
    """The accounts of a house have one keeper, and count as one organization: either restriction is met by each of them."""
    secret = await room.admit(call, "AssociateCrossAccountReplica", secret_id)
    now = await accounts.associate(room, call, secret, cross_account_replica_arn, replication_role_arn)
    status = None if now.link is None else now.link.status
    return linked(secret, cross_account_replica_arn) | ({} if status is None else {"ReplicationStatus": status})


async def disassociate_cross_account_replica(
    room: Secrets, call: Call, *, secret_id: str, cross_account_replica_arn: str
) -> Answer:
    secret = await room.admit(call, "DisassociateCrossAccountReplica", secret_id)
    await accounts.disassociate(room, call, secret, cross_account_replica_arn)
    return linked(secret, cross_account_replica_arn)


def linked(secret: Secret, replica_arn: str) -> dict[str, str]:
    return {"ARN": secret.arn, "CrossAccountReplicaARN": replica_arn}


async def status(room: Secrets, secret: Secret) -> Answer:
    """As it is now."""
    now = await room.known.secret(secret.id) or secret
    return {"ARN": now.arn, "ReplicationStatus": replica_list(now)}
