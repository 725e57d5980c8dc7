"""AWS Secrets Manager, API 2017-10-17."""

from typing import Final

from keystead.secrets.room import Secrets
from keystead.services.secretsmanager import lifecycle, values
from keystead.services.secretsmanager.errors import ERRORS
from keystead.services.secretsmanager.refused import REFUSED
from keystead.services.service import Service

__all__ = ["OPERATIONS", "REFUSED", "service"]

OPERATIONS: Final = (
    values.create_secret,
    values.put_secret_value,
    values.get_secret_value,
    values.update_secret_version_stage,
    lifecycle.describe_secret,
)


def service(secrets: Secrets) -> Service:
    return Service(
        name="secretsmanager",
        room=secrets,
        operations=OPERATIONS,
        errors=ERRORS,
        unforeseen="InternalServiceError",
        refused=REFUSED,
    )
