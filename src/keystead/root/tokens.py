"""Every kind of token that a domain key wraps: where they lie, and how the keyholder puts one under its newest key."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from keystead.database.engine import Connection, Transaction
from keystead.identities.store.rewrapping import ACCESS_KEYS, SESSIONS, Secrets
from keystead.identities.store.rewrapping import Held as HeldSecret
from keystead.keyholder.software import Software
from keystead.keys import rewrapping
from keystead.keys.rewrapping import Held as HeldMaterial
from keystead.stores.key_store import BINDING
from keystead.stores.store import key_stores


class Held(Protocol):
    """A token in the database."""

    @property
    def place(self) -> Any: ...
    @property
    def token(self) -> bytes: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: pages in the order of their places, a replacement of those that have not changed meanwhile."""

    column: str
    count: Callable[[Connection], Awaitable[int]]
    page: Callable[[Connection, Any], Awaitable[Sequence[Held]]]
    replace: Callable[[Transaction, Any], Awaitable[None]]
    rewrap: Callable[[Software, Any], bytes]


def material(software: Software, held: HeldMaterial) -> bytes:
    return software.rewrap(held.material).token


def secret(software: Software, held: HeldSecret) -> bytes:
    return software.rewrap_secret(held.token, held.place)


def secret_of_store(software: Software, held: HeldSecret) -> bytes:
    return software.rewrap_secret(held.token, BINDING + held.place)


STORES: Final = Secrets(key_stores, key_stores.c.id)
KINDS: Final = (
    Kind("key_materials.token", rewrapping.count, rewrapping.page, rewrapping.replace, material),
    Kind("access_keys.secret_token", ACCESS_KEYS.count, ACCESS_KEYS.page, ACCESS_KEYS.replace, secret),
    Kind("sessions.secret_token", SESSIONS.count, SESSIONS.page, SESSIONS.replace, secret),
    Kind("key_stores.secret_token", STORES.count, STORES.page, STORES.replace, secret_of_store),
)
