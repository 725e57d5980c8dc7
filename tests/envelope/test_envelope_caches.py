"""Caches: what is given again, for how long, how often fetched, and what never crosses."""

import threading

import pytest

from keystead.envelope import Envelope, RawAesKeyring
from keystead.envelope.cache import Cache
from keystead.envelope.caching import CachedMaterials


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Counting:
    """A keyring that counts, in front of a real one; its principal can be changed."""

    def __init__(self, keyring):
        self.keyring, self.made, self.opened, self.who = keyring, 0, 0, b"first"

    def identity(self):
        return self.who

    def generate(self, length, context):
        self.made += 1
        return self.keyring.generate(length, context)

    def wrap(self, data_key, context):
        return self.keyring.wrap(data_key, context)

    def unwrap(self, wrapped, length, context):
        self.opened += 1
        return self.keyring.unwrap(wrapped, length, context)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def counting(keyring):
    return Counting(keyring)


def cached(counting, clock, **limits):
    return Envelope(CachedMaterials(counting, clock=clock, **{"max_age": 60.0, **limits}))


def test_one_data_key_seals_many_messages(counting, clock):
    envelope = cached(counting, clock)

    sealed = [envelope.encrypt(b"x") for _ in range(10)]

    assert counting.made == 1
    assert len({one[3:35] for one in sealed}) == 10  # message ids


def test_one_data_key_opens_many_messages(counting, clock):
    envelope = cached(counting, clock)

    for _ in range(5):
        envelope.decrypt(envelope.encrypt(b"x"))

    assert counting.opened == 1


@pytest.mark.parametrize(
    ("limits", "expected"), [({"max_messages": 3}, 4), ({"max_bytes": 25}, 5), ({"max_bytes": 5}, 10), ({}, 1)]
)
def test_a_data_key_ends_with_its_limits(counting, clock, limits, expected):
    envelope = cached(counting, clock, **limits)

    for _ in range(10):
        envelope.encrypt(b"0123456789")

    assert counting.made == expected


def test_a_data_key_ends_with_its_age(counting, clock):
    envelope = cached(counting, clock)
    sealed = envelope.encrypt(b"x")
    envelope.decrypt(sealed)

    clock.now += 61
    envelope.encrypt(b"x")
    envelope.decrypt(sealed)

    assert (counting.made, counting.opened) == (2, 2)


def test_another_context_has_another_data_key(counting, clock):
    envelope = cached(counting, clock)

    envelope.encrypt(b"x", {"tenant": "a"})
    envelope.encrypt(b"x", {"tenant": "b"})

    assert counting.made == 2


def test_another_principal_has_another_data_key(counting, clock):
    envelope = cached(counting, clock)
    sealed = envelope.encrypt(b"x")
    envelope.decrypt(sealed)

    counting.who = b"second"
    envelope.encrypt(b"x")
    envelope.decrypt(sealed)

    assert (counting.made, counting.opened) == (2, 2)


def test_a_stream_has_a_data_key_of_its_own(counting, clock):
    import io

    envelope = cached(counting, clock)

    for _ in range(3):
        envelope.encrypt_stream(io.BytesIO(b"x"), io.BytesIO())

    assert counting.made == 3


def test_what_is_held_is_bounded(counting, clock):
    materials = CachedMaterials(counting, max_age=60.0, capacity=5, clock=clock)
    envelope = Envelope(materials)

    for number in range(20):
        envelope.encrypt(b"x", {"number": str(number)})

    assert len(materials._sealing) == 5


def test_cleared_caches_ask_again(counting, clock):
    materials = CachedMaterials(counting, max_age=60.0, clock=clock)
    envelope = Envelope(materials)
    envelope.encrypt(b"x")

    materials.clear()
    envelope.encrypt(b"x")

    assert counting.made == 2


def test_two_keyrings_never_share(clock):
    first, second = RawAesKeyring("n", "k", bytes(32)), RawAesKeyring("n", "k", bytes(32))

    assert first.identity() != second.identity()


@pytest.mark.parametrize(
    "limits", [{"max_messages": 0}, {"max_messages": 2**32 + 1}, {"max_bytes": 2**63}, {"max_age": 0}]
)
def test_limits_without_meaning_are_refused(counting, clock, limits):
    with pytest.raises(ValueError):
        cached(counting, clock, **limits)


def test_many_threads_fetch_an_expired_value_once(clock):
    cache, fetched, go = Cache(ttl=60.0, capacity=5, clock=clock), [], threading.Event()

    def load():
        go.wait(5)
        fetched.append(1)
        return "value"

    found = []
    threads = [threading.Thread(target=lambda: found.append(cache.get("k", load))) for _ in range(20)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()

    assert (found, len(fetched)) == (["value"] * 20, 1)


def test_a_value_about_to_expire_is_fetched_once_while_the_others_use_the_old(clock):
    cache = Cache(ttl=60.0, capacity=5, clock=clock)
    cache.get("k", lambda: "old")
    clock.now += 55

    inside = []

    def load():
        inside.extend(cache.get("k", lambda: "never") for _ in range(3))
        return "new"

    assert cache.get("k", load) == "new"
    assert inside == ["old"] * 3
    assert cache.get("k", lambda: "never") == "new"


def test_a_failure_shortly_before_the_end_is_not_noticed(clock):
    cache = Cache(ttl=60.0, capacity=5, clock=clock)
    cache.get("k", lambda: "old")
    clock.now += 55

    def load():
        raise OSError

    assert cache.get("k", load) == "old"
    clock.now += 5
    with pytest.raises(OSError):
        cache.get("k", load)


def test_a_failure_is_shared_and_not_kept(clock):
    cache = Cache(ttl=60.0, capacity=5, clock=clock)

    def load():
        raise OSError

    with pytest.raises(OSError):
        cache.get("k", load)

    assert cache.get("k", lambda: "value") == "value"
