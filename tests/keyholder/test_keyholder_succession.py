"""The root key is replaced, or put under another seal: a crash at any moment loses nothing."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from keystead.keyholder import seals, setup
from keystead.keyholder.errors import SealNotOpened, TokenInvalid
from keystead.keyholder.promise import SYMMETRIC_DEFAULT, SealedKey
from keystead.keyholder.seals import FileSeal, PassphraseSeal, Seal
from keystead.keyholder.software import Software
from keystead.keyholder.succession import FormerRootNeeded, drop_former, replace_seal

FILE = FileSeal()
PASSPHRASE = PassphraseSeal(b"correct horse battery staple")
OTHER_PASSPHRASE = PassphraseSeal(b"battery staple correct horse")


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def sealed(data) -> tuple[SealedKey, ...]:
    """Of a new installation with a file seal."""
    return setup.create(data, FILE).sealed


def roots_that_open(data: Path, seal: Seal, sealed: tuple[SealedKey, ...]) -> list[bytes]:
    """Root keys of the seal that open every sealed key by themselves."""
    return [root for root in seals.unseal(data, seal) if all(opens(root, key) for key in sealed)]


def opens(root: bytes, key: SealedKey) -> bool:
    try:
        Software(root).load((key,))
    except TokenInvalid:
        return False
    return True


def resealed(data: Path, seal: Seal, sealed: tuple[SealedKey, ...]) -> tuple[SealedKey, ...]:
    software = setup.open(data, seal)
    return tuple(software.reseal(key) for key in sealed)


@pytest.mark.parametrize("new", [FILE, PASSPHRASE], ids=lambda seal: seal.kind)
def test_a_new_seal_opens_to_a_new_root_key_and_to_the_one_before(data, sealed, new):
    (before,) = seals.unseal(data, FILE)

    replace_seal(data, FILE, new)

    root, former = seals.unseal(data, new)
    assert former == before != root


def test_the_same_root_key_can_be_put_under_another_seal(data, sealed):
    before = seals.unseal(data, FILE)

    replace_seal(data, FILE, PASSPHRASE, same_root=True)

    assert seals.unseal(data, PASSPHRASE) == before


def test_the_seal_before_no_longer_opens(data, sealed):
    replace_seal(data, FILE, PASSPHRASE)
    replace_seal(data, PASSPHRASE, OTHER_PASSPHRASE)

    with pytest.raises(SealNotOpened):
        seals.unseal(data, PASSPHRASE)
    with pytest.raises(SealNotOpened):
        seals.unseal(data, FILE)


def test_a_seal_is_not_replaced_by_somebody_who_cannot_open_it(data, sealed):
    replace_seal(data, FILE, PASSPHRASE)
    before = (data / "seal.json").read_bytes()

    with pytest.raises(SealNotOpened):
        replace_seal(data, OTHER_PASSPHRASE, FILE)

    assert (data / "seal.json").read_bytes() == before


def test_everything_opens_before_during_and_after_resealing(data, sealed):
    material = (old := loaded(data, FILE, sealed)).create_material("key", SYMMETRIC_DEFAULT)
    blob = old.encrypt(material, b"x", b"")
    replace_seal(data, FILE, PASSPHRASE)

    half = (*resealed(data, PASSPHRASE, sealed[:1]), *sealed[1:])
    whole = resealed(data, PASSPHRASE, half)

    for stage in (sealed, half, whole):
        assert loaded(data, PASSPHRASE, stage).decrypt(material, blob, b"") == b"x"
    assert whole[0] == half[0]
    assert roots_that_open(data, PASSPHRASE, whole) == [seals.unseal(data, PASSPHRASE)[0]]


def loaded(data: Path, seal: Seal, sealed: tuple[SealedKey, ...]) -> Software:
    software = setup.open(data, seal)
    software.load(sealed)
    return software


def test_a_key_made_under_the_root_before_opens_and_is_resealed(data, sealed):
    old = loaded(data, FILE, sealed)  # a keyholder that runs on while the seal is replaced
    replace_seal(data, FILE, PASSPHRASE)

    late = old.new_domain_key()

    (moved,) = resealed(data, PASSPHRASE, (late,))
    assert (moved.id, moved.purpose, moved.version) == (late.id, late.purpose, late.version)
    assert opens(seals.unseal(data, PASSPHRASE)[0], moved)


def test_the_root_before_is_dropped_once_nothing_needs_it(data, sealed):
    replace_seal(data, FILE, FILE)
    moved = resealed(data, FILE, sealed)

    drop_former(data, FILE, moved)

    (root,) = seals.unseal(data, FILE)
    assert all(opens(root, key) for key in moved)
    assert len(list(data.glob("seal-*.key"))) == 1


def test_the_root_before_is_not_dropped_while_a_key_needs_it(data, sealed):
    replace_seal(data, FILE, FILE)
    moved = resealed(data, FILE, sealed)
    before = {path: path.read_bytes() for path in data.iterdir()}

    with pytest.raises(FormerRootNeeded) as caught:
        drop_former(data, FILE, (*moved[:2], sealed[2]))

    assert caught.value.ids == (sealed[2].id,)
    assert {path: path.read_bytes() for path in data.iterdir()} == before


def test_nothing_is_dropped_for_a_key_of_another_installation(data, sealed, tmp_path):
    (tmp_path / "other").mkdir()
    foreign = setup.create(tmp_path / "other", FILE).sealed
    replace_seal(data, FILE, FILE)

    with pytest.raises(TokenInvalid):
        drop_former(data, FILE, foreign)

    assert len(seals.unseal(data, FILE)) == 2


def test_root_keys_can_be_replaced_again_before_the_last_one_was_dropped(data, sealed):
    for old, new in ((FILE, PASSPHRASE), (PASSPHRASE, FILE), (FILE, FILE)):
        replace_seal(data, old, new)

    assert len(seals.unseal(data, FILE)) == 4
    assert loaded(data, FILE, sealed).create_material("key", SYMMETRIC_DEFAULT)
    drop_former(data, FILE, resealed(data, FILE, sealed))
    assert len(seals.unseal(data, FILE)) == 1


CALLS = ("open", "link", "rename", "unlink", "fsync", "close")
CRASHED = 77


def crashes(after: int, work: Callable[[], None]) -> bool:
    """Do the work in a process of its own that ends before its disk call of this number. False when it got through."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            crash_before(after)
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, CRASHED}
    return status == CRASHED


