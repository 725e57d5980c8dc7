"""Which operation works on a secret that is marked for deletion, and which on a replica: one table.

Source: the exceptions that the model declares for each operation, and its documentation; where that is silent, reading works
and writing does not.
"""

from typing import Final, NamedTuple

from keystead.secrets.errors import ReplicaRefuses, SecretMarked
from keystead.secrets.secret import Secret


class Row(NamedTuple):
    marked: bool
    replica: bool


READS_ALWAYS: Final = Row(marked=True, replica=True)
READS_VALUES: Final = Row(marked=False, replica=True)
WRITES: Final = Row(marked=False, replica=False)

STATES: Final = {
    #  operation                        works on
    "DescribeSecret":                  READS_ALWAYS,
    "ListSecretVersionIds":            READS_ALWAYS,
    "GetResourcePolicy":               READS_ALWAYS,
    "ListResourcePolicies":            READS_ALWAYS,
    "ValidateResourcePolicy":          READS_ALWAYS,
    "GetSecretValue":                  READS_VALUES,
    "StopReplicationToReplica":        READS_VALUES,
    "DeleteSecret":                    Row(marked=True, replica=False),  # with force; without, it refuses by itself
    "RestoreSecret":                   Row(marked=True, replica=False),
    "CancelRotateSecret":              WRITES,
    "DeleteResourcePolicy":            WRITES,
    "PutResourcePolicy":               WRITES,
    "PutSecretValue":                  WRITES,
    "RemoveRegionsFromReplication":    WRITES,
    "ReplicateSecretToRegions":        WRITES,
    "RotateSecret":                    WRITES,
    "TagResource":                     WRITES,
    "UntagResource":                   WRITES,
    "UpdateSecret":                    WRITES,
    "UpdateSecretVersionStage":        WRITES,
}  # fmt: skip  # a table


def check(secret: Secret, operation: str) -> None:
    """Raises SecretMarked, ReplicaRefuses."""
    row = STATES[operation]
    if secret.deleted_at is not None and not row.marked:
        raise SecretMarked
    if secret.primary_id is not None and not row.replica:
        raise ReplicaRefuses
