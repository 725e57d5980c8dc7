"""Replicas in another account: associated, disassociated, and let go (Secrets Manager user guide, cross-account replication).

    replica's account    CreateSecret with CrossAccountPrimaryARN     Pending, without a value
    primary's account    AssociateCrossAccountReplica                 InSync, and follows (copying)
    primary's account    DisassociateCrossAccountReplica              Detached; still a replica, and associated again at will
    replica's account    StopReplicationToReplica                     a secret of its own; the primary says Detached

Both ends lie in the same database, and change in one transaction. That a replica names its primary is its account's consent, which
the managed policy puts into words; what the primary's account needs besides is kms:Encrypt with the replica's key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import update

from keystead.database.engine import Transaction
from keystead.identities import passing
from keystead.identities.call import Call
from keystead.secrets import acting, copying, managed, names, records, sealing
from keystead.secrets.conditions import CURRENT_ASKED, Asked
from keystead.secrets.copying import IN_SYNC
from keystead.secrets.errors import LimitReached, OpeningFailed, ParameterWrong, RequestWrong, SealingFailed
from keystead.secrets.room import SERVICE, Secrets, again
from keystead.secrets.secret import Sealed, Secret
from keystead.secrets.store import KIND, PRIMARY, secrets
from keystead.trail.event import id_at

ASSOCIATE: Final = "AssociateCrossAccountReplica"
DISASSOCIATE: Final = "DisassociateCrossAccountReplica"
STOP: Final = "StopReplicationToReplica"
DETACHED: Final = "Detached"
NOT_LINKED: Final = {
    "linked_as": None,
    "linked_arn": None,
    "linked_id": None,
    "linked_role": None,
    "link_status": None,
    "link_message": None,
}


def check_arn(call: Call, arn: str, role: str) -> names.Named:
    """Of the other end, whose `role` is primary or replica. Raises ParameterWrong."""
    found = names.ARN.fullmatch(arn)
    whole = names.WHOLE.fullmatch(found[4]) if found is not None else None
    if found is None or whole is None or found[1] != call.partition or not names.NAME.fullmatch(found[4]):
        raise ParameterWrong(f"The ARN of the {role} secret must be the complete ARN of a secret in this partition.")
    if found[2] != call.region:
        raise ParameterWrong(f"The {role} secret must be in the same Region.")
    if found[3] == call.account:
        raise ParameterWrong(f"The {role} secret must be in another account.")
    return names.Named(found[3], found[2], whole[1], whole[2])


def check_owner(call: Call, secret: Secret) -> None:
    """Raises RequestWrong."""
    if secret.account != call.account:
        raise RequestWrong("You must call this operation from the account that owns the secret.")


@dataclass(frozen=True, slots=True)
class Pair:
    """The two ends of what is asked; `role` is the one that is to replicate."""

    primary: Secret
    replica: Secret
    role: str | None


async def associate(room: Secrets, call: Call, primary: Secret, replica_arn: str, role: str | None) -> Secret:
    """The primary, as it is then. Where anything fails, neither end is changed. THE CALLER HAS BEEN ADMITTED to the primary.

    1. the caller may read the primary, and pass the role      4. the value of every label opens, and is sealed for the replica
    2. the replica lets the primary's account in               5. in one transaction: both ends, versions and labels
    3. it was made for this primary, which has no other        6. labels moved meanwhile: begin again

    Raises ParameterWrong, RequestWrong, LimitReached, AccessDenied, KeyDenied.
    """
    check_owner(call, primary)
    place = check_arn(call, replica_arn, "replica")
    room.decide(call, "GetSecretValue", names.read(call, primary.arn), primary.arn, primary, CURRENT_ASKED)  # 1
    if role is not None:
        source = passing.Source(acting.SERVICE, primary.account, primary.arn)
        await passing.permit(room.identities, call, source, role)
    replica = await accepted(room, call, place)  # 2
    while True:
        pair = Pair(primary, replica, role)
        check_pair(pair)  # 3
        sealed = await copies(room, call, pair)  # 4
        async with room.database.write(call.id) as tx:  # 5
            primary = await again(tx, primary, ASSOCIATE)
            replica = await again(tx, replica, managed.ACCEPT)
            pair = Pair(primary, replica, role)
            check_pair(pair)
            if await is_covered(tx, pair, sealed):
                await store(tx, pair, sealed)
                break
    room.note(call, primary)
    return await room.known.secret(primary.id) or primary


async def accepted(room: Secrets, call: Call, place: names.Named) -> Secret:
    """The replica, once its policies have let the caller associate it, and its key encrypt; recorded in both accounts.

    Raises AccessDenied, SecretNotFound, SecretMarked, ReplicaRefuses, KeyDenied, RequestWrong.
    """
    arguments = {"secret_id": place.arn}
    with call.forward(id_at(call.at), SERVICE, managed.ACCEPT, place.arn, arguments) as forwarded:
        replica = await room.admit(forwarded, managed.ACCEPT, place.arn)
        try:
            await sealing.probe_encrypting(room.keys, call, replica)
        except SealingFailed:
            raise RequestWrong("The KMS key of the replica secret can't be used now.") from None
    return replica


def check_pair(pair: Pair) -> None:
    """Raises RequestWrong, LimitReached."""
    ours, theirs = pair.primary.link, pair.replica.link
    if theirs is None or not theirs.replica or theirs.arn != pair.primary.arn:
        raise RequestWrong("The replica secret was not created as a cross-account replica of this secret.")
    if ours is not None and ours.arn != pair.replica.arn:
        raise LimitReached("A primary secret can have at most one cross-account replica.")


async def copies(room: Secrets, call: Call, pair: Pair) -> Mapping[str, Sealed]:
    """Every version that has a label and a value, sealed for the replica. Raises KeyDenied, RequestWrong."""
    writer = call
    if pair.role is not None:
        writer = await acting.as_role(room, call, pair.primary, pair.role)
    async with room.database.read() as connection:
        there = await records.versions_of(connection, pair.primary.id, sorted(set(pair.primary.labels.values())))
    found: dict[str, Sealed] = {}
    for version in there:
        if version.sealed is None:
            continue
        try:
            value = await room.open(call, pair.primary, version)
            found[version.id] = await sealing.seal(room.keys, writer, pair.replica, version.id, value)
        except (OpeningFailed, SealingFailed):
            raise RequestWrong("The KMS key of one of the secrets can't be used now.") from None
    return found


async def is_covered(tx: Transaction, pair: Pair, sealed: Mapping[str, Sealed]) -> bool:
    wanted = sorted(set(pair.primary.labels.values()) - set(sealed))
    return all(one.sealed is None for one in await records.versions_of(tx.connection, pair.primary.id, wanted))


async def store(tx: Transaction, pair: Pair, sealed: Mapping[str, Sealed]) -> None:
    replica = pair.replica
    ours = {"linked_as": PRIMARY, "linked_arn": replica.arn, "linked_role": pair.role, "link_status": IN_SYNC}
    await change(tx, pair.primary, **ours, linked_id=replica.id)
    await change(tx, replica, linked_id=pair.primary.id)
    await copying.follow(tx, pair.primary.id, {replica.id: sealed})


async def disassociate(room: Secrets, call: Call, primary: Secret, replica_arn: str) -> None:
    """The replica stays one, Detached. THE CALLER HAS BEEN ADMITTED. Raises RequestWrong, ParameterWrong."""
    check_owner(call, primary)
    async with room.database.write(call.id) as tx:
        now = await again(tx, primary, DISASSOCIATE)
        if now.link is None or now.link.arn != replica_arn:
            raise ParameterWrong("The secret is not associated with this cross-account replica.")
        await change(tx, now, **NOT_LINKED)
        await detach(tx, now)
    call.notes.concern(names.read(call, replica_arn).account)


async def stop(room: Secrets, call: Call, replica: Secret) -> None:
    """A secret of its own from now on, whose managed policy is gone. THE CALLER HAS BEEN ADMITTED, to DeleteResourcePolicy too.

    Raises RequestWrong.
    """
    check_owner(call, replica)
    async with room.database.write(call.id) as tx:
        now = await again(tx, replica, STOP)
        if now.link is None or not now.link.replica:
            raise RequestWrong("The secret is not a replica.")
        await change(tx, now, **NOT_LINKED)
        await detach(tx, now)
        if now.link.id is not None:
            call.notes.concern(names.read(call, now.link.arn).account)


async def detach(tx: Transaction, secret: Secret) -> None:
    """The other end of this one's link, if they are associated."""
    other = await records.load(tx.connection, secret.link.id) if secret.link and secret.link.id is not None else None
    if other is not None and other.link is not None and other.link.arn == secret.arn:
        await change(tx, other, linked_id=None, link_status=DETACHED, link_message=None)


async def change(tx: Transaction, secret: Secret, **columns: str | int | None) -> None:
    """Of the link alone: LastChangedDate is of the secret's own."""
    await tx.execute(update(secrets).where(secrets.c.id == secret.id).values(**columns))
    tx.changed(KIND, str(secret.id))


POLICY_ASKED: Final[Asked] = {"secretsmanager:policyname": (managed.NAME,)}
"""Whoever makes or ends a replica writes its managed policy, and needs leave for that, too."""
