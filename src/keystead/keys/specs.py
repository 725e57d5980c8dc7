"""Kinds of keys: one row per KMS key spec, with what it can be made for and the algorithms of each use.

What the keyholder does with each is keyholder.algorithms.specs; a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keystead.keyholder.promise import (
    ENCAPSULATE_DECAPSULATE,
    ENCRYPT_DECRYPT,
    GENERATE_VERIFY_MAC,
    KEY_AGREEMENT,
    SIGN_VERIFY,
    SYMMETRIC_DEFAULT,
)


class Kind(StrEnum):
    """The type of a key, as UpdateAlias compares it (KMS API reference)."""

    SYMMETRIC = "symmetric"
    ASYMMETRIC = "asymmetric"
    HMAC = "HMAC"


@dataclass(frozen=True, slots=True)
class Spec:
    """usages  usage to algorithms, in AWS's order"""

    kind: Kind
    usages: Mapping[str, tuple[str, ...]]

    @property
    def rotates(self) -> bool:
        return self.kind is Kind.SYMMETRIC


OAEP: Final = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
RSA_SIGNATURES: Final = (
    "RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512", "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512",
)  # fmt: skip  # a list of names
RSA: Final = Spec(Kind.ASYMMETRIC, {ENCRYPT_DECRYPT: OAEP, SIGN_VERIFY: RSA_SIGNATURES})
EDWARDS: Final = ("ED25519_SHA_512", "ED25519_PH_SHA_512")
ML_DSA: Final = Spec(Kind.ASYMMETRIC, {SIGN_VERIFY: ("ML_DSA_SHAKE_256",)})
ML_KEM: Final = Spec(Kind.ASYMMETRIC, {ENCAPSULATE_DECAPSULATE: ("ML_KEM",)})


def _curve(algorithm: str) -> Spec:
    return Spec(Kind.ASYMMETRIC, {SIGN_VERIFY: (algorithm,), KEY_AGREEMENT: ("ECDH",)})


def _mac(algorithm: str) -> Spec:
    return Spec(Kind.HMAC, {GENERATE_VERIFY_MAC: (algorithm,)})


SPECS: Final[Mapping[str, Spec]] = {
    #  KMS developer guide, key spec reference; order of algorithms recorded from AWS where it is known
    SYMMETRIC_DEFAULT:       Spec(Kind.SYMMETRIC, {ENCRYPT_DECRYPT: (SYMMETRIC_DEFAULT,)}),
    "RSA_2048":              RSA,
    "RSA_3072":              RSA,
    "RSA_4096":              RSA,
    "ECC_NIST_P256":         _curve("ECDSA_SHA_256"),
    "ECC_NIST_P384":         _curve("ECDSA_SHA_384"),
    "ECC_NIST_P521":         _curve("ECDSA_SHA_512"),
    "ECC_SECG_P256K1":       Spec(Kind.ASYMMETRIC, {SIGN_VERIFY: ("ECDSA_SHA_256",)}),
    "ECC_NIST_EDWARDS25519": Spec(Kind.ASYMMETRIC, {SIGN_VERIFY: EDWARDS}),
    "HMAC_224":              _mac("HMAC_SHA_224"),
    "HMAC_256":              _mac("HMAC_SHA_256"),
    "HMAC_384":              _mac("HMAC_SHA_384"),
    "HMAC_512":              _mac("HMAC_SHA_512"),
    "ML_DSA_44":             ML_DSA,
    "ML_DSA_65":             ML_DSA,
    "ML_DSA_87":             ML_DSA,
    "ML_KEM_768":            ML_KEM,
    "ML_KEM_1024":           ML_KEM,
}  # fmt: skip  # a table

PAIRS: Final = frozenset(
    {
        "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1",
        "ECC_NIST_EDWARDS25519", "ML_KEM_768", "ML_KEM_1024",
    }
)  # fmt: skip  # a list of names
"""What GenerateDataKeyPair makes (KMS model, DataKeyPairSpec)."""
