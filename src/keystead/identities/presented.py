"""The certificate that a request is signed with, as it came: for certificates.py to verify."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Presented:
    """What came with a request. Nothing in it may be believed.

    serial        of the leaf, decimal, as the signature says
    certificates  DER, the leaf first
    """

    algorithm: str
    serial: str
    certificates: tuple[bytes, ...] = field(repr=False)
    string_to_sign: bytes = field(repr=False)
    signature: bytes = field(repr=False)
