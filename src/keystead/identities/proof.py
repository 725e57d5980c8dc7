"""Proof that a call was forwarded by the process that verified its caller, for one action on one resource, just now.

    mac = HMAC-SHA-256(KEY, JSON [access key id, caller's ARN, caller's userid, via, action, resource, expiry])
    expiry   a whole second, so that one caller's proofs for one resource are the same for so long, and are made once

`Call.forward` makes it, and authorize() wants it for every call that says it comes through a service: kms:ViaService and
aws:ViaAWSService hold for nothing else. KEY is random, made in each process when it starts, and never leaves it: the services that
forward and the doors that check are in one worker. A service that moves into a process of its own will need a key that the
keyholder gives to both; until then a proof of another process is worth nothing here.
"""

import hmac
import os
import secrets
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol

import msgspec

SECONDS: Final = 60.0
"""How long a proof is good at most (ours)."""
REMEMBERED: Final = 1024
"""MACs that are made once: by `make`, for `holds`."""

Facts = tuple[str | float, ...]


class Key:
    """Of this process; a child that was forked gets another one.

    mac  of these facts
    """

    mac: Callable[[Facts], bytes]

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._keyed = hmac.new(secrets.token_bytes(32), digestmod="sha256")
        self.mac = lru_cache(REMEMBERED)(self._made)

    def _made(self, facts: Facts) -> bytes:
        """From a copy that has the key already, which costs half of beginning anew."""
        mac = self._keyed.copy()
        mac.update(msgspec.json.encode(facts))
        return mac.digest()


KEY: Final = Key()


class Forwarded(Protocol):
    """Who asks, through whom: the parts of a call that a proof binds."""

    @property
    def via(self) -> str | None: ...
    @property
    def asker(self) -> tuple[str, str, str]: ...


class Proof(msgspec.Struct, frozen=True):
    """action    service:Name
    resource  its ARN, or that of an alias of it
    expires   by the process's own clock, which nobody sets
    """

    action: str
    resource: str
    expires: float
    mac: bytes

    def __repr__(self) -> str:
        return f"Proof({self.action!r}, {self.resource!r})"


def make(call: Forwarded, action: str, resource: str, now: float | None = None) -> Proof:
    expires = (time.monotonic() if now is None else now) // 1 + SECONDS
    return Proof(action, resource, expires, KEY.mac(facts(call, action, resource, expires)))


def facts(call: Forwarded, action: str, resource: str, expires: float) -> Facts:
    return (*call.asker, call.via or "", action, resource, expires)


def holds(proof: Proof | None, call: Forwarded, action: str, names: tuple[str, ...], now: float | None = None) -> bool:
    """Whether the proof was made here for this caller, service and action, on a resource of one of these names."""
    if proof is None or proof.action != action or proof.resource not in names:
        return False
    if (time.monotonic() if now is None else now) >= proof.expires:
        return False
    return hmac.compare_digest(proof.mac, KEY.mac(facts(call, proof.action, proof.resource, proof.expires)))
