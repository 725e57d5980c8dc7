"""Whether an attestation document is to be believed.

1. it can be read                                     document.read
2. its signer's certificate leads to a trusted root   names, signatures, validity, CA, path length, key usage (RFC 5280)
3. the signer may sign, and is no CA itself
4. the signature is the signer's                      ES384 over COSE's Sig_structure (RFC 9052, 4.4)
5. it is fresh                                        five minutes, as a signed request is
6. its public key is one that can be answered to      RSA of 2048 to 8192 bits

The root that a document brings along is not looked at. Revocation lists do not exist for these certificates, which live for
hours. (AWS Nitro Enclaves NSM API, attestation process.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from keystead.attestation.document import Document, Unreadable, read

Root = x509.Certificate
WINDOW: Final = 300.0
"""Seconds that a document may be old, or ahead of this clock. Ours: AWS does not say what it allows."""
KEY_BITS: Final = range(2048, 8193)


class NotBelieved(Exception):
    """Which step failed is not said."""


@dataclass(frozen=True, slots=True)
class Attested:
    """An environment that proved what it runs.

    registers   PCRs by number, lower-case hex
    public_key  SubjectPublicKeyInfo, DER, of RSA; only this environment has the other half
    """

    module_id: str
    registers: Mapping[int, str]
    of_tpm: bool
    public_key: bytes


def roots(pem: bytes) -> tuple[Root, ...]:
    """Trusted roots. Raises ValueError."""
    return tuple(x509.load_pem_x509_certificates(pem))


def verify(raw: bytes, trusted: Sequence[Root], now: float) -> Attested:
    """Raises NotBelieved."""
    try:
        document = read(raw)  # 1
        signer = chained(document, trusted, now)  # 2, 3
        check_signature(document, signer)  # 4
    except (Unreadable, VerificationError, InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise NotBelieved from None
    if abs(now - document.at) > WINDOW:  # 5
        raise NotBelieved
    check_recipient(document.public_key)  # 6
    registers = {number: register.hex() for number, register in sorted(document.registers.items())}
    return Attested(document.module_id, registers, document.of_tpm, document.public_key)


def chained(document: Document, trusted: Sequence[Root], now: float) -> x509.Certificate:
    """The signer's certificate. Raises VerificationError, ValueError."""
    signer = x509.load_der_x509_certificate(document.certificate)
    between = [x509.load_der_x509_certificate(one) for one in document.bundle]
    authorities = (
        ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, Criticality.CRITICAL, is_authority)
        .require_present(x509.KeyUsage, Criticality.CRITICAL, signs_certificates)
    )
    signers = (
        ExtensionPolicy.permit_all()
        .may_be_present(x509.BasicConstraints, Criticality.AGNOSTIC, is_no_authority)
        .require_present(x509.KeyUsage, Criticality.AGNOSTIC, signs_documents)
    )
    verifier = (
        PolicyBuilder()
        .store(Store(list(trusted)))
        .time(datetime.fromtimestamp(int(now), UTC).replace(tzinfo=None))
        .max_chain_depth(len(between))
        .extension_policies(ca_policy=authorities, ee_policy=signers)
        .build_client_verifier()
    )
    verifier.verify(signer, between)
    return signer


def is_authority(_: Policy, __: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("no CA")


def signs_certificates(_: Policy, __: x509.Certificate, usage: x509.KeyUsage) -> None:
    if not usage.key_cert_sign:
        raise ValueError("does not sign certificates")


def is_no_authority(_: Policy, __: x509.Certificate, constraints: x509.BasicConstraints | None) -> None:
    if constraints is not None and constraints.ca:
        raise ValueError("a CA")


def signs_documents(_: Policy, __: x509.Certificate, usage: x509.KeyUsage) -> None:
    if not usage.digital_signature:
        raise ValueError("does not sign")


def check_signature(document: Document, signer: x509.Certificate) -> None:
    """Raises InvalidSignature, ValueError."""
    key = signer.public_key()
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP384R1):
        raise ValueError("not P-384")  # noqa: TRY004  # one kind for all that is wrong with a document
    half = len(document.signature) // 2
    r, s = (int.from_bytes(part, "big") for part in (document.signature[:half], document.signature[half:]))
    key.verify(encode_dss_signature(r, s), document.signed, ECDSA(SHA384()))


def check_recipient(public_key: bytes) -> None:
    """Raises NotBelieved."""
    try:
        key: Any = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm):
        raise NotBelieved from None
    if not isinstance(key, RSAPublicKey) or key.key_size not in KEY_BITS:
        raise NotBelieved