def crash_before(number: int) -> None:
    left = iter(range(number))

    def counted(real):
        def call(*given, **named):
            if next(left, None) is None:
                os._exit(CRASHED)
            return real(*given, **named)

        return call

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))


def test_a_crash_while_the_seal_is_replaced_leaves_a_root_key_that_opens_everything(data, sealed):
    count = 0

    while crashes(count, lambda: replace_seal(data, FILE, FILE)):
        assert roots_that_open(data, FILE, sealed)
        sealed = resealed(data, FILE, sealed)
        count += 1

    assert roots_that_open(data, FILE, sealed)
    assert count > 10


def test_a_crash_while_the_root_before_is_dropped_leaves_a_root_key_that_opens_everything(data, sealed):
    count = 0
    replace_seal(data, FILE, FILE)
    sealed = resealed(data, FILE, sealed)

    while crashes(count, partial(drop_former, data, FILE, sealed)):
        assert roots_that_open(data, FILE, sealed)
        replace_seal(data, FILE, FILE)
        sealed = resealed(data, FILE, sealed)
        count += 1

    assert len(seals.unseal(data, FILE)) == 1
    assert roots_that_open(data, FILE, sealed)
    assert count > 10


def test_what_crashes_left_behind_is_cleared_away(data, sealed):
    for after in range(40):
        crashes(after, lambda: replace_seal(data, FILE, FILE))

    drop_former(data, FILE, resealed(data, FILE, sealed))

    assert sorted(path.suffix for path in data.iterdir()) == [".json", ".key"]
    assert len(seals.unseal(data, FILE)) == 1


def test_two_at_a_time_wait_for_each_other(data, sealed):
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(replace_seal, data, FILE, FILE) for _ in range(8)]:
            done.result()

    assert len(seals.unseal(data, FILE)) == 9
