"""The resource policy that a replica of another account's secret has by being one (Secrets Manager user guide, cross-account replication).

name       cross-account-replication
says       the primary's account may associate this replica, and nothing else
counts     together with `default`, which can still deny
there      from CreateSecret with CrossAccountPrimaryARN until StopReplicationToReplica; nobody writes it
"""

import json
from dataclasses import replace
from typing import Final

from keystead.access.policy import Document, Kind, parse

NAME: Final = "cross-account-replication"
ACCEPT: Final = "AcceptCrossAccountReplication"
"""What Secrets Manager calls on the replica, as whoever associates it (Secrets Manager API reference, AssociateCrossAccountReplica)."""


def text(primary_arn: str) -> str:
    """The statement's words are ours: AWS does not publish them."""
    account = primary_arn.split(":")[4]
    statement = {
        "Sid": "CrossAccountReplication",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": f"secretsmanager:{ACCEPT}",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def joined(default: str | None, primary_arn: str) -> Document:
    """Both policies as one. Raises PolicyMalformed."""
    managed = parse(text(primary_arn), Kind.RESOURCE)
    if default is None:
        return managed
    put = parse(default, Kind.RESOURCE)
    return replace(put, statements=(*put.statements, *managed.statements))
