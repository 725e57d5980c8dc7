"""AWS's own SDK for Python reads what we write and writes what we read, with raw keys and with KMS keys in a Keystead."""

import io

import botocore.session
import pytest

from components import package
from keystead.envelope import (
    COMMITTED,
    COMMITTED_SIGNED,
    Envelope,
    KmsDiscoveryKeyring,
    KmsKeyring,
    RawAesKeyring,
    StoredBytes,
)

sdk = package("aws_encryption_sdk")
from aws_encryption_sdk.identifiers import Algorithm, EncryptionKeyType, WrappingAlgorithm  # noqa: E402  # after the skip
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey  # noqa: E402  # after the skip
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider  # noqa: E402  # after the skip

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning")

FRAME = 128
SIZES = [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 50 * FRAME + 7]
SUITES = {
    COMMITTED: Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
    COMMITTED_SIGNED: Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
}
CONTEXT = {"tenant": "ä", "table": "t"}
KEY = bytes(range(32))


class RawKeys(RawMasterKeyProvider):
    provider_id = "tests"

    def _get_raw_key(self, key_id):
        return WrappingKey(WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING, KEY, EncryptionKeyType.SYMMETRIC)


@pytest.fixture(scope="module")
def key_arn(house):
    return house.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(params=["raw", "kms"])
def both(request, house, key_arn, monkeypatch):
    """Their provider of keys and ours, for the same key."""
    if request.param == "raw":
        provider = RawKeys()
        provider.add_master_key("first")
        return provider, RawAesKeyring("tests", "first", KEY)
    for name, value in house.environment.items():
        monkeypatch.setenv(name, value)
    theirs = sdk.StrictAwsKmsMasterKeyProvider(key_ids=[key_arn], botocore_session=botocore.session.Session())
    return theirs, KmsKeyring(house.client("kms"), key_arn)


@pytest.mark.parametrize("suite", list(SUITES), ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_they_read_what_we_write(both, suite, size):
    theirs, ours = both
    data = bytes(number % 251 for number in range(size))

    sealed = Envelope(ours, suite=suite, frame_length=FRAME).encrypt(data, CONTEXT)
    plain, header = sdk.EncryptionSDKClient().decrypt(source=sealed, key_provider=theirs)

    assert plain == data
    assert CONTEXT.items() <= header.encryption_context.items()


@pytest.mark.parametrize("suite", list(SUITES), ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_we_read_what_they_write(both, suite, size):
    theirs, ours = both
    data = bytes(number % 251 for number in range(size))

    sealed, _ = sdk.EncryptionSDKClient().encrypt(
        source=data, key_provider=theirs, algorithm=SUITES[suite], frame_length=FRAME, encryption_context=CONTEXT
    )
    envelope = Envelope(ours)
    stream = io.BytesIO()
    envelope.decrypt_stream(io.BytesIO(sealed), stream, CONTEXT, before_signature=True)

    assert envelope.decrypt(sealed, CONTEXT).plaintext == data
    assert stream.getvalue() == data
    assert envelope.read_range(StoredBytes(sealed), 5, 200, CONTEXT, without_signature=True) == data[5:205]


@pytest.mark.parametrize("algorithm", [one for one in Algorithm if one.kdf_type is not None], ids=lambda one: one.name)
@pytest.mark.parametrize("frame", [0, FRAME], ids=["in one piece", "framed"])
@pytest.mark.parametrize("size", [0, 1, FRAME, 1000])
def test_we_read_every_suite_of_theirs_framed_or_not(algorithm, frame, size):
    from aws_encryption_sdk.identifiers import CommitmentPolicy as Theirs

    from keystead.envelope import CommitmentPolicy

    provider = RawKeys()
    provider.add_master_key("first")
    policy = Theirs.REQUIRE_ENCRYPT_ALLOW_DECRYPT if algorithm.is_committing() else Theirs.FORBID_ENCRYPT_ALLOW_DECRYPT
    data = bytes(number % 251 for number in range(size))

    sealed, _ = sdk.EncryptionSDKClient(commitment_policy=policy).encrypt(
        source=data, key_provider=provider, algorithm=algorithm, frame_length=frame, encryption_context=CONTEXT
    )
    envelope = Envelope(RawAesKeyring("tests", "first", KEY), policy=CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT)
    stream = io.BytesIO()
    envelope.decrypt_stream(io.BytesIO(sealed), stream, CONTEXT, before_signature=True)

    assert envelope.decrypt(sealed, CONTEXT).plaintext == data
    assert stream.getvalue() == data


def test_we_discover_what_they_wrote(house, both, key_arn):
    theirs, ours = both
    if not isinstance(ours, KmsKeyring):
        pytest.skip("only keys of KMS can be discovered")
    sealed, _ = sdk.EncryptionSDKClient().encrypt(source=b"x", key_provider=theirs)

    discovery = KmsDiscoveryKeyring(lambda region: house.client("kms", region_name=region))

    assert Envelope(discovery).decrypt(sealed).plaintext == b"x"


def test_they_do_not_open_a_split_message(house, both, key_arn):
    from keystead.envelope.keyrings.split import Custodian, SplitKeyring

    theirs, _ = both
    kms = house.client("kms")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    split = SplitKeyring([Custodian("a", kms, key_arn), Custodian("b", kms, other)], 2)

    with pytest.raises(sdk.exceptions.AWSEncryptionSDKClientError):
        sdk.EncryptionSDKClient().decrypt(source=Envelope(split).encrypt(b"x"), key_provider=theirs)
