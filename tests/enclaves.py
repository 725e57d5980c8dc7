"""Attestation documents as a hypervisor makes them, signed by an authority of the tests' own."""

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

HOUR = dt.timedelta(hours=1)
IMAGE = bytes(range(48))


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def usage(*, signs: bool, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certifies,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass
class Party:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def party(
    name: str,
    issuer: Party | None = None,
    *,
    ca: bool = True,
    length: int | None = None,
    signs: bool | None = None,
    certifies: bool | None = None,
    at: float | None = None,
    hours: int = 3,
    curve: ec.EllipticCurve | None = None,
) -> Party:
    """A certificate for `hours` around `at`, like those of AWS's hierarchy unless told otherwise."""
    key = ec.generate_private_key(curve or ec.SECP384R1())
    now = dt.datetime.fromtimestamp(int(at or time.time()), dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(issuer.certificate.subject if issuer else named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - HOUR)
        .not_valid_after(now + hours * HOUR)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=length), critical=True)
        .add_extension(
            usage(signs=not ca if signs is None else signs, certifies=ca if certifies is None else certifies),
            critical=ca,
        )
    )
    return Party(made.sign(issuer.key if issuer else key, SHA384()), key)


@dataclass
class Hypervisor:
    """Root, two authorities, and the certificate that signs documents."""

    at: float | None = None
    root: Party = field(init=False)
    between: list[Party] = field(init=False)
    signer: Party = field(init=False)

    def __post_init__(self) -> None:
        self.root = party("aws.nitro-enclaves.test", at=self.at)
        region = party("region", self.root, length=1, at=self.at)
        self.between = [region, party("instance", region, length=0, at=self.at)]
        self.signer = party("i-1-enc1", self.between[-1], ca=False, at=self.at)

    def document(self, public_key: bytes | None = None, at: float | None = None, **changes: Any) -> dict[str, Any]:
        """The fields; one that is changed to None is left out."""
        fields = {
            "module_id": "i-1234567890abcdef0-enc0123456789abcde",
            "digest": "SHA384",
            "timestamp": int((at or self.at or time.time()) * 1000),
            "pcrs": {0: IMAGE, 1: bytes(48), 2: b"\x02" * 48, 8: b"\x08" * 48},
            "certificate": self.signer.der,
            "cabundle": [self.root.der, *(one.der for one in self.between)],
            "public_key": public_key,
            "user_data": None,
            "nonce": None,
            **changes,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def signed(
        self,
        fields: Mapping[str, Any],
        *,
        tagged: bool = False,
        protected: Any = None,
        unprotected: Any = None,
        key: Any = None,
    ) -> bytes:
        """COSE_Sign1 over the fields (RFC 9052, 4.4)."""
        header = cbor2.dumps({1: -35} if protected is None else protected)
        payload = cbor2.dumps(dict(fields))
        to_sign = cbor2.dumps(["Signature1", header, b"", payload])
        r, s = decode_dss_signature((key or self.signer.key).sign(to_sign, ec.ECDSA(SHA384())))
        signature = r.to_bytes(48, "big") + s.to_bytes(48, "big")
        envelope = [header, {} if unprotected is None else unprotected, payload, signature]
        return cbor2.dumps(cbor2.CBORTag(18, envelope) if tagged else envelope)

    def attest(self, public_key: bytes, **changes: Any) -> bytes:
        return self.signed(self.document(public_key, **changes))


def enclave_key() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A key pair that an enclave keeps, and its public half as a document carries it."""
    key = rsa.generate_private_key(65537, 2048)
    return key, key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
