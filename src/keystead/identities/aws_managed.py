"""Managed policies that are shipped: AWS's names for what most accounts need, as far as it concerns the services here.

Written from the meaning that AWS documents (Managed Policy Reference, read in 2026), not copied; statements about services
that do not exist here are left out. Nobody can change them, any account may attach them, and each has one version, v1.
"""

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
    listed = ",".join(f'"{action}"' for action in actions)
    return f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{listed}],"Resource":"*"}}]}}'


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
)

TEXTS: Final = {policy.arn: policy.text for policy in SHIPPED}
