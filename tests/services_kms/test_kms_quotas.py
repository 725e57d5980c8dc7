"""Request rates as a client sees them."""

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from keystead.testing import running

NO_RETRIES = Config(retries={"total_max_attempts": 1})


def many_keys(kms):
    for _ in range(50):
        kms.create_key()


def test_who_asks_too_often_is_throttled_and_told_so_on_the_record():
    with running(kms_rates="create=1,symmetric=100000") as keystead:
        kms = keystead.client("kms", config=NO_RETRIES)
        kms.create_key()

        with pytest.raises(ClientError) as refused:
            many_keys(kms)

        assert refused.value.response["Error"]["Code"] == "ThrottlingException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        kms.list_keys()
        log = b"".join(path.read_bytes() for path in (keystead.data / "trail").rglob("*") if path.is_file())
        assert b'"errorCode":"ThrottlingException"' in log


def test_the_client_s_own_retries_get_through():
    with running(kms_rates="create=2") as keystead:
        kms = keystead.client("kms", config=Config(retries={"mode": "adaptive", "total_max_attempts": 10}))

        made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(4)}

        assert len(made) == 4
