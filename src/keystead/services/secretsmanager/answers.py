"""What Secrets Manager answers about a secret, in AWS's members: each is there when AWS's is."""

from typing import Any

from keystead.secrets.secret import Replica, Secret


def identified(secret: Secret, **more: Any) -> dict[str, Any]:
    """ARN and Name, and whatever else has a value."""
    return {"ARN": secret.arn, "Name": secret.name} | {name: value for name, value in more.items() if value is not None}


def described(secret: Secret) -> dict[str, Any]:
    """What DescribeSecret and ListSecrets have in common."""
    rotation = secret.rotation
    found: dict[str, Any] = {
        "Description": secret.description,
        "KmsKeyId": secret.key,
        "RotationEnabled": rotation.enabled,
        "RotationLambdaARN": rotation.function,
        "RotationRules": rotation.rules,
        "ExternalSecretRotationMetadata": rotation.external,
        "ExternalSecretRotationRoleArn": rotation.external_role,
        "LastRotatedDate": rotation.last_at,
        "NextRotationDate": rotation.next_at,
        "LastChangedDate": secret.changed_at,
        "LastAccessedDate": secret.accessed_on,
        "DeletedDate": secret.deletion_at,
        "CreatedDate": secret.created_at,
        "PrimaryRegion": secret.primary_region,
        "Type": secret.type,
        "Tags": None if secret.tags is None else tag_list(secret.tags),
    }
    return identified(secret, **found)


def tag_list(tags: Any) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def replica_list(secret: Secret) -> list[dict[str, Any]]:
    return [replica_entry(replica) for replica in secret.replicas]


def crossing(secret: Secret) -> dict[str, Any]:
    """What DescribeSecret says of a link with another account."""
    link = secret.link
    if link is None:
        return {}
    found = {
        "PrimarySecretARN" if link.replica else "ReplicaSecretARN": link.arn,
        "ReplicationRoleARN": link.role,
        "ReplicationStatus": link.status,
        "StatusMessage": link.message,
    }
    entry = {name: value for name, value in found.items() if value is not None}
    return {"CrossAccountPrimary": entry} if link.replica else {"CrossAccountReplicas": [entry]}


def replica_entry(replica: Replica) -> dict[str, Any]:
    found = {
        "Region": replica.region,
        "KmsKeyId": replica.key,
        "Status": replica.status,
        "StatusMessage": replica.message,
    }
    return {name: value for name, value in found.items() if value is not None}
