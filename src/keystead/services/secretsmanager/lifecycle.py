"""What a secret is, and how it changes and ends."""

from collections.abc import Mapping
from typing import Any

from keystead.identities.call import Call
from keystead.secrets.room import Secrets
from keystead.secrets.secret import Replica
from keystead.services.secretsmanager.answers import described

Answer = Mapping[str, Any]


async def describe_secret(room: Secrets, call: Call, *, secret_id: str) -> Answer:
    secret = await room.admit(call, "DescribeSecret", secret_id)
    answer = described(secret)
    if secret.labels:
        answer["VersionIdsToStages"] = secret.stages
    if secret.replicas:
        answer["ReplicationStatus"] = [replica_entry(replica) for replica in secret.replicas]
    return answer


def replica_entry(replica: Replica) -> dict[str, Any]:
    found = {
        "Region": replica.region,
        "KmsKeyId": replica.key,
        "Status": replica.status,
        "StatusMessage": replica.message,
    }
    return {name: value for name, value in found.items() if value is not None}
