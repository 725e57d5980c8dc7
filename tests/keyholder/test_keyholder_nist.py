"""The vectors of NIST, the RFCs and the algorithms' authors through the keyholder, with the package cryptography-vectors."""

import importlib.resources
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

from keystead.keyholder.algorithms.edwards import Ed25519Key, hashed, sodium
from keystead.keyholder.algorithms.specs import SPECS
from keystead.keyholder.errors import RequestRefused
from keystead.keyholder.software import Software

DER_PUBLIC = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
RAW_PUBLIC = (Encoding.Raw, PublicFormat.Raw)
SIGN, MAC, AGREE, KEM = "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"
CURVES = {"P-256": ("ECC_NIST_P256", ec.SECP256R1(), "256"), "P-384": ("ECC_NIST_P384", ec.SECP384R1(), "384"),
          "P-521": ("ECC_NIST_P521", ec.SECP521R1(), "512")}  # fmt: skip  # a table


def text(name):
    return (importlib.resources.files("cryptography_vectors") / name).read_text()


def blocks(name):
    """(heading, fields): what stands under a line in brackets, of each run of `name = value` lines."""
    heading, fields = "", {}
    for line in [*text(name).splitlines(), ""]:
        found = re.match(r"(\w[\w ]*?) = ?(.*)", line)
        if found and found[1] in fields:
            yield heading, fields
            fields = {}
        if found:
            fields[found[1]] = found[2]
        elif line.startswith("["):
            if fields:
                yield heading, fields
            heading, fields = line.strip("[] "), {}
    if fields:
        yield heading, fields


@pytest.fixture(scope="module")
def software():
    made = Software(bytes(range(32)))
    made.load((made.make("domain", 1), made.make("identifier", 1)))
    return made


@pytest.fixture
def taken(software):
    """Material of a private key of `cryptography`, or of secret bytes, as though it had been imported."""

    def take(spec, usage, private):
        if not isinstance(private, bytes):
            private = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return software.take_material("key", spec, usage, bytes(bytearray(private)))

    return take


@pytest.fixture(scope="module")
def showing():
    """A working key that has somebody else's public half: what verifies, verifies with that."""
    kept = {}

    def make(spec, public):
        family = SPECS[spec].family
        if spec not in kept:
            kept[spec] = family.generate()
        key = family.open(kept[spec])
        key._public = public
        return key

    return make


# RSA (FIPS 186-4, CAVS)


def test_rsa_signatures_are_judged_rightly(showing):
    judged = []
    modulus = 0
    for heading, fields in blocks("asymmetric/RSA/FIPS_186-2/SigVer15_186-3.rsp"):
        modulus = int(fields["n"], 16) if "n" in fields else modulus
        bits, algorithm = heading.removeprefix("mod = "), fields.get("SHAAlg", "")
        if bits not in {"2048", "3072", "4096"} or algorithm not in {"SHA256", "SHA384", "SHA512"}:
            continue
        public = rsa.RSAPublicNumbers(int(fields["e"], 16), modulus).public_key()
        key = showing("RSA_2048", public)
        valid = key.verify(
            f"RSASSA_PKCS1_V1_5_SHA_{algorithm[3:]}", bytes.fromhex(fields["Msg"]), "RAW", bytes.fromhex(fields["S"])
        )
        assert valid == (fields["Result"][0] == "P"), fields["Result"]
        judged.append(valid)

    assert judged.count(True) >= 6
    assert judged.count(False) >= 30


# ECDSA and ECDH (FIPS 186-4, SP 800-56A, CAVS)


def test_ecdsa_signatures_are_judged_rightly(showing):
    judged = []
    for heading, fields in blocks("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp"):
        curve, _, algorithm = heading.partition(",")
        if curve not in CURVES or algorithm.removeprefix("SHA-") != CURVES[curve][2] or "Msg" not in fields:
            continue
        spec, of_curve, bits = CURVES[curve]
        numbers = ec.EllipticCurvePublicNumbers(int(fields["Qx"], 16), int(fields["Qy"], 16), of_curve)
        signature = encode_dss_signature(int(fields["R"], 16), int(fields["S"], 16))
        valid = showing(spec, numbers.public_key()).verify(
            f"ECDSA_SHA_{bits}", bytes.fromhex(fields["Msg"]), "RAW", signature
        )
        assert valid == (fields["Result"][0] == "P"), fields["Result"]
        judged.append(valid)

    assert (len(judged), judged.count(True)) == (45, judged.count(True))
    assert judged.count(True) >= 6


def test_signatures_of_secp256k1_verify_and_its_keys_are_derived(software, taken):
    judged = 0
    for heading, fields in blocks("asymmetric/ECDSA/SECP256K1/SigGen.txt"):
        if heading != "K-256,SHA-256":
            continue
        private = ec.derive_private_key(int(fields["d"], 16), ec.SECP256K1())
        material = taken("ECC_SECG_P256K1", SIGN, private)
        numbers = load_der_public_key(software.public_key(material)).public_numbers()
        assert (numbers.x, numbers.y) == (int(fields["Qx"], 16), int(fields["Qy"], 16))
        signature = encode_dss_signature(int(fields["R"], 16), int(fields["S"], 16))
        assert software.verify(material, "ECDSA_SHA_256", bytes.fromhex(fields["Msg"]), "RAW", signature)
        judged += 1

    assert judged >= 15


