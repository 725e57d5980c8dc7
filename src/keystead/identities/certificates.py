"""Who a certificate says that its holder is: the chain to a trust anchor, and what the leaf must be.

1. the chain leads to the anchor: names, signatures of SHA-256 or better, validity, CA and path length, key usage, name constraints
2. the leaf is of version 3, no CA, and made for signing
3. nothing in the chain is on a revocation list of its issuer
4. the leaf's key has made the signature, by an algorithm that fits it

Step 1 is done by cryptography's verifier of paths, with its rules for CAs (RFC 5280 as the web has it) and none for names of
leaves. A revocation list past its date still revokes. Source: IAM Roles Anywhere user guide, trust model; RFC 5280.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from keystead.identities.presented import Presented

DEPTH: Final = 4
"""Intermediate certificates between leaf and anchor, at most."""
BUNDLE: Final = 2
"""Certificates of one trust anchor (IAM Roles Anywhere user guide, quotas)."""
ATTRIBUTES: Final = {
    #  attribute                                 specifier       source: IAM Roles Anywhere user guide, attribute mapping
    NameOID.COMMON_NAME:                        "CN",
    NameOID.ORGANIZATION_NAME:                  "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME:           "OU",
    NameOID.COUNTRY_NAME:                       "C",
    NameOID.STATE_OR_PROVINCE_NAME:             "ST",
    NameOID.LOCALITY_NAME:                      "L",
    NameOID.SERIAL_NUMBER:                      "SERIALNUMBER",
    NameOID.USER_ID:                            "UID",
    NameOID.DOMAIN_COMPONENT:                   "DC",
}  # fmt: skip  # a table
TAG: Final = re.compile(r"[\w \t.:/=+\-@]{1,256}")
"""What may be the value of a session tag (STS model); what may not is no tag."""
SOURCE_IDENTITY: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
NO_TRUST: Final = "Untrusted certificate. Insufficient certificate"
"""As AWS answers, whatever is wrong with the chain (recorded)."""


class CertificateRefused(Exception):
    """The text may be told."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Holder:
    """A holder whose certificate and signature were verified.

    subject  its distinguished name (RFC 4514)
    tags     x509Subject/CN and the like, for the session
    """

    serial: str
    subject: str
    source_identity: str | None
    tags: tuple[tuple[str, str], ...]


def read_bundle(text: str) -> list[x509.Certificate]:
    """The certificates of a trust anchor, PEM. Raises CertificateRefused."""
    try:
        found = x509.load_pem_x509_certificates(text.encode("ascii"))
    except (ValueError, UnicodeError):
        raise CertificateRefused("Unable to parse the certificate bundle.") from None
    if not 1 <= len(found) <= BUNDLE:
        raise CertificateRefused(f"A trust anchor has 1 to {BUNDLE} certificates.")
    for one in found:
        if one.version is not x509.Version.v3 or not is_authority(one):
            raise CertificateRefused("Each certificate of a trust anchor must be a CA's, of version 3.")
    return found


def is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def read_revocations(raw: bytes) -> x509.CertificateRevocationList:
    """PEM or DER. Raises CertificateRefused."""
    try:
        if raw.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_crl(raw)
        return x509.load_der_x509_crl(raw)
    except ValueError:
        raise CertificateRefused("Unable to parse the certificate revocation list.") from None


def check_revocations(raw: bytes, bundle: str) -> None:
    """That a list can be read and, if an anchor's certificate issued it, was signed by it. Raises CertificateRefused."""
    listed = read_revocations(raw)
    for authority in read_bundle(bundle):
        if listed.issuer == authority.subject and not is_signed_by(listed, authority):
            raise CertificateRefused("The certificate revocation list is not signed by its issuer.")


