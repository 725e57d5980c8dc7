"""The condition keys that a request here can have. A policy may name others; they count as absent, and the linter says so.

Sources: IAM user guide, global condition context keys; Service Authorization Reference, AWS KMS. Left out because nothing here can
supply them: organisations, VPCs, EC2, MFA devices, attestation documents.
"""

from typing import Final

GLOBAL: Final = frozenset(
    {
        "aws:currenttime", "aws:epochtime", "aws:securetransport", "aws:useragent", "aws:sourceip",
        "aws:requestedregion", "aws:principalarn", "aws:principalaccount", "aws:principaltype",
        "aws:principalisawsservice", "aws:userid", "aws:username", "aws:sourceidentity", "aws:tokenissuetime",
        "aws:multifactorauthpresent", "aws:resourceaccount", "aws:viaawsservice", "aws:tagkeys", "aws:federatedprovider",
    }
)  # fmt: skip
KMS: Final = frozenset(
    {
        "kms:bypasspolicylockoutsafetycheck", "kms:calleraccount", "kms:customermasterkeyspec",
        "kms:customermasterkeyusage", "kms:datakeypairspec", "kms:encapsulationalgorithm", "kms:encryptionalgorithm",
        "kms:encryptioncontextkeys", "kms:expirationmodel", "kms:grantconstraintsourcearn", "kms:grantconstrainttype",
        "kms:grantisforawsresource", "kms:grantoperations", "kms:granteeprincipal", "kms:granteeserviceprincipal",
        "kms:keyagreementalgorithm", "kms:keyorigin", "kms:keyspec", "kms:keyusage", "kms:macalgorithm",
        "kms:messagetype", "kms:multiregion", "kms:multiregionkeytype", "kms:policyname", "kms:primaryregion",
        "kms:reencryptonsamekey", "kms:replicaregion", "kms:requestalias", "kms:resourcealiases",
        "kms:retiringprincipal", "kms:retiringserviceprincipal", "kms:rotationperiodindays",
        "kms:schedulekeydeletionpendingwindowindays", "kms:signingalgorithm", "kms:trailingdayswithoutkeyusage",
        "kms:validto", "kms:viaservice", "kms:wrappingalgorithm", "kms:wrappingkeyspec",
    }
)  # fmt: skip
WITH_A_NAME: Final = ("aws:principaltag/", "aws:requesttag/", "aws:resourcetag/", "kms:encryptioncontext:")
"""Families whose members end in the name of a tag or of a pair."""


def is_known(key: str) -> bool:
    """Expects lower case. Keys of services other than these are not judged."""
    if not key.startswith(("aws:", "kms:")):
        return True
    return key in GLOBAL or key in KMS or key.startswith(WITH_A_NAME)
