"""Proofs are RFC 6962's and RFC 9162's, and nothing else passes for one."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.trail import proofs
from keystead.trail.hashes import Hashes
from keystead.trail.merkle import EMPTY, Frontier, fold
from keystead.trail.proofs import ProofInvalid, check_consistency, check_inclusion

ENTRIES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
LEAVES = [sha256(b"\0" + bytes.fromhex(entry)).digest() for entry in ENTRIES]
INCLUSION = {  # (index, size): the vectors of the certificate-transparency reference tests
    (0, 1): [],
    (0, 8): ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"],
    (5, 8): ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"],
}  # fmt: skip  # a table
CONSISTENCY = {  # (first, size)
    (1, 1): [],
    (1, 8): INCLUSION[0, 8],
    (6, 8): ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
    (2, 5): ["5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"],
    (6, 7): ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
}  # fmt: skip  # a table


def subtrees(leaves):
    return lambda height, place: fold(leaves[place << height : place + 1 << height])


def root(leaves):
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def tree(size):
    return [sha256(b"\0" + number.to_bytes(8, "big")).digest() for number in range(size)]


@pytest.mark.parametrize(("where", "proof"), INCLUSION.items())
def test_inclusion_is_that_of_the_reference_tests(where, proof):
    index, size = where

    made = proofs.inclusion(index, size, subtrees(LEAVES))

    assert [hash_.hex() for hash_ in made] == proof
    check_inclusion(LEAVES[index], index, size, made, root(LEAVES[:size]))


@pytest.mark.parametrize(("sizes", "proof"), CONSISTENCY.items())
def test_consistency_is_that_of_the_reference_tests(sizes, proof):
    first, size = sizes

    made = proofs.consistency(first, size, subtrees(LEAVES))

    assert [hash_.hex() for hash_ in made] == proof
    check_consistency(first, size, made, root(LEAVES[:first]), root(LEAVES[:size]))


@st.composite
def places(draw):
    size = draw(st.integers(1, 200))
    return draw(st.integers(0, size - 1)), size


@given(places())
def test_every_leaf_of_every_tree_is_proven(place):
    index, size = place
    leaves = tree(size)

    proof = proofs.inclusion(index, size, subtrees(leaves))

    check_inclusion(leaves[index], index, size, proof, root(leaves))


@given(places())
def test_every_tree_is_proven_to_begin_with_every_smaller_one(sizes):
    first, size = sizes
    leaves = tree(size)

    proof = proofs.consistency(first, size, subtrees(leaves))

    check_consistency(first, size, proof, root(leaves[:first]), root(leaves))


def harmed(proof):
    """Every way in which a proof of this length can be a little wrong."""
    junk = sha256(b"junk").digest()
    yield [*proof, junk]
    yield [junk, *proof]
    for place, hash_ in enumerate(proof):
        yield [*proof[:place], *proof[place + 1 :]]
        yield [*proof[:place], junk, *proof[place + 1 :]]
        yield [*proof[:place], bytes([hash_[0] ^ 1]) + hash_[1:], *proof[place + 1 :]]
        yield [*proof[:place], hash_[:-1], *proof[place + 1 :]]


@given(places(), st.integers(-3, 3), st.integers(-3, 3))
def test_nothing_else_proves_inclusion(place, index_by, size_by):
    index, size = place
    leaves = tree(size)
    proof, whole = proofs.inclusion(index, size, subtrees(leaves)), root(leaves)
    wrong = [(leaves[index], index, size, other, whole) for other in harmed(proof)]
    wrong.append((sha256(b"other").digest(), index, size, proof, whole))
    wrong.append((leaves[index], index, size, proof, EMPTY))
    if index_by:
        wrong.append((leaves[index], index + index_by, size, proof, whole))
    if not 0 <= index < size + size_by:
        wrong.append((leaves[index], index, size + size_by, proof, whole))

    for attempt in wrong:
        with pytest.raises(ProofInvalid):
            check_inclusion(*attempt)


@given(places())
def test_nothing_else_proves_consistency(sizes):
    first, size = sizes
    leaves = tree(size)
    proof = proofs.consistency(first, size, subtrees(leaves))
    before, after = root(leaves[:first]), root(leaves)
    wrong = [(first, size, other, before, after) for other in harmed(proof)]
    wrong.append((first, size, proof, before, sha256(b"other").digest()) if first else (1, size, [], before, after))
    if first:
        wrong += [(first, size, proof, sha256(b"other").digest(), after), (first, first - 1, proof, after, before)]

    for attempt in wrong:
        with pytest.raises(ProofInvalid):
            check_consistency(*attempt)


def test_two_trees_of_one_size_are_not_consistent():
    with pytest.raises(ProofInvalid):
        check_consistency(3, 3, [], root(LEAVES[:3]), root(LEAVES[1:4]))


@pytest.mark.parametrize("first", [-1, 9])
def test_there_is_no_proof_of_what_cannot_be(first):
    with pytest.raises(ProofInvalid):
        proofs.consistency(first, 8, subtrees(LEAVES))
    with pytest.raises(ProofInvalid):
        proofs.inclusion(first, 8, subtrees(LEAVES))


def test_a_log_proves_from_its_kept_hashes(folder, open_log, arrivals):
    log = open_log(folder)
    log.append(arrivals(700))
    hashes = Hashes(folder)
    leaves = hashes.read(0, 0, 700)
    whole = log.root

    for index in (0, 255, 256, 511, 698, 699):
        check_inclusion(leaves[index], index, 700, proofs.inclusion(index, 700, hashes.subtree), whole)
    for first in (1, 255, 256, 257, 640, 699):
        check_consistency(first, 700, proofs.consistency(first, 700, hashes.subtree), root(leaves[:first]), whole)

    hashes.close()
