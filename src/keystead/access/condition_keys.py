"""The condition keys that a request here can have. A policy may name others; they count as absent, and the linter says so.

Sources: IAM user guide, global condition context keys; Service Authorization Reference, of each service. Left out because nothing
here can supply them: organisations, VPCs, EC2, MFA devices, SAML.
"""

from typing import Final

ALWAYS: Final = frozenset(
    {
        "aws:currenttime", "aws:epochtime", "aws:securetransport", "aws:useragent", "aws:sourceip",
        "aws:requestedregion", "aws:principalarn", "aws:principalaccount", "aws:principaltype",
        "aws:principalisawsservice", "aws:userid", "aws:viaawsservice",
    }
)  # fmt: skip
"""Those that every signed request has."""
GLOBAL: Final = ALWAYS | frozenset(
    {
        "aws:username", "aws:sourceidentity", "aws:tokenissuetime", "aws:multifactorauthpresent", "aws:resourceaccount",
        "aws:tagkeys", "aws:federatedprovider", "aws:sourcearn", "aws:sourceaccount",
    }
)  # fmt: skip
KMS_ALWAYS: Final = frozenset(
    {
        "kms:calleraccount", "kms:customermasterkeyspec", "kms:customermasterkeyusage", "kms:keyorigin", "kms:keyspec",
        "kms:keyusage", "kms:multiregion",
    }
)  # fmt: skip
"""Those that every operation on a key has."""
KMS: Final = KMS_ALWAYS | frozenset(
    {
        "kms:bypasspolicylockoutsafetycheck", "kms:datakeypairspec", "kms:encapsulationalgorithm",
        "kms:encryptionalgorithm", "kms:encryptioncontextkeys", "kms:expirationmodel", "kms:grantconstraintsourcearn",
        "kms:grantconstrainttype", "kms:grantisforawsresource", "kms:grantoperations", "kms:granteeprincipal",
        "kms:granteeserviceprincipal", "kms:keyagreementalgorithm", "kms:macalgorithm", "kms:messagetype",
        "kms:multiregionkeytype", "kms:policyname", "kms:primaryregion", "kms:reencryptonsamekey", "kms:replicaregion",
        "kms:requestalias", "kms:resourcealiases", "kms:retiringprincipal", "kms:retiringserviceprincipal",
        "kms:rotationperiodindays", "kms:schedulekeydeletionpendingwindowindays", "kms:signingalgorithm",
        "kms:trailingdayswithoutkeyusage", "kms:validto", "kms:viaservice", "kms:wrappingalgorithm",
        "kms:wrappingkeyspec",
    }
)  # fmt: skip
SECRETS_MANAGER: Final = frozenset(
    {
        "secretsmanager:addreplicaregions", "secretsmanager:blockpublicpolicy", "secretsmanager:description",
        "secretsmanager:externalsecretrotationrolearn", "secretsmanager:forcedeletewithoutrecovery",
        "secretsmanager:forceoverwritereplicasecret", "secretsmanager:kmskeyarn", "secretsmanager:kmskeyid",
        "secretsmanager:modifyrotationrules", "secretsmanager:name", "secretsmanager:policyname",
        "secretsmanager:recoverywindowindays",
        "secretsmanager:resource/allowrotationlambdaarn", "secretsmanager:resource/type",
        "secretsmanager:rotateimmediately", "secretsmanager:rotationlambdaarn", "secretsmanager:secretid",
        "secretsmanager:secretprimaryregion", "secretsmanager:type", "secretsmanager:versionid",
        "secretsmanager:versionstage",
    }
)  # fmt: skip
SSM: Final = frozenset({"ssm:overwrite", "ssm:policies", "ssm:recursive"})
STS: Final = frozenset(
    {"sts:durationseconds", "sts:externalid", "sts:rolesessionname", "sts:sourceidentity", "sts:transitivetagkeys"}
)
IAM: Final = frozenset({"iam:passedtoservice", "iam:permissionsboundary", "iam:policyarn"})
KNOWN: Final = GLOBAL | KMS | SECRETS_MANAGER | SSM | STS | IAM
WITH_A_NAME: Final = (
    "aws:principaltag/", "aws:requesttag/", "aws:resourcetag/", "iam:resourcetag/", "kms:encryptioncontext:",
    "kms:recipientattestation:", "secretsmanager:resourcetag/", "ssm:resourcetag/",
)  # fmt: skip
"""Families whose members end in the name of a tag, of a pair or of a measurement."""


def is_known(key: str) -> bool:
    """Expects lower case. A host before the colon is an OIDC issuer's, whose tokens may hold any claim."""
    issuer = key.rpartition(":")[0]
    return key in KNOWN or key.startswith(WITH_A_NAME) or "." in issuer or "/" in issuer


def always_there(key: str) -> bool:
    """Whether no request that a statement is about can lack it. Expects lower case."""
    return key in ALWAYS or key in KMS_ALWAYS
