"""What can go wrong with a proxy, and what each becomes: one table (XKS Proxy API specification of May 2024, error codes).

What a proxy says in its own words is never passed on: only its errorName counts.
"""

from enum import Enum
from typing import Final, NamedTuple

from keystead.stores.errors import (
    ExternalKeyNotFound,
    ExternalKeyUnfit,
    ExternalStoreUnusable,
    ExternalUseFailed,
    ProxyAnswerInvalid,
    ProxyCredentialWrong,
    ProxyMisconfigured,
    ProxyUnreachable,
    Troubled,
)


class Trouble(Enum):
    """The value is the errorName of a proxy, or a word for what no proxy says."""

    VALIDATION = "ValidationException"
    INVALID_STATE = "InvalidStateException"
    INVALID_CIPHERTEXT = "InvalidCiphertextException"
    INVALID_USAGE = "InvalidKeyUsageException"
    AUTHENTICATION = "AuthenticationFailedException"
    ACCESS_DENIED = "AccessDeniedException"
    KEY_NOT_FOUND = "KeyNotFoundException"
    URI_PATH = "InvalidUriPathException"
    UNSUPPORTED = "UnsupportedOperationException"
    DEPENDENCY = "DependencyTimeoutException"
    THROTTLED = "ThrottlingException"
    INTERNAL = "InternalException"
    NO_TCP = "no connection"
    NO_TLS = "no TLS"
    NO_ANSWER = "no answer in time"
    MALFORMED = "no readable answer"
    UNAVAILABLE = "every external key manager is unavailable"
    BAD_PLAINTEXT = "an answer that does not decrypt"


class Row(NamedTuple):
    """store  of Create and UpdateCustomKeyStore; key  of CreateKey; every use of a key raises ExternalUseFailed
    connection  ConnectionErrorCode (KMS API reference, CustomKeyStoresListEntry)
    """

    store: type[Troubled]
    key: type[Troubled]
    connection: str
    text: str


UNREADABLE: Final = (
    "AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, report "
    "it to your external key store proxy administrator."
)
LATE: Final = (
    "Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator."
)

