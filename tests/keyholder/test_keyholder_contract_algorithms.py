"""What every keyholder promises about key pairs and MACs, checked with `cryptography` from outside."""

import hashlib
import hmac

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from keystead.keyholder.errors import CiphertextInvalid, RequestRefused, TokenInvalid
from keystead.keyholder.promise import Material

SIGN, ENCRYPT, AGREE, MAC, KEM = (
    "SIGN_VERIFY", "ENCRYPT_DECRYPT", "KEY_AGREEMENT", "GENERATE_VERIFY_MAC", "ENCAPSULATE_DECAPSULATE",
)  # fmt: skip  # names
RSA_SPECS = ("RSA_2048", "RSA_3072", "RSA_4096")
HASHES = {256: SHA256(), 384: SHA384(), 512: SHA512()}
CURVES = {
    "ECC_NIST_P256": (ec.SECP256R1(), 256, 91, 32),
    "ECC_NIST_P384": (ec.SECP384R1(), 384, 120, 48),
    "ECC_NIST_P521": (ec.SECP521R1(), 512, 158, 66),
    "ECC_SECG_P256K1": (ec.SECP256K1(), 256, 88, 32),
}
MESSAGE = b"a message that is signed"


def rsa_verify(public, signature, message, algorithm, prehashed):
    hashed = HASHES[int(algorithm[-3:])]
    how = padding.PSS(padding.MGF1(hashed), hashed.digest_size) if "PSS" in algorithm else padding.PKCS1v15()
    public.verify(signature, message, how, Prehashed(hashed) if prehashed else hashed)


def ec_verify(public, signature, message, algorithm, prehashed):
    hashed = HASHES[int(algorithm[-3:])]
    public.verify(signature, message, ec.ECDSA(Prehashed(hashed) if prehashed else hashed))


def plain_verify(public, signature, message, _algorithm, _prehashed):
    public.verify(signature, message)


