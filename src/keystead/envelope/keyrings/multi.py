"""Several keyrings for one data key: ANY ONE of them opens the message. For "all of them", see split.py."""

import hashlib
from collections.abc import Sequence

from keystead.envelope.context import Context
from keystead.envelope.errors import KeyUnavailable
from keystead.envelope.header import WrappedKey
from keystead.envelope.materials import Keyring


class MultiKeyring:
    """The generator makes the data key, the others wrap it too; without a generator it only opens."""

    def __init__(self, generator: Keyring | None, others: Sequence[Keyring] = ()) -> None:
        if generator is None and not others:
            raise ValueError("A multi-keyring needs a keyring.")
        self._generator = generator
        self._others = tuple(others)
        self._all = (generator, *others) if generator is not None else tuple(others)

    def identity(self) -> bytes:
        return hashlib.sha384(b"".join(hashlib.sha384(one.identity()).digest() for one in self._all)).digest()

    def generate(self, length: int, context: Context) -> tuple[bytes, list[WrappedKey]]:
        if self._generator is None:
            raise KeyUnavailable("This multi-keyring only opens: it has no generator.")
        data_key, wrapped = self._generator.generate(length, context)
        for one in self._others:
            wrapped = wrapped + one.wrap(data_key, context)
        return data_key, wrapped

    def wrap(self, data_key: bytes, context: Context) -> list[WrappedKey]:
        return [key for one in self._all for key in one.wrap(data_key, context)]

    def unwrap(self, wrapped: Sequence[WrappedKey], length: int, context: Context) -> bytes:
        reasons: list[str] = []
        for one in self._all:
            try:
                return one.unwrap(wrapped, length, context)
            except KeyUnavailable as unavailable:
                reasons += unavailable.reasons
        raise KeyUnavailable("No data key could be opened.", reasons)