TROUBLES: Final = {
    Trouble.VALIDATION: Row(ProxyAnswerInvalid, ExternalStoreUnusable, "XKS_PROXY_INVALID_RESPONSE", UNREADABLE),
    Trouble.MALFORMED: Row(ProxyAnswerInvalid, ExternalStoreUnusable, "XKS_PROXY_INVALID_RESPONSE", UNREADABLE),
    Trouble.INVALID_STATE: Row(
        ProxyAnswerInvalid, ExternalKeyUnfit, "XKS_PROXY_INVALID_RESPONSE",
        "The external key associated with this KMS key in an external key store is not enabled in the external key "
        "manager. Enable the external key in the external key manager and retry the request.",
    ),
    Trouble.INVALID_CIPHERTEXT: Row(
        ProxyAnswerInvalid, ExternalStoreUnusable, "XKS_PROXY_INVALID_RESPONSE",
        "The external key store proxy rejected the request because the specified ciphertext or encryption context is "
        "corrupted, missing, or otherwise invalid.",
    ),
    Trouble.BAD_PLAINTEXT: Row(
        ProxyAnswerInvalid, ExternalStoreUnusable, "XKS_PROXY_INVALID_RESPONSE",
        "The ciphertext that the external key store proxy submitted for decryption, or the encryption context, is "
        "corrupted, missing, or otherwise invalid.",
    ),
    Trouble.INVALID_USAGE: Row(
        ProxyAnswerInvalid, ExternalKeyUnfit, "XKS_PROXY_INVALID_RESPONSE",
        "The external key associated with this KMS key in an external key store does not support the requested "
        "operation. Enable the operation on the key in your external key manager, and try the request again.",
    ),
    Trouble.AUTHENTICATION: Row(
        ProxyCredentialWrong, ExternalStoreUnusable, "INVALID_CREDENTIALS",
        "The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the XKS "
        "proxy authentication credentials for your external key store and update if necessary.",
    ),
    Trouble.ACCESS_DENIED: Row(
        ProxyCredentialWrong, ExternalUseFailed, "XKS_PROXY_ACCESS_DENIED",
        "The external key store proxy denied access to the operation. Verify that the user and the external key are "
        "both authorized for this operation, and try the request again.",
    ),
    Trouble.KEY_NOT_FOUND: Row(
        ProxyAnswerInvalid, ExternalKeyNotFound, "XKS_PROXY_INVALID_RESPONSE",
        "The external key associated with this KMS key in an external key store was not found in its external key "
        "manager. If the external key ID associated with this KMS key is incorrect, create a new KMS key with the "
        "correct external key ID.",
    ),
    Trouble.URI_PATH: Row(
        ProxyMisconfigured, ExternalStoreUnusable, "XKS_PROXY_INVALID_CONFIGURATION",
        "The external key store proxy rejected the request because of an invalid URI path. Verify the URI path for your "
        "external key store and update if necessary.",
    ),
    Trouble.UNSUPPORTED: Row(
        ProxyAnswerInvalid, ExternalStoreUnusable, "XKS_PROXY_INVALID_RESPONSE",
        "The external key store proxy rejected the request because it does not support the requested operation. If you "
        "see this error repeatedly, report it to your external key store proxy administrator.",
    ),
    Trouble.DEPENDENCY: Row(
        ProxyUnreachable, ExternalStoreUnusable, "XKS_PROXY_TIMED_OUT",
        f"The external key store proxy did not respond to the request in the time allotted. {LATE}",
    ),
    Trouble.THROTTLED: Row(
        ProxyUnreachable, ExternalStoreUnusable, "XKS_PROXY_NOT_REACHABLE",
        "The external key store proxy rejected the request due to a very high request rate. Reduce the frequency of "
        "your calls using KMS keys in this external key store.",
    ),
    Trouble.INTERNAL: Row(
        ProxyAnswerInvalid, ExternalStoreUnusable, "XKS_PROXY_INVALID_RESPONSE",
        "The external key store proxy rejected the request because it cannot communicate with the external key manager. "
        "Verify that the external key store proxy configuration is correct and that the external key manager is "
        "available.",
    ),
    Trouble.UNAVAILABLE: Row(
        ProxyUnreachable, ExternalStoreUnusable, "XKS_PROXY_NOT_REACHABLE",
        "The external key store proxy rejected the request because it cannot communicate with the external key manager. "
        "Verify that the external key store proxy configuration is correct and that the external key manager is "
        "available.",
    ),
    Trouble.NO_TCP: Row(
        ProxyUnreachable, ExternalStoreUnusable, "XKS_PROXY_NOT_REACHABLE",
        "AWS KMS cannot communicate with the external key store proxy. This might be a transient network issue. If you "
        "see this error repeatedly, verify that your external key store proxy is active and is connected to the "
        "network, and that its endpoint URI is correct in your external keystore.",
    ),
    Trouble.NO_TLS: Row(
        ProxyUnreachable, ExternalStoreUnusable, "XKS_PROXY_INVALID_TLS_CONFIGURATION",
        "AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, "
        "including its certificate.",
    ),
    Trouble.NO_ANSWER: Row(
        ProxyUnreachable, ExternalStoreUnusable, "XKS_PROXY_TIMED_OUT",
        f"AWS KMS rejected the request because the external key store proxy did not respond in time. {LATE}",
    ),
}  # fmt: skip  # a table
NAMES: Final = {trouble.value: trouble for trouble in Trouble if trouble.value.endswith("Exception")}

DISCONNECTED: Final = (
    "This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the external "
    "key store and try the request again."
)


class ProxyTroubled(Exception):
    """What happened at a proxy. Whoever asked turns it into the error of the table that fits what was wanted."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble

    @property
    def row(self) -> Row:
        return TROUBLES[self.trouble]

    def of_store(self) -> Troubled:
        return self.row.store(self.row.text)

    def of_key(self) -> Troubled:
        return self.row.key(self.row.text)

    def of_use(self) -> Troubled:
        return ExternalUseFailed(self.row.text)
