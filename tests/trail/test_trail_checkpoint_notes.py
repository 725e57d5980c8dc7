"""Signed notes and checkpoints are C2SP's, byte for byte, and have one spelling only."""

import struct
from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from keystead.trail import checkpoints
from keystead.trail.checkpoints import Checkpoint
from keystead.trail.signed_note import KeyInvalid, NoteInvalid, Signer, Verifier, opened

ORIGIN = "keystead.invalid/test"
SEEDS = (bytes(range(32)), bytes(range(32, 64)))
ROOT = sha256(b"root").digest()

KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"  # signed-note 1.0.0
TEXT = "This is an example message.\n"
SIGNATURE = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
NOTE = f"{TEXT}\n— example.com/foo {SIGNATURE}\n".encode()


def test_the_note_of_the_specification_opens():
    verifier = Verifier.read(KEY)

    text, signed = opened(NOTE, [verifier])

    assert text == TEXT
    assert signed == {verifier}


def test_a_verifier_key_is_written_as_it_is_read():
    assert str(Verifier.read(KEY)) == KEY


@pytest.mark.parametrize("place", range(len(NOTE)))
def test_no_byte_of_a_note_can_be_changed(place):
    changed = bytearray(NOTE)
    changed[place] ^= 1

    try:
        _, signed = opened(bytes(changed), [Verifier.read(KEY)])
    except NoteInvalid:
        signed = set()

    assert not signed


@pytest.mark.parametrize(
    "key",
    [
        "",
        "example.com/foo",
        KEY.replace("530d903a", "530d903b"),
        KEY.replace("530d903a", "530D903A"),
        KEY.replace("foo", "fo"),
        KEY[:-1] + "l",  # the last four bits are padding
        KEY.replace("+Ae", "+Be"),
        KEY.replace("example.com/foo", "example com/foo"),
        KEY + "=",
    ],
)
def test_a_key_that_is_not_exactly_one_is_refused(key):
    with pytest.raises(KeyInvalid):
        Verifier.read(key)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        b"text\n\n",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace(b"\n\n", b"\n"),
        NOTE.replace(b"message", b"mess\x07ge"),
        NOTE.replace(b"message", b"mess\xffge"),
        NOTE.replace("—".encode(), b"-"),
        NOTE.replace(b"QM=", b"QN="),  # the same bytes in another spelling
        NOTE + f"— example.com/foo {SIGNATURE}\n".encode() * 64,
    ],
)
def test_what_is_not_a_note_is_refused(note):
    with pytest.raises(NoteInvalid):
        opened(note, [Verifier.read(KEY)])


def test_sixteen_signatures_of_others_are_passed_over():
    other = "".join(f"— other.example/{number} {SIGNATURE}\n" for number in range(16))
    verifier = Verifier.read(KEY)

    _, signed = opened(NOTE + other.encode(), [verifier])

    assert signed == {verifier}


def test_a_known_key_that_fails_rejects_the_note(signer):
    checkpoint = signer.sign(1, ROOT)
    ed25519, ml_dsa = signer.verifiers
    forged = checkpoint.replace(b"\n1\n", b"\n2\n")

    for verifier in (ed25519, ml_dsa):
        with pytest.raises(NoteInvalid):
            opened(forged, [verifier])


def test_a_checkpoint_has_the_three_lines_of_the_specification():
    """The example of tlog-checkpoint 1.0.0."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

    checkpoint = checkpoints.parse(text)

    root = b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert checkpoint == Checkpoint("example.com/behind-the-sofa", 20852163, root)
    assert checkpoint.text() == text


@pytest.mark.parametrize("size", ["-1", "01", "+1", "1 ", "", "1.0", "١", str(2**63), "9" * 100])
def test_a_size_has_one_spelling(size):
    with pytest.raises(ValueError):
        checkpoints.parse(f"example.com/log\n{size}\n{b64encode(ROOT).decode()}\n")


def test_both_keys_sign_what_the_specifications_say():
    """Against `cryptography` and structures packed here."""
    note = Signer(ORIGIN, SEEDS, clock=lambda: 1_679_315_147.9).sign(23, ROOT).decode()
    text, _, lines = note.partition("\n\n")
    text += "\n"
    first, second = lines.splitlines()

    ed25519 = Ed25519PrivateKey.from_private_bytes(SEEDS[0]).public_key()
    ml_dsa = MLDSA44PrivateKey.from_seed_bytes(SEEDS[1]).public_key()
    signature = b64decode(first.split(" ")[2])
    ed25519.verify(signature[4:], text.encode())
    assert text == f"{ORIGIN}\n23\n{b64encode(ROOT).decode()}\n"
    assert signature[:4] == sha256(ORIGIN.encode() + b"\n\x01" + ed25519.public_bytes_raw()).digest()[:4]
    cosignature = b64decode(second.split(" ")[2])
    name = bytes([len(ORIGIN)]) + ORIGIN.encode()
    time = struct.pack(">Q", 1_679_315_147)
    ml_dsa.verify(cosignature[12:], b"subtree/v1\n\0" + name + time + name + struct.pack(">QQ", 0, 23) + ROOT)
    assert cosignature[:4] == sha256(ORIGIN.encode() + b"\n\x06" + ml_dsa.public_bytes_raw()).digest()[:4]
    assert cosignature[4:12] == time
    assert len(cosignature) == 4 + 8 + 2420


def test_the_time_of_a_cosignature_is_signed(signer):
    note = signer.sign(1, ROOT)
    line = note.decode().splitlines()[-1].split(" ")
    signature = bytearray(b64decode(line[2]))
    signature[11] ^= 1

    forged = note.replace(line[2].encode(), b64encode(signature))

    with pytest.raises(NoteInvalid):
        opened(forged, signer.verifiers)


def test_a_signer_shows_no_secret(signer):
    assert repr(signer) == f"Signer({ORIGIN!r})"


@given(st.binary(max_size=200))
def test_whatever_is_no_note_is_refused_and_nothing_else_happens(junk):
    with pytest.raises(NoteInvalid):
        opened(junk, [Verifier.read(KEY)])