def is_signed_by(listed: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        return listed.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # other keys raise TypeError
    except (TypeError, ValueError):
        return False


def verify(presented: Presented, bundle: str, revocations: Sequence[bytes], now: float) -> Holder:
    """Steps 1 to 4. Raises CertificateRefused."""
    try:
        leaf, *others = (x509.load_der_x509_certificate(one) for one in presented.certificates)
        chain = chain_of(leaf, others, read_bundle(bundle), now)  # 1
        check_leaf(leaf)  # 2
        check_not_revoked(chain, [read_revocations(raw) for raw in revocations])  # 3
        check_signature(presented, leaf)  # 4
        return holder(leaf)
    except ValueError:
        raise CertificateRefused(NO_TRUST) from None


def chain_of(
    leaf: x509.Certificate, others: list[x509.Certificate], anchors: list[x509.Certificate], now: float
) -> list[x509.Certificate]:
    """From the leaf to the anchor."""
    verifier = (
        PolicyBuilder()
        .store(Store(anchors))
        .time(datetime.fromtimestamp(int(now), UTC).replace(tzinfo=None))
        .max_chain_depth(DEPTH)
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        return list(verifier.verify(leaf, others).chain)
    except VerificationError:
        raise CertificateRefused(NO_TRUST) from None


def check_leaf(leaf: x509.Certificate) -> None:
    if leaf.version is not x509.Version.v3 or is_authority(leaf):
        raise CertificateRefused(NO_TRUST)
    for extension in leaf.extensions:
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):
            raise CertificateRefused(NO_TRUST)
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        raise CertificateRefused(NO_TRUST) from None
    if not usage.digital_signature:
        raise CertificateRefused(NO_TRUST)


def check_not_revoked(chain: list[x509.Certificate], lists: list[x509.CertificateRevocationList]) -> None:
    """A list of an issuer in the chain that this issuer has not signed is not ignored: nothing is trusted then."""
    for certificate, issuer in pairwise(chain):
        for listed in lists:
            if listed.issuer != certificate.issuer:
                continue
            if not is_signed_by(listed, issuer):
                raise CertificateRefused(NO_TRUST)
            if listed.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
                raise CertificateRefused("Certificate revoked")


def check_signature(presented: Presented, leaf: x509.Certificate) -> None:
    key = leaf.public_key()
    if presented.serial != str(leaf.serial_number):
        raise CertificateRefused("The signature names another certificate.")
    try:
        if isinstance(key, rsa.RSAPublicKey) and presented.algorithm == "AWS4-X509-RSA-SHA256":
            key.verify(presented.signature, presented.string_to_sign, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey) and presented.algorithm == "AWS4-X509-ECDSA-SHA256":
            key.verify(presented.signature, presented.string_to_sign, ec.ECDSA(hashes.SHA256()))
        else:
            raise CertificateRefused("The algorithm of the signature does not fit the certificate's key.")
    except InvalidSignature:
        raise CertificateRefused("The signature does not match the request.") from None


def holder(leaf: x509.Certificate) -> Holder:
    common = [str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    source = common[0] if common else None
    if source is not None and not SOURCE_IDENTITY.fullmatch(source):
        raise CertificateRefused("The certificate's common name cannot be a source identity.")
    tags = tuple((key, value) for key, value in dict(attributes(leaf)).items() if TAG.fullmatch(value))
    return Holder(f"{leaf.serial_number:x}", leaf.subject.rfc4514_string(), source, tags)


def attributes(leaf: x509.Certificate) -> Iterator[tuple[str, str]]:
    """An attribute that is there more than once is one text, its parts joined by slashes."""
    yield from named("x509Subject", leaf.subject)
    yield from named("x509Issuer", leaf.issuer)
    try:
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    for specifier, kind in (("DNS", x509.DNSName), ("URI", x509.UniformResourceIdentifier)):
        values = [str(value) for value in alternative.get_values_for_type(kind)]
        if values:
            yield f"x509SAN/{specifier}", "/".join(values)
    for name in alternative.get_values_for_type(x509.DirectoryName):
        yield from named("x509SAN/Name", name)


def named(prefix: str, name: x509.Name) -> Iterator[tuple[str, str]]:
    found: dict[str, list[str]] = {}
    for attribute in name:
        specifier = ATTRIBUTES.get(attribute.oid)
        if specifier is not None:
            found.setdefault(specifier, []).append(str(attribute.value))
    for specifier, values in found.items():
        yield f"{prefix}/{specifier}", "/".join(values)
