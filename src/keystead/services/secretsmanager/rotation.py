"""Rotation, begun and ended."""

from collections.abc import Mapping, Sequence
from typing import Any

from keystead.identities.call import Call
from keystead.rotation import wishes
from keystead.secrets import tags
from keystead.secrets.conditions import asking
from keystead.secrets.errors import ParameterWrong
from keystead.secrets.room import Secrets
from keystead.secrets.rotating import RotationAsked, Rotator
from keystead.services.secretsmanager.answers import identified

Answer = Mapping[str, Any]
NO_TOKEN = "You must provide a ClientRequestToken value. We recommend a UUID-type value."  # noqa: S105  # a refusal's text


def checked(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Tags as they may be stored, those that rotation goes by among them. Raises ParameterWrong, LimitReached, WishUnknown."""
    found = tags.check(listed)
    wishes.check(found)
    return found


class NoRotator(RuntimeError):
    """The house was built without a room for rotation: a defect."""


def rotator(room: Secrets) -> Rotator:
    if room.rotator is None:
        raise NoRotator
    return room.rotator


async def rotate_secret(
    room: Secrets,
    call: Call,
    *,
    secret_id: str,
    client_request_token: str | None = None,
    rotation_lambda_arn: str | None = None,
    rotation_rules: Mapping[str, Any] | None = None,
    external_secret_rotation_metadata: Sequence[Mapping[str, str]] | None = None,
    external_secret_rotation_role_arn: str | None = None,
    rotate_immediately: bool = True,
) -> Answer:
    asked = asking(
        RotationLambdaARN=rotation_lambda_arn,
        RotateImmediately=rotate_immediately,
        ModifyRotationRules=rotation_rules is not None,
        ExternalSecretRotationRoleArn=external_secret_rotation_role_arn,
    )
    secret = await room.admit(call, "RotateSecret", secret_id, asked=asked)
    if client_request_token is None:
        raise ParameterWrong(NO_TOKEN)
    wanted = RotationAsked(
        client_request_token,
        rotation_lambda_arn,
        rotation_rules,
        external_secret_rotation_metadata,
        external_secret_rotation_role_arn,
        rotate_immediately,
    )
    version = await rotator(room).rotate(call, secret, wanted)
    return identified(secret, VersionId=version)


async def cancel_rotate_secret(room: Secrets, call: Call, *, secret_id: str) -> Answer:
    secret = await room.admit(call, "CancelRotateSecret", secret_id)
    version = await rotator(room).cancel(call, secret)
    return identified(secret, VersionId=version)
