"""The record of a custom key store."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

BINDING: Final = "key-store/"
"""What the secret of a store is bound to in the keyholder: this, and the store's id."""


class Type(StrEnum):
    """CustomKeyStoreType of KMS's model."""

    CLOUDHSM = "AWS_CLOUDHSM"
    EXTERNAL = "EXTERNAL_KEY_STORE"


class State(StrEnum):
    """ConnectionState of KMS's model. DISCONNECTING is not reached: to disconnect is one transaction here."""

    CONNECTED = "CONNECTED"
    CONNECTING = "CONNECTING"
    FAILED = "FAILED"
    DISCONNECTED = "DISCONNECTED"
    DISCONNECTING = "DISCONNECTING"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a proxy is, and who calls it: `https://name`, a path that ends in /kms/xks/v1, an access key id."""

    endpoint: str
    path: str
    access_key_id: str


@dataclass(frozen=True, slots=True)
class KeyStore:
    """A store as one moment knows it.

    error    ConnectionErrorCode, while the state is FAILED
    secret   a token of the keyholder: the token's PIN as the caller gave it, or the proxy's secret access key
    cluster  of AWS_CLOUDHSM: the name of the module in the HSM file
    anchor   likewise, the certificate that the caller gave, PEM
    proxy    of EXTERNAL_KEY_STORE
    """

    account: str
    region: str
    id: str
    name: str
    type: Type
    state: State
    error: str | None
    created_at: float
    secret: bytes = field(repr=False)
    cluster: str | None = None
    anchor: str | None = field(default=None, repr=False)
    proxy: Address | None = None

    @property
    def connected(self) -> bool:
        return self.state is State.CONNECTED

    @property
    def external(self) -> bool:
        return self.type is Type.EXTERNAL

    @property
    def binding(self) -> str:
        return BINDING + self.id
