"""Secrets, parameters and rotation functions: the records that make and change them, and what the database shows of them.

kind                owner                          part      value
secret              ARN
secret version      ARN, in whatever Region        its id
secret policy       ARN                                      its text's digest
parameter version   ARN                            number
parameter policy    ARN                                      its text's digest
function            account and name                         what its record tells

No record has a value: that a version's content is another than was put is for its seal to tell. A replica's versions and policy are
its primary's; the policy of one that has become a secret of its own is not compared until it is put anew, nor is one whose copying
has failed. Not looked at: labels, tags, which key a secret names.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from sqlalchemy import select

from keystead.database.engine import Connection
from keystead.effects.event import Event
from keystead.effects.kms import principals
from keystead.effects.ledger import Ledger
from keystead.effects.slots import UNKNOWN, Fact, Slot, canonical, digest
from keystead.parameters import parameter
from keystead.parameters.store import parameters
from keystead.parameters.store import versions as parameter_versions
from keystead.rotation.store import functions
from keystead.secrets import copying
from keystead.secrets.secret import arn_of
from keystead.secrets.store import replicas, secrets, versions

FUNCTION: Final = ("directory", "handler", "url", "role")


def anywhere(arn: str) -> str:
    """A secret's ARN without its Region: replicas share the suffix."""
    parts = arn.split(":")
    return ":".join([*parts[:3], "", *parts[4:]])


def in_region(arn: str, region: str) -> str:
    parts = arn.split(":")
    return ":".join([*parts[:3], region, *parts[4:]])


def secret(event: Event) -> str:
    """Older records say aRN."""
    found: str = event.response.get("arn") or event.response.get("aRN") or event.additional.get("SecretId", "")
    return found


def written(event: Event, ledger: Ledger) -> None:
    """Whatever names a version of a secret: a call's answer, or a rotation that began."""
    arn = secret(event)
    if version := event.response.get("versionId") or event.details.get("versionId"):
        ledger.put("secret version", anywhere(arn), version)


def created(event: Event, ledger: Ledger) -> None:
    ledger.put("secret", secret(event))
    written(event, ledger)
    replicated(event, ledger)


def replicated(event: Event, ledger: Ledger) -> None:
    for told in event.parameters.get("addReplicaRegions") or ():
        ledger.put("secret", in_region(secret(event), told.get("region", "")))


def promoted(event: Event, ledger: Ledger) -> None:
    """It keeps its primary's policy, or has none if the primary had none."""
    ledger.unsaid("secret policy", secret(event))


def policy_put(event: Event, ledger: Ledger) -> None:
    ledger.put("secret policy", secret(event), value=digest(event.text("resourcePolicy")))


def policy_removed(event: Event, ledger: Ledger) -> None:
    ledger.gone("secret policy", secret(event))


def parameter_put(event: Event, ledger: Ledger) -> None:
    ledger.put("parameter version", named(event), str(event.response.get("version", UNKNOWN)))


def named(event: Event) -> str:
    found: str = event.parameters.get("resourceArn") or next(iter(event.resources), "")
    return found


def shared(event: Event, ledger: Ledger) -> None:
    if event.name == "PutResourcePolicy":
        ledger.put("parameter policy", named(event), value=digest(event.text("policy")))
    else:
        ledger.gone("parameter policy", named(event))


def parameters_removed(event: Event, ledger: Ledger) -> None:
    for arn in event.resources:
        ledger.gone("parameter policy", arn)
        ledger.end("parameter version", arn)


def function_put(event: Event, ledger: Ledger) -> None:
    told = event.details
    owner = f"{told.get('account')}/{told.get('name')}"
    if event.name == "RemoveFunction":
        ledger.gone("function", owner)
    else:
        facts = {name: told[name] for name in FUNCTION if told.get(name)}
        ledger.put("function", owner, value=canonical([facts, sorted(told.get("variables", ()))]))


TOLD: Final = {
    ("secretsmanager", "CreateSecret"): created,
    ("secretsmanager", "PutSecretValue"): written,
    ("secretsmanager", "UpdateSecret"): written,
    ("secretsmanager", "RotateSecret"): written,
    ("secretsmanager", "RotationStarted"): written,
    ("secretsmanager", "TestRotationStarted"): written,
    ("secretsmanager", "ReplicateSecretToRegions"): replicated,
    ("secretsmanager", "StopReplicationToReplica"): promoted,
    ("secretsmanager", "PutResourcePolicy"): policy_put,
    ("secretsmanager", "DeleteResourcePolicy"): policy_removed,
    ("ssm", "PutParameter"): parameter_put,
    ("ssm", "PutResourcePolicy"): shared,
    ("ssm", "DeleteResourcePolicy"): shared,
    ("ssm", "DeleteParameter"): parameters_removed,
    ("ssm", "DeleteParameters"): parameters_removed,
    ("keystead", "ParameterExpired"): parameters_removed,
    ("keystead", "RegisterFunction"): function_put,
    ("keystead", "RemoveFunction"): function_put,
}


async def shown(connection: Connection) -> AsyncIterator[Fact]:
    async for fact in of_secrets(connection):
        yield fact
    async for fact in of_parameters(connection):
        yield fact
    for row in await connection.execute(select(functions)):
        facts = {name: getattr(row, name) for name in FUNCTION if getattr(row, name)}
        value = canonical([facts, sorted(row.variables)])
        what = f"rotation function {row.name} of account {row.account}"
        yield Fact(Slot("function", f"{row.account}/{row.name}"), value, what, row.created_at)


async def of_secrets(connection: Connection) -> AsyncIterator[Fact]:
    failed = select(replicas.c.replica_id).where(replicas.c.status == copying.FAILED)
    behind = {row.replica_id for row in await connection.execute(failed)}
    arns: dict[int, str] = {}
    for row in await connection.execute(select(secrets)):
        arns[row.id] = arn = arn_of(row.account, row.region, f"{row.name}-{row.suffix}")
        yield Fact(Slot("secret", arn), "", f"secret {arn}", row.created_at)
        if row.policy is not None and row.id not in behind:
            source = in_region(arn, row.primary_region) if row.primary_id is not None else arn
            what = f"the resource policy of secret {arn}"
            yield Fact(Slot("secret policy", source), digest(row.policy), what, row.changed_at)
            for fact in principals(row.policy_ids, what):
                yield fact
    for row in await connection.execute(select(versions.c.secret_id, versions.c.id, versions.c.created_at)):
        arn = arns.get(row.secret_id, str(row.secret_id))
        yield Fact(
            Slot("secret version", anywhere(arn), row.id), "", f"version {row.id} of secret {arn}", row.created_at
        )


async def of_parameters(connection: Connection) -> AsyncIterator[Fact]:
    arns: dict[int, str] = {}
    for row in await connection.execute(select(parameters)):
        arns[row.id] = arn = parameter.arn_of(row.account, row.region, row.name)
        if row.policy is not None:
            what = f"the resource policy of parameter {arn}"
            yield Fact(Slot("parameter policy", arn), digest(row.policy), what)
            for fact in principals(row.policy_ids, what):
                yield fact
    made: Any = select(parameter_versions.c.parameter_id, parameter_versions.c.number, parameter_versions.c.at)
    for row in await connection.execute(made):
        arn = arns.get(row.parameter_id, str(row.parameter_id))
        what = f"version {row.number} of parameter {arn}"
        yield Fact(Slot("parameter version", arn, str(row.number)), "", what, row.at)
