"""Installations to back up."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from keystead.config import Settings
from keystead.install import install
from keystead.keyholder.seals import FileSeal, PassphraseSeal, Seal
from keystead.testing import Keystead, running

PASSPHRASE = b"correct horse battery staple"
SEALS: dict[str, Seal] = {"file": FileSeal(), "passphrase": PassphraseSeal(PASSPHRASE)}


@pytest.fixture
def passphrase_file(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_bytes(PASSPHRASE + b"\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def installed(tmp_path: Path) -> Callable[..., Awaitable[Settings]]:
    """A new installation that has never been served: `await installed()`, or with the kind of its seal."""

    async def make(kind: str = "file", name: str = "data", **named: str) -> Settings:
        settings = Settings(data=str(tmp_path / name), **named)
        await install(settings, region="us-east-1", seal=SEALS[kind])
        return settings

    return make


@pytest.fixture(scope="module")
def served() -> Iterator[Keystead]:
    """One that serves, and holds something of everything."""
    with running() as keystead:
        populate(keystead)
        yield keystead


def populate(keystead: Keystead) -> None:
    kms, iam, sts = (keystead.client(service) for service in ("kms", "iam", "sts"))
    for number in range(3):
        key = kms.create_key(Tags=[{"TagKey": "number", "TagValue": str(number)}])["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=f"alias/n{number}", TargetKeyId=key)
        kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"name": "ünïcödé"})
        kms.rotate_key_on_demand(KeyId=key)
    iam.create_user(UserName="Zoë".encode("ascii", "ignore").decode(), Tags=[{"Key": "a", "Value": "é"}])
    iam.create_user(UserName="app")
    iam.create_access_key(UserName="app")
    arn = iam.get_user(UserName="app")["User"]["Arn"]
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"])
    sts.get_session_token()
