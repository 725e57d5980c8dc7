"""Material that has been unwrapped, kept for a while so that not every use opens its token anew.

Two generations: what was used since the last `age` is young, the rest is old and goes at the next `age`. So material that
nobody uses is gone after two of them, on every node and also when nobody says that its key was disabled or deleted. Until
then it opens nothing: whoever asks must present the token, and the worker has checked the key's state.
"""

from collections.abc import Mapping
from typing import Final, Generic, Protocol, TypeVar

from keystead.keyholder.ciphertext import header, prefixed, utf8
from keystead.keyholder.promise import EVERY_KEY, Material
from keystead.keyholder.sealing import Key, wipe

GENERATION_LIMIT: Final = 1024
"""Materials in one generation; about 1 KB each. Opening one costs as much as an encryption."""


class Wipeable(Protocol):
    def wipe(self) -> None: ...


M = TypeVar("M", bound=Wipeable)


class Opened:
    """Unwrapped symmetric material, or what reaches it in its token, with what every blob of it begins with and is bound to."""

    __slots__ = ("bound", "header", "material")

    def __init__(self, material: Material, secret: Key) -> None:
        self.material = secret
        self.header = header(material.material_id)
        self.bound = prefixed(utf8(material.key_id))

    def __repr__(self) -> str:
        return "Opened()"

    def wipe(self) -> None:
        if isinstance(self.material, bytes):
            wipe(self.material)


class OpenedMaterials(Generic[M]):
    """What is kept open. Whatever leaves is wiped: use nothing of it after the next call."""

    def __init__(self, limit: int = GENERATION_LIMIT) -> None:
        self._limit = limit
        self._young: dict[Material, M] = {}
        self._old: dict[Material, M] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, material: Material) -> M | None:
        found = self._young.get(material)
        if found is None and (found := self._old.pop(material, None)) is not None:
            self.keep(material, found)
        return found

    def keep(self, material: Material, opened: M) -> None:
        if len(self._young) >= self._limit:
            self.age()
        self._young[material] = opened

    def age(self) -> None:
        _wipe_all(self._old)
        self._old, self._young = self._young, {}

    def forget(self, key_id: str) -> None:
        for generation in (self._young, self._old):
            gone = [known for known in generation if key_id in {known.key_id, EVERY_KEY}]
            _wipe_all({known: generation.pop(known) for known in gone})


def _wipe_all(left: Mapping[Material, Wipeable]) -> None:
    for opened in left.values():
        opened.wipe()
