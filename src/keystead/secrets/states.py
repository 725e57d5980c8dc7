"""Which operation works on a secret that is marked for deletion, and which on a replica, of either kind: one table.

A replica of another account's secret is that account's only in its values, labels, description and type: it has tags, policies
and a key of its own (Secrets Manager user guide, cross-account replication).

Source: the exceptions that the model declares for each operation, and its documentation; where that is silent, reading works
and writing does not.
"""

from typing import Final, NamedTuple

from keystead.secrets import managed
from keystead.secrets.errors import ReplicaRefuses, SecretMarked
from keystead.secrets.secret import Secret

REGION: Final = "region"
ACCOUNT: Final = "account"


class Row(NamedTuple):
    """replica  in another Region; follower  of another account's secret."""

    marked: bool
    replica: bool
    follower: bool


READS_ALWAYS: Final = Row(marked=True, replica=True, follower=True)
READS_VALUES: Final = Row(marked=False, replica=True, follower=True)
WRITES: Final = Row(marked=False, replica=False, follower=False)
WRITES_BESIDE: Final = Row(marked=False, replica=False, follower=True)
"""Writes what no replica of another account's secret has from its primary."""

STATES: Final = {
    #  operation                        works on
    "DescribeSecret":                  READS_ALWAYS,
    "ListSecretVersionIds":            READS_ALWAYS,
    "GetResourcePolicy":               READS_ALWAYS,
    "ListResourcePolicies":            READS_ALWAYS,
    "ValidateResourcePolicy":          READS_ALWAYS,
    "GetSecretValue":                  READS_VALUES,
    "StopReplicationToReplica":        READS_VALUES,
    "DeleteSecret":                    Row(marked=True, replica=False, follower=True),  # refuses more by itself
    "RestoreSecret":                   Row(marked=True, replica=False, follower=True),
    managed.ACCEPT:                    WRITES_BESIDE,
    "AssociateCrossAccountReplica":    WRITES,
    "CancelRotateSecret":              WRITES,
    "DeleteResourcePolicy":            WRITES_BESIDE,
    "DisassociateCrossAccountReplica": WRITES,
    "PutResourcePolicy":               WRITES_BESIDE,
    "PutSecretValue":                  WRITES,
    "RemoveRegionsFromReplication":    WRITES,
    "ReplicateSecretToRegions":        WRITES,
    "RotateSecret":                    WRITES,
    "TagResource":                     WRITES_BESIDE,
    "UntagResource":                   WRITES_BESIDE,
    "UpdateSecret":                    WRITES_BESIDE,  # the key alone; refuses more by itself
    "UpdateSecretVersionStage":        WRITES,
}  # fmt: skip  # a table


def check(secret: Secret, operation: str) -> None:
    """Raises SecretMarked, ReplicaRefuses."""
    row = STATES[operation]
    if secret.deleted_at is not None and not row.marked:
        raise SecretMarked
    if secret.primary_id is not None and not row.replica:
        raise ReplicaRefuses(REGION)
    if secret.follows and not row.follower:
        raise ReplicaRefuses(ACCOUNT)
