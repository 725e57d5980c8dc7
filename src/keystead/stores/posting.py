"""Carries one document to an external key store proxy and its answer back, within bounds of time and size."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

import httpx

from keystead.stores.troubles import ProxyTroubled, Trouble

ANSWER_LIMIT: Final = 64 * 1024


class Poster:
    """Belongs to one event loop. `connect_to`: names that are reached elsewhere, host to "address:port"."""

    def __init__(self, tls: ssl.SSLContext | None, connect_to: Mapping[str, str]) -> None:
        verify = tls or ssl.create_default_context()
        self._client = httpx.AsyncClient(verify=verify, trust_env=False, follow_redirects=False, timeout=None)  # noqa: S113  # asyncio.timeout bounds the whole
        self._connect_to = connect_to

    async def close(self) -> None:
        await self._client.aclose()

    async def post(
        self, host: str, path: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> tuple[int, bytes]:
        """Status and body. Raises ProxyTroubled."""
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(host, path, body, headers)
        except (TimeoutError, httpx.TimeoutException):
            raise ProxyTroubled(Trouble.NO_ANSWER) from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise ProxyTroubled(Trouble.NO_TLS if is_tls(error) else Trouble.NO_TCP) from None

    async def _exchange(self, host: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        to = self._connect_to.get(host, host)
        asked = self._client.build_request(
            "POST", f"https://{to}{path}", content=body, headers=headers, extensions={"sni_hostname": host}
        )
        answer = await self._client.send(asked, stream=True)
        try:
            raw = bytearray()
            async for chunk in answer.aiter_raw():
                raw += chunk
                if len(raw) > ANSWER_LIMIT:
                    raise ProxyTroubled(Trouble.MALFORMED)
            return answer.status_code, bytes(raw)
        finally:
            await answer.aclose()


def is_tls(error: BaseException | None) -> bool:
    """Httpx wraps what httpcore wrapped."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
