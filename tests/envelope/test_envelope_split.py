"""Split custody: no single service opens anything, a lying one is named, and shares belong together."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.envelope import CustodianAtFault, Envelope, KeyUnavailable, WrappedKey
from keystead.envelope.keyrings.split import Custodian, SplitKeyring, descriptor
from keystead.envelope.sharing import combine, split


class Tampering:
    """A key service whose operators do as they please with what it answers."""

    def __init__(self, client):
        self._client, self.lies, self.down, self.seen = client, False, False, []

    def generate_data_key(self, **asked):
        answer = self._client.generate_data_key(**asked)
        self.seen.append(answer["Plaintext"])
        return answer

    def encrypt(self, **asked):
        self.seen.append(asked["Plaintext"])
        return self._client.encrypt(**asked)

    def decrypt(self, **asked):
        if self.down:
            raise ConnectionError
        answer = self._client.decrypt(**asked)
        return {**answer, "Plaintext": bytes(32)} if self.lies else answer


@pytest.fixture(scope="session")
def keys(house):
    kms = house.client("kms")
    return [kms.create_key(Description=f"custodian {number}")["KeyMetadata"]["Arn"] for number in range(3)]


@pytest.fixture
def custodians(house, keys):
    return [Custodian(name, Tampering(house.client("kms")), arn) for name, arn in zip("abc", keys, strict=True)]


def both(custodians):
    return Envelope(SplitKeyring(custodians[:2], 2))


def two_of_three(custodians):
    return Envelope(SplitKeyring(custodians, 2))


@pytest.mark.parametrize("made", [both, two_of_three])
def test_what_was_split_opens(custodians, made):
    envelope = made(custodians)

    sealed = envelope.encrypt(b"x", {"tenant": "a"})

    assert envelope.decrypt(sealed, {"tenant": "a"}).plaintext == b"x"


@pytest.mark.parametrize("made", [both, two_of_three])
def test_a_custodian_alone_opens_nothing(custodians, made):
    sealed = made(custodians).encrypt(b"x")
    for other in custodians[1:]:
        other.client.down = True

    with pytest.raises(KeyUnavailable, match="Too few"):
        made(custodians).decrypt(sealed)


def test_what_a_custodian_saw_is_not_the_data_key(custodians, monkeypatch):
    keyring = SplitKeyring(custodians[:2], 2)
    data_key, wrapped = keyring.generate(32, {})

    shares = [one.client.seen[0] for one in custodians[:2]]

    assert data_key not in shares
    assert keyring.unwrap(wrapped, 32, {}) == data_key
    assert bytes(a ^ b for a, b in zip(*shares, strict=True)) != data_key  # a share chosen last must not choose the key


@pytest.mark.parametrize("down", [0, 1, 2])
def test_two_of_three_open_without_the_third(custodians, down):
    envelope = two_of_three(custodians)
    sealed = envelope.encrypt(b"x")
    custodians[down].client.down = True

    assert envelope.decrypt(sealed).plaintext == b"x"


@pytest.mark.parametrize("liar", [0, 1, 2])
def test_two_of_three_open_although_one_lies_and_it_is_named(custodians, caplog, liar):
    envelope = two_of_three(custodians)
    sealed = envelope.encrypt(b"x")
    custodians[liar].client.lies = True
    asked = liar < 2  # the third is asked only when one of the others fails

    assert envelope.decrypt(sealed).plaintext == b"x"
    assert (f"custodian {'abc'[liar]}" in caplog.text) is asked


def test_a_lying_custodian_of_two_is_named(custodians):
    sealed = both(custodians).encrypt(b"x")
    custodians[1].client.lies = True

    with pytest.raises(CustodianAtFault) as fault:
        both(custodians).decrypt(sealed)

    assert fault.value.custodians == ("b",)


def test_shares_of_two_messages_do_not_mix(custodians):
    keyring = SplitKeyring(custodians[:2], 2)
    _, first = keyring.generate(32, {})
    _, second = keyring.generate(32, {})

    with pytest.raises(KeyUnavailable):
        keyring.unwrap([first[0], second[1]], 32, {})


def test_a_share_does_not_open_under_another_context(custodians):
    keyring = SplitKeyring(custodians[:2], 2)
    _, wrapped = keyring.generate(32, {"tenant": "a"})

    with pytest.raises(KeyUnavailable):
        keyring.unwrap(wrapped, 32, {"tenant": "b"})


def test_there_is_no_way_back_to_one_custodian(custodians):
    keyring = SplitKeyring(custodians[:2], 2)
    _, wrapped = keyring.generate(32, {})
    info = bytearray(wrapped[0].info)
    info[2:4] = b"\1\1"

    assert descriptor(bytes(info)) is None
    with pytest.raises(KeyUnavailable):
        keyring.unwrap([WrappedKey(wrapped[0].provider, bytes(info), wrapped[0].ciphertext)], 32, {})


def test_shares_that_are_all_of_one_custodian_are_refused(custodians):
    one = custodians[0]
    twin = Custodian("twin", one.client, custodians[1].key_id)
    _, wrapped = SplitKeyring([one, twin], 2).generate(32, {})
    info = descriptor(wrapped[1].info)
    forged = bytes(wrapped[1].info).replace(info.key_id.encode(), one.key_id.encode())

    with pytest.raises(KeyUnavailable, match="fewer custodians"):
        both(custodians)._materials._keyring.unwrap([wrapped[0], WrappedKey("keystead-split", forged, b"x")], 32, {})


def test_all_of_three_cannot_be_read_as_two_of_three(custodians):
    sealed = Envelope(SplitKeyring(custodians, 2)).encrypt(b"x")

    with pytest.raises(KeyUnavailable, match="fewer custodians"):
        Envelope(SplitKeyring(custodians, 3)).decrypt(sealed)


def test_custodians_must_differ(custodians):
    with pytest.raises(ValueError, match="same"):
        SplitKeyring([custodians[0], custodians[0]], 2)
    with pytest.raises(ValueError, match="two"):
        SplitKeyring(custodians, 1)


@given(st.binary(min_size=1, max_size=48), st.integers(2, 5), st.integers(0, 3))
def test_any_enough_shares_give_the_secret_back(secret, needed, more):
    shares = split(secret, needed, needed + more)

    for chosen in itertools.islice(itertools.combinations(shares, needed), 10):
        assert combine({x: shares[x] for x in chosen}) == secret


@given(st.binary(min_size=16, max_size=32))
def test_too_few_shares_give_something_else(secret):
    shares = split(secret, 3, 3)

    assert combine({x: shares[x] for x in (1, 2)}) != secret


def test_shares_agree_with_arithmetic_done_by_hand():
    """GF(2^8) of AES: 53 times CA is 01 (FIPS 197 states the field; the pair is in every text on it)."""
    from keystead.envelope.sharing import _inverse, _times

    assert _times(0x53, 0xCA, 1) == 0x01
    assert _inverse(0x53, 1) == 0xCA
    assert _times(0x57, 0x83, 1) == 0xC1  # FIPS 197, 4.2
    assert _times(0x57_57, 0x13, 2) == 0xFE_FE  # FIPS 197, 4.2.1
