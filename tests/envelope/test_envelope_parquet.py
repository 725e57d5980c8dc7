"""Parquet files sealed by pyarrow, with their master keys in a running Keystead."""

import pytest

from components import package
from keystead.envelope import KeyUnavailable

pyarrow = package("pyarrow")
from pyarrow import parquet  # noqa: E402  # after the skip
from pyarrow.parquet import encryption  # noqa: E402  # after the skip

from keystead.envelope.parquet import KmsClients  # noqa: E402  # after the skip


class Counted:
    def __init__(self, client):
        self._client, self.wraps, self.unwraps = client, 0, 0

    def encrypt(self, **asked):
        self.wraps += 1
        return self._client.encrypt(**asked)

    def decrypt(self, **asked):
        self.unwraps += 1
        return self._client.decrypt(**asked)


@pytest.fixture(scope="module")
def key(house):
    return house.client("kms").create_key()["KeyMetadata"]["KeyId"]


@pytest.fixture
def client(house):
    return Counted(house.client("kms"))


def written(path, factory, key, *, double):
    table = pyarrow.table({"id": [1, 2, 3], "iban": ["DE89", "FR14", "IT60"]})
    asked = encryption.EncryptionConfiguration(
        footer_key=key, column_keys={key: ["iban"]}, double_wrapping=double, encryption_algorithm="AES_GCM_V1"
    )
    connection = encryption.KmsConnectionConfig()
    with parquet.ParquetWriter(
        path, table.schema, encryption_properties=factory.file_encryption_properties(connection, asked)
    ) as writer:
        writer.write_table(table)
    return table


def read(path, factory):
    properties = factory.file_decryption_properties(
        encryption.KmsConnectionConfig(), encryption.DecryptionConfiguration()
    )
    return parquet.ParquetFile(path, decryption_properties=properties).read()


@pytest.mark.parametrize("double", [True, False])
def test_a_table_is_sealed_and_opened(tmp_path, client, key, double):
    path = tmp_path / "table.parquet"
    table = written(path, encryption.CryptoFactory(KmsClients(client, {"lake": "a"}, ttl=60)), key, double=double)

    assert read(path, encryption.CryptoFactory(KmsClients(client, {"lake": "a"}, ttl=60))) == table
    assert b"DE89" not in path.read_bytes()


def test_another_context_does_not_open_it(tmp_path, client, key):
    path = tmp_path / "table.parquet"
    written(path, encryption.CryptoFactory(KmsClients(client, {"lake": "a"}, ttl=60)), key, double=True)

    with pytest.raises(Exception, match="key service did not"):
        read(path, encryption.CryptoFactory(KmsClients(client, {"lake": "b"}, ttl=60)))


def test_unwrapped_keys_are_kept(tmp_path, client, key):
    path = tmp_path / "table.parquet"
    written(path, encryption.CryptoFactory(KmsClients(client, ttl=60)), key, double=False)
    clients = KmsClients(client, ttl=60)

    for _ in range(3):
        read(path, encryption.CryptoFactory(clients))

    assert client.unwraps <= client.wraps


def test_a_wrapped_key_that_is_no_base64_is_refused(client):
    with pytest.raises(KeyUnavailable, match="base64"):
        KmsClients(client, ttl=60)(None).unwrap_key("?", "key")
