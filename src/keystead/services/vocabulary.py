"""The actions of the services that are served here: what policies may speak about. From the models, and the few that have none.

An operation has an action of its name, but for those of SPLIT. Source: Service Authorization Reference, of each service.
"""

from functools import cache
from typing import Final

from keystead.access.lint import Actions
from keystead.wire import model

SERVICES: Final = ("kms", "secretsmanager", "ssm", "iam", "sts", "rolesanywhere", "cloudtrail", "keystead")
UNJUDGED: Final = ("s3",)
"""Services whose actions are not named after their operations."""
SPLIT: Final = {"kms": ("ReEncrypt",)}
"""Operations without an action of their name."""
PERMISSIONS: Final = {
    "kms": ("ReEncryptFrom", "ReEncryptTo", "SynchronizeMultiRegionKey"),
    "secretsmanager": ("AcceptCrossAccountReplication",),
    "iam": ("PassRole",),
    "sts": ("SetContext", "SetSourceIdentity", "TagGetWebIdentityToken", "TagSession"),
}
"""Actions that are no operations."""


@cache
def actions() -> Actions:
    """By the prefix of the service."""
    judged: dict[str, frozenset[str]] = {
        service: frozenset(model.load(service).operations).difference(SPLIT.get(service, ()))
        | frozenset(PERMISSIONS.get(service, ()))
        for service in SERVICES
    }
    return judged | dict.fromkeys(UNJUDGED, frozenset())
