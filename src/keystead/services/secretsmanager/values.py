"""Values: making a secret with one, writing the next, reading them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keystead.access.errors import AccessDenied
from keystead.access.request import Values
from keystead.identities.call import Call
from keystead.secrets import accounts, creation, names, putting, staging
from keystead.secrets import replication as copying
from keystead.secrets.conditions import CURRENT_ASKED, asking, of_tags
from keystead.secrets.errors import ParameterWrong, TokenMissing
from keystead.secrets.room import Secrets, stages_of
from keystead.secrets.secret import Secret, Value, Version, arn_of, key_arn_of
from keystead.services.secretsmanager.answers import identified, replica_list
from keystead.services.secretsmanager.replication import Regions, regions_asked, wanted_of
from keystead.services.secretsmanager.rotation import checked

Answer = Mapping[str, Any]
NO_ROTATION: Final = "The RotationToken is not one of a rotation that is going on."
BOTH: Final = "You can't specify both a binary secret value and a string secret value in the same secret."
VALUE_LIMIT: Final = 65_536
"""Bytes (Secrets Manager API reference, SecretBinary); the model counts characters of a string."""


def value_of(string: str | None, binary: bytes | None) -> Value | None:
    """Raises ParameterWrong."""
    if string is not None and binary is not None:
        raise ParameterWrong(BOTH)
    if binary is not None:
        return Value(True, binary)
    if string is None:
        return None
    content = string.encode(errors="surrogatepass")
    if len(content) > VALUE_LIMIT:
        raise ParameterWrong(f"The secret value can have at most {VALUE_LIMIT} bytes.")
    return Value(False, content)


def shown(value: Value) -> dict[str, Any]:
    if value.binary:
        return {"SecretBinary": value.content}
    return {"SecretString": value.content.decode(errors="surrogatepass")}


def present(token: str | None) -> str:
    """Raises TokenMissing."""
    if token is None:
        raise TokenMissing
    return token


async def create_secret(
    room: Secrets,
    call: Call,
    *,
    name: str,
    client_request_token: str | None = None,
    description: str | None = None,
    kms_key_id: str | None = None,
    secret_binary: bytes | None = None,
    secret_string: str | None = None,
    tags: Sequence[Mapping[str, str]] | None = None,
    type: str | None = None,  # noqa: A002  # AWS's name
    add_replica_regions: Regions = (),
    force_overwrite_replica_secret: bool | None = None,
    cross_account_primary_arn: str | None = None,
) -> Answer:
    """With a primary in another account: a replica of it, without a value until that account associates it."""
    names.check(name)
    wanted = wanted_of(add_replica_regions)
    copying.check(room, call.region, wanted)
    plan = creation.Plan(
        name,
        present(client_request_token),
        value_of(secret_string, secret_binary),
        description or None,
        kms_key_id or None,
        type,
        checked(tags or ()),
        cross_account_primary_arn,
    )
    if plan.primary is not None:
        check_replica(call, plan, regions=bool(wanted))
    asked = {
        **asking(Name=name, Description=plan.description, Type=type, **await key_asked(room, call, plan.key)),
        **of_tags(plan.tags),
    }
    may_create(room, call, plan, asked, regions_asked(add_replica_regions, force_overwrite_replica_secret))
    secret, version = await creation.create(room, call, plan)
    room.note(call, secret)
    missing = [one for one in wanted if one.region not in {replica.region for replica in secret.replicas}]
    if missing:
        await copying.replicate(room, call, secret, missing, force=bool(force_overwrite_replica_secret))
        secret = await room.known.secret(secret.id) or secret
    return identified(secret, VersionId=version, ReplicationStatus=replica_list(secret) or None)


def may_create(
    room: Secrets, call: Call, plan: creation.Plan, asked: Mapping[str, Values], replicas: Mapping[str, Values]
) -> None:
    """CreateSecret is decided about the ARN without its suffix, which nobody knows yet."""
    arn = arn_of(call.account, call.region, plan.name)
    asked = {**asked, **replicas}
    room.decide_alone(call, "CreateSecret", asked, arn)
    if plan.tags:
        room.decide_alone(call, "TagResource", asked, arn)
    if replicas:
        room.decide_alone(call, "ReplicateSecretToRegions", asked, arn)
    if plan.primary is not None:
        room.decide_alone(call, "PutResourcePolicy", {**asked, **accounts.POLICY_ASKED}, arn)


def check_replica(call: Call, plan: creation.Plan, *, regions: bool) -> None:
    """What the primary has, its replica is not given (Secrets Manager API reference, CreateSecret). Raises ParameterWrong."""
    accounts.check_arn(call, plan.primary or "", "primary")
    if regions or plan.value is not None or plan.description is not None or plan.type is not None:
        raise ParameterWrong(
            "A cross-account replica secret can't have AddReplicaRegions, Description, SecretBinary, SecretString, or Type."
        )


async def key_asked(room: Secrets, call: Call, named: str | None) -> dict[str, str]:
    """The key of the request, as its condition keys have it: an alias stands for the key that it names now."""
    if named is None:
        return {}
    arn = key_arn_of(call.account, call.region, named or None)
    return {"KmsKeyId": named, "KmsKeyArn": await room.keys.arn_behind(call, arn)}


async def put_secret_value(
    room: Secrets,
    call: Call,
    *,
    secret_id: str,
    client_request_token: str | None = None,
    secret_binary: bytes | None = None,
    secret_string: str | None = None,
    version_stages: Sequence[str] | None = None,
    rotation_token: str | None = None,
) -> Answer:
    """With a RotationToken, the rotation that gave it out says whether the caller may."""
    token, value = present(client_request_token), value_of(secret_string, secret_binary)
    if value is None:
        raise ParameterWrong("You must provide either SecretString or SecretBinary.")

    async def by_rotation(secret: Secret) -> None:
        if room.rotator is None:
            raise AccessDenied(NO_ROTATION)
        await room.rotator.check_token(call, secret, token, version_stages or (), rotation_token or "")

    let_in = by_rotation if rotation_token is not None else None
    secret = await room.admit(call, "PutSecretValue", secret_id, let_in=let_in)
    written = await putting.write(room, call, "PutSecretValue", secret, token, value, version_stages)
    return identified(secret, VersionId=written.version, VersionStages=list(written.stages) or None)


async def get_secret_value(
    room: Secrets,
    call: Call,
    *,
    secret_id: str,
    version_id: str | None = None,
    version_stage: str | None = None,
) -> Answer:
    secret = await room.admit(call, "GetSecretValue", secret_id, asked=version_asked(version_id, version_stage))
    version = await room.version(secret, version_id, version_stage)
    return await answer_with(room, call, secret, version)


def version_asked(version_id: str | None, stage: str | None) -> Mapping[str, tuple[str, ...]]:
    """Who names no version asks for the current one, and a policy about labels sees that."""
    if version_id is None:
        return CURRENT_ASKED if stage is None else {"secretsmanager:versionstage": (stage,)}
    return asking(VersionId=version_id, VersionStage=stage)


async def answer_with(room: Secrets, call: Call, secret: Secret, version: Version) -> Answer:
    value = await room.open(call, secret, version)
    call.notes.secret(secret.arn, version.id)
    return {
        **identified(secret, VersionId=version.id, VersionStages=stages_of(secret, version.id) or None),
        **shown(value),
        "CreatedDate": version.created_at,
    }


async def update_secret_version_stage(
    room: Secrets,
    call: Call,
    *,
    secret_id: str,
    version_stage: str,
    remove_from_version_id: str | None = None,
    move_to_version_id: str | None = None,
) -> Answer:
    asked = asking(VersionStage=version_stage)
    secret = await room.admit(call, "UpdateSecretVersionStage", secret_id, asked=asked)
    await staging.move(room, call, secret, version_stage, move_to_version_id, remove_from_version_id)
    return identified(secret)