#  spec, algorithm, name of the hash of DIGEST, verifier, length of a signature
SIGNERS = [
    *(
        (spec, f"RSASSA_{how}_SHA_{bits}", f"sha{bits}", rsa_verify, int(spec[4:]) // 8)
        for spec in RSA_SPECS
        for how in ("PSS", "PKCS1_V1_5")
        for bits in HASHES
    ),
    *((spec, f"ECDSA_SHA_{bits}", f"sha{bits}", ec_verify, None) for spec, (_, bits, _, _) in CURVES.items()),
    ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512", None, plain_verify, 64),
    ("ML_DSA_44", "ML_DSA_SHAKE_256", None, plain_verify, 2420),
    ("ML_DSA_65", "ML_DSA_SHAKE_256", None, plain_verify, 3309),
    ("ML_DSA_87", "ML_DSA_SHAKE_256", None, plain_verify, 4627),
]
signers = pytest.mark.parametrize(
    ("spec", "algorithm", "hashed", "verify", "length"), SIGNERS, ids=[f"{row[0]}-{row[1]}" for row in SIGNERS]
)


def altered(material: Material, **changes: object) -> Material:
    fields = {name: getattr(material, name) for name in Material.__struct_fields__}
    return Material(**{**fields, **changes})


# Public keys


@pytest.mark.parametrize(
    ("spec", "usage", "kind", "length"),
    [
        ("RSA_2048", SIGN, rsa.RSAPublicKey, 294),
        ("RSA_2048", ENCRYPT, rsa.RSAPublicKey, 294),
        ("RSA_3072", SIGN, rsa.RSAPublicKey, 422),
        ("RSA_4096", SIGN, rsa.RSAPublicKey, 550),
        *((spec, SIGN, ec.EllipticCurvePublicKey, length) for spec, (_, _, length, _) in CURVES.items()),
        ("ECC_NIST_P256", AGREE, ec.EllipticCurvePublicKey, 91),
        ("ECC_NIST_EDWARDS25519", SIGN, ed25519.Ed25519PublicKey, 44),
        ("ML_DSA_44", SIGN, mldsa.MLDSA44PublicKey, 1334),
        ("ML_DSA_65", SIGN, mldsa.MLDSA65PublicKey, 1974),
        ("ML_DSA_87", SIGN, mldsa.MLDSA87PublicKey, 2614),
        ("ML_KEM_768", KEM, mlkem.MLKEM768PublicKey, 1206),
        ("ML_KEM_1024", KEM, mlkem.MLKEM1024PublicKey, 1590),
    ],
)
def test_a_public_key_is_a_subject_public_key_info(keyholder, made, spec, usage, kind, length):
    shown = keyholder.public_key(made(spec, usage))

    assert isinstance(load_der_public_key(shown), kind)
    assert len(shown) == length
    assert keyholder.public_key(made(spec, usage)) == shown


@pytest.mark.parametrize(("spec", "usage"), [("SYMMETRIC_DEFAULT", ENCRYPT), ("HMAC_256", MAC)])
def test_a_secret_key_has_no_public_key(keyholder, made, spec, usage):
    with pytest.raises(RequestRefused):
        keyholder.public_key(made(spec, usage))


# Signatures


@signers
def test_a_signature_of_a_message_verifies_here_and_outside(keyholder, made, spec, algorithm, hashed, verify, length):
    material = made(spec, SIGN)

    signature = keyholder.sign(material, algorithm, MESSAGE, "RAW")

    assert length is None or len(signature) == length
    verify(load_der_public_key(keyholder.public_key(material)), signature, MESSAGE, algorithm, False)
    assert keyholder.verify(material, algorithm, MESSAGE, "RAW", signature)


@signers
def test_a_digest_and_its_message_have_the_same_signatures(keyholder, made, spec, algorithm, hashed, verify, length):
    if hashed is None:
        with pytest.raises(RequestRefused):
            keyholder.sign(made(spec, SIGN), algorithm, bytes(64), "DIGEST")
        return
    material, digest = made(spec, SIGN), hashlib.new(hashed, MESSAGE).digest()

    signature = keyholder.sign(material, algorithm, digest, "DIGEST")

    verify(load_der_public_key(keyholder.public_key(material)), signature, digest, algorithm, True)
    assert keyholder.verify(material, algorithm, MESSAGE, "RAW", signature)
    assert keyholder.verify(material, algorithm, digest, "DIGEST", keyholder.sign(material, algorithm, MESSAGE, "RAW"))


@signers
def test_another_message_an_altered_signature_or_another_key_does_not_verify(
    keyholder, made, spec, algorithm, hashed, verify, length
):
    material = made(spec, SIGN)
    signature = keyholder.sign(material, algorithm, MESSAGE, "RAW")
    last = signature[:-1] + bytes([signature[-1] ^ 1])

    assert not keyholder.verify(material, algorithm, MESSAGE + b".", "RAW", signature)
    for wrong in (last, signature[:-1], signature + b"\0", b"x", bytes(len(signature))):
        assert not keyholder.verify(material, algorithm, MESSAGE, "RAW", wrong)
    if spec not in RSA_SPECS[1:]:
        assert not keyholder.verify(made(spec, SIGN, 1), algorithm, MESSAGE, "RAW", signature)


@pytest.mark.parametrize("spec", ["ML_DSA_44", "ML_DSA_65", "ML_DSA_87"])
def test_an_external_mu_and_its_message_have_the_same_signatures(keyholder, made, spec):
    material = made(spec, SIGN)
    public = load_der_public_key(keyholder.public_key(material)).public_bytes(Encoding.Raw, PublicFormat.Raw)
    hashed = hashlib.shake_256(public).digest(64)
    mu = hashlib.shake_256(hashed + b"\0\0" + MESSAGE).digest(64)  # FIPS 204, algorithm 7, line 6; empty context

    by_mu = keyholder.sign(material, "ML_DSA_SHAKE_256", mu, "EXTERNAL_MU")
    by_message = keyholder.sign(material, "ML_DSA_SHAKE_256", MESSAGE, "RAW")

    assert keyholder.verify(material, "ML_DSA_SHAKE_256", MESSAGE, "RAW", by_mu)
    assert keyholder.verify(material, "ML_DSA_SHAKE_256", mu, "EXTERNAL_MU", by_message)
    assert not keyholder.verify(material, "ML_DSA_SHAKE_256", bytes(64), "EXTERNAL_MU", by_message)
    with pytest.raises(RequestRefused):
        keyholder.sign(material, "ML_DSA_SHAKE_256", mu[:-1], "EXTERNAL_MU")


def test_ed25519ph_signs_a_digest_and_nothing_else(keyholder, made):
    material, digest = made("ECC_NIST_EDWARDS25519", SIGN), hashlib.sha512(MESSAGE).digest()

    signature = keyholder.sign(material, "ED25519_PH_SHA_512", digest, "DIGEST")

    assert len(signature) == 64
    assert keyholder.verify(material, "ED25519_PH_SHA_512", digest, "DIGEST", signature)
    for wrong in (
        signature[:-1],
        signature + b"\0",
        bytes(64),
        keyholder.sign(material, "ED25519_SHA_512", digest, "RAW"),
    ):
        assert not keyholder.verify(material, "ED25519_PH_SHA_512", digest, "DIGEST", wrong)
    assert not keyholder.verify(material, "ED25519_PH_SHA_512", bytes(64), "DIGEST", signature)
    assert not keyholder.verify(material, "ED25519_SHA_512", digest, "RAW", signature)
    for kind, message in (("RAW", digest), ("DIGEST", digest[:-1]), ("EXTERNAL_MU", digest)):
        with pytest.raises(RequestRefused):
            keyholder.sign(material, "ED25519_PH_SHA_512", message, kind)


@pytest.mark.parametrize(
    ("spec", "algorithm", "message", "kind"),
    [
        ("RSA_2048", "RSASSA_PSS_SHA_256", bytes(31), "DIGEST"),
        ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512", bytes(32), "DIGEST"),
        ("RSA_2048", "RSASSA_PSS_SHA_256", bytes(64), "EXTERNAL_MU"),
        ("RSA_2048", "RSASSA_PSS_SHA_256", b"x", "raw"),
        ("RSA_2048", "ECDSA_SHA_256", b"x", "RAW"),
        ("RSA_2048", "RSASSA_PSS_SHA_1", b"x", "RAW"),
        ("RSA_2048", "RSAES_OAEP_SHA_256", b"x", "RAW"),
        ("RSA_2048", "RSASSA_PSS_SHA_256", b"", "RAW"),
        ("RSA_2048", "RSASSA_PSS_SHA_256", bytes(4097), "RAW"),
        ("ECC_NIST_P256", "ECDSA_SHA_384", b"x", "RAW"),
        ("ECC_NIST_P256", "ECDSA_SHA_256", bytes(48), "DIGEST"),
        ("ECC_NIST_P521", "ECDSA_SHA_512", bytes(64), "EXTERNAL_MU"),
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512", bytes(64), "EXTERNAL_MU"),
        ("ECC_NIST_EDWARDS25519", "ML_DSA_SHAKE_256", b"x", "RAW"),
        ("ML_DSA_44", "ED25519_SHA_512", b"x", "RAW"),
    ],
)
def test_an_algorithm_or_message_that_does_not_fit_is_refused(keyholder, made, spec, algorithm, message, kind):
    material = made(spec, SIGN)

    with pytest.raises(RequestRefused):
        keyholder.sign(material, algorithm, message, kind)
    with pytest.raises(RequestRefused):
        keyholder.verify(material, algorithm, message, kind, bytes(64))


# Encryption


@pytest.mark.parametrize("spec", RSA_SPECS)
@pytest.mark.parametrize(
    ("algorithm", "hashed"),
    [("RSAES_OAEP_SHA_1", SHA1()), ("RSAES_OAEP_SHA_256", SHA256())],  # noqa: S303  # what KMS offers
)
def test_rsa_opens_what_anybody_encrypted_with_the_public_key(keyholder, made, spec, algorithm, hashed):
    material = made(spec, ENCRYPT)
    how = padding.OAEP(padding.MGF1(hashed), hashed, None)
    longest = int(spec[4:]) // 8 - 2 * hashed.digest_size - 2
    outside = load_der_public_key(keyholder.public_key(material)).encrypt(bytes(longest), how)

    blob = keyholder.encrypt(material, b"x" * longest, b"", algorithm)

    assert len(blob) == int(spec[4:]) // 8
    assert keyholder.decrypt(material, blob, b"", algorithm) == b"x" * longest
    assert keyholder.decrypt(material, outside, b"", algorithm) == bytes(longest)
    with pytest.raises(RequestRefused):
        keyholder.encrypt(material, bytes(longest + 1), b"", algorithm)


@pytest.mark.parametrize(
    "spoil", [lambda blob: blob[:-1], lambda blob: blob + b"\0", lambda _: bytes(256), lambda _: b"x"]
)
def test_an_altered_rsa_ciphertext_is_invalid(keyholder, made, spoil):
    material = made("RSA_2048", ENCRYPT)
    blob = keyholder.encrypt(material, b"x", b"", "RSAES_OAEP_SHA_256")

    with pytest.raises(CiphertextInvalid):
        keyholder.decrypt(material, spoil(blob), b"", "RSAES_OAEP_SHA_256")
    with pytest.raises(CiphertextInvalid):
        keyholder.decrypt(material, blob, b"", "RSAES_OAEP_SHA_1")


def test_an_encryption_context_does_not_go_with_rsa(keyholder, made):
    material = made("RSA_2048", ENCRYPT)
    blob = keyholder.encrypt(material, b"x", b"", "RSAES_OAEP_SHA_256")

    with pytest.raises(RequestRefused):
        keyholder.encrypt(material, b"x", b"context", "RSAES_OAEP_SHA_256")
    with pytest.raises(RequestRefused):
        keyholder.decrypt(material, blob, b"context", "RSAES_OAEP_SHA_256")


def test_reencrypt_moves_between_symmetric_and_rsa_keys(keyholder, made):
    symmetric, pair = made("SYMMETRIC_DEFAULT", ENCRYPT), made("RSA_2048", ENCRYPT)
    blob = keyholder.encrypt(symmetric, b"moved", b"context")

    there = keyholder.reencrypt(symmetric, blob, b"context", pair, b"", "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_256")
    back = keyholder.reencrypt(pair, there, b"", symmetric, b"other", "RSAES_OAEP_SHA_256", "SYMMETRIC_DEFAULT")

    assert keyholder.decrypt(pair, there, b"", "RSAES_OAEP_SHA_256") == b"moved"
    assert keyholder.decrypt(symmetric, back, b"other") == b"moved"


# MACs


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_a_mac_is_as_long_as_its_hash_and_verifies(keyholder, made, bits):
    material = made(f"HMAC_{bits}", MAC)

    mac = keyholder.generate_mac(material, f"HMAC_SHA_{bits}", MESSAGE)

    assert len(mac) == bits // 8
    assert keyholder.generate_mac(material, f"HMAC_SHA_{bits}", MESSAGE) == mac
    assert keyholder.verify_mac(material, f"HMAC_SHA_{bits}", MESSAGE, mac)
    for wrong in (mac[:-1], mac + b"\0", bytes(len(mac)), mac[:-1] + bytes([mac[-1] ^ 1]), b""):
        assert not keyholder.verify_mac(material, f"HMAC_SHA_{bits}", MESSAGE, wrong)
    assert not keyholder.verify_mac(material, f"HMAC_SHA_{bits}", MESSAGE + b".", mac)


@pytest.mark.parametrize("algorithm", ["HMAC_SHA_512", "HMAC_SHA_1", "", "sha256"])
def test_an_hmac_key_has_one_algorithm(keyholder, made, algorithm):
    with pytest.raises(RequestRefused):
        keyholder.generate_mac(made("HMAC_256", MAC), algorithm, MESSAGE)


# Key agreement and encapsulation


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"])
def test_both_sides_derive_the_same_secret(keyholder, made, spec):
    material, (curve, _, _, length) = made(spec, AGREE), CURVES[spec]
    other = ec.generate_private_key(curve)
    shown = other.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    secret = keyholder.derive_shared_secret(material, shown)

    assert secret == other.exchange(ec.ECDH(), load_der_public_key(keyholder.public_key(material)))
    assert len(secret) == length


def test_a_public_key_of_another_curve_or_kind_is_refused(keyholder, made):
    material = made("ECC_NIST_P256", AGREE)
    curve = ec.generate_private_key(ec.SECP384R1()).public_key()
    edwards = ed25519.Ed25519PrivateKey.generate().public_key()
    shown = [key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in (curve, edwards)]

    for wrong in (*shown, b"", b"x", bytes(91), bytes(8193)):
        with pytest.raises(RequestRefused):
            keyholder.derive_shared_secret(material, wrong)


@pytest.mark.parametrize(("spec", "length"), [("ML_KEM_768", 1088), ("ML_KEM_1024", 1568)])
def test_an_encapsulated_secret_is_decapsulated(keyholder, made, spec, length):
    material = made(spec, KEM)
    outside, ciphertext_outside = load_der_public_key(keyholder.public_key(material)).encapsulate()

    secret, ciphertext = keyholder.encapsulate(material)

    assert (len(secret), len(ciphertext)) == (32, length)
    assert keyholder.decapsulate(material, ciphertext) == secret
    assert keyholder.decapsulate(material, ciphertext_outside) == outside


def test_an_altered_encapsulation_gives_another_secret_and_another_length_is_invalid(keyholder, made):
    material = made("ML_KEM_768", KEM)
    secret, ciphertext = keyholder.encapsulate(material)
    changed = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]

    rejected = keyholder.decapsulate(material, changed)

    assert rejected != secret
    assert len(rejected) == 32
    assert keyholder.decapsulate(material, changed) == rejected
    for wrong in (b"", ciphertext[:-1], ciphertext + b"\0"):
        with pytest.raises(CiphertextInvalid):
            keyholder.decapsulate(material, wrong)


