"""Proofs over the tree: that a leaf is in it, and that it begins with an earlier tree.

Made from complete subtrees (RFC 6962 2.1.1 and 2.1.2), checked with sizes, hashes and roots alone (RFC 9162 2.1.3.2 and
2.1.4.2). Who checks needs nothing of the log but what a checkpoint says.
"""

from collections.abc import Sequence
from typing import Final

from keystead.trail.merkle import EMPTY, HASH_LENGTH, Subtree, complete, node

LIMIT: Final = 63
"""Hashes of a proof: one for each height of a tree of 2^63 leaves (C2SP tlog-witness 1.0.0, add-checkpoint)."""


class ProofInvalid(ValueError):
    """It does not prove what it should."""


def root(begin: int, end: int, subtree: Subtree) -> bytes:
    """Of the leaves from `begin` to before `end`; `begin` is a multiple of the power of two that `end - begin` fits into."""
    found = [subtree(height, (begin >> height) + place) for height, place in complete(end - begin)]
    if not found:
        return EMPTY
    right = found.pop()
    while found:
        right = node(found.pop(), right)
    return right


def inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """From the leaf's sibling up to the root's child. Raises ProofInvalid for a leaf that is not in the tree."""
    if not 0 <= index < size:
        raise ProofInvalid("no such leaf")
    begin, end = 0, size
    path = []
    while end - begin > 1:
        middle = begin + left_size(end - begin)
        if index < middle:
            path.append(root(middle, end, subtree))
            end = middle
        else:
            path.append(root(begin, middle, subtree))
            begin = middle
    return path[::-1]


def consistency(first: int, size: int, subtree: Subtree) -> list[bytes]:
    """From a tree of `first` leaves to one of `size`; empty where there is nothing to prove. Raises ProofInvalid."""
    if not 0 <= first <= size:
        raise ProofInvalid("a tree does not begin with a larger one")
    begin, end = 0, size
    path: list[bytes] = []
    if first in {0, size}:
        return path
    while first != end:
        middle = begin + left_size(end - begin)
        if first <= middle:
            path.append(root(middle, end, subtree))
            end = middle
        else:
            path.append(root(begin, middle, subtree))
            begin = middle
    if begin:  # else the old tree is a complete subtree, whose root is known
        path.append(root(begin, end, subtree))
    return path[::-1]


def left_size(size: int) -> int:
    """The largest power of two that is smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> None:
    """That `leaf` is number `index` of the tree. Raises ProofInvalid."""
    if not 0 <= index < size:
        raise ProofInvalid("no such leaf")
    where, last, made = index, size - 1, leaf
    for hash_ in hashes(proof):
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if where & 1 or where == last:
            made = node(hash_, made)
            while where & 1 == 0 and where:
                where, last = where >> 1, last >> 1
        else:
            made = node(made, hash_)
        where, last = where >> 1, last >> 1
    if last or made != root_hash:
        raise ProofInvalid("the leaf is not in the tree")


def check_consistency(first: int, size: int, proof: Sequence[bytes], first_root: bytes, root_hash: bytes) -> None:
    """That the tree of `size` leaves begins with that of `first`. Raises ProofInvalid."""
    if not 0 <= first <= size:
        raise ProofInvalid("a tree does not begin with a larger one")
    if first in {0, size}:
        _check_trivial(first, size, proof, first_root, root_hash)
        return
    path = [*hashes(proof)]
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if _roots(first, size, path) != (first_root, root_hash):
        raise ProofInvalid("the tree does not begin with the earlier one")


def _roots(first: int, size: int, path: list[bytes]) -> tuple[bytes, bytes]:
    """Of both trees, as the path makes them."""
    where, last = first - 1, size - 1
    while where & 1:
        where, last = where >> 1, last >> 1
    if not path:
        raise ProofInvalid("the proof is too short")
    old = new = path[0]
    for hash_ in path[1:]:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if where & 1 or where == last:
            old, new = node(hash_, old), node(hash_, new)
            while where & 1 == 0 and where:
                where, last = where >> 1, last >> 1
        else:
            new = node(new, hash_)
        where, last = where >> 1, last >> 1
    if last:
        raise ProofInvalid("the proof is too short")
    return old, new


def _check_trivial(first: int, size: int, proof: Sequence[bytes], first_root: bytes, root_hash: bytes) -> None:
    if proof:
        raise ProofInvalid("there is nothing to prove")
    if first == 0 and first_root != EMPTY:
        raise ProofInvalid("the root of no leaves is another")
    if first == size and first_root != root_hash:
        raise ProofInvalid("two trees of one size")


def hashes(proof: Sequence[bytes]) -> Sequence[bytes]:
    if len(proof) > LIMIT or any(len(hash_) != HASH_LENGTH for hash_ in proof):
        raise ProofInvalid("not a proof")
    return proof
