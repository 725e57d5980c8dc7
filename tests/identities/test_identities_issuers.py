"""The keys of issuers: how long they are believed, and how often an issuer is asked. No network, and a clock that is set."""

import asyncio
import json
import ssl

import pytest

from keystead.identities.errors import IssuerUnreachable, KeysNotFound
from keystead.identities.https import Unreachable
from keystead.identities.issuers import Issuers

URL = "https://id.example.com"
CONFIGURATION = json.dumps({"issuer": URL, "jwks_uri": "https://keys.example.com/jwks"}).encode()


class Other:
    """The issuer's side: `keys` are those it publishes now; None is silence."""

    def __init__(self):
        self.now = 0.0
        self.keys = ["a"]
        self.asked = 0
        self.issuers = Issuers(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), lambda: self.now, self.get)

    async def get(self, url):
        await asyncio.sleep(0)
        if self.keys is None:
            self.asked += 1
            raise Unreachable("silence")
        if url == f"{URL}/.well-known/openid-configuration":
            self.asked += 1
            return CONFIGURATION
        assert url == "https://keys.example.com/jwks"
        return json.dumps({"keys": [{"kid": kid} for kid in self.keys]}).encode()

    async def has(self, kid):
        try:
            return bool(await self.issuers.keys(URL, lambda key: key.get("kid") == kid))
        except KeysNotFound:
            return False


@pytest.fixture
def other():
    return Other()


async def test_a_key_is_believed_for_ten_minutes_without_asking_again(other):
    assert await other.has("a")
    other.now = 599.0

    assert await other.has("a")
    assert other.asked == 1


async def test_a_key_that_was_withdrawn_is_not_believed_after_that(other):
    assert await other.has("a")
    other.keys, other.now = ["b"], 600.0

    assert not await other.has("a")
    assert await other.has("b")


async def test_an_issuer_that_falls_silent_is_not_believed_after_that(other):
    assert await other.has("a")
    other.keys, other.now = None, 600.0

    with pytest.raises(IssuerUnreachable):
        await other.has("a")


async def test_a_new_key_is_asked_for_once_a_minute_at_most(other):
    assert await other.has("a")
    other.keys, other.now = ["a", "b"], 59.0
    early = await other.has("b")
    other.now = 60.0

    assert not early
    assert await other.has("b")
    assert other.asked == 2


async def test_a_silent_issuer_is_asked_again_after_five_seconds(other):
    other.keys = None
    for second in (0.0, 1.0, 4.9):
        other.now = second
        with pytest.raises(IssuerUnreachable):
            await other.has("a")
    asked = other.asked
    other.keys, other.now = ["a"], 5.0

    assert asked == 1
    assert await other.has("a")


async def test_many_at_once_ask_once(other):
    assert all(await asyncio.gather(*(other.has("a") for _ in range(50))))
    assert other.asked == 1
