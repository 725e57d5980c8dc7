"""The tree is RFC 6962's, and its kept hashes lead to every subtree of it."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.trail.hashes import Hashes, HashesMissing
from keystead.trail.merkle import Frontier

LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (  # of the first 0, 1, … of those leaves: the vectors of the certificate-transparency reference tests
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def leaf(number: int) -> bytes:
    return sha256(b"\x00" + number.to_bytes(8, "big")).digest()


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


@pytest.fixture
def hashes(folder):
    opened = Hashes(folder)
    yield opened
    opened.close()


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference_tests(size):
    frontier = Frontier()

    frontier.extend([sha256(b"\x00" + bytes.fromhex(entry)).digest() for entry in LEAVES[:size]])

    assert frontier.root().hex() == ROOTS[size]


@given(st.lists(st.integers(0, 70), max_size=12))
def test_the_root_is_the_naive_one_however_the_leaves_came(groups):
    frontier = Frontier()
    leaves = [leaf(number) for number in range(sum(groups))]

    begin = 0
    for count in groups:
        frontier.extend(leaves[begin : begin + count])
        begin += count

    assert frontier.root() == naive_root(leaves)


def test_a_frontier_made_from_kept_hashes_is_the_one_that_grew(hashes):
    grown = Frontier()
    for number in range(600):
        first = grown.size
        hashes.write(first, grown.extend([leaf(number)]))

        made = Frontier.of(grown.size, hashes.subtree)

        assert made.root() == grown.root()


def test_every_complete_subtree_is_found_from_the_kept_hashes(hashes):
    leaves = [leaf(number) for number in range(1 << 11)]
    hashes.write(0, Frontier().extend(leaves))

    for height in range(12):
        for place in range(len(leaves) >> height):
            assert hashes.subtree(height, place) == naive_root(leaves[place << height : (place + 1) << height])


def test_seventy_thousand_leaves_make_the_tiles_of_the_specification(folder, hashes):
    """C2SP tlog-tiles: 273 full tiles and one of 112; one full and one of 17; one of 1."""
    frontier = Frontier()

    hashes.write(0, frontier.extend([leaf(number) for number in range(70_000)]))

    sizes = [(folder / "hashes" / str(level)).stat().st_size // 32 for level in range(5)]
    assert sizes == [273 * 256 + 112, 256 + 17, 1, 0, 0]


def test_a_subtree_that_is_not_there_yet_is_missing(hashes):
    hashes.write(0, Frontier().extend([leaf(number) for number in range(255)]))

    with pytest.raises(HashesMissing):
        hashes.subtree(8, 0)
