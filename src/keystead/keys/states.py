"""Which operation a key's state allows: one table (KMS developer guide, key states)."""

from typing import Final

from keystead.keys.errors import KeyDisabled, KeyNotPendingDeletion, KeyPendingDeletion, StateError
from keystead.keys.key import Key, State

Row = tuple[type[StateError] | None, type[StateError] | None, type[StateError] | None]
OK: Final = None
ANY: Final[Row] = (OK, OK, OK)
CRYPTOGRAPHIC: Final[Row] = (OK, KeyDisabled, KeyPendingDeletion)
NOT_DYING: Final[Row] = (OK, OK, KeyPendingDeletion)

COLUMNS: Final = {State.ENABLED: 0, State.DISABLED: 1, State.PENDING_DELETION: 2}
STATES: Final[dict[str, Row]] = {
    #  operation                        Enabled, Disabled, PendingDeletion
    "Encrypt":                         CRYPTOGRAPHIC,
    "Decrypt":                         CRYPTOGRAPHIC,
    "ReEncryptFrom":                   CRYPTOGRAPHIC,
    "ReEncryptTo":                     CRYPTOGRAPHIC,
    "GenerateDataKey":                 CRYPTOGRAPHIC,
    "GenerateDataKeyWithoutPlaintext": CRYPTOGRAPHIC,
    "CreateGrant":                     CRYPTOGRAPHIC,
    "RotateKeyOnDemand":               CRYPTOGRAPHIC,
    "EnableKeyRotation":               CRYPTOGRAPHIC,
    "DisableKeyRotation":              CRYPTOGRAPHIC,
    "GetKeyRotationStatus":            ANY,
    "EnableKey":                       NOT_DYING,
    "DisableKey":                      NOT_DYING,
    "ScheduleKeyDeletion":             NOT_DYING,
    "CancelKeyDeletion":               (KeyNotPendingDeletion, KeyNotPendingDeletion, OK),
    "CreateAlias":                     NOT_DYING,
    "UpdateAlias":                     NOT_DYING,
    "DeleteAlias":                     ANY,
    "UpdateKeyDescription":            NOT_DYING,
    "TagResource":                     NOT_DYING,
    "UntagResource":                   NOT_DYING,
    "ListResourceTags":                ANY,
    "DescribeKey":                     ANY,
    "GetKeyPolicy":                    ANY,
    "PutKeyPolicy":                    ANY,
    "ListKeyPolicies":                 ANY,
    "ListGrants":                      ANY,
    "ListAliases":                     ANY,
    "RetireGrant":                     ANY,
    "RevokeGrant":                     ANY,
    "GetKeyLastUsage":                 ANY,
    "ListKeyRotations":                ANY,
}  # fmt: skip  # a table


def check(key: Key, operation: str) -> None:
    """Raises the StateError of the table."""
    refusal = STATES[operation][COLUMNS[key.state]]
    if refusal is not None:
        raise refusal(key.arn)
