"""Keys that are in a hardware security module, and how this process reaches them: waiting, or in steps.

Who may wait hands a module to `Reach`, and uses such a key like any other. The keyholder's event loop may not. There a
method that misses an answer of the module stops with HsmNeeded; `steps` asks, keeps the answer, and begins the method
again, until it misses nothing more:

    method ──► HsmNeeded ──► ask ──► method, from the start, with the answer ──► … ──► result

So whatever a method does before it needs a module must be free to be done again. A nonce that was asked for in one attempt
is used in the next, by one message: an attempt that stopped has given out nothing.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from keystead.keyholder.errors import HsmLost, KeyholderError
from keystead.keyholder.hsm import OBJECT_LENGTH, Asked, Hsm, Mac
from keystead.keyholder.sealing import NONCE_LENGTH, derivation_input, urandom

T = TypeVar("T")

Steps = Generator[Asked, bytes, T]
"""A computation that yields what it needs of a module, is sent the answer, and returns its result. The errors of a module
are thrown into it."""


class Nonce(NamedTuple):
    """One that may be used by one message: the object it was asked of, the label, and the nonce."""

    object: bytes
    label: bytes
    nonce: bytes


class HsmNeeded(Exception):
    """What is missing. Never leaves the keyholder. `nonce` where a message was to be sealed, and any would have done."""

    def __init__(self, asked: Mac, nonce: Nonce | None = None) -> None:
        super().__init__()
        self.asked = asked
        self.nonce = nonce


class Reach:
    """Of one process. `module` for who may wait."""

    def __init__(self, module: Hsm | None = None) -> None:
        self.module = module
        self._answers: dict[bytes, bytes] = {}
        self._unused: list[Nonce] = []

    def __repr__(self) -> str:
        return "Reach()"

    def nonce(self, key: "InHsm", label: bytes) -> bytes:
        """Raises HsmNeeded."""
        if self.module is not None:
            return urandom(NONCE_LENGTH)
        for place, unused in enumerate(self._unused):
            if unused[:2] == (key.object, label):
                del self._unused[place]
                return unused.nonce
        nonce = urandom(NONCE_LENGTH)
        raise HsmNeeded(key.ask(label, nonce), Nonce(key.object, label, nonce))

    def derived(self, key: "InHsm", label: bytes, nonce: bytes) -> bytes:
        """Raises HsmNeeded, HsmLost, HsmKeyGone."""
        asked = key.ask(label, nonce)
        if self.module is not None:
            return checked(self.module.ask(asked))
        found = self._answers.get(asked.object + asked.data)
        if found is None:
            raise HsmNeeded(asked)
        return found

    def steps(self, method: Callable[..., T], *fields: Any) -> Steps[T]:
        """The method's result. Raises what it raises, HsmLost and HsmKeyGone."""
        answers: dict[bytes, bytes] = {}
        nonces: list[Nonce] = []
        while True:
            self._answers, self._unused = answers, [*nonces]
            try:
                return method(*fields)
            except HsmNeeded as stopped:
                asked, nonce = stopped.asked, stopped.nonce
            finally:
                self._answers, self._unused = {}, []
            answers[asked.object + asked.data] = checked((yield asked))
            if nonce is not None:
                nonces.append(nonce)


@dataclass(frozen=True, slots=True)
class InHsm:
    """A key in a token: the name of the module in the HSM file, and the object's CKA_ID. keyholder.sealing.Deriving."""

    hsm: str
    object: bytes
    reach: Reach = field(repr=False, compare=False)

    def nonce(self, label: bytes) -> bytes:
        return self.reach.nonce(self, label)

    def derived(self, label: bytes, nonce: bytes) -> bytes:
        return self.reach.derived(self, label, nonce)

    def ask(self, label: bytes, nonce: bytes) -> Mac:
        """What gives the key of one message."""
        return Mac(self.hsm, self.object, derivation_input(label, nonce))

    def reference(self) -> bytes:
        """Object (16) | name"""
        return self.object + self.hsm.encode("ascii")

    @classmethod
    def from_reference(cls, reference: bytes, reach: Reach) -> "InHsm":
        """Raises ValueError."""
        if len(reference) <= OBJECT_LENGTH:
            raise ValueError("not a reference")
        return cls(reference[OBJECT_LENGTH:].decode("ascii"), reference[:OBJECT_LENGTH], reach)


def checked(answer: bytes) -> bytes:
    """Raises HsmLost for what is no HMAC-SHA-256."""
    if len(answer) != 32:
        raise HsmLost
    return answer


def ask(module: Hsm | None, asked: Asked) -> bytes:
    if module is None:
        raise HsmLost
    return module.ask(asked)


def run(steps: Steps[T], module: Hsm | None) -> T:
    """The result, once everything has been asked and waited for. Raises what the steps raise."""
    try:
        asked = next(steps)
        while True:
            try:
                answer = ask(module, asked)
            except KeyholderError as error:
                asked = steps.throw(error)
            else:
                asked = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
