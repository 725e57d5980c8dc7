"""Policy templates that are shipped: for the cases where a policy that is nearly right does not protect.

    key-for-service          a key policy: the key is used only through one service, whoever has it granted
    from-addresses           an identity policy, boundary or part of one: nothing from elsewhere
    revoke-older-sessions    an identity policy: credentials that were issued before a moment are worth nothing

Each denies rather than not allow, so that no other policy and no grant undoes it (access facts: the ViaService table; IAM user guide,
revoking IAM role temporary security credentials).
"""

from collections.abc import Sequence
from typing import Any, Final

VERSION: Final = "2012-10-17"
ADMINISTRATION: Final = (
    "kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*", "kms:Revoke*", "kms:Disable*",
    "kms:Get*", "kms:Delete*", "kms:TagResource", "kms:UntagResource", "kms:ScheduleKeyDeletion",
    "kms:CancelKeyDeletion", "kms:RotateKeyOnDemand",
)  # fmt: skip  # the administrators' statement of the default key policy (KMS developer guide)
USE: Final = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*")
"""What opens or makes what the key protects."""

Document = dict[str, Any]


def key_for_service(account: str, service: str, region: str, principals: Sequence[str]) -> Document:
    """`principals`: ARNs of roles and users that use the key through the service, such as secretsmanager."""
    through = f"{service}.{region}.amazonaws.com"
    return document(
        {
            "Sid": "Administration by the account, without use",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": list(ADMINISTRATION),
            "Resource": "*",
        },
        {
            "Sid": "Use through the service",
            "Effect": "Allow",
            "Principal": {"AWS": list(principals)},
            "Action": [*USE, "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:ViaService": through, "kms:CallerAccount": account}},
        },
        {
            "Sid": "No use in any other way",
            "Effect": "Deny",
            "Principal": "*",
            "Action": [*USE, "kms:CreateGrant"],
            "Resource": "*",
            "Condition": {"StringNotEquals": {"kms:ViaService": through}},
        },
    )


def from_addresses(networks: Sequence[str]) -> Document:
    """`networks`: CIDR. Calls that a service forwards come from the service, and are not held to them."""
    return document(
        {
            "Sid": "NothingFromElsewhere",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {
                "NotIpAddress": {"aws:SourceIp": list(networks)},
                "Bool": {"aws:ViaAWSService": "false"},
            },
        }
    )


def revoke_older_sessions(before: str) -> Document:
    """`before`: YYYY-MM-DDThh:mm:ssZ. In AWS's console this is "Revoke active sessions"."""
    return document(
        {
            "Sid": "RevokeOlderSessions",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": before}},
        }
    )


def document(*statements: Document) -> Document:
    return {"Version": VERSION, "Statement": list(statements)}
