"""A log without a recorder, which may also lie, and a witness that knows it."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from keystead.trail import proofs
from keystead.trail.merkle import Frontier, fold
from keystead.trail.signed_note import Signer
from keystead.trail.submission import Submission
from keystead.witness import book
from keystead.witness.book import Book
from keystead.witness.cosigning import Cosigning

from .town import Scene

ORIGIN = "example.com/log"
NAME = "witness.example/w1"
SEEDS = (bytes(range(32)), bytes(range(32, 64)))
NOW = 1_750_000_000


class Tree:
    """Leaves, and the checkpoints that its keys sign. `kind` makes another history."""

    def __init__(self, signer: Signer, kind: bytes = b"") -> None:
        self.signer = signer
        self.leaves = [sha256(b"\0" + kind + bytes([number])).digest() for number in range(60)]

    def fork(self, after: int, kind: bytes = b"fork") -> "Tree":
        """The same up to `after` leaves."""
        other = Tree(self.signer, kind)
        other.leaves[:after] = self.leaves[:after]
        return other

    def root(self, size: int) -> bytes:
        frontier = Frontier()
        frontier.extend(self.leaves[:size])
        return frontier.root()

    def note(self, size: int) -> bytes:
        return self.signer.sign(size, self.root(size))

    def proof(self, old: int, size: int) -> list[bytes]:
        return proofs.consistency(old, size, lambda height, at: fold(self.leaves[at << height : at + 1 << height]))

    def request(self, old: int, size: int) -> bytes:
        return Submission(old, self.proof(old, size) if old <= size else [], self.note(size)).encode()

    def root64(self, size: int) -> str:
        return b64encode(self.root(size)).decode()


@pytest.fixture
def tree() -> Tree:
    return Tree(Signer(ORIGIN, SEEDS, clock=lambda: NOW))


@pytest.fixture
def data(tmp_path: Path, tree: Tree) -> Path:
    """The folder of a witness that knows the log."""
    folder = tmp_path / "witness"
    book.create(folder, NAME)
    Book(folder).add(list(tree.signer.verifiers))
    return folder


def opened(data: Path) -> Cosigning:
    found = Book(data)
    return Cosigning(found, Signer(found.name, found.seeds(), clock=lambda: NOW))


@pytest.fixture
def cosigning(data: Path) -> Iterator[Cosigning]:
    return opened(data)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.log.close()
