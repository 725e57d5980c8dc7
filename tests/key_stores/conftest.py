"""A Keystead with a token behind it, and what a caller must show to make a key store of it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from certificates import self_signed
from keystead.testing import Keystead, running

from ..softhsm import SoftHsm  # noqa: TID252  # rings of tests are no packages

PATIENCE = 20.0


@dataclass
class House:
    """A Keystead whose HSM file names one token."""

    keystead: Keystead
    hsm: SoftHsm
    anchor: str
    kms: Any

    def asked(self, **changes: Any) -> dict[str, Any]:
        """What CreateCustomKeyStore wants."""
        return {
            "CustomKeyStoreName": "ours",
            "CloudHsmClusterId": self.hsm.name,
            "TrustAnchorCertificate": self.anchor,
            "KeyStorePassword": self.hsm.pin,
            **changes,
        }

    def store(self, **changes: Any) -> str:
        return self.kms.create_custom_key_store(**self.asked(**changes))["CustomKeyStoreId"]

    def connect(self, store: str) -> dict[str, Any]:
        """The store's entry once it is connected, or is not."""
        self.kms.connect_custom_key_store(CustomKeyStoreId=store)
        return settled(self.kms, store)

    def key(self, store: str, **more: Any) -> dict[str, Any]:
        return self.kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store, **more)["KeyMetadata"]


def entry(kms: Any, store: str) -> dict[str, Any]:
    (found,) = kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"]
    return found


def settled(kms: Any, store: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while (found := entry(kms, store))["ConnectionState"] == "CONNECTING" and time.monotonic() < deadline:
        time.sleep(0.05)  # a client has nothing but to ask again
    return found


@pytest.fixture
def house(softhsm: SoftHsm, tmp_path: Path) -> Iterator[House]:
    anchor = self_signed("cluster")[0].decode()
    (tmp_path / "anchor.crt").write_text(anchor)
    softhsm.write(trust_anchor=tmp_path / "anchor.crt")
    with running(hsm_file=str(softhsm.file)) as keystead:
        yield House(keystead, softhsm, anchor, keystead.client("kms"))
