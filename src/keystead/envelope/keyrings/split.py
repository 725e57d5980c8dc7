"""A data key that no key service can open alone: it exists only as shares, each wrapped by a service of its own.

    provider    keystead-split
    info        01 | scheme (1) | needed (1) | total (1) | share (1) | split id (16) | check (32) | name of the wrapping key
    ciphertext  the service's blob of the share

    scheme 1    all of n: every share is random and comes from GenerateDataKey of its service;
                data key = HKDF-SHA512(salt = split id, shares in order, info = "keystead split" | total | length)
    scheme 2    n of m: Shamir's shares of a data key that was made here, sealed by Encrypt
    check       HKDF-SHA512(salt = split id, share, info = "keystead share" | share): a share of 32 random bytes does not
                follow from it, and a share that is not the one that was sealed is known at once, with its custodian
    context     with every call go the message's own, and keystead:split-id, keystead:split-scheme, keystead:split-share

All descriptors lie in the authenticated header. AWS's SDKs do not know the provider and say that no data key could be
opened. Scheme 1 mixes by HKDF and not by XOR: a service that chose its share last would otherwise choose the data key.
There is no way back to a single share.
"""

import hashlib
import hmac
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from keystead.envelope.context import Context
from keystead.envelope.derivation import hkdf
from keystead.envelope.errors import CustodianAtFault, KeyUnavailable
from keystead.envelope.header import WrappedKey
from keystead.envelope.service.promise import KeyService, identity_of, key_arn, said
from keystead.envelope.sharing import combine, split

PROVIDER: Final = "keystead-split"
SHARE_LENGTH: Final = 32
_FIXED: Final = 5 + 16 + 32

log = logging.getLogger("keystead.envelope")


class Scheme(IntEnum):
    """How shares make a data key."""

    ALL = 1
    SOME = 2


@dataclass(frozen=True, slots=True)
class Custodian:
    """A key service that keeps shares: other operators, other credentials, other storage than the others'.

    name    for people, in errors
    key_id  the ARN of its key
    """

    name: str
    client: KeyService
    key_id: str


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The info of a wrapped share."""

    scheme: Scheme
    needed: int
    total: int
    share: int
    split_id: bytes
    check: bytes
    key_id: str

    def __bytes__(self) -> bytes:
        fixed = bytes((1, self.scheme, self.needed, self.total, self.share))
        return fixed + self.split_id + self.check + self.key_id.encode()

    def context(self, message: Context) -> dict[str, str]:
        return {
            **message,
            "keystead:split-id": self.split_id.hex(),
            "keystead:split-scheme": f"{self.scheme.name.lower()}, {self.needed} of {self.total}",
            "keystead:split-share": str(self.share),
        }


def descriptor(info: bytes) -> Descriptor | None:
    """None for what was not written by this version."""
    if len(info) <= _FIXED or info[0] != 1 or info[1] not in set(Scheme):
        return None
    scheme, needed, total, share = Scheme(info[1]), *info[2:5]
    if not 1 < needed <= total or not 0 < share <= total or (scheme is Scheme.ALL and needed != total):
        return None
    try:
        key_id = info[_FIXED:].decode()
    except UnicodeDecodeError:
        return None
    return Descriptor(scheme, needed, total, share, info[5:21], info[21:_FIXED], key_id)


class SplitKeyring:
    """Any `needed` of the custodians together open what was sealed; fewer learn nothing, whatever they do.

    The delay is that of the slowest custodian asked. Shares are together only in this process, and only while it works.
    """

    def __init__(self, custodians: Sequence[Custodian], needed: int) -> None:
        if not 1 < needed <= len(custodians) <= 255:
            raise ValueError("At least two custodians must be needed, and at most all of them.")
        if any(key_arn(one.key_id) is None for one in custodians):
            raise ValueError("A custodian's key is named by its ARN.")
        if len({one.key_id for one in custodians}) < len(custodians) or len({one.name for one in custodians}) < len(
            custodians
        ):
            raise ValueError("Two custodians are the same.")
        self._custodians = tuple(custodians)
        self._needed = needed

    def identity(self) -> bytes:
        parts = (identity_of(one.client) + b"\0" + one.key_id.encode() for one in self._custodians)
        return hashlib.sha384(b"split" + b"".join(hashlib.sha384(part).digest() for part in parts)).digest()

    def generate(self, length: int, context: Context) -> tuple[bytes, list[WrappedKey]]:
        if self._needed < len(self._custodians):
            data_key = os.urandom(length)
            return data_key, self.wrap(data_key, context)
        split_id = os.urandom(16)
        with ThreadPoolExecutor(len(self._custodians)) as pool:
            made = list(pool.map(lambda one: self._made(split_id, context, *one), enumerate(self._custodians, 1)))
        return _mixed(split_id, [share for share, _ in made], length), [wrapped for _, wrapped in made]

    def _made(self, split_id: bytes, context: Context, number: int, custodian: Custodian) -> tuple[bytes, WrappedKey]:
        total = len(self._custodians)
        unchecked = Descriptor(Scheme.ALL, total, total, number, split_id, b"", custodian.key_id)
        asked = {
            "KeyId": custodian.key_id,
            "NumberOfBytes": SHARE_LENGTH,
            "EncryptionContext": unchecked.context(context),
        }
        answer = _asked(custodian, "generate_data_key", asked)
        share = bytes(answer["Plaintext"])
        if len(share) != SHARE_LENGTH:
            raise KeyUnavailable(f"{custodian.name} gave a share of another length.")
        return share, _wrapped(unchecked, share, answer["CiphertextBlob"])

    def wrap(self, data_key: bytes, context: Context) -> list[WrappedKey]:
        split_id = os.urandom(16)
        shares = split(data_key, self._needed, len(self._custodians))

        def sealed(number: int, custodian: Custodian) -> WrappedKey:
            total = len(self._custodians)
            unchecked = Descriptor(Scheme.SOME, self._needed, total, number, split_id, b"", custodian.key_id)
            share = shares[number]
            asked = {"KeyId": custodian.key_id, "Plaintext": share, "EncryptionContext": unchecked.context(context)}
            return _wrapped(unchecked, share, _asked(custodian, "encrypt", asked)["CiphertextBlob"])

        with ThreadPoolExecutor(len(self._custodians)) as pool:
            return list(pool.map(lambda one: sealed(*one), enumerate(self._custodians, 1)))

    def unwrap(self, wrapped: Sequence[WrappedKey], length: int, context: Context) -> bytes:
        """Raises KeyUnavailable; CustodianAtFault where it is for want of a share that was changed."""
        splits: dict[tuple[bytes, int, int, int], dict[int, tuple[Descriptor, bytes]]] = {}
        for one in wrapped:
            told = descriptor(one.info) if one.provider == PROVIDER else None
            if told is not None:
                of = splits.setdefault((told.split_id, told.scheme, told.needed, told.total), {})
                of.setdefault(told.share, (told, one.ciphertext))
        failure: KeyUnavailable | None = None
        for shares in splits.values():
            try:
                return self._joined(list(shares.values()), length, context)
            except KeyUnavailable as unavailable:
                failure = failure or unavailable
        raise failure or KeyUnavailable(
            "No data key could be opened.", ["The message carries no shares of a split key."]
        )

    def _joined(self, sealed: list[tuple[Descriptor, bytes]], length: int, context: Context) -> bytes:
        first = sealed[0][0]
        if first.needed < self._needed or len({told.key_id for told, _ in sealed}) < len(sealed):
            raise KeyUnavailable("The message was split among fewer custodians than are asked for here.")
        mine = {one.key_id: one for one in self._custodians}
        waiting = [(mine[told.key_id], told, blob) for told, blob in sealed if told.key_id in mine]
        answers: list[Answer] = []
        while (missing := first.needed - sum(one.share is not None for one in answers)) > 0 and waiting:
            batch, waiting = waiting[:missing], waiting[missing:]
            with ThreadPoolExecutor(len(batch)) as pool:
                answers += pool.map(lambda one: _opened(one[0], one[1], one[2], context), batch)
        return _whole(first, answers, length)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking one custodian. `changed` when the share is not the one that was sealed."""

    custodian: str
    number: int
    share: bytes | None = field(repr=False)
    reason: str = ""
    changed: bool = False