def test_ecdh_derives_what_it_should_and_refuses_points_that_are_none(software, taken):
    of_set = {"EC": "P-256", "ED": "P-384", "EE": "P-521"}
    derived = refused = 0
    for heading, fields in blocks("asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax"):
        if heading[:2] not in of_set or "dsIUT" not in fields or "private key d changed" in fields["Result"]:
            continue
        spec, curve, _ = CURVES[of_set[heading[:2]]]
        material = taken(spec, AGREE, ec.derive_private_key(int(fields["dsIUT"], 16), curve))
        numbers = ec.EllipticCurvePublicNumbers(int(fields["QsCAVSx"], 16), int(fields["QsCAVSy"], 16), curve)
        try:
            shown = numbers.public_key().public_bytes(*DER_PUBLIC)
        except ValueError:  # no point of the curve: `cryptography` does not even write it down
            shown = forged(curve, numbers)
            with pytest.raises(RequestRefused):
                software.derive_shared_secret(material, shown)
            refused += 1
            continue
        if fields["Result"].startswith("P"):
            assert int.from_bytes(software.derive_shared_secret(material, shown), "big") == int(fields["Z"], 16)
            derived += 1

    assert derived > 15
    assert refused > 5


def forged(curve, numbers):
    """A SubjectPublicKeyInfo with this point, whatever it is."""
    width = (curve.key_size + 7) // 8
    point = b"\4" + numbers.x.to_bytes(width, "big") + numbers.y.to_bytes(width, "big")
    honest = ec.generate_private_key(curve).public_key().public_bytes(*DER_PUBLIC)
    return honest[: -len(point)] + point


# Ed25519 (the authors' own), Ed25519ph (RFC 8032, 7.3)


def test_ed25519_signs_as_its_authors_do(software, taken):
    lines = text("asymmetric/Ed25519/sign.input").splitlines()
    for line in lines[1:256:5]:
        secret, public, message, signed, *_ = line.split(":")
        material = taken(
            "ECC_NIST_EDWARDS25519", SIGN, ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret[:64]))
        )
        signature = software.sign(material, "ED25519_SHA_512", bytes.fromhex(message), "RAW")

        assert load_der_public_key(software.public_key(material)).public_bytes(*RAW_PUBLIC).hex() == public
        assert (signature + bytes.fromhex(message)).hex() == signed


def test_ed25519ph_is_that_of_the_rfc():
    """Its message has three bytes, KMS's 64: below the check of the length."""
    secret = "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42"
    signature = (
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    )

    key = Ed25519Key(ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)))

    assert sodium.crypto_sign_ed25519ph_final_create(hashed(b"abc"), key._both).hex() == signature
    assert key._verify_prehashed(b"abc", bytes.fromhex(signature))


# HMAC (RFC 4231)


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_macs_are_those_of_the_rfc(software, taken, bits):
    """A shorter key is the same as one with zeros after it, and one longer than a block as its hash (RFC 2104, 2)."""
    import hashlib

    block, judged = 64 if bits < 384 else 128, 0
    for _, fields in blocks(f"HMAC/rfc-4231-sha{bits}.txt"):
        key = bytes.fromhex(fields["Key"])
        equal = hashlib.new(f"sha{bits}", key).digest() if len(key) > block else key.ljust(bits // 8, b"\0")
        material = taken(f"HMAC_{bits}", MAC, equal)

        assert software.generate_mac(material, f"HMAC_SHA_{bits}", bytes.fromhex(fields["Msg"])).hex() == fields["MD"]
        judged += 1

    assert judged >= 6


# ML-DSA and ML-KEM (FIPS 204 and 203, known answers)


@pytest.mark.parametrize("size", [44, 65, 87])
def test_ml_dsa_keys_are_those_of_their_seeds(software, taken, size):
    private = {44: mldsa.MLDSA44PrivateKey, 65: mldsa.MLDSA65PrivateKey, 87: mldsa.MLDSA87PrivateKey}[size]
    known = list(blocks(f"asymmetric/MLDSA/kat_MLDSA_{size}_det_pure.rsp"))
    for _, fields in known[:25]:
        material = taken(f"ML_DSA_{size}", SIGN, private.from_seed_bytes(bytes.fromhex(fields["xi"])))
        public = load_der_public_key(software.public_key(material))
        message, signature = bytes.fromhex(fields["msg"]), bytes.fromhex(fields["sm"])[: -int(fields["mlen"])]

        assert public.public_bytes(*RAW_PUBLIC).hex() == fields["pk"].lower()
        public.verify(signature, message, bytes.fromhex(fields["ctx"]))
        if fields["ctx"]:  # KMS's context is empty: a signature under another is none
            assert not software.verify(material, "ML_DSA_SHAKE_256", message, "RAW", signature)

    assert len(known) >= 25


@pytest.mark.parametrize("size", [768, 1024])
def test_ml_kem_decapsulates_known_answers_and_rejects_as_known(software, taken, size):
    private = {768: mlkem.MLKEM768PrivateKey, 1024: mlkem.MLKEM1024PrivateKey}[size]
    known = list(blocks(f"asymmetric/MLKEM/kat_MLKEM_{size}.rsp"))
    for _, fields in known[:50]:
        seed = bytes.fromhex(fields["d"] + fields["z"])
        material = taken(f"ML_KEM_{size}", KEM, private.from_seed_bytes(seed))

        assert (
            load_der_public_key(software.public_key(material)).public_bytes(*RAW_PUBLIC).hex() == fields["pk"].lower()
        )
        assert software.decapsulate(material, bytes.fromhex(fields["ct"])).hex() == fields["ss"].lower()
        assert software.decapsulate(material, bytes.fromhex(fields["ct_n"])).hex() == fields["ss_n"].lower()

    assert len(known) >= 50
