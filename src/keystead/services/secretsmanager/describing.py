"""DescribeSecret."""

from collections.abc import Mapping
from typing import Any

from keystead.identities.call import Call
from keystead.secrets.room import Secrets
from keystead.secrets.secret import CURRENT
from keystead.services.secretsmanager.answers import crossing, described, replica_list

Answer = Mapping[str, Any]


async def describe_secret(room: Secrets, call: Call, *, secret_id: str) -> Answer:
    secret = await room.admit(call, "DescribeSecret", secret_id)
    call.notes.secret(secret.arn, secret.labels.get(CURRENT))
    answer = described(secret)
    if secret.labels:
        answer["VersionIdsToStages"] = secret.stages
    if secret.replicas:
        answer["ReplicationStatus"] = replica_list(secret)
    return answer | crossing(secret)
