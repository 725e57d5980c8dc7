"""AWS managed keys: one per service, account and Region, made on first use, and not the account's to change."""

import json
from typing import Final

PREFIX: Final = "alias/aws/"
ROTATION_DAYS: Final = 365
"""AWS managed keys rotate every year (KMS developer guide, rotating keys)."""

SERVICES: Final = {
    #  alias              policy id               what its description says      source: AWS guides of each service
    "secretsmanager": ("auto-secretsmanager-1", "Default key that protects my Secrets Manager data when no other key is defined"),
    "ssm":            ("auto-ssm-1",            "Default key that protects my SSM Parameters when no other key is defined"),
    "s3":             ("auto-s3-2",             "Default key that protects my S3 objects when no other key is defined"),
}  # fmt: skip  # a table
USES: Final = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKey*",
    "kms:CreateGrant",
    "kms:DescribeKey",
)


def service_of(alias: str) -> str | None:
    """The service of `alias/aws/<service>`, if there is such a managed key; None for anything else."""
    name = alias.removeprefix(PREFIX)
    return name if alias.startswith(PREFIX) and name in SERVICES else None


def description(service: str) -> str:
    return SERVICES[service][1]


def policy(service: str, account: str, region: str) -> str:
    """Anyone of the account, but only through the service; the account may look."""
    document = {
        "Version": "2012-10-17",
        "Id": SERVICES[service][0],
        "Statement": [
            {
                "Sid": f"Allow access through {service} for all principals in the account that are authorized to use it",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": list(USES),
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "kms:ViaService": f"{service}.{region}.amazonaws.com",
                        "kms:CallerAccount": account,
                    }
                },
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                "Resource": "*",
            },
        ],
    }
    return json.dumps(document)
