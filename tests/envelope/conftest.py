"""Keys for envelopes, outside vectors read once, and a Keystead that really runs."""

import base64
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from keystead.envelope import CommitmentPolicy, Envelope, MultiKeyring, RawAesKeyring, RawRsaKeyring, RsaPadding
from keystead.testing import Keystead, running

ALL = CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT


@dataclass
class Vector:
    """One message of the outside set. `keyrings` is empty where only AWS's own key opens it."""

    name: str
    message: bytes
    context: dict[str, str]
    plaintext: bytes
    keyrings: list[Any] = field(repr=False)

    def envelope(self, **named: Any) -> Envelope:
        return Envelope(MultiKeyring(None, self.keyrings), policy=ALL, **named)


MADE: dict[str, Any] = {}
"""Loading an RSA key checks its primes, which takes a fifth of a second."""


def keyring_of(wanted: dict[str, str], key: dict[str, Any]) -> Any:
    name = json.dumps(wanted)
    if name not in MADE:
        MADE[name] = new_keyring(wanted, key)
    return MADE[name]


def new_keyring(wanted: dict[str, str], key: dict[str, Any]) -> Any:
    if key["type"] == "symmetric":
        return RawAesKeyring(wanted["provider-id"], key["key-id"], base64.b64decode(key["material"]))
    padding = RsaPadding("pkcs1" if wanted["padding-algorithm"] == "pkcs1" else f"oaep-{wanted['padding-hash']}")
    return RawRsaKeyring.from_pem(wanted["provider-id"], key["key-id"], padding, key["material"].encode())


@pytest.fixture(scope="session")
def messages(vectors: Path) -> list[Vector]:
    found = []
    with zipfile.ZipFile(vectors / "encryption-sdk" / "decrypt-v4.zip") as archive:
        keys = json.loads(archive.read("keys.json"))["keys"]
        for name, test in json.loads(archive.read("manifest.json"))["tests"].items():
            own = [wanted for wanted in test["master-keys"] if wanted["type"] == "raw"]
            found.append(
                Vector(
                    name,
                    archive.read(test["ciphertext"].removeprefix("file://")),
                    test["encryption-context"],
                    archive.read(test["result"]["output"]["plaintext"].removeprefix("file://")),
                    [keyring_of(wanted, keys[wanted["key"]]) for wanted in own],
                )
            )
    return found


@pytest.fixture(scope="session")
def offline(messages: list[Vector]) -> list[Vector]:
    return [vector for vector in messages if vector.keyrings]


@pytest.fixture
def keyring() -> RawAesKeyring:
    return RawAesKeyring("tests", "first", bytes(range(32)))


@pytest.fixture
def envelope(keyring: RawAesKeyring) -> Envelope:
    return Envelope(keyring, frame_length=64)


@pytest.fixture(scope="session")
def house() -> Iterator[Keystead]:
    with running(region="us-west-2") as keystead:
        yield keystead
