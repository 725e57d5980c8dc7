"""The protocol of C2SP tlog-witness, step by step, and the one promise: never two trees that contradict one another."""

import threading
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from keystead.trail import disk
from keystead.trail.signed_note import Signer, Verifier, opened
from keystead.trail.submission import Submission
from keystead.witness import book
from keystead.witness.book import Book, BookInvalid

from .conftest import NAME, NOW, ORIGIN, SEEDS, Tree
from .conftest import opened as cosigning_of

ELSEWHERE = Path(__file__).parents[1] / "trail" / "elsewhere"
SIGSUM = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"


def test_a_first_checkpoint_is_cosigned_by_both_keys(cosigning, tree, data):
    answer = cosigning.add_checkpoint(tree.request(0, 5))

    keys = [Verifier.read(line) for line in (data / "witness.vkeys").read_text().splitlines()]
    text, signed = opened(tree.note(5) + answer.body, keys)
    assert answer.status == 200
    assert signed == set(keys)
    assert [key.kind for key in keys] == [4, 6]
    assert text == f"{ORIGIN}\n5\n{tree.root64(5)}\n"


def test_a_cosignature_is_over_the_bytes_of_the_specification(cosigning, tree, data):
    """tlog-cosignature 1.0 and 1.1, with `cryptography` and structures packed here."""
    lines = cosigning.add_checkpoint(tree.request(0, 5)).body.decode().splitlines()
    keys = [Verifier.read(line) for line in (data / "witness.vkeys").read_text().splitlines()]

    first, second = (b64decode(line.removeprefix(f"— {NAME} "), validate=True) for line in lines)

    text = f"{ORIGIN}\n5\n{tree.root64(5)}\n"
    time = NOW.to_bytes(8, "big")
    assert (len(first), len(second)) == (4 + 8 + 64, 4 + 8 + 2420)
    assert first[4:12] == second[4:12] == time
    for kind, key, line in zip((b"\x04", b"\x06"), keys, (first, second), strict=True):
        assert line[:4] == sha256(NAME.encode() + b"\n" + kind + key.public).digest()[:4]
    message = f"cosignature/v1\ntime {NOW}\n{text}".encode()
    Ed25519PublicKey.from_public_bytes(keys[0].public).verify(first[12:], message)
    structure = b"subtree/v1\n\0" + bytes([len(NAME)]) + NAME.encode() + time + bytes([len(ORIGIN)]) + ORIGIN.encode()
    structure += (0).to_bytes(8, "big") + (5).to_bytes(8, "big") + tree.root(5)
    MLDSA44PublicKey.from_public_bytes(keys[1].public).verify(second[12:], structure)


def test_growth_is_cosigned_and_kept(cosigning, tree, data):
    for old, size in ((0, 0), (0, 1), (1, 7), (7, 7), (7, 60)):
        assert cosigning.add_checkpoint(tree.request(old, size)).status == 200

    kept = cosigning_of(data).latest(sha256(ORIGIN.encode()).hexdigest())
    text, signed = opened(kept, tree.signer.verifiers)
    assert text.splitlines()[1] == "60"
    assert signed == set(tree.signer.verifiers)


@pytest.mark.parametrize("old", [0, 4, 6])
def test_another_old_size_is_answered_with_the_right_one(cosigning, tree, old):
    cosigning.add_checkpoint(tree.request(0, 5))

    answer = cosigning.add_checkpoint(tree.request(old, 9))

    assert (answer.status, answer.body, answer.type) == (409, b"5\n", "text/x.tlog.size")


def test_an_unknown_log_is_not_found(cosigning):
    other = Tree(Signer("example.com/other", SEEDS))

    assert cosigning.add_checkpoint(other.request(0, 5)).status == 404


@pytest.mark.parametrize("harm", ["other key", "bad signature", "no key of it"])
def test_what_the_log_did_not_sign_is_forbidden(cosigning, tree, harm):
    request = tree.request(0, 5)
    if harm == "other key":
        request = Tree(Signer(ORIGIN, (b"x" * 32, b"y" * 32))).request(0, 5)
    elif harm == "bad signature":
        request = request.replace(b"\n5\n", b"\n6\n")
    else:
        request = request.replace(f"— {ORIGIN}".encode(), "— example.com/else".encode())

    assert cosigning.add_checkpoint(request).status == 403


def test_signatures_of_others_are_passed_over_and_not_kept(cosigning, tree, data):
    others = Signer("example.com/else", (b"x" * 32, b"y" * 32)).cosign(f"{ORIGIN}\n5\n{tree.root64(5)}\n")

    assert cosigning.add_checkpoint(tree.request(0, 5) + others).status == 200
    assert b"example.com/else" not in cosigning.latest(sha256(ORIGIN.encode()).hexdigest())


