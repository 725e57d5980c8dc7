"""Material that is kept open: bounded, forgotten when told, gone when nobody uses it, and wiped in every case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.keyholder.opened import Opened, OpenedMaterials
from keystead.keyholder.promise import SYMMETRIC_DEFAULT, Material
from keystead.keyholder.sealing import KEY_LENGTH, urandom
from keystead.keyholder.software import Software

WIPED = bytes(KEY_LENGTH)


def material(key_id: str, number: int = 0) -> Material:
    return Material(key_id, f"{number:064x}", SYMMETRIC_DEFAULT, b"token")


def kept(materials: OpenedMaterials, known: Material) -> bytes:
    """The very bytes that are kept, to look at later."""
    opened = Opened(known, urandom(KEY_LENGTH))
    materials.keep(known, opened)
    return opened.material


@pytest.fixture
def materials() -> OpenedMaterials:
    return OpenedMaterials(limit=4)


def test_what_is_kept_is_found_by_all_of_its_fields(materials):
    known = material("key")
    secret = kept(materials, known)

    assert materials.get(known).material is secret
    assert materials.get(Material(known.key_id, known.material_id, known.spec, b"other token")) is None


def test_forgetting_a_key_wipes_all_of_its_materials_and_no_other(materials):
    one, older, other = (kept(materials, which) for which in (material("key"), material("key", 1), material("other")))
    materials.age()
    newer = kept(materials, material("key", 2))

    materials.forget("key")

    assert one == older == newer == WIPED
    assert other != WIPED
    assert len(materials) == 1


def test_what_is_not_used_between_two_ages_is_wiped(materials):
    used, unused = kept(materials, material("used")), kept(materials, material("unused"))

    for _ in range(3):
        materials.age()
        materials.get(material("used"))

    assert materials.get(material("used")).material == used != WIPED
    assert unused == WIPED
    assert materials.get(material("unused")) is None


@given(st.lists(st.integers(0, 40), max_size=200))
def test_never_more_than_two_generations_are_kept_and_whatever_left_is_wiped(uses):
    materials = OpenedMaterials(limit=4)
    secrets: dict[int, bytes] = {}

    for number in uses:
        if materials.get(material("key", number)) is None:
            assert secrets.get(number, WIPED) == WIPED
            secrets[number] = kept(materials, material("key", number))

        assert len(materials) <= 8
        assert sum(secret != WIPED for secret in secrets.values()) == len(materials)


def test_a_keyholder_holds_nothing_of_a_forgotten_key():
    software = Software(urandom(KEY_LENGTH))
    software.load((software.make("domain", 1), software.make("identifier", 1)))
    made = software.create_material("key", SYMMETRIC_DEFAULT)
    software.encrypt(made, b"x", b"")
    secret = software._materials._symmetric.get(made).material
    assert secret != WIPED

    software.forget("key")

    assert secret == WIPED
    assert len(software._materials._symmetric) == 0


def test_what_is_kept_open_shows_nothing_of_itself(materials):
    secret = kept(materials, material("key"))

    for shown in (repr(materials.get(material("key"))), repr(materials)):
        assert repr(secret)[2:-1] not in shown