def _whole(told: Descriptor, answers: Sequence[Answer], length: int) -> bytes:
    shares = {one.number: one.share for one in answers if one.share is not None}
    at_fault = [one.custodian for one in answers if one.changed]
    for name in at_fault:  # also where the others suffice
        log.warning("a share is not the one that was sealed: custodian %s", name)
    if len(shares) < told.needed:
        reasons = [one.reason for one in answers if one.share is None]
        raise (
            CustodianAtFault(at_fault, reasons) if at_fault else KeyUnavailable("Too few shares were opened.", reasons)
        )
    if told.scheme is Scheme.SOME:
        return combine(shares)
    return _mixed(told.split_id, [shares[number] for number in sorted(shares)], length)


def _opened(custodian: Custodian, told: Descriptor, blob: bytes, context: Context) -> Answer:
    asked = {"KeyId": told.key_id, "CiphertextBlob": blob, "EncryptionContext": told.context(context)}
    try:
        answer = _asked(custodian, "decrypt", asked)
    except KeyUnavailable as unavailable:
        return Answer(custodian.name, told.share, None, f"{custodian.name}: {unavailable.reasons[0]}")
    share = bytes(answer["Plaintext"])
    if not hmac.compare_digest(_check(told, share), told.check):
        return Answer(custodian.name, told.share, None, f"{custodian.name}: the share was changed.", changed=True)
    return Answer(custodian.name, told.share, share)


def _wrapped(unchecked: Descriptor, share: bytes, blob: Any) -> WrappedKey:
    one = unchecked
    told = Descriptor(one.scheme, one.needed, one.total, one.share, one.split_id, _check(one, share), one.key_id)
    return WrappedKey(PROVIDER, bytes(told), bytes(blob))


def _check(told: Descriptor, share: bytes) -> bytes:
    return hkdf(share, told.split_id, b"keystead share" + bytes((told.scheme, told.share)), 32)


def _mixed(split_id: bytes, shares: Sequence[bytes], length: int) -> bytes:
    info = b"keystead split" + bytes((len(shares), length))
    return hkdf(b"".join(shares), split_id, info, length)


def _asked(custodian: Custodian, operation: str, asked: dict[str, Any]) -> Any:
    try:
        return getattr(custodian.client, operation)(**asked)
    except Exception as error:  # the client is the caller's, and so are the kinds of its errors
        raise KeyUnavailable(f"{custodian.name} did not do its part.", [f"{said(error)}."]) from error