# Data key pairs


@pytest.mark.parametrize(
    ("spec", "length"),
    [
        ("RSA_2048", 1217), ("RSA_3072", 1793), ("RSA_4096", 2374), ("ECC_NIST_P256", 138), ("ECC_NIST_P384", 185),
        ("ECC_NIST_P521", 241), ("ECC_SECG_P256K1", 135), ("ECC_NIST_EDWARDS25519", 48), ("ML_KEM_768", 86),
        ("ML_KEM_1024", 86),
    ],
)  # fmt: skip  # a table
def test_a_data_key_pair_is_pkcs8_and_its_blob_opens_to_it(keyholder, made, spec, length):
    material = made("SYMMETRIC_DEFAULT", ENCRYPT)

    public, private, blob = keyholder.generate_data_key_pair(material, spec, b"context")
    public_alone, blob_alone = keyholder.generate_data_key_pair_without_plaintext(material, spec, b"context")

    loaded = load_der_private_key(private, None).public_key()
    assert loaded.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == public
    assert abs(len(private) - length) <= 4  # an RSA key's numbers may be a byte shorter
    assert keyholder.decrypt(material, blob, b"context") == private
    opened = load_der_private_key(keyholder.decrypt(material, blob_alone, b"context"), None).public_key()
    assert opened.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == public_alone != public


