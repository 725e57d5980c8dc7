"""Functions in any language, behind a URL: each step is a signed POST of the event that Lambda would have got.

    {"Step": …, "SecretId": …, "ClientRequestToken": …, "RotationToken": …,
     "Keystead": {"Endpoint": "https://…", "Region": "…", "RequestId": "…",
                  "Credentials": {"AccessKeyId": …, "SecretAccessKey": …, "SessionToken": …, "Expiration": "2026-…Z"}}}

An answer of 2xx says that the step is done; anything else that it failed. A Lambda runtime in a container answers 200 to failures too,
with the header X-Amz-Function-Error or a body that has errorType (Lambda developer guide, runtime interface emulator).
Credentials travel, so the URL is https, or of this machine.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from keystead.rotation.errors import SecretUnusable
from keystead.rotation.executors import signing
from keystead.rotation.executors.work import TIMED_OUT, FunctionFailed, Work

ANSWER: Final = 64 * 1024
"""Bytes that are read."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Failure(msgspec.Struct, rename="camel"):
    """What a Lambda runtime answers when the handler raised."""

    error_type: str | None = None


def check(url: str) -> None:
    """Raises SecretUnusable."""
    parts = urlsplit(url)
    private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if private and parts.hostname and not parts.username and not parts.password:
        return
    raise SecretUnusable("A function's URL begins with https://, or http:// on this machine, and holds no password.")


@dataclass(frozen=True, slots=True)
class HttpFunction:
    """key  what the receiver knows Keystead's signature by"""

    url: str
    key: bytes
    seconds: float = 30.0

    async def perform(self, work: Work) -> None:
        """Raises FunctionFailed."""
        body = msgspec.json.encode({**work.event.document(), "Keystead": extras(work)})
        headers = signing.headers(self.key, work.request_id, time.time(), body)
        try:
            async with (
                asyncio.timeout(self.seconds),
                httpx.AsyncClient(timeout=self.seconds, trust_env=False) as client,
            ):
                status, named, answer = await post(client, self.url, body, headers)
        except (TimeoutError, httpx.TimeoutException):
            raise FunctionFailed(TIMED_OUT) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise FunctionFailed(type(error).__name__) from None
        if not 200 <= status < 300:
            raise FunctionFailed(f"Status{status}")
        if named is not None or failed(answer):
            raise FunctionFailed("FunctionError")


async def post(
    client: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str]
) -> tuple[int, str | None, bytes]:
    answer = b""
    async with client.stream("POST", url, content=body, headers=headers) as response:
        async for chunk in response.aiter_bytes():
            answer += chunk[: ANSWER - len(answer)]
            if len(answer) == ANSWER:
                break
    return response.status_code, response.headers.get("x-amz-function-error"), answer


def failed(answer: bytes) -> bool:
    try:
        return msgspec.json.decode(answer, type=Failure).error_type is not None
    except msgspec.MsgspecError:
        return False


def extras(work: Work) -> dict[str, object]:
    credentials = work.credentials
    return {
        "Endpoint": work.endpoint,
        "Region": work.region,
        "RequestId": work.request_id,
        "Credentials": {
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret,
            "SessionToken": credentials.token,
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(credentials.expires_at)),
        },
    }
