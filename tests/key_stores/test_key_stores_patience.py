"""How long a proxy is waited for, and what is made of one that is not there."""

import asyncio
import socket
import time

import pytest

from keystead.keyholder import setup
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.seals import FileSeal
from keystead.stores.key_store import Address
from keystead.stores.proxy import Caller, Proxies
from keystead.stores.troubles import ProxyTroubled, Trouble


async def asked(folder, port):
    """Asks for the health of a proxy at an address of this machine; the trouble, and how long it took."""
    keyholder = LocalKeyholder(setup.create(folder, FileSeal()).software)
    token = await keyholder.keep_secret(b"x" * 43, "key-store/cks-1")
    caller = Caller(Address("https://proxy.test", "/kms/xks/v1", "A" * 20), "us-east-1", token, "key-store/cks-1")
    proxies = Proxies(keyholder, time.time, connect_to={"proxy.test": f"127.0.0.1:{port}"})
    began = time.monotonic()
    with pytest.raises(ProxyTroubled) as troubled:
        await proxies.check(caller, "ConnectCustomKeyStore", "id")
    took = time.monotonic() - began
    await proxies.close()
    return troubled.value, took


def test_a_proxy_that_says_nothing_is_given_up_after_its_time(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        troubled, took = asyncio.run(asked(tmp_path, silent.getsockname()[1]))

    assert troubled.trouble is Trouble.NO_ANSWER
    assert troubled.row.connection == "XKS_PROXY_TIMED_OUT"
    assert 0.25 <= took < 5.0


def test_a_proxy_that_is_not_there_is_said_not_to_be(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    troubled, _ = asyncio.run(asked(tmp_path, port))

    assert troubled.row.connection == "XKS_PROXY_NOT_REACHABLE"
