"""A client of KMS that starts in milliseconds: the few operations that data keys need, over kept connections.

    request   POST / with X-Amz-Target: TrentService.<Operation>, JSON, bytes in base64
    answer    JSON; an error has __type and message

boto3's client does all of this and everything else, and takes longer to import than a file takes to be sealed. Answers have
the same form, so that either may be given to a keyring. A few
connections are kept, whichever thread they served.
"""

import base64
import binascii
import http.client
import json
import random
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from keystead.envelope.service.signature import Credentials, headers

TIMEOUT_SECONDS: Final = 30.0
ATTEMPTS: Final = 4
"""As the AWS SDKs' standard mode, and one more."""
KEPT: Final = 32
ANSWER_MAX: Final = 1024 * 1024
BYTES: Final = frozenset({"CiphertextBlob", "Plaintext"})
TRANSIENT: Final = frozenset(
    {"ThrottlingException", "KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException", "LimitExceededException"}
)  # fmt: skip


class KmsRefused(Exception):
    """The service answered with an error. `code` is AWS's name for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code


class KmsUnreachable(Exception):
    """No answer, or none that can be read."""

    code = "Unreachable"


class KmsClient:
    """One endpoint, one Region, one principal.

    credentials  asked before each call, so that temporary ones may be renewed
    ca_bundle    a file of certificate authorities to believe instead of the system's
    """

    def __init__(
        self,
        endpoint_url: str,
        region: str,
        credentials: Callable[[], Credentials],
        *,
        ca_bundle: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        url = urlsplit(endpoint_url)
        if url.scheme not in {"http", "https"} or not url.hostname or url.path.strip("/") or url.query or url.username:
            raise ValueError("An endpoint is http:// or https:// and a host, with a port or without.")
        self._tls = ssl.create_default_context(cafile=ca_bundle) if url.scheme == "https" else None
        self._hostname, self._port = url.hostname, url.port
        self._host = url.netloc
        self._region = region
        self._credentials = credentials
        self._timeout = timeout
        self._clock = clock
        self._pause = pause
        self._kept: deque[http.client.HTTPConnection] = deque()

    def identity(self) -> bytes:
        """Endpoint, Region and access key id: what is cached for one is not given to another."""
        return f"{self._host} {self._region} {self._credentials().access_key_id}".encode()

    def generate_data_key(self, **asked: Any) -> dict[str, Any]:
        return self.call("GenerateDataKey", asked)

    def generate_data_key_without_plaintext(self, **asked: Any) -> dict[str, Any]:
        return self.call("GenerateDataKeyWithoutPlaintext", asked)

    def encrypt(self, **asked: Any) -> dict[str, Any]:
        return self.call("Encrypt", asked)

    def decrypt(self, **asked: Any) -> dict[str, Any]:
        return self.call("Decrypt", asked)

    def re_encrypt(self, **asked: Any) -> dict[str, Any]:
        return self.call("ReEncrypt", asked)

    def describe_key(self, **asked: Any) -> dict[str, Any]:
        return self.call("DescribeKey", asked)

    def call(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answer. Raises KmsRefused, KmsUnreachable. What may pass is tried again, with growing pauses."""
        body = json.dumps({name: _outgoing(value) for name, value in asked.items()}).encode()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(operation, body)
            except KmsRefused as refused:
                if attempt == ATTEMPTS or refused.code not in TRANSIENT:
                    raise
            except KmsUnreachable:
                if attempt == ATTEMPTS:
                    raise
            self._pause(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311  # spreads clients; no secret
        raise AssertionError

    def _once(self, operation: str, body: bytes) -> dict[str, Any]:
        signed = headers(
            self._credentials(), self._host, self._region, f"TrentService.{operation}", body, self._clock()
        )
        connection = self._connection()
        try:
            connection.request("POST", "/", body, signed)
            response = connection.getresponse()
            raw = response.read(ANSWER_MAX)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise KmsUnreachable(f"{self._host}: {type(error).__name__}") from None
        if response.will_close or not response.isclosed() or len(self._kept) >= KEPT:
            connection.close()
        else:
            self._kept.append(connection)
        return _incoming(response.status, raw)

    def _connection(self) -> http.client.HTTPConnection:
        try:
            return self._kept.pop()
        except IndexError:
            if self._tls is None:
                return http.client.HTTPConnection(self._hostname, self._port, timeout=self._timeout)
            return http.client.HTTPSConnection(self._hostname, self._port, timeout=self._timeout, context=self._tls)

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._kept:
            self._kept.pop().close()


def _outgoing(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return dict(value) if isinstance(value, Mapping) else value


def _incoming(status: int, raw: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(raw)
        if not isinstance(answer, dict):
            raise KmsUnreachable("The answer is not one of KMS.")
        if status != http.HTTPStatus.OK:
            code = str(answer.get("__type", f"HTTP {status}")).rpartition("#")[2]
            raise KmsRefused(code, str(answer.get("message") or answer.get("Message") or ""))
        return {
            name: base64.b64decode(value, validate=True) if name in BYTES else value for name, value in answer.items()
        }
    except (ValueError, TypeError, binascii.Error):
        if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            raise KmsUnreachable(f"HTTP {status}") from None
        raise KmsUnreachable("The answer is not one of KMS.") from None