def test_an_old_size_beyond_the_new_one_is_no_request(cosigning, tree):
    cosigning.add_checkpoint(tree.request(0, 9))

    assert cosigning.add_checkpoint(tree.request(9, 5)).status == 400


@pytest.mark.parametrize(
    "harm",
    [
        lambda body: b"",
        lambda body: body.replace(b"old 5", b"old"),
        lambda body: body.replace(b"old 5", b"old 05"),
        lambda body: body.replace(b"old 5", b"old +5"),
        lambda body: body.replace(b"old 5", b"old  5"),
        lambda body: body.replace(b"old 5", b"old 9223372036854775808"),
        lambda body: body.replace(b"old 5", "old ٥".encode()),
        lambda body: body.replace(b"old 5", b"new 5"),
        lambda body: body.replace(b"old 5\n", b"old 5\nAAAA\n"),
        lambda body: body.replace(b"old 5\n", b"old 5\n" + b"KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64),
        lambda body: body.replace(b"\n\n", b"\n"),
        lambda body: body.partition(b"\n\n")[2],
        lambda body: body.replace(b"\n9\n", b"\n09\n"),
        lambda body: body + b"\xff",
    ],
)
def test_what_is_no_request_is_told_so_and_changes_nothing(cosigning, tree, harm):
    cosigning.add_checkpoint(tree.request(0, 5))

    assert cosigning.add_checkpoint(harm(tree.request(5, 9))).status == 400
    assert cosigning.add_checkpoint(tree.request(5, 5)).status == 200


def test_a_wrong_proof_is_unprocessable(cosigning, tree):
    cosigning.add_checkpoint(tree.request(0, 5))
    proof = tree.proof(5, 9)

    for wrong in ([], proof[:-1], [*proof, proof[0]], proof[::-1]):
        assert cosigning.add_checkpoint(Submission(5, wrong, tree.note(9)).encode()).status == 422


def test_a_proof_from_nothing_is_unprocessable(cosigning, tree):
    assert cosigning.add_checkpoint(Submission(0, [tree.root(3)], tree.note(9)).encode()).status == 422


def test_no_leaves_have_one_root(cosigning, tree):
    assert cosigning.add_checkpoint(Submission(0, [], tree.signer.sign(0, tree.root(1))).encode()).status == 422


def test_a_fork_is_refused_and_kept_as_proof(cosigning, tree, data):
    fork = tree.fork(3)
    cosigning.add_checkpoint(tree.request(0, 5))

    same_size = cosigning.add_checkpoint(fork.request(5, 5))
    larger = cosigning.add_checkpoint(fork.request(5, 9))

    assert (same_size.status, same_size.type) == (409, "text/plain; charset=utf-8")
    assert larger.status == 422
    (folder,) = (data / "logs").iterdir()
    kept = [path.read_bytes() for path in (folder / "contradictions").iterdir()]
    texts = {opened(note, tree.signer.verifiers)[0].splitlines()[1] for note in kept}
    assert texts == {"5", "9"}


def test_extension_lines_are_cosigned_by_the_key_that_signs_them(data, tmp_path):
    """tlog-cosignature 1.1: ML-DSA-44 does not cover them."""
    from base64 import b64encode

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    verifier = Verifier("example.com/extended", 1, key.public_key().public_bytes_raw())
    Book(data).add([verifier])
    text = f"example.com/extended\n1\n{b64encode(bytes(32)).decode()}\nmore\n"
    line = f"— {verifier.name} {b64encode(verifier.id + key.sign(text.encode())).decode()}\n"

    answer = cosigning_of(data).add_checkpoint(f"old 0\n\n{text}\n{line}".encode())

    keys = [Verifier.read(line) for line in (data / "witness.vkeys").read_text().splitlines()]
    assert answer.status == 200
    assert opened(f"{text}\n".encode() + answer.body, keys) == (text, {keys[0]})


def test_another_implementations_log_is_cosigned(tmp_path):
    """Its checkpoints, signatures and proofs; see elsewhere/README.md."""
    book.create(tmp_path / "w", NAME)
    Book(tmp_path / "w").add([Verifier.read((ELSEWHERE / "sigsum.vkey").read_text().strip())])
    cosigning = cosigning_of(tmp_path / "w")

    statuses = [cosigning.add_checkpoint((ELSEWHERE / f"sigsum.{size}").read_bytes()).status for size in (1, 5, 3)]

    assert statuses == [200, 200, 409]


def test_another_implementations_ml_dsa_is_believed(tmp_path):
    book.create(tmp_path / "w", NAME)
    Book(tmp_path / "w").add([Verifier.read((ELSEWHERE / "mldsa.vkey").read_text().strip())])
    request = (ELSEWHERE / "mldsa.request").read_bytes()

    assert cosigning_of(tmp_path / "w").add_checkpoint(request).status == 200
    assert cosigning_of(tmp_path / "w").add_checkpoint(request.replace(b"old 0", b"old 1")).status == 200
    assert cosigning_of(tmp_path / "w").add_checkpoint(request.replace(b"\n1\n", b"\n2\n")).status == 403


def test_of_two_requests_at_once_one_wins(cosigning, tree):
    """The race of tlog-witness 1.0.0: two that continue the same tree, to two sizes."""
    cosigning.add_checkpoint(tree.request(0, 1))
    requests = [tree.request(1, size) for size in range(2, 22)]
    statuses = []

    threads = [
        threading.Thread(target=lambda body=body: statuses.append(cosigning.add_checkpoint(body).status))
        for body in requests
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, *[409] * 19]


def test_a_write_that_fails_ends_cosigning(cosigning, tree, monkeypatch):
    cosigning.add_checkpoint(tree.request(0, 1))

    def full(path, content, mode=0o600):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(disk, "replace", full)
        with pytest.raises(OSError, match="No space"):
            cosigning.add_checkpoint(tree.request(1, 2))

    assert cosigning.broken
    assert cosigning.add_checkpoint(tree.request(1, 2)).status == 500


@pytest.mark.parametrize("harm", ["missing", "cut", "other", "of another witness"])
def test_a_checkpoint_that_is_not_as_it_was_kept_refuses_to_start(cosigning, tree, data, harm, tmp_path):
    cosigning.add_checkpoint(tree.request(0, 5))
    (path,) = (data / "logs").glob("*/checkpoint")
    if harm == "missing":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif harm == "other":
        path.write_bytes(tree.note(3))
    else:
        path.write_bytes(tree.note(3) + Signer(NAME, SEEDS).cosign(f"{ORIGIN}\n3\n{tree.root64(3)}\n"))

    with pytest.raises(BookInvalid):
        cosigning_of(data)


def test_a_log_that_is_added_again_keeps_its_checkpoint(cosigning, tree, data):
    cosigning.add_checkpoint(tree.request(0, 5))

    Book(data).add([tree.signer.verifiers[1]])

    assert cosigning.add_checkpoint(tree.request(5, 6)).status == 200
    assert cosigning.add_checkpoint(tree.request(0, 6)).status == 409


def test_keys_of_two_logs_are_not_one_log(data, tree):
    other = Signer("example.com/other", SEEDS)

    with pytest.raises(ValueError, match="one log"):
        Book(data).add([tree.signer.verifiers[0], other.verifiers[0]])
    with pytest.raises(ValueError, match="one log"):
        Book(data).add([tree.signer.cosigners[0]])


def test_one_process_cosigns(data):
    import os

    held = Book(data).lock()

    with pytest.raises(BookInvalid, match="in use"):
        Book(data).lock()

    os.close(held)


def test_keys_are_for_their_owner_alone(data):
    assert (data / "witness.key").stat().st_mode & 0o077 == 0
    assert data.stat().st_mode & 0o077 == 0


class Histories(RuleBasedStateMachine):
    """A log that lies as it likes, and a witness that is started again at any time: what it cosigned is one history."""

    @initialize(tmp=st.just(None))
    def start(self, tmp):
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.data = Path(self.folder.name) / "w"
        self.tree = Tree(Signer(ORIGIN, SEEDS, clock=lambda: NOW))
        self.trees = [self.tree, self.tree.fork(3), self.tree.fork(10, b"a"), self.tree.fork(10, b"b")]
        book.create(self.data, NAME)
        Book(self.data).add(list(self.tree.signer.verifiers))
        self.cosigning = cosigning_of(self.data)
        self.cosigned: list[tuple[int, bytes]] = []

    @rule(which=st.integers(0, 3), old=st.integers(0, 20), size=st.integers(0, 20))
    def ask(self, which, old, size):
        self.answered(self.trees[which], old, size)

    @precondition(lambda self: self.cosigned)
    @rule(which=st.integers(0, 3), more=st.integers(0, 8))
    def ask_from_where_it_is(self, which, more):
        old = self.cosigned[-1][0]
        self.answered(self.trees[which], old, old + more)

    @rule()
    def start_again(self):
        self.cosigning = cosigning_of(self.data)

    def answered(self, tree, old, size):
        answer = self.cosigning.add_checkpoint(tree.request(old, size))
        if answer.status != 200:
            assert "—".encode() not in answer.body
            return
        self.cosigned.append((size, tree.root(size)))
        sizes = [size for size, _ in self.cosigned]
        assert sizes == sorted(sizes)
        assert any(all(one.root(size) == root for size, root in self.cosigned) for one in self.trees)

    def teardown(self):
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
