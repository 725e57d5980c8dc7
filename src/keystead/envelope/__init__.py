"""Envelope encryption for clients: seal and open data here, at the speed of the hardware; ask a key service for keys only.

    envelope = Envelope(KmsKeyring(boto3.client("kms"), key_arn))
    sealed = envelope.encrypt(b"attack at dawn", {"tenant": "a"})
    opened = envelope.decrypt(sealed, {"tenant": "a"})

Messages are those of the AWS Encryption SDK: its implementations read what is written here, and the other way round. It works
against Keystead, against AWS KMS, and without either. What was written once stays readable.
"""

from keystead.envelope.envelope import Envelope, Opened
from keystead.envelope.errors import (
    ContextInvalid,
    ContextMismatch,
    CustodianAtFault,
    EnvelopeFault,
    KeyExhausted,
    KeyUnavailable,
    LimitExceeded,
    Malformed,
    MessageInvalid,
    NotAuthentic,
    PolicyRefused,
    SourceChanged,
    Truncated,
)
from keystead.envelope.header import Header, WrappedKey
from keystead.envelope.keyrings.kms import Filter, KmsDiscoveryKeyring, KmsKeyring
from keystead.envelope.keyrings.multi import MultiKeyring
from keystead.envelope.keyrings.raw_aes import RawAesKeyring
from keystead.envelope.keyrings.raw_rsa import RawRsaKeyring, RsaPadding
from keystead.envelope.limits import Limits
from keystead.envelope.materials import Keyring, Materials
from keystead.envelope.ranges import StoredBytes, StoredFile
from keystead.envelope.suites import COMMITTED, COMMITTED_SIGNED, CommitmentPolicy

__all__ = [
    "COMMITTED",
    "COMMITTED_SIGNED",
    "CommitmentPolicy",
    "ContextInvalid",
    "ContextMismatch",
    "CustodianAtFault",
    "Envelope",
    "EnvelopeFault",
    "Filter",
    "Header",
    "KeyExhausted",
    "KeyUnavailable",
    "Keyring",
    "KmsDiscoveryKeyring",
    "KmsKeyring",
    "LimitExceeded",
    "Limits",
    "Malformed",
    "Materials",
    "MessageInvalid",
    "MultiKeyring",
    "NotAuthentic",
    "Opened",
    "PolicyRefused",
    "RawAesKeyring",
    "RawRsaKeyring",
    "RsaPadding",
    "SourceChanged",
    "StoredBytes",
    "StoredFile",
    "Truncated",
    "WrappedKey",
]
