"""Why a policy document is refused, in AWS's words for each kind of policy.

Source of the texts: recorded answers of IAM, STS, KMS and Secrets Manager. Where nothing is recorded for a kind, it gets its
general text (ours). KMS and Secrets Manager are not recorded beyond what is here.
"""

from enum import Enum, auto
from typing import Final

from keystead.access.document import Kind
from keystead.access.errors import PolicyMalformed

SYNTAX: Final = "Syntax errors in policy."
LEGACY: Final = "The policy failed legacy parsing"
INVALID_PRINCIPALS: Final = "Policy contains a statement with one or more invalid principals."


class Fault(Enum):
    """What is wrong with a document."""

    JSON = auto()
    SYNTAX = auto()
    VERSION = auto()
    OLD_VERSION = auto()
    NO_STATEMENT = auto()
    NO_EFFECT = auto()
    LEGACY = auto()
    SID_REPEATED = auto()
    SID = auto()
    NO_ACTION = auto()
    NO_RESOURCE = auto()
    RESOURCE_FORBIDDEN = auto()
    NO_PRINCIPAL = auto()
    EMPTY_PRINCIPAL = auto()
    PRINCIPAL_FORBIDDEN = auto()
    PRINCIPAL_SHAPE = auto()
    PRINCIPAL = auto()
    NOT_PRINCIPAL_ALLOWS = auto()
    NOT_PRINCIPAL = auto()
    NOT_ASSUME_ROLE = auto()
    UNSCOPED = auto()
    NO_VENDOR = auto()
    TWO_COLONS = auto()
    VENDOR = auto()
    NOT_AN_ARN = auto()
    PARTITION = auto()
    RESOURCE_VENDOR = auto()
    IAM_REGION = auto()
    S3_REGION = auto()
    IAM_PATH = auto()
    OVERLY_PERMISSIVE = auto()


IAM: Final = {
    Fault.JSON: SYNTAX,
    Fault.SYNTAX: SYNTAX,
    Fault.VERSION: SYNTAX,
    Fault.OLD_VERSION: "Policy document must be version 2012-10-17 or greater.",
    Fault.NO_STATEMENT: SYNTAX,
    Fault.NO_EFFECT: SYNTAX,
    Fault.LEGACY: LEGACY,
    Fault.SID_REPEATED: "Statement IDs (SID) in a single policy must be unique.",
    Fault.SID: (
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
    ),
    Fault.NO_ACTION: "Policy statement must contain actions.",
    Fault.NO_RESOURCE: "Policy statement must contain resources.",
    Fault.PRINCIPAL_FORBIDDEN: "Policy document should not specify a principal.",
    Fault.NO_VENDOR: "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    Fault.TWO_COLONS: "Actions/Condition can contain only one colon.",
    Fault.VENDOR: "Vendor {vendor} is not valid",
    Fault.NOT_AN_ARN: 'Resource {resource} must be in ARN format or "*".',
    Fault.PARTITION: 'Partition "{partition}" is not valid for resource "{resource}".',
    Fault.RESOURCE_VENDOR: "Resource vendor must be fully qualified and cannot contain regexes.",
    Fault.IAM_REGION: "IAM resource {resource} cannot contain region information.",
    Fault.S3_REGION: "Resource {resource} can not contain region information.",
    Fault.IAM_PATH: 'IAM resource path must either be "*" or start with {paths}.',
}
TRUST: Final = {
    Fault.JSON: "This policy contains invalid Json",
    Fault.SYNTAX: SYNTAX,
    Fault.VERSION: "The policy must contain a valid version string",
    Fault.NO_STATEMENT: "Could not parse the policy: Statement is empty!",
    Fault.NO_EFFECT: "Missing required field Effect",
    Fault.SID_REPEATED: "The Statement Ids in the policy are not unique",
    Fault.NO_ACTION: "Missing required field Action",
    Fault.RESOURCE_FORBIDDEN: "Has prohibited field Resource",
    Fault.NO_PRINCIPAL: "Missing required field Principal",
    Fault.EMPTY_PRINCIPAL: "Missing required field Principal cannot be empty!",
    Fault.PRINCIPAL_SHAPE: "Principal must be a JSON object.",
    Fault.PRINCIPAL: 'Invalid principal in policy: "{type}":"{principal}"',
    Fault.NOT_PRINCIPAL_ALLOWS: "Allow with NotPrincipal is not allowed.",
    Fault.NOT_PRINCIPAL: "AssumeRole policy must not contain NotPrincipal field.",
    Fault.NOT_ASSUME_ROLE: "AssumeRole policy may only specify STS AssumeRole actions.",
    Fault.UNSCOPED: (
        "Trust policy with trusted principal {provider} must evaluate, using StringEquals, StringLike or "
        "StringEqualsIgnoreCase, {keys} which is not scoped to all."
    ),
}
KEY: Final = {
    Fault.SYNTAX: SYNTAX,
    Fault.NO_PRINCIPAL: "Policy contains a statement with no principal.",
    Fault.EMPTY_PRINCIPAL: "Policy contains a statement with no principal.",
    Fault.PRINCIPAL_SHAPE: INVALID_PRINCIPALS,
    Fault.PRINCIPAL: INVALID_PRINCIPALS,
    Fault.NOT_PRINCIPAL_ALLOWS: INVALID_PRINCIPALS,
    Fault.OVERLY_PERMISSIVE: (
        "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches "
        "requests without the specified {what} or with an unspecified {what}. To fix, remove ForAllValues."
    ),
}
RESOURCE: Final = {Fault.SYNTAX: "This policy has invalid syntax."}

TEXTS: Final = {Kind.IDENTITY: IAM, Kind.SESSION: IAM, Kind.TRUST: TRUST, Kind.KEY: KEY, Kind.RESOURCE: RESOURCE}


def refusal(kind: Kind, fault: Fault, **facts: str) -> PolicyMalformed:
    """To be raised."""
    texts = TEXTS[kind]
    return PolicyMalformed(texts.get(fault, texts[Fault.SYNTAX]).format(**facts))
