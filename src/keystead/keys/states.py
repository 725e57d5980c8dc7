"""Which operation a key's state allows: one table (KMS developer guide, key states)."""

from typing import Final

from keystead.keys.errors import (
    KeyCreating,
    KeyDisabled,
    KeyNotPendingDeletion,
    KeyPendingDeletion,
    KeyPendingImport,
    KeyPendingReplicaDeletion,
    KeyUnavailable,
    KeyUpdating,
    StateError,
)
from keystead.keys.key import Key, State
from keystead.stores.errors import ExternalUseFailed
from keystead.stores.troubles import DISCONNECTED

Cell = type[StateError] | None
Row = tuple[Cell, Cell, Cell, Cell, Cell, Cell, Cell]
OK: Final = None
LIVING: Final = KeyNotPendingDeletion

COLUMNS: Final = {
    State.ENABLED: 0,
    State.DISABLED: 1,
    State.PENDING_DELETION: 2,
    State.PENDING_REPLICA_DELETION: 2,
    State.PENDING_IMPORT: 3,
    State.UNAVAILABLE: 4,
    State.CREATING: 5,
    State.UPDATING: 6,
}
# fmt: off  # a table
#                       Enabled, Disabled,    PendingDeletion,    PendingImport,    Unavailable,    Creating,    Updating
ANY: Final[Row] = (OK, OK, OK, OK, OK, OK, OK)
CRYPTOGRAPHIC: Final[Row] = (OK, KeyDisabled, KeyPendingDeletion, KeyPendingImport, KeyUnavailable, KeyCreating, OK)
GRANTING: Final[Row] = (OK, KeyDisabled, KeyPendingDeletion, KeyPendingImport, OK, KeyCreating, OK)
REPLICATING: Final[Row] = (
    OK,
    KeyDisabled,
    KeyPendingDeletion,
    KeyPendingImport,
    KeyUnavailable,
    KeyCreating,
    KeyUpdating,
)
SCHEDULING: Final[Row] = (OK, KeyDisabled, KeyPendingDeletion, OK, OK, KeyCreating, OK)
SWITCHING: Final[Row] = (OK, OK, KeyPendingDeletion, KeyPendingImport, OK, KeyCreating, KeyUpdating)
NOT_DYING: Final[Row] = (OK, OK, KeyPendingDeletion, OK, OK, OK, OK)
ENDING: Final[Row] = (OK, OK, KeyPendingDeletion, OK, OK, OK, KeyUpdating)
OFFERING: Final[Row] = (OK, OK, KeyPendingDeletion, OK, KeyUnavailable, KeyCreating, KeyUpdating)
IMPORTING: Final[Row] = (OK, OK, KeyPendingDeletion, OK, KeyUnavailable, KeyCreating, OK)
CANCELLING: Final[Row] = (LIVING, LIVING, OK, LIVING, LIVING, LIVING, LIVING)
DISCARDING: Final[Row] = (OK, OK, OK, OK, KeyUnavailable, KeyCreating, KeyUpdating)
# fmt: on
STATES: Final[dict[str, Row]] = {
    #  operation                            row; what depends on the key's origin is not here
    "Encrypt":                             CRYPTOGRAPHIC,
    "Decrypt":                             CRYPTOGRAPHIC,
    "ReEncryptFrom":                       CRYPTOGRAPHIC,
    "ReEncryptTo":                         CRYPTOGRAPHIC,
    "GenerateDataKey":                     CRYPTOGRAPHIC,
    "GenerateDataKeyWithoutPlaintext":     CRYPTOGRAPHIC,
    "GenerateDataKeyPair":                 CRYPTOGRAPHIC,
    "GenerateDataKeyPairWithoutPlaintext": CRYPTOGRAPHIC,
    "Sign":                                CRYPTOGRAPHIC,
    "Verify":                              CRYPTOGRAPHIC,
    "GenerateMac":                         CRYPTOGRAPHIC,
    "VerifyMac":                           CRYPTOGRAPHIC,
    "DeriveSharedSecret":                  CRYPTOGRAPHIC,
    "Encapsulate":                         CRYPTOGRAPHIC,
    "Decapsulate":                         CRYPTOGRAPHIC,
    "GetPublicKey":                        CRYPTOGRAPHIC,  # a disabled key too: so the guide says, though AWS was seen to answer
    "CreateGrant":                         GRANTING,
    "RotateKeyOnDemand":                   GRANTING,
    "EnableKeyRotation":                   SCHEDULING,
    "DisableKeyRotation":                  SCHEDULING,
    "ReplicateKey":                        REPLICATING,
    "UpdatePrimaryRegion":                 CRYPTOGRAPHIC,
    "GetParametersForImport":              OFFERING,
    "ImportKeyMaterial":                   IMPORTING,
    "DeleteImportedKeyMaterial":           DISCARDING,
    "GetKeyRotationStatus":                ANY,
    "EnableKey":                           SWITCHING,
    "DisableKey":                          SWITCHING,
    "ScheduleKeyDeletion":                 ENDING,
    "CancelKeyDeletion":                   CANCELLING,
    "CreateAlias":                         NOT_DYING,
    "UpdateAlias":                         NOT_DYING,
    "DeleteAlias":                         ANY,
    "UpdateKeyDescription":                NOT_DYING,
    "TagResource":                         NOT_DYING,
    "UntagResource":                       NOT_DYING,
    "ListResourceTags":                    ANY,
    "DescribeKey":                         ANY,
    "GetKeyPolicy":                        ANY,
    "PutKeyPolicy":                        ANY,
    "ListKeyPolicies":                     ANY,
    "ListGrants":                          ANY,
    "ListAliases":                         ANY,
    "RetireGrant":                         ANY,
    "RevokeGrant":                         ANY,
    "GetKeyLastUsage":                     ANY,
    "ListKeyRotations":                    ANY,
}  # fmt: skip  # a table


def check(key: Key, operation: str) -> None:
    """Raises the StateError of the table; ExternalUseFailed in its place where a proxy is not connected."""
    refusal = STATES[operation][COLUMNS[key.state]]
    if refusal is KeyUnavailable and key.key_store is not None and key.key_store.external:
        raise ExternalUseFailed(DISCONNECTED)
    if refusal is KeyPendingDeletion and key.state is State.PENDING_REPLICA_DELETION:
        raise KeyPendingReplicaDeletion(key.arn)
    if refusal is not None:
        raise refusal(key.arn)