@pytest.mark.parametrize("spec", ["ML_DSA_44", "HMAC_256", "SYMMETRIC_DEFAULT", "ML_KEM_512", "SM2", ""])
def test_no_data_key_pair_is_made_of_other_specs(keyholder, made, spec):
    with pytest.raises(RequestRefused):
        keyholder.generate_data_key_pair(made("SYMMETRIC_DEFAULT", ENCRYPT), spec, b"")
    with pytest.raises(RequestRefused):
        keyholder.generate_data_key_pair_without_plaintext(made("SYMMETRIC_DEFAULT", ENCRYPT), spec, b"")


# Usages and tokens


@pytest.mark.parametrize(
    ("spec", "usage"),
    [
        ("RSA_2048", AGREE), ("RSA_2048", MAC), ("RSA_2048", ""), ("ECC_NIST_P256", ENCRYPT), ("ECC_NIST_P256", KEM),
        ("ECC_SECG_P256K1", AGREE), ("ECC_NIST_EDWARDS25519", AGREE), ("ML_DSA_44", ENCRYPT), ("ML_KEM_768", SIGN),
        ("HMAC_256", ENCRYPT), ("HMAC_256", SIGN), ("SYMMETRIC_DEFAULT", SIGN),
    ],
)  # fmt: skip  # a table
def test_a_usage_that_a_spec_does_not_have_is_refused(keyholder, spec, usage):
    with pytest.raises(RequestRefused):
        keyholder.create_material("key", spec, usage)


