"""External key stores: one Keystead keeps its external keys in another, through the proxy that this house makes."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from certificates import self_signed
from keystead.envelope.service.client import KmsClient
from keystead.envelope.service.signature import Credentials
from keystead.processes import bind
from keystead.testing import Keystead, running
from keystead.xks.answering import Proxy
from keystead.xks.config import Watched
from keystead.xks.serving import serving

NAME = "xks.keystead.test"
ACCESS_KEY = "ABCDEFGHIJKLMNOPQRST"
SECOND_KEY = "TSRQPONMLKJIHGFEDCBA"
SECRET = "x" * 43
PATH = "/ours/kms/xks/v1"
PATIENCE = 20.0


def server_certificate(folder: Path) -> tuple[str, str]:
    """A certificate for NAME and its key, as files. It is its own authority."""
    certificate, private = folder / "proxy.crt", folder / "proxy.key"
    for path, content in zip((certificate, private), self_signed(NAME, authority=True), strict=True):
        path.write_bytes(content)
    return str(certificate), str(private)


@dataclass
class Both:
    """The Keystead that keeps the external key, its proxy, and the Keystead that uses it."""

    keeper: Keystead
    user: Keystead
    kms: Any
    file: Path
    external: str
    lines: list[Any]

    def write(self, credentials: tuple[str, ...] = (ACCESS_KEY,), more: str = "") -> None:
        given = "".join(
            f'[[credential]]\naccess_key_id = "{one}"\nsecret_access_key = "{SECRET}"\n' for one in credentials
        )
        keys = f'[keys.payroll]\nkey = "{self.external}"\n{more}'
        self.file.write_text(f'prefix = "/ours"\n{given}{keys}')
        self.file.chmod(0o600)

    def asked(self, **changes: Any) -> dict[str, Any]:
        credential = {"AccessKeyId": ACCESS_KEY, "RawSecretAccessKey": SECRET}
        return {
            "CustomKeyStoreName": "theirs",
            "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
            "XksProxyConnectivity": "PUBLIC_ENDPOINT",
            "XksProxyUriEndpoint": f"https://{NAME}",
            "XksProxyUriPath": PATH,
            "XksProxyAuthenticationCredential": credential,
            **changes,
        }

    def key(self) -> tuple[str, str]:
        """A connected store and a key in it."""
        store = self.kms.create_custom_key_store(**self.asked())["CustomKeyStoreId"]
        self.kms.connect_custom_key_store(CustomKeyStoreId=store)
        deadline = time.monotonic() + PATIENCE
        while self.state(store) == "CONNECTING" and time.monotonic() < deadline:
            time.sleep(0.05)  # a client has nothing but to ask again
        assert self.state(store) == "CONNECTED"
        made = self.kms.create_key(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store, XksKeyId="payroll")
        return store, made["KeyMetadata"]["KeyId"]

    def state(self, store: str) -> str:
        (found,) = self.kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"]
        return found["ConnectionState"]


@contextlib.contextmanager
def proxied(keeper: Keystead, file: Path, certificate: tuple[str, str], lines: list[Any]) -> Iterator[int]:
    credentials = Credentials(keeper.access_key_id, keeper.secret_access_key)
    kms = KmsClient(keeper.endpoint_url, keeper.region, lambda: credentials)
    listener = bind("127.0.0.1", 0)
    made = serving(Proxy(Watched(file), kms, lines.append), *certificate)
    thread = threading.Thread(target=lambda: asyncio.run(made.serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        made.should_exit = True
        thread.join(PATIENCE)
        kms.close()


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    monkeypatch.setattr("keystead.stores.proxy.SECONDS", 5.0)  # a loaded machine is no slow proxy
    certificate, lines = server_certificate(tmp_path), []
    with running() as keeper:
        external = keeper.client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        file = tmp_path / "proxy.toml"
        with proxied(keeper, file, certificate, lines) as port:
            settings = {"xks_ca": certificate[0], "xks_connect_to": f"{NAME}=127.0.0.1:{port}"}
            with running(region="eu-central-1", **settings) as user:
                made = Both(keeper, user, user.client("kms"), file, external["KeyMetadata"]["Arn"], lines)
                made.write()
                yield made


def refused(call: Any, **asked: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**asked)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_key_is_used_with_both_sides_and_with_neither_alone(both):
    store, key = both.key()
    context = {"purpose": "payroll"}

    blob = both.kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]
    data_key = both.kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    described = both.kms.describe_key(KeyId=key)["KeyMetadata"]

    assert both.kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"secret"
    assert both.kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]
    assert blob[:1] == b"\x02"
    assert (described["CustomKeyStoreId"], described["XksKeyConfiguration"]) == (store, {"Id": "payroll"})
    assert {line["kms_operation"] for line in both.lines if line["call"] == "encrypt"} == {"Encrypt", "GenerateDataKey"}
    both.kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    code, text = refused(both.kms.decrypt, CiphertextBlob=blob, EncryptionContext=context)
    assert (code, text[:44]) == ("KMSInvalidStateException", "This KMS key is in a custom key store that i")
    assert both.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Unavailable"


def test_the_plaintext_of_a_re_encryption_passes_both_ways(both):
    _, key = both.key()
    own = both.kms.create_key()["KeyMetadata"]["KeyId"]
    blob = both.kms.encrypt(KeyId=own, Plaintext=b"secret")["CiphertextBlob"]

    there = both.kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key)["CiphertextBlob"]
    back = both.kms.re_encrypt(CiphertextBlob=there, DestinationKeyId=own)["CiphertextBlob"]

    assert both.kms.decrypt(CiphertextBlob=there)["Plaintext"] == b"secret"
    assert both.kms.decrypt(CiphertextBlob=back)["Plaintext"] == b"secret"


def test_a_key_disabled_by_its_keeper_is_refused_at_once(both):
    _, key = both.key()
    blob = both.kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    both.keeper.client("kms").disable_key(KeyId=both.external)

    code, text = refused(both.kms.decrypt, CiphertextBlob=blob)
    assert code == "KMSInvalidStateException"
    assert text.startswith("The external key associated with this KMS key in an external key store is not enabled")
    both.keeper.client("kms").enable_key(KeyId=both.external)
    assert both.kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_credential_that_was_taken_away_opens_nothing(both):
    _, key = both.key()
    blob = both.kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    both.write((SECOND_KEY,))

    code, text = refused(both.kms.decrypt, CiphertextBlob=blob)
    assert code == "KMSInvalidStateException"
    assert text.startswith(
        "The external key store proxy rejected the request because it could not authenticate AWS KMS."
    )


def test_a_credential_takes_the_place_of_another_without_a_pause(both):
    store, key = both.key()
    blob = both.kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    both.write((ACCESS_KEY, SECOND_KEY))
    both.kms.update_custom_key_store(
        CustomKeyStoreId=store,
        XksProxyAuthenticationCredential={"AccessKeyId": SECOND_KEY, "RawSecretAccessKey": SECRET},
    )
    both.write((SECOND_KEY,))

    assert both.kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_the_proxy_decides_about_principals_again(both):
    _, key = both.key()

    both.write(more='principals = ["arn:aws:iam::*:role/payroll"]\n')

    code, text = refused(both.kms.encrypt, KeyId=key, Plaintext=b"x")
    assert code == "KMSInvalidStateException"
    assert text.startswith("The external key store proxy denied access to the operation.")


def test_an_altered_blob_is_refused_by_whoever_sees_it_first(both):
    _, key = both.key()
    blob = both.kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    code, text = refused(both.kms.decrypt, CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]))

    assert code == "KMSInvalidStateException"
    assert "corrupted, missing, or otherwise invalid" in text


def test_an_external_key_serves_one_key_and_must_exist(both):
    store, _ = both.key()
    asked = {"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store}

    assert refused(both.kms.create_key, XksKeyId="payroll", **asked)[0] == "XksKeyAlreadyInUseException"
    assert refused(both.kms.create_key, XksKeyId="nobody", **asked)[0] == "XksKeyNotFoundException"


def test_a_store_is_made_only_of_a_proxy_that_answers(both):
    wrong = {"AccessKeyId": SECOND_KEY, "RawSecretAccessKey": SECRET}
    path = {"XksProxyUriPath": "/other/kms/xks/v1"}
    endpoint = {"XksProxyUriEndpoint": "https://nobody.keystead.invalid"}

    make = both.kms.create_custom_key_store
    assert refused(make, **both.asked(XksProxyAuthenticationCredential=wrong))[0] == (
        "XksProxyIncorrectAuthenticationCredentialException"
    )
    assert refused(make, **both.asked(**path))[0] == "XksProxyInvalidConfigurationException"
    assert refused(make, **both.asked(**endpoint))[0] == "XksProxyUriUnreachableException"
    assert both.kms.describe_custom_key_stores()["CustomKeyStores"] == []


def test_the_same_proxy_serves_one_store_and_secrets_are_never_shown(both):
    both.kms.create_custom_key_store(**both.asked())

    assert refused(both.kms.create_custom_key_store, **both.asked())[0] == "CustomKeyStoreNameInUseException"
    other = both.asked(CustomKeyStoreName="again")
    assert refused(both.kms.create_custom_key_store, **other)[0] == "XksProxyUriInUseException"
    assert SECRET not in str(both.kms.describe_custom_key_stores())
