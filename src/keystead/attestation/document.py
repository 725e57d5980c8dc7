"""Attestation documents of AWS Nitro Enclaves and NitroTPM, as bytes: COSE_Sign1 over CBOR (RFC 9052, RFC 8949).

    18([ << {1: -35} >>, {}, << document >>, signature (96) ])          the tag 18 may be missing; -35 is ES384

    document = {
        module_id: text                            certificate: bytes, DER, of the key that signed
        digest: "SHA384"                           cabundle: [+ bytes], DER, the root first
        timestamp: milliseconds since the epoch    ? public_key: bytes, SubjectPublicKeyInfo
        pcrs: {+ 0..31 => 32, 48 or 64 bytes}      ? user_data, ? nonce: bytes
    }                                              NitroTPM has `nitrotpm_pcrs` for `pcrs`

Whatever differs is refused: tags, indefinite lengths, keys twice, other fields. (AWS Nitro Enclaves NSM API, attestation process;
EC2 user guide, validate a NitroTPM attestation document.)
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import cbor2

TAG: Final = b"\xd2"
"""18, COSE_Sign1."""
ES384: Final = -35
SIGNATURE_LENGTH: Final = 96
PAYLOAD_LIMIT: Final = 16_384
CERTIFICATE_LIMIT: Final = 1024
FIELD_LIMIT: Final = 1024
BUNDLE_LIMIT: Final = 8
PCR_LENGTHS: Final = frozenset({32, 48, 64})
DEPTH: Final = 4

REGISTERS: Final = ("pcrs", "nitrotpm_pcrs")
REQUIRED: Final = frozenset({"module_id", "digest", "timestamp", "certificate", "cabundle"})
OPTIONAL: Final = frozenset({"public_key", "user_data", "nonce"})
BUILT_IN: Final = (
    0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799,
)  # fmt: skip
"""Tags that cbor2 decodes by itself. None belongs in a document, and some cost more to decode than to send."""


class Unreadable(Exception):
    """Not such a document. Carries nothing."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that nobody has verified yet.

    at         seconds since the epoch
    registers  PCRs by number
    of_tpm     they are a NitroTPM's, not an enclave's
    bundle     the certificates between the signer's and the root, which is left out
    signed     what the signature is over
    """

    module_id: str
    at: float
    registers: Mapping[int, bytes]
    of_tpm: bool
    certificate: bytes
    bundle: tuple[bytes, ...]
    public_key: bytes
    signed: bytes
    signature: bytes


def read(raw: bytes) -> Document:
    """Raises Unreadable."""
    envelope = decoded(raw[1:] if raw[:1] == TAG else raw)
    if not isinstance(envelope, list) or len(envelope) != 4:
        raise Unreadable
    protected, unprotected, payload, signature = envelope
    if unprotected != {} or decoded(of_bytes(protected, 16)) != {1: ES384}:
        raise Unreadable
    if len(of_bytes(signature, SIGNATURE_LENGTH)) != SIGNATURE_LENGTH:
        raise Unreadable
    fields = decoded(of_bytes(payload, PAYLOAD_LIMIT))
    check_fields(fields)
    registers = next(name for name in REGISTERS if name in fields)
    return Document(
        module_id=of_text(fields["module_id"]),
        at=of_time(fields["timestamp"]),
        registers=of_registers(fields[registers]),
        of_tpm=registers == "nitrotpm_pcrs",
        certificate=of_bytes(fields["certificate"], CERTIFICATE_LIMIT),
        bundle=of_bundle(fields["cabundle"])[1:],
        public_key=of_bytes(fields.get("public_key"), FIELD_LIMIT),
        signed=cbor2.dumps(["Signature1", protected, b"", payload]),
        signature=signature,
    )


def check_fields(fields: Any) -> None:
    """Without a public key there is nobody to answer to. Raises Unreadable."""
    if not isinstance(fields, dict):
        raise Unreadable
    names = set(fields)
    if not names >= REQUIRED or len(names & set(REGISTERS)) != 1 or names - REQUIRED - OPTIONAL - set(REGISTERS):
        raise Unreadable
    if fields["digest"] != "SHA384":
        raise Unreadable
    for name in ("user_data", "nonce"):
        if name in fields and not (isinstance(fields[name], bytes) and len(fields[name]) <= FIELD_LIMIT):
            raise Unreadable


def decoded(raw: bytes) -> Any:
    """One item, and nothing after it. Raises Unreadable."""
    stream = io.BytesIO(raw)
    try:
        item = cbor2.load(
            stream,
            tag_hook=refuse,
            semantic_decoders=dict.fromkeys(BUILT_IN, refuse),
            max_depth=DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError):
        raise Unreadable from None
    if stream.tell() != len(raw):
        raise Unreadable
    return item


def refuse(*_: Any) -> NoReturn:
    raise Unreadable


def of_bytes(value: Any, limit: int) -> bytes:
    if not isinstance(value, bytes) or not 1 <= len(value) <= limit:
        raise Unreadable
    return value


def of_text(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= FIELD_LIMIT:
        raise Unreadable
    return value


def of_time(value: Any) -> float:
    if type(value) is not int or not 0 < value < 2**63:
        raise Unreadable
    return value / 1000


def of_registers(value: Any) -> dict[int, bytes]:
    if not isinstance(value, dict) or not 1 <= len(value) <= 32:
        raise Unreadable
    for number, register in value.items():
        if type(number) is not int or not 0 <= number < 32 or len(of_bytes(register, 64)) not in PCR_LENGTHS:
            raise Unreadable
    return value


def of_bundle(value: Any) -> tuple[bytes, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= BUNDLE_LIMIT:
        raise Unreadable
    return tuple(of_bytes(one, CERTIFICATE_LIMIT) for one in value)
