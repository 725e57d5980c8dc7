"""What an algorithm takes: lengths of digests and of plaintexts (KMS API reference, Sign and Encrypt; key spec reference)."""

from typing import Final, NamedTuple

from keystead.keys.errors import ParameterWrong

RAW: Final = "RAW"
DIGEST: Final = "DIGEST"
EXTERNAL_MU: Final = "EXTERNAL_MU"


class Takes(NamedTuple):
    """Whether the message itself is taken; and the length of a digest and of an external mu, where there is one."""

    raw: bool = True
    digest: int | None = None
    external_mu: int | None = None


TAKES: Final = {
    #  SigningAlgorithm             MessageTypes
    "RSASSA_PKCS1_V1_5_SHA_256": Takes(digest=32),
    "RSASSA_PKCS1_V1_5_SHA_384": Takes(digest=48),
    "RSASSA_PKCS1_V1_5_SHA_512": Takes(digest=64),
    "RSASSA_PSS_SHA_256":        Takes(digest=32),
    "RSASSA_PSS_SHA_384":        Takes(digest=48),
    "RSASSA_PSS_SHA_512":        Takes(digest=64),
    "ECDSA_SHA_256":             Takes(digest=32),
    "ECDSA_SHA_384":             Takes(digest=48),
    "ECDSA_SHA_512":             Takes(digest=64),
    "ED25519_SHA_512":           Takes(),
    "ED25519_PH_SHA_512":        Takes(raw=False, digest=64),
    "ML_DSA_SHAKE_256":          Takes(external_mu=64),
}  # fmt: skip  # a table

OAEP_HASHES: Final = {"RSAES_OAEP_SHA_1": 20, "RSAES_OAEP_SHA_256": 32}
"""Bytes of the hash: a plaintext has at most the modulus less twice that and 2 bytes (RFC 8017, 7.1.1)."""


def check_message(algorithm: str, kind: str, length: int) -> None:
    """Raises ParameterWrong."""
    takes = TAKES[algorithm]
    if kind == RAW and takes.raw:
        return
    wanted = takes.digest if kind == DIGEST else takes.external_mu if kind == EXTERNAL_MU else None
    if wanted is None:
        raise ParameterWrong(f"MessageType {kind} is not valid for algorithm {algorithm}.")
    if length != wanted:
        raise ParameterWrong(f"Digest is invalid length for algorithm {algorithm}.")


def check_plaintext(spec: str, algorithm: str, length: int) -> None:
    """Of RSA; others have no limit of their own. Raises ParameterWrong."""
    hashed = OAEP_HASHES.get(algorithm)
    if hashed is None:
        return
    longest = int(spec.removeprefix("RSA_")) // 8 - 2 * hashed - 2
    if length > longest:
        raise ParameterWrong(
            f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {longest} bytes."
        )
