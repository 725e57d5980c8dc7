"""The seal whose root key is in a token, and the way to it and from it."""

import pytest

from keystead.keyholder import hsm_file, seals, setup
from keystead.keyholder.errors import HsmLost, SealNotOpened
from keystead.keyholder.own_keys import DOMAIN
from keystead.keyholder.pkcs11 import Tokens
from keystead.keyholder.promise import SYMMETRIC_DEFAULT
from keystead.keyholder.reach import InHsm, Reach
from keystead.keyholder.seals import FileSeal, Pkcs11Seal
from keystead.keyholder.succession import drop_former, replace_seal


@pytest.fixture
def reach(softhsm):
    tokens = Tokens(hsm_file.read(str(softhsm.file)))
    yield Reach(tokens)
    tokens.close()


@pytest.fixture
def seal(softhsm, reach):
    return Pkcs11Seal(softhsm.name, reach)


def opened(data, seal, sealed):
    software = setup.open(data, seal)
    software.load(sealed)
    return software


def test_the_root_key_is_in_the_token_and_not_in_the_folder(tmp_path, seal):
    fresh = setup.create(tmp_path, seal)
    material = fresh.software.create_material("key", SYMMETRIC_DEFAULT)
    blob = fresh.software.encrypt(material, b"secret", b"")

    assert isinstance(seals.unseal(tmp_path, seal)[0], InHsm)
    assert [path.name for path in tmp_path.iterdir()] == ["seal.json"]
    assert opened(tmp_path, seal, fresh.sealed).decrypt(material, blob, b"") == b"secret"


def test_without_its_token_nothing_opens_and_with_it_everything_again(tmp_path, softhsm, seal):
    fresh = setup.create(tmp_path, seal)
    softhsm.take_away()
    away = Pkcs11Seal(softhsm.name, Reach(Tokens(hsm_file.read(str(softhsm.file)))))

    with pytest.raises(HsmLost):
        setup.open(tmp_path, away)

    softhsm.bring_back()
    again = Pkcs11Seal(softhsm.name, Reach(Tokens(hsm_file.read(str(softhsm.file)))))
    opened(tmp_path, again, fresh.sealed)


def test_another_token_does_not_open_it(tmp_path, softhsm, seal):
    setup.create(tmp_path, seal)
    softhsm.take_away()
    softhsm.initialise()
    other = Pkcs11Seal(softhsm.name, Reach(Tokens(hsm_file.read(str(softhsm.file)))))

    with pytest.raises(SealNotOpened, match="does not have the root key"):
        setup.open(tmp_path, other)


def test_a_seal_moves_into_a_token_and_out_again(tmp_path, seal, reach):
    fresh = setup.create(tmp_path, FileSeal(reach))

    replace_seal(tmp_path, FileSeal(reach), seal)
    inside = opened(tmp_path, seal, fresh.sealed)
    moved = tuple(inside.reseal(key) for key in fresh.sealed)
    drop_former(tmp_path, seal, moved)
    assert len(seals.unseal(tmp_path, seal)) == 1

    replace_seal(tmp_path, seal, FileSeal(reach))
    outside = opened(tmp_path, FileSeal(reach), moved)
    back = tuple(outside.reseal(key) for key in moved)
    drop_former(tmp_path, FileSeal(reach), back)
    assert outside.make(DOMAIN, 9).version == 9
    assert not any(isinstance(root, InHsm) for root in seals.unseal(tmp_path, FileSeal()))


@pytest.mark.parametrize("inwards", [True, False])
def test_the_same_root_key_goes_neither_in_nor_out(tmp_path, seal, reach, inwards):
    before, after = (FileSeal(reach), seal) if inwards else (seal, FileSeal(reach))
    setup.create(tmp_path, before)
    content = (tmp_path / "seal.json").read_bytes()

    with pytest.raises(SealNotOpened):
        replace_seal(tmp_path, before, after, same_root=True)

    assert (tmp_path / "seal.json").read_bytes() == content
