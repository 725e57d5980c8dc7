"""Managed policies that are shipped: AWS's names for what most accounts need, as far as it concerns the services here.

Written from the meaning that AWS documents (Managed Policy Reference, read in 2026), not copied. What concerns other
services is left out. Nobody can change them, any account may attach them, and each has one version, v1.
"""

import json
from dataclasses import dataclass
from typing import Final

ACCOUNT: Final = "aws"
DATE: Final = 1_767_225_600.0
"""2026-01-01T00:00:00Z, when these were written down."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """id  ours: AWS's own are not published for all of them."""

    id: str
    name: str
    description: str
    text: str
    path: str = "/"
    date: float = DATE

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:policy{self.path}{self.name}"


def allow(*actions: str) -> str:
    return policy({"Effect": "Allow", "Action": list(actions), "Resource": "*"})


def policy(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


SHIPPED: Final = (
    Shipped(
        "ANPAKEYSTEAD000000001",
        "AdministratorAccess",
        "Provides full access to AWS services and resources.",
        allow("*"),
    ),
    Shipped(
        "ANPAKEYSTEAD000000002",
        "IAMFullAccess",
        "Provides full access to IAM.",
        allow("iam:*"),
    ),
    Shipped(
        "ANPAKEYSTEAD000000003",
        "IAMReadOnlyAccess",
        "Provides read only access to IAM.",
        allow(
            "iam:GenerateCredentialReport",
            "iam:GenerateServiceLastAccessedDetails",
            "iam:Get*",
            "iam:List*",
            "iam:SimulateCustomPolicy",
            "iam:SimulatePrincipalPolicy",
        ),
    ),
    Shipped(
        "ANPAKEYSTEAD000000004",
        "AWSKeyManagementServicePowerUser",
        "Provides access to AWS Key Management Service (KMS).",
        allow(
            "kms:CreateAlias",
            "kms:CreateKey",
            "kms:DeleteAlias",
            "kms:Describe*",
            "kms:GenerateRandom",
            "kms:Get*",
            "kms:List*",
            "kms:TagResource",
            "kms:UntagResource",
            "iam:ListGroups",
            "iam:ListRoles",
            "iam:ListUsers",
        ),
    ),
    Shipped(
        "ANPAKEYSTEAD000000005",
        "AWSCloudTrail_ReadOnlyAccess",
        "Provides read only access to CloudTrail.",
        allow("cloudtrail:Get*", "cloudtrail:Describe*", "cloudtrail:List*", "cloudtrail:LookupEvents"),
    ),
    Shipped(
        "ANPAKEYSTEAD000000006",
        "PowerUserAccess",
        "Provides full access to AWS services and resources, but does not allow management of users and groups.",
        policy(
            {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
            {"Effect": "Allow", "Action": ["iam:ListRoles"], "Resource": "*"},
        ),
    ),
    Shipped(
        "ANPAKEYSTEAD000000007",
        "SecretsManagerReadWrite",
        "Provides read/write access to AWS Secrets Manager.",
        allow("secretsmanager:*", "kms:DescribeKey", "kms:ListAliases", "kms:ListKeys"),
    ),
    Shipped(
        "ANPAKEYSTEAD000000008",
        "AmazonSSMFullAccess",
        "Provides full access to Amazon SSM.",
        allow("ssm:*"),
    ),
    Shipped(
        "ANPAKEYSTEAD000000009",
        "AmazonSSMReadOnlyAccess",
        "Provides read only access to Amazon SSM.",
        allow("ssm:Describe*", "ssm:Get*", "ssm:List*"),
    ),
    Shipped(
        "ANPAKEYSTEAD000000010",
        "SecurityAudit",
        "Grants access to read security configuration metadata.",
        allow(
            "cloudtrail:Describe*",
            "cloudtrail:Get*",
            "cloudtrail:List*",
            "cloudtrail:LookupEvents",
            "iam:GenerateCredentialReport",
            "iam:Get*",
            "iam:List*",
            "iam:SimulateCustomPolicy",
            "iam:SimulatePrincipalPolicy",
            "kms:Describe*",
            "kms:Get*",
            "kms:List*",
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetResourcePolicy",
            "secretsmanager:ListSecretVersionIds",
            "secretsmanager:ListSecrets",
            "ssm:DescribeParameters",
            "ssm:ListTagsForResource",
        ),
    ),
    Shipped(
        "ANPAKEYSTEAD000000011",
        "ViewOnlyAccess",
        "Grants permissions to view resources and basic metadata, not their contents.",
        allow(
            "cloudtrail:DescribeTrails",
            "cloudtrail:LookupEvents",
            "iam:List*",
            "kms:ListAliases",
            "kms:ListKeys",
            "secretsmanager:ListSecrets",
            "ssm:DescribeParameters",
        ),
        path="/job-function/",
    ),
    Shipped(
        "ANPAKEYSTEAD000000012",
        "ReadOnlyAccess",
        "Provides read-only access to AWS services and resources.",
        allow(
            "cloudtrail:Describe*",
            "cloudtrail:Get*",
            "cloudtrail:List*",
            "cloudtrail:LookupEvents",
            "iam:Generate*",
            "iam:Get*",
            "iam:List*",
            "iam:Simulate*",
            "kms:Describe*",
            "kms:Get*",
            "kms:List*",
            "rolesanywhere:Get*",
            "rolesanywhere:List*",
            "s3:Get*",
            "s3:List*",
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetResourcePolicy",
            "secretsmanager:List*",
            "ssm:Describe*",
            "ssm:Get*",
            "ssm:List*",
            "sts:GetAccessKeyInfo",
            "sts:GetCallerIdentity",
            "sts:GetSessionToken",
        ),
    ),
)

TEXTS: Final = {policy.arn: policy.text for policy in SHIPPED}
