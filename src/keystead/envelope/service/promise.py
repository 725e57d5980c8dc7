"""What a keyring asks of a key service: boto3's KMS client keeps this promise, and so does the one beside this file."""

from dataclasses import dataclass
from typing import Any, Protocol


class KeyService(Protocol):
    """Named parameters and answers are those of the AWS KMS API; errors are exceptions of any kind."""

    def generate_data_key(self, **asked: Any) -> Any: ...

    def encrypt(self, **asked: Any) -> Any: ...

    def decrypt(self, **asked: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class KeyArn:
    """The name of a key, taken apart: arn:partition:kms:region:account:key/id."""

    partition: str
    region: str
    account: str
    id: str

    @property
    def multi_region(self) -> bool:
        return self.id.startswith("mrk-")

    def __str__(self) -> str:
        return f"arn:{self.partition}:kms:{self.region}:{self.account}:key/{self.id}"

    def is_replica_of(self, other: "KeyArn") -> bool:
        """Whether both are the same key, or the same multi-Region key in two Regions."""
        return self == other or (self.multi_region and self.in_region(other.region) == other)

    def in_region(self, region: str) -> "KeyArn":
        return KeyArn(self.partition, region, self.account, self.id)


def key_arn(text: str) -> KeyArn | None:
    """None for what is not the ARN of a key: an alias, a bare id, anything else."""
    parts = text.split(":")
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "kms" or not all(parts):
        return None
    kind, _, name = parts[5].partition("/")
    return KeyArn(parts[1], parts[3], parts[4], name) if kind == "key" and name else None


def said(error: Exception) -> str:
    """An error of the key service in a few words: its code, where it has one, never its text of a request."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict) and isinstance(answer.get("Error"), dict):
        return str(answer["Error"].get("Code", type(error).__name__))
    return str(getattr(error, "code", None) or type(error).__name__)


def identity_of(client: KeyService) -> bytes:
    """Who this client is to the service, as far as it tells: endpoint and access key id; else the client itself.

    boto3 keeps the credentials that it signs with in its request signer.
    """
    own = getattr(client, "identity", None)
    if callable(own):
        return bytes(own())
    signer = getattr(client, "_request_signer", None)
    credentials = getattr(signer, "_credentials", None)
    meta = getattr(client, "meta", None)
    if credentials is None or meta is None:
        return f"client {id(client)}".encode()
    return f"{meta.endpoint_url} {meta.region_name} {credentials.get_frozen_credentials().access_key}".encode()
