"""What of KMS is known and not served, with the reason: operations, members, and single values of members."""

from collections.abc import Mapping
from typing import Final

VPC: Final = "there are no VPC endpoint services here: a proxy in a private network is reached as any other is"
SERVICE_PRINCIPALS: Final = "no service acts in its own name here"

REFUSED: Final = {
    **dict.fromkeys(
        (
            "CreateCustomKeyStore.XksProxyVpcEndpointServiceName", "CreateCustomKeyStore.XksProxyVpcEndpointServiceOwner",
            "UpdateCustomKeyStore.XksProxyVpcEndpointServiceName", "UpdateCustomKeyStore.XksProxyVpcEndpointServiceOwner",
        ),
        VPC,
    ),
    **dict.fromkeys(
        (
            "CreateGrant.GranteeServicePrincipal", "CreateGrant.RetiringServicePrincipal",
            "ListGrants.GranteeServicePrincipal", "ListRetirableGrants.RetiringServicePrincipal",
        ),
        SERVICE_PRINCIPALS,
    ),
}  # fmt: skip  # lists of names
"""Operation, or Operation.Member."""

NO_SM2: Final = (
    "SM2 is offered in China Regions only, and the cryptographic library has no SM2 signatures or encryption"
)
OLD_WRAPPING: Final = "KMS has not accepted it since October 10, 2023"
NO_ML_KEM_512: Final = "the cryptographic library has ML-KEM-768 and ML-KEM-1024 only"

VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "GetParametersForImport.WrappingAlgorithm":         {"RSAES_PKCS1_V1_5": OLD_WRAPPING, "SM2PKE": NO_SM2},
    "GetParametersForImport.WrappingKeySpec":           {"SM2": NO_SM2},
    "CreateKey.KeySpec":                                {"SM2": NO_SM2, "ML_KEM_512": NO_ML_KEM_512},
    "CreateCustomKeyStore.XksProxyConnectivity":        {"VPC_ENDPOINT_SERVICE": VPC},
    "UpdateCustomKeyStore.XksProxyConnectivity":        {"VPC_ENDPOINT_SERVICE": VPC},
    "CreateKey.CustomerMasterKeySpec":                  {"SM2": NO_SM2},
    "GenerateDataKeyPair.KeyPairSpec":                  {"SM2": NO_SM2, "ML_KEM_512": NO_ML_KEM_512},
    "GenerateDataKeyPairWithoutPlaintext.KeyPairSpec":  {"SM2": NO_SM2, "ML_KEM_512": NO_ML_KEM_512},
}  # fmt: skip  # a table
"""Operation.Member to the values of its enumeration that are refused."""


def why_not(member: str, value: str) -> str:
    """The sentence that refuses a value of `Operation.Member`."""
    _, _, name = member.partition(".")
    reason = VALUES.get(member, {}).get(value)
    return f"{name} {value} is not served here" + (f": {reason}." if reason else ".")
