"""What the keyholder makes, and what each may be used for: one row per KMS key spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, SECP256R1, SECP384R1, SECP521R1
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

from keystead.keyholder.algorithms.edwards import Ed25519
from keystead.keyholder.algorithms.elliptic import Elliptic
from keystead.keyholder.algorithms.ml_dsa import ML_DSA
from keystead.keyholder.algorithms.ml_kem import ML_KEM
from keystead.keyholder.algorithms.rsa import Rsa
from keystead.keyholder.algorithms.secret import Secret
from keystead.keyholder.algorithms.working_key import Family
from keystead.keyholder.promise import (
    ENCAPSULATE_DECAPSULATE,
    ENCRYPT_DECRYPT,
    GENERATE_VERIFY_MAC,
    KEY_AGREEMENT,
    SIGN_VERIFY,
    SYMMETRIC_DEFAULT,
)


@dataclass(frozen=True, slots=True)
class Spec:
    """usages  KMS key usages
    slow    making one takes so long that it must not happen on the thread that answers
    pair    GenerateDataKeyPair gives it out
    """

    family: Family
    usages: frozenset[str]
    slow: bool = False
    pair: bool = True


def _of(*usages: str) -> frozenset[str]:
    return frozenset(usages)


SPECS: Final[Mapping[str, Spec]] = {
    #  KMS developer guide, "key spec reference"; FIPS 186-5, 203, 204, SEC 2, RFC 8032
    SYMMETRIC_DEFAULT:        Spec(Secret(32), _of(ENCRYPT_DECRYPT), pair=False),
    "HMAC_224":               Spec(Secret(28, "HMAC_SHA_224", "sha224"), _of(GENERATE_VERIFY_MAC), pair=False),
    "HMAC_256":               Spec(Secret(32, "HMAC_SHA_256", "sha256"), _of(GENERATE_VERIFY_MAC), pair=False),
    "HMAC_384":               Spec(Secret(48, "HMAC_SHA_384", "sha384"), _of(GENERATE_VERIFY_MAC), pair=False),
    "HMAC_512":               Spec(Secret(64, "HMAC_SHA_512", "sha512"), _of(GENERATE_VERIFY_MAC), pair=False),
    "RSA_2048":               Spec(Rsa(2048), _of(ENCRYPT_DECRYPT, SIGN_VERIFY), slow=True),
    "RSA_3072":               Spec(Rsa(3072), _of(ENCRYPT_DECRYPT, SIGN_VERIFY), slow=True),
    "RSA_4096":               Spec(Rsa(4096), _of(ENCRYPT_DECRYPT, SIGN_VERIFY), slow=True),
    "ECC_NIST_P256":          Spec(Elliptic(SECP256R1(), "ECDSA_SHA_256", SHA256()), _of(SIGN_VERIFY, KEY_AGREEMENT)),
    "ECC_NIST_P384":          Spec(Elliptic(SECP384R1(), "ECDSA_SHA_384", SHA384()), _of(SIGN_VERIFY, KEY_AGREEMENT)),
    "ECC_NIST_P521":          Spec(Elliptic(SECP521R1(), "ECDSA_SHA_512", SHA512()), _of(SIGN_VERIFY, KEY_AGREEMENT)),
    "ECC_SECG_P256K1":        Spec(Elliptic(SECP256K1(), "ECDSA_SHA_256", SHA256()), _of(SIGN_VERIFY)),
    "ECC_NIST_EDWARDS25519":  Spec(Ed25519(), _of(SIGN_VERIFY)),
    "ML_DSA_44":              Spec(ML_DSA[44], _of(SIGN_VERIFY), pair=False),
    "ML_DSA_65":              Spec(ML_DSA[65], _of(SIGN_VERIFY), pair=False),
    "ML_DSA_87":              Spec(ML_DSA[87], _of(SIGN_VERIFY), pair=False),
    "ML_KEM_768":             Spec(ML_KEM[768], _of(ENCAPSULATE_DECAPSULATE)),
    "ML_KEM_1024":            Spec(ML_KEM[1024], _of(ENCAPSULATE_DECAPSULATE)),
}  # fmt: skip  # a table
