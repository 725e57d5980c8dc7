"""The house in one process over PostgreSQL: what is written there is believed, and what falls due is done."""

import time

import pytest
from botocore.exceptions import ClientError

from installation import until
from keystead.testing import running

DAY = 86_400


@pytest.mark.slow
def test_the_whole_house_serves_over_postgresql(postgresql):
    with running(database=postgresql.create()) as keystead:
        kms, secrets = keystead.client("kms"), keystead.client("secretsmanager")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        secrets.create_secret(Name="s", SecretString="in the database", KmsKeyId=key)

        kms.disable_key(KeyId=key)
        with pytest.raises(kms.exceptions.DisabledException):
            kms.decrypt(CiphertextBlob=blob)
        kms.enable_key(KeyId=key)

        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
        assert secrets.get_secret_value(SecretId="s")["SecretString"] == "in the database"
        until(lambda: named(keystead, "DisableKey"), 30)
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        keystead.do_what_falls_due(at=time.time() + 8 * DAY)
        with pytest.raises(ClientError, match="NotFoundException"):
            kms.describe_key(KeyId=key)


def named(keystead, name: str) -> list[dict]:
    sought = [{"AttributeKey": "EventName", "AttributeValue": name}]
    return keystead.client("cloudtrail").lookup_events(LookupAttributes=sought)["Events"]
