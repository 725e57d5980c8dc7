"""What one message is sealed or opened with, and who provides it: a keyring, or a cache before one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from keystead.envelope.context import Context
from keystead.envelope.errors import KeyUnavailable
from keystead.envelope.header import WrappedKey
from keystead.envelope.signing import SigningKey
from keystead.envelope.suites import Suite


class Keyring(Protocol):
    """Makes, wraps and unwraps data keys. All three raise KeyUnavailable. The context is the full one."""

    def generate(self, length: int, context: Context) -> tuple[bytes, list[WrappedKey]]:
        """A fresh data key of so many bytes, and what a message must carry to be opened."""

    def wrap(self, data_key: bytes, context: Context) -> list[WrappedKey]:
        """For a data key that another keyring made."""

    def unwrap(self, wrapped: Sequence[WrappedKey], length: int, context: Context) -> bytes:
        """The data key, from whichever of the wrapped keys is this keyring's own."""

    def identity(self) -> bytes:
        """Who asks and with which keys: what is cached for one identity is never given to another."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """To seal one message. `context` is the full one, with the verification key."""

    suite: Suite
    data_key: bytes = field(repr=False)
    wrapped_keys: tuple[WrappedKey, ...]
    context: dict[str, str]
    signing_key: SigningKey | None = field(default=None, repr=False)


@runtime_checkable
class Materials(Protocol):
    """Provides what messages are sealed and opened with."""

    def to_seal(self, suite: Suite, context: Context, size: int | None) -> Sealing:
        """`size` is that of the plaintext, where it is known."""

    def to_open(self, suite: Suite, wrapped: tuple[WrappedKey, ...], context: Context) -> bytes:
        """The data key."""


class Fresh:
    """A data key for every message, straight from a keyring."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def to_seal(self, suite: Suite, context: Context, size: int | None = None) -> Sealing:  # noqa: ARG002  # the promise's
        return make(self._keyring, suite, context)

    def to_open(self, suite: Suite, wrapped: tuple[WrappedKey, ...], context: Context) -> bytes:
        return opened(self._keyring, suite, wrapped, context)


def make(keyring: Keyring, suite: Suite, context: Context) -> Sealing:
    """Raises KeyUnavailable, also where a keyring gives what is no data key for the suite."""
    signing_key = SigningKey(suite) if suite.signed else None
    full = {**context, **signing_key.context()} if signing_key else dict(context)
    data_key, wrapped = keyring.generate(suite.key_length, full)
    if len(data_key) != suite.key_length or not wrapped:
        raise KeyUnavailable("The keyring gave no data key that fits the suite.")
    return Sealing(suite, data_key, tuple(wrapped), full, signing_key)


def opened(keyring: Keyring, suite: Suite, wrapped: tuple[WrappedKey, ...], context: Context) -> bytes:
    """Raises KeyUnavailable."""
    data_key = keyring.unwrap(wrapped, suite.key_length, context)
    if len(data_key) != suite.key_length:
        raise KeyUnavailable("The data key is not one of the message's suite.")
    return data_key
