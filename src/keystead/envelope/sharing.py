"""Shamir's sharing over GF(2^8), byte by byte, modulo x^8 + x^4 + x^3 + x + 1.

A key of n bytes is one integer here, and all its bytes are worked on at once. What is multiplied with are coordinates and
Lagrange coefficients, which are public: no branch and no index depends on a secret.
"""

import secrets
from collections.abc import Mapping

SHARES_MAX = 255


def split(secret: bytes, needed: int, total: int) -> dict[int, bytes]:
    """Shares by coordinate 1 … total; any `needed` of them give the secret back, fewer say nothing of it."""
    if not 1 < needed <= total <= SHARES_MAX:
        raise ValueError("At least two shares are needed, and at most all of 255.")
    length = len(secret)
    terms = [int.from_bytes(secret), *(secrets.randbits(8 * length) for _ in range(needed - 1))]
    return {x: _at(terms, x, length).to_bytes(length) for x in range(1, total + 1)}


def combine(shares: Mapping[int, bytes]) -> bytes:
    """The secret, if these are as many genuine shares as are needed; else something else."""
    length = len(next(iter(shares.values())))
    secret = 0
    for x, share in shares.items():
        factor = 1
        for other in shares:
            if other != x:
                factor = _times(factor, _times(other, _inverse(other ^ x, 1), 1), 1)
        secret ^= _times(int.from_bytes(share), factor, length)
    return secret.to_bytes(length)


def _at(terms: list[int], x: int, length: int) -> int:
    value = 0
    for term in reversed(terms):
        value = _times(value, x, length) ^ term
    return value


def _times(value: int, factor: int, length: int) -> int:
    """Every byte of `value`, which may be secret, times `factor`, which is public."""
    low, high = int.from_bytes(b"\x7f" * length), int.from_bytes(b"\x01" * length)
    product = 0
    while factor:
        if factor & 1:
            product ^= value
        value = ((value & low) << 1) ^ (((value >> 7) & high) * 0x1B)
        factor >>= 1
    return product


def _inverse(value: int, length: int) -> int:
    """value^254, for public values."""
    result = 1
    for _ in range(254):
        result = _times(result, value, length)
    return result
