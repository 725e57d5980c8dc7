"""What of Secrets Manager's model is known and not served, with the reason."""

from typing import Final

NOT_YET: Final = "is not served yet"
ROTATION: Final = "rotation is not served yet"

REFUSED: Final = {
    **dict.fromkeys(("RotateSecret", "CancelRotateSecret", "PutSecretValue.RotationToken"), ROTATION),
    **dict.fromkeys(
        (
            "AssociateCrossAccountReplica", "BatchGetSecretValue", "DeleteResourcePolicy", "DeleteSecret",
            "DisassociateCrossAccountReplica", "GetRandomPassword", "GetResourcePolicy", "ListResourcePolicies",
            "ListSecretVersionIds", "ListSecrets", "PutResourcePolicy", "RemoveRegionsFromReplication",
            "ReplicateSecretToRegions", "RestoreSecret", "StopReplicationToReplica", "TagResource", "UntagResource",
            "UpdateSecret", "ValidateResourcePolicy", "CreateSecret.AddReplicaRegions",
            "CreateSecret.ForceOverwriteReplicaSecret", "CreateSecret.CrossAccountPrimaryARN",
        ),
        NOT_YET,
    ),
}  # fmt: skip  # lists of names
