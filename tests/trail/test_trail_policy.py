"""Policies are C2SP's: which logs, which witnesses, how many suffice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.trail.policy import PolicyInvalid, load, read
from keystead.trail.signed_note import NoteInvalid, Signer

ROOT = bytes(range(32))
LOG = Signer("example.com/log", (b"l" * 32, b"L" * 32), clock=lambda: 1000)
WITNESSES = {
    name: Signer(f"witness.example/{name}", (name.encode() * 16, name.encode() * 16), clock=lambda: 2000)
    for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3")
}
KEYS = "".join(f"witness {name} {signer.cosigners[0]}\n" for name, signer in WITNESSES.items())
EXAMPLE = f"""log {LOG.verifiers[0]}

{KEYS}
# two of one organisation, and one of the other: the example of tlog-policy
group X-witnesses 2 X1 X2 X3
group Y-witnesses any Y1 Y2 Y3
\tgroup X-and-Y  all\tX-witnesses Y-witnesses\t
quorum X-and-Y
"""


def note(*names: str) -> bytes:
    signed = LOG.sign(9, ROOT)
    text = signed.decode().partition("\n\n")[0] + "\n"
    return signed + b"".join(WITNESSES[name].cosign(text) for name in names)


@pytest.mark.parametrize(
    ("names", "suffices"),
    [
        ((), False),
        (("X1", "X2"), False),
        (("X1", "Y1"), False),
        (("X1", "X2", "Y3"), True),
        (("X1", "X2", "X3", "Y1", "Y2", "Y3"), True),
        (("Y1", "Y2", "Y3"), False),
    ],
)
def test_the_example_of_the_specification_counts(names, suffices):
    policy = read(EXAMPLE.encode())

    assert policy.satisfied(names) is suffices
    if suffices:
        assert policy.check(note(*names)).cosigned == dict.fromkeys(names, 2000)
    else:
        with pytest.raises(NoteInvalid, match="quorum"):
            policy.check(note(*names))


def test_no_quorum_asks_for_no_cosignature():
    policy = read(f"log {LOG.verifiers[1]}\nquorum none\n".encode())

    assert policy.check(note()).checkpoint.size == 9


def test_a_single_witness_can_be_the_quorum():
    policy = read(f"log {LOG.verifiers[0]}\n{KEYS}quorum X1\n".encode())

    assert policy.check(note("X1")).cosigned == {"X1": 2000}
    with pytest.raises(NoteInvalid):
        policy.check(note("X2"))


def test_ml_dsa_keys_of_witnesses_count_too():
    policy = read(f"log {LOG.verifiers[0]}\nwitness W {WITNESSES['X1'].cosigners[1]}\nquorum W\n".encode())

    assert policy.check(note("X1")).cosigned == {"W": 2000}


def test_another_log_is_not_believed_and_no_log_is_not_a_policy_to_check_with():
    other = Signer("example.com/other", (b"o" * 32, b"O" * 32))

    with pytest.raises(NoteInvalid, match="no log"):
        read(f"log {other.verifiers[0]}\nquorum none\n".encode()).check(note())
    with pytest.raises(PolicyInvalid, match="names no log"):
        read(b"quorum none\n").check(note())


def test_a_log_that_signs_under_anothers_origin_is_not_believed():
    """Its key is one of the policy, and the note names another log."""
    from keystead.trail.checkpoints import Checkpoint
    from keystead.trail.signed_note import signature_line, subtree_message

    text = Checkpoint("example.com/other", 9, ROOT)
    message = (1000).to_bytes(8, "big") + LOG._ml_dsa.sign(subtree_message("example.com/log", 1000, text))
    forged = f"{text.text()}\n{signature_line(LOG.verifiers[1], message)}".encode()

    with pytest.raises(NoteInvalid, match="no log"):
        read(f"log {LOG.verifiers[1]}\nquorum none\n".encode()).check(forged)


def test_a_cosignature_that_fails_rejects_the_note():
    policy = read(EXAMPLE.encode())
    good = note("X1", "X2", "Y1").decode()
    line = good.splitlines()[-1]
    other = WITNESSES["Y1"].cosign(f"example.com/log\n8\n{'A' * 43}=\n").decode().splitlines()[-1]

    with pytest.raises(NoteInvalid, match="does not verify"):
        read(EXAMPLE.replace(str(WITNESSES["Y1"].cosigners[0]), str(WITNESSES["Y1"].cosigners[1])).encode()).check(
            good.replace(line, other).encode()
        )
    assert policy.check(good.encode()).cosigned.keys() == {"X1", "X2", "Y1"}


def test_addresses_are_read(tmp_path):
    path = tmp_path / "policy"
    path.write_text(
        f"log {LOG.verifiers[0]} https://log.example\nwitness W {WITNESSES['X1'].cosigners[0]} http://w.example/p\nquorum W\n"
    )

    policy = load(path)

    assert [log.url for log in policy.logs] == ["https://log.example"]
    assert policy.witnesses["W"].url == "http://w.example/p"


def test_names_are_octets():
    name = b"\xe2\x84\xaa\xff"

    policy = read(b"witness " + name + b" " + str(WITNESSES["X1"].cosigners[0]).encode() + b"\nquorum " + name + b"\n")

    assert policy.satisfied([name.decode("utf-8", "surrogateescape")])


KEY = str(WITNESSES["X1"].cosigners[0])
KEY2 = str(WITNESSES["X2"].cosigners[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"log {LOG.verifiers[0]}\n",
        "quorum W\n",
        "quorum none\nquorum none\n",
        "quorum none none\n",
        f"log {KEY}\nquorum none\n",  # a witness's kind of key
        f"witness W {LOG.verifiers[0]}\nquorum W\n",  # a log's
        "log nonsense\nquorum none\n",
        f"log {LOG.verifiers[0]}\nlog {LOG.verifiers[0]}\nquorum none\n",
        f"witness A {KEY}\nwitness B {KEY}\nquorum A\n",
        f"witness A {KEY}\nwitness A {KEY2}\nquorum A\n",
        f"witness none {KEY}\nquorum none\n",
        f"witness A {KEY}\ngroup A any A\nquorum A\n",
        f"group G any A\nwitness A {KEY}\nquorum G\n",
        f"quorum A\nwitness A {KEY}\n",
        f"witness A {KEY}\ngroup G any A A\nquorum G\n",
        f"witness A {KEY}\ngroup G any A\ngroup H any A\nquorum G\n",
        f"witness A {KEY}\ngroup G 0 A\nquorum G\n",
        f"witness A {KEY}\ngroup G 2 A\nquorum G\n",
        f"witness A {KEY}\ngroup G 01 A\nquorum G\n",
        f"witness A {KEY}\ngroup G some A\nquorum G\n",
        f"witness A {KEY}\ngroup G any none\nquorum G\n",
        f"witness A {KEY}\ngroup G any\nquorum G\n",
        "quorum none\r\n",
        "quorum none\n\x01",
        "nothing\nquorum none\n",
    ],
)
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(PolicyInvalid):
        read(text.encode())


@given(st.binary(max_size=100))
def test_junk_is_refused_and_nothing_else_happens(junk):
    with pytest.raises(PolicyInvalid):
        read(junk + b"\nquorum none none")