def test_a_key_made_to_sign_does_not_decrypt_whatever_is_said_about_it(keyholder, made):
    signing = made("RSA_2048", SIGN)
    blob = load_der_public_key(keyholder.public_key(signing)).encrypt(
        b"x", padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
    )

    with pytest.raises(RequestRefused):
        keyholder.decrypt(signing, blob, b"", "RSAES_OAEP_SHA_256")
    with pytest.raises(TokenInvalid):
        keyholder.decrypt(altered(signing, usage=ENCRYPT), blob, b"", "RSAES_OAEP_SHA_256")


def test_a_key_does_only_what_its_usage_says(keyholder, made):
    pairs = [
        made("SYMMETRIC_DEFAULT", ENCRYPT), made("RSA_2048", ENCRYPT), made("RSA_2048", SIGN), made("ECC_NIST_P256", AGREE),
        made("ML_KEM_768", KEM), made("HMAC_256", MAC),
    ]  # fmt: skip  # a table
    tries = {
        SIGN: lambda one: keyholder.sign(one, "RSASSA_PSS_SHA_256", b"x", "RAW"),
        AGREE: lambda one: keyholder.derive_shared_secret(one, keyholder.public_key(made("ECC_NIST_P256", AGREE))),
        KEM: keyholder.encapsulate,
        MAC: lambda one: keyholder.generate_mac(one, "HMAC_SHA_256", b"x"),
    }

    for material in pairs:
        for usage, act in tries.items():
            if material.usage != usage:
                with pytest.raises(RequestRefused):
                    act(material)


