"""Derivation and AES-GCM against NIST's vectors and the library's own KDF."""

from collections.abc import Iterator
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from hypothesis import given
from hypothesis import strategies as st

from keystead.keyholder import sealing
from keystead.keyholder.sealing import Altered, counter_mode, derive, open_sealed, seal, seal_verified

VECTORS = Path(cryptography_vectors.__file__).parent
LABELS = (sealing.CIPHERTEXT, sealing.KEY_TOKEN, sealing.SECRET_TOKEN, sealing.MARKER, sealing.OWN_KEY)
KEY = bytes(range(32))


def sections(path: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """(settings in brackets, one case) of a NIST response file."""
    settings: dict[str, str] = {}
    case: dict[str, str] = {}
    for line in [*path.read_text().splitlines(), ""]:
        if line.startswith("#"):
            continue
        if line.startswith("["):
            name, _, value = line.strip("[]").partition("=")
            settings[name.strip()] = value.strip()
        elif line.strip():
            name, _, value = line.partition("=")
            case[name.strip()] = value.strip()
        elif case:
            yield dict(settings), case
            case = {}


def test_counter_mode_gives_nist_s_answers():
    tried = 0
    for settings, case in sections(VECTORS / "KDF" / "nist-800-108-KBKDF-CTR.txt"):
        wanted = {"PRF": "HMAC_SHA256", "CTRLOCATION": "BEFORE_FIXED", "RLEN": "32_BITS"}
        if {name: settings.get(name) for name in wanted} != wanted or int(case["L"]) > 256:
            continue
        made = counter_mode(bytes.fromhex(case["KI"]), bytes.fromhex(case["FixedInputData"]))
        assert made[: int(case["L"]) // 8].hex() == case["KO"]
        tried += 1

    assert tried >= 20


@given(st.binary(min_size=32, max_size=32), st.sampled_from(LABELS), st.binary(min_size=16, max_size=16))
def test_the_derived_key_is_that_of_the_library_s_kbkdf(key, label, nonce):
    reference = KBKDFHMAC(
        hashes.SHA256(), Mode.CounterMode, 32, 4, 4, CounterLocation.BeforeFixed, label, nonce, fixed=None
    )

    assert derive(key, label, nonce) == reference.derive(key)


def test_aes_gcm_gives_nist_s_answers():
    tried = 0
    for settings, case in sections(VECTORS / "ciphers" / "AES" / "GCM" / "gcmDecrypt256.rsp"):
        if settings["IVlen"] != "96" or settings["Taglen"] != "128":
            continue
        cipher = AESGCM(bytes.fromhex(case["Key"]))
        iv, aad = bytes.fromhex(case["IV"]), bytes.fromhex(case["AAD"])
        sealed = bytes.fromhex(case["CT"] + case["Tag"])
        if "FAIL" in case:
            with pytest.raises(sealing.InvalidTag):
                cipher.decrypt(iv, sealed, aad)
        else:
            assert cipher.decrypt(iv, sealed, aad).hex() == case["PT"]
            assert cipher.encrypt(iv, bytes.fromhex(case["PT"]), aad) == sealed
        tried += 1

    assert tried >= 300


def test_a_sealed_message_is_what_the_drawing_says():
    sealed = seal(KEY, sealing.CIPHERTEXT, b"head", b"bound", b"plain")

    nonce, iv, rest = sealed[4:20], sealed[20:32], sealed[32:]
    derived = derive(KEY, sealing.CIPHERTEXT, nonce)
    assert sealed[:4] == b"head"
    assert AESGCM(derived).decrypt(iv, rest, b"head" + nonce + iv + b"bound") == b"plain"


def test_no_two_purposes_share_a_label():
    assert len(set(LABELS)) == len(LABELS)
    assert not any(b"\0" in label for label in LABELS)


@pytest.mark.parametrize("label", LABELS[1:])
def test_what_was_sealed_for_one_purpose_does_not_open_for_another(label):
    sealed = seal(KEY, LABELS[0], b"", b"", b"plain")

    with pytest.raises(Altered):
        open_sealed(KEY, label, 0, sealed, b"")


def test_a_message_never_has_the_same_nonce_and_iv_twice():
    heads = {seal(KEY, sealing.MARKER, b"", b"", b"")[:28] for _ in range(200)}

    assert len(heads) == 200


@pytest.mark.parametrize("length", range(sealing.ADDED))
def test_what_is_too_short_to_be_sealed_is_refused(length):
    with pytest.raises(Altered):
        open_sealed(KEY, sealing.MARKER, 0, bytes(length), b"")


def test_a_wrapping_that_does_not_open_again_is_never_given_out(monkeypatch):
    flipped = bytes([KEY[0] ^ 1]) + KEY[1:]
    monkeypatch.setattr(sealing, "seal", lambda _, label, head, bound, plain: seal(flipped, label, head, bound, plain))

    with pytest.raises(Altered):
        seal_verified(KEY, sealing.KEY_TOKEN, b"", b"", bytes(32))


def test_wiping_overwrites_the_bytes_themselves():
    secret = sealing.urandom(32)

    sealing.wipe(secret)

    assert secret == bytes(32)


def test_wiping_leaves_alone_what_the_interpreter_shares():
    sealing.wipe(b"\x41")

    assert bytes([65]) == b"\x41"
