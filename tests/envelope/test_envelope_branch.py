"""Branch keys: many data keys for few calls, rotation, and what binds a wrap to its place."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from sqlalchemy import create_engine

from keystead.envelope import Envelope, KeyUnavailable
from keystead.envelope.branch import BranchKeyring, BranchKeys, MemoryRows
from keystead.envelope.branch.rows import ACTIVE, BranchTaken
from keystead.envelope.databases import SqlBranchRows, metadata

pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"  # sockets that botocore's pool leaves to the collector
)


class Counted:
    """Counts the calls to a real KMS client."""

    def __init__(self, client):
        self._client, self.calls = client, 0

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if name.startswith("_") or name == "meta":
            return found

        def call(**asked):
            self.calls += 1
            return found(**asked)

        return call


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(scope="session")
def kms(house):
    return house.client("kms")


@pytest.fixture(scope="session")
def key_arn(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(params=["memory", "sqlite"])
def rows(request, tmp_path):
    if request.param == "memory":
        yield MemoryRows()
        return
    engine = create_engine(f"sqlite:///{tmp_path}/rows.db")
    metadata.create_all(engine)
    yield SqlBranchRows(engine)
    engine.dispose()


@pytest.fixture
def client(kms):
    return Counted(kms)


@pytest.fixture
def keys(rows, client, key_arn):
    return BranchKeys(rows, client, key_arn)


def test_a_thousand_messages_cost_one_call(keys, client):
    branch = keys.create("tenant-a")
    envelope = Envelope(BranchKeyring(keys, branch, ttl=60))
    client.calls = 0

    sealed = [envelope.encrypt(b"x", {"number": str(number)}) for number in range(1000)]

    assert client.calls == 1
    assert envelope.decrypt(sealed[7]).plaintext == b"x"
    assert client.calls == 2


def test_each_tenant_has_its_own(keys):
    for tenant in ("a", "b"):
        keys.create(tenant)
    envelope = Envelope(BranchKeyring(keys, lambda context: context["tenant"], ttl=60))

    sealed = envelope.encrypt(b"x", {"tenant": "a"})

    assert envelope.decrypt(sealed, {"tenant": "a"}).header.wrapped_keys[0].info == b"a"
    with pytest.raises(KeyUnavailable):
        Envelope(BranchKeyring(keys, "b", ttl=60)).decrypt(sealed)


def test_a_rotation_leaves_old_messages_readable(keys):
    branch = keys.create()
    clock = Clock()
    envelope = Envelope(BranchKeyring(keys, branch, ttl=60, clock=clock))
    before = envelope.encrypt(b"x")

    keys.rotate(branch)
    clock.now += 61
    after = envelope.encrypt(b"y")

    versions = {envelope.decrypt(one).header.wrapped_keys[0].ciphertext[28:44] for one in (before, after)}
    assert len(versions) == 2


def test_within_its_time_to_live_an_old_version_is_still_used(keys):
    branch = keys.create()
    envelope = Envelope(BranchKeyring(keys, branch, ttl=60, clock=Clock()))
    first = envelope.encrypt(b"x")

    keys.rotate(branch)
    second = envelope.encrypt(b"x")

    assert _version(envelope, first) == _version(envelope, second)


def _version(envelope, sealed):
    return envelope.decrypt(sealed).header.wrapped_keys[0].ciphertext[28:44]


def test_a_branch_key_is_made_once(keys):
    keys.create("a")

    with pytest.raises(BranchTaken):
        keys.create("a")


def test_two_rotations_at_once_do_not_both_succeed(rows, keys, kms, key_arn):
    branch = keys.create("a")

    class Meddling(Counted):
        def __getattr__(self, name):
            if name == "re_encrypt" and self.calls == 0:
                keys.rotate(branch)
            return super().__getattr__(name)

    with pytest.raises(BranchTaken):
        BranchKeys(rows, Meddling(kms), key_arn).rotate(branch)

    assert keys.active(branch).version


def test_a_row_of_another_table_does_not_open(rows, client, key_arn):
    BranchKeys(rows, client, key_arn, table="one").create("a")

    with pytest.raises(KeyUnavailable):
        BranchKeys(rows, client, key_arn, table="two").active("a")


def test_the_caller_s_pairs_are_bound(rows, keys):
    keys.create("a", {"department": "x"})

    assert rows.get("a", ACTIVE).custom == {"department": "x"}
    assert keys.active("a").id == "a"


def test_a_wrap_does_not_open_under_another_context(keys):
    keyring = BranchKeyring(keys, keys.create(), ttl=60)
    _, wrapped = keyring.generate(32, {"tenant": "a"})

    with pytest.raises(KeyUnavailable):
        keyring.unwrap(wrapped, 32, {"tenant": "b"})


def test_a_wrap_is_what_the_format_says(keys):
    branch = keys.create("tenant-a")
    data_key, (wrapped,) = BranchKeyring(keys, branch, ttl=60).generate(32, {"a": "b"})
    salt, iv, version, sealed = (wrapped.ciphertext[a:b] for a, b in ((0, 16), (16, 28), (28, 44), (44, None)))
    derived = KBKDFHMAC(
        hashes.SHA256(), Mode.CounterMode, 32, 4, 4, CounterLocation.BeforeFixed, b"aws-kms-hierarchy", salt, None
    ).derive(keys.active(branch).key)

    covered = b"aws-kms-hierarchy" + b"tenant-a" + version + b"\0\1\0\1a\0\1b"

    assert AESGCM(derived).decrypt(iv, sealed, covered) == data_key


def test_a_branch_key_that_does_not_exist_is_named(keys):
    with pytest.raises(KeyUnavailable, match="nobody"):
        Envelope(BranchKeyring(keys, "nobody", ttl=60)).encrypt(b"x")


def test_a_branch_key_s_bytes_are_not_shown(keys):
    key = keys.active(keys.create())

    assert repr(key.key) not in repr(key)