@pytest.mark.parametrize(
    ("spec", "usage"),
    [
        ("RSA_2048", SIGN),
        ("ECC_NIST_P256", SIGN),
        ("ECC_NIST_EDWARDS25519", SIGN),
        ("ML_DSA_44", SIGN),
        ("HMAC_256", MAC),
    ],
)
def test_a_token_opens_only_with_what_it_is_bound_to(keyholder, made, spec, usage):
    material = made(spec, usage)
    changed = [
        altered(material, key_id="another"),
        altered(material, material_id="00" * 32),
        altered(material, token=material.token[:-1] + bytes([material.token[-1] ^ 1])),
        altered(
            material, spec="RSA_3072" if spec == "RSA_2048" else "ECC_SECG_P256K1" if usage == SIGN else "HMAC_384"
        ),
    ]

    for wrong in changed:
        with pytest.raises(TokenInvalid):
            (keyholder.public_key if usage == SIGN else lambda one: keyholder.generate_mac(one, "HMAC_SHA_384", b"x"))(
                wrong
            )


def test_material_is_the_same_under_a_new_token(keyholder, caretaker, made):
    for material in (made("RSA_2048", SIGN), made("ML_KEM_768", KEM), made("HMAC_256", MAC)):
        again = caretaker.rewrap(material)

        assert (again.usage, again.material_id) == (material.usage, material.material_id)
        assert again.token != material.token
        if material.usage != MAC:
            assert keyholder.public_key(again) == keyholder.public_key(material)
        else:
            mac = keyholder.generate_mac(material, "HMAC_SHA_256", b"x")
            assert hmac.compare_digest(keyholder.generate_mac(again, "HMAC_SHA_256", b"x"), mac)


def test_a_forgotten_key_signs_again_from_its_token(keyholder, made):
    material = made("ECC_NIST_P256", SIGN)
    public = keyholder.public_key(material)

    keyholder.forget(material.key_id)

    signature = keyholder.sign(material, "ECDSA_SHA_256", MESSAGE, "RAW")
    load_der_public_key(public).verify(signature, MESSAGE, ec.ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        load_der_public_key(public).verify(signature, b"another", ec.ECDSA(SHA256()))
