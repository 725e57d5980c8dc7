"""Sign, Verify, GenerateMac and VerifyMac through boto3, with `cryptography` and the openssl command as the other side."""

import hashlib
import hmac
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import load_der_public_key
from nacl import bindings

SIGN, MAC = "SIGN_VERIFY", "GENERATE_VERIFY_MAC"
MESSAGE = b"a message that is signed"
HASHES = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
RSA = [
    (spec, f"RSASSA_{how}_SHA_{bits}")
    for spec in ("RSA_2048", "RSA_3072", "RSA_4096")
    for how in ("PKCS1_V1_5", "PSS")
    for bits in HASHES
]
ECC = [
    ("ECC_NIST_P256", "ECDSA_SHA_256"),
    ("ECC_NIST_P384", "ECDSA_SHA_384"),
    ("ECC_NIST_P521", "ECDSA_SHA_512"),
    ("ECC_SECG_P256K1", "ECDSA_SHA_256"),
]
OTHERS = [
    ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
    *((f"ML_DSA_{size}", "ML_DSA_SHAKE_256") for size in (44, 65, 87)),
]


def checks(public, signature, message, algorithm, *, digest):
    """With `cryptography` alone. Raises InvalidSignature."""
    hashed = HASHES.get(algorithm[-3:])
    given = Prehashed(hashed) if digest else hashed
    if algorithm.startswith("RSASSA_PSS"):
        public.verify(signature, message, padding.PSS(padding.MGF1(hashed), hashed.digest_size), given)
    elif algorithm.startswith("RSASSA"):
        public.verify(signature, message, padding.PKCS1v15(), given)
    elif algorithm.startswith("ECDSA"):
        public.verify(signature, message, ec.ECDSA(given))
    else:
        public.verify(signature, message)


def public_of(kms, key):
    return load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])


@pytest.mark.parametrize(("spec", "algorithm"), RSA + ECC + OTHERS)
def test_a_signature_verifies_outside_and_here(kms, key_of, spec, algorithm):
    key = key_of(spec, SIGN)

    answer = kms.sign(KeyId=key["KeyId"], Message=MESSAGE, SigningAlgorithm=algorithm)
    signature = answer["Signature"]
    verified = kms.verify(KeyId=key["Arn"], Message=MESSAGE, Signature=signature, SigningAlgorithm=algorithm)

    assert (answer["KeyId"], answer["SigningAlgorithm"]) == (key["Arn"], algorithm)
    checks(public_of(kms, key), signature, MESSAGE, algorithm, digest=False)
    assert (verified["KeyId"], verified["SignatureValid"], verified["SigningAlgorithm"]) == (
        key["Arn"],
        True,
        algorithm,
    )


@pytest.mark.parametrize(("spec", "algorithm"), [*RSA[:6], *ECC])
def test_a_digest_and_its_message_have_the_same_signatures(kms, key_of, spec, algorithm):
    key = key_of(spec, SIGN)
    digest = hashlib.new(f"sha{algorithm[-3:]}", MESSAGE).digest()
    asked = {"KeyId": key["KeyId"], "SigningAlgorithm": algorithm}

    signature = kms.sign(Message=digest, MessageType="DIGEST", **asked)["Signature"]

    checks(public_of(kms, key), signature, digest, algorithm, digest=True)
    assert kms.verify(Message=MESSAGE, Signature=signature, **asked)["SignatureValid"]
    other = kms.sign(Message=MESSAGE, **asked)["Signature"]
    assert kms.verify(Message=digest, MessageType="DIGEST", Signature=other, **asked)["SignatureValid"]


def test_ed25519ph_hashes_the_digest_that_it_is_given(kms, key_of, refused):
    key, digest = key_of("ECC_NIST_EDWARDS25519", SIGN), hashlib.sha512(MESSAGE).digest()
    asked = {"KeyId": key["KeyId"], "SigningAlgorithm": "ED25519_PH_SHA_512", "MessageType": "DIGEST"}

    signature = kms.sign(Message=digest, **asked)["Signature"]

    state = bindings.crypto_sign_ed25519ph_state()
    bindings.crypto_sign_ed25519ph_update(state, digest)
    point = public_of(kms, key).public_bytes_raw()
    assert bindings.crypto_sign_ed25519ph_final_verify(state, signature, point)
    assert kms.verify(Message=digest, Signature=signature, **asked)["SignatureValid"]
    with refused() as told:
        kms.verify(Message=bytes(64), Signature=signature, **asked)
    assert told == ["KMSInvalidSignatureException", None]


@pytest.mark.parametrize(("spec", "algorithm"), [RSA[0], RSA[3], ECC[0], *OTHERS])
def test_a_signature_that_is_not_valid_is_an_error_without_a_message(kms, key_of, refused, spec, algorithm):
    asked = {"KeyId": key_of(spec, SIGN)["KeyId"], "SigningAlgorithm": algorithm}
    signature = kms.sign(Message=MESSAGE, **asked)["Signature"]

    for message, wrong in ((MESSAGE + b".", signature), (MESSAGE, signature[:-1]), (MESSAGE, b"x")):
        with refused() as told:
            kms.verify(Message=message, Signature=wrong, **asked)
        assert told == ["KMSInvalidSignatureException", None]


def test_openssl_verifies_what_was_signed_here(kms, key_of, tmp_path):
    (tmp_path / "message").write_bytes(MESSAGE)
    for spec, algorithm, options in (
        ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256", []),
        ("RSA_2048", "RSASSA_PSS_SHA_384", ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]),
        ("ECC_NIST_P384", "ECDSA_SHA_384", []),
        ("ECC_SECG_P256K1", "ECDSA_SHA_256", []),
    ):
        key = key_of(spec, SIGN)["KeyId"]
        (tmp_path / "public").write_bytes(kms.get_public_key(KeyId=key)["PublicKey"])
        signed = kms.sign(KeyId=key, Message=MESSAGE, SigningAlgorithm=algorithm)["Signature"]
        (tmp_path / "signature").write_bytes(signed)

        command = ["openssl", "dgst", f"-sha{algorithm[-3:]}", "-keyform", "DER", "-verify", "public", *options]
        done = subprocess.run(
            [*command, "-signature", "signature", "message"], cwd=tmp_path, capture_output=True, text=True, check=False
        )

        assert done.stdout == "Verified OK\n", done.stderr


# What does not fit: AWS's code and text, in AWS's order


@pytest.mark.parametrize(
    ("spec", "asked", "expected"),
    [
        ("ECC_NIST_P256", {"SigningAlgorithm": "ECDSA_SHA_384"}, ("InvalidKeyUsageException", "Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256.")),
        ("RSA_2048", {"SigningAlgorithm": "ECDSA_SHA_256"}, ("InvalidKeyUsageException", "Algorithm ECDSA_SHA_256 is incompatible with key spec RSA_2048.")),
        ("RSA_2048", {"SigningAlgorithm": "SM2DSA"}, ("InvalidKeyUsageException", "Algorithm SM2DSA is incompatible with key spec RSA_2048.")),
        ("ECC_NIST_P256", {"SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "DIGEST"}, ("ValidationException", "Digest is invalid length for algorithm ECDSA_SHA_256.")),
        ("ECC_NIST_P256", {"SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "EXTERNAL_MU"}, ("ValidationException", "MessageType EXTERNAL_MU is not valid for algorithm ECDSA_SHA_256.")),
        ("ECC_NIST_EDWARDS25519", {"SigningAlgorithm": "ED25519_SHA_512", "MessageType": "DIGEST"}, ("ValidationException", "MessageType DIGEST is not valid for algorithm ED25519_SHA_512.")),
        ("ECC_NIST_EDWARDS25519", {"SigningAlgorithm": "ED25519_PH_SHA_512"}, ("ValidationException", "MessageType RAW is not valid for algorithm ED25519_PH_SHA_512.")),
        ("ML_DSA_44", {"SigningAlgorithm": "ML_DSA_SHAKE_256", "MessageType": "EXTERNAL_MU"}, ("ValidationException", "Digest is invalid length for algorithm ML_DSA_SHAKE_256.")),
        ("ML_DSA_44", {"SigningAlgorithm": "ML_DSA_SHAKE_256", "MessageType": "DIGEST"}, ("ValidationException", "MessageType DIGEST is not valid for algorithm ML_DSA_SHAKE_256.")),
    ],
)  # fmt: skip  # a table
def test_an_algorithm_or_message_that_does_not_fit_is_refused_in_awss_words(
    kms, key_of, refused, spec, asked, expected
):
    key = key_of(spec, SIGN)["KeyId"]

    with refused() as told:
        kms.sign(KeyId=key, Message=b"short", **asked)
    assert tuple(told) == expected
    with refused() as told:
        kms.verify(KeyId=key, Message=b"short", Signature=b"x", **asked)
    assert tuple(told) == expected


@pytest.mark.parametrize(("length", "code"), [(0, "ValidationException"), (4097, "ValidationException")])
def test_a_message_has_1_to_4096_bytes(keystead, key_of, refused, length, code):
    from botocore.config import Config

    unchecked = keystead.client("kms", config=Config(parameter_validation=False))

    with refused() as told:
        unchecked.sign(
            KeyId=key_of("ECC_NIST_P256", SIGN)["KeyId"], Message=bytes(length), SigningAlgorithm="ECDSA_SHA_256"
        )

    assert told[0] == code
    assert unchecked.sign(
        KeyId=key_of("ECC_NIST_P256", SIGN)["KeyId"], Message=bytes(4096), SigningAlgorithm="ECDSA_SHA_256"
    )


# MACs


@pytest.mark.parametrize("bits", ["224", "256", "384", "512"])
def test_a_mac_verifies_and_a_wrong_one_is_an_error_without_a_message(kms, key_of, refused, bits):
    key = key_of(f"HMAC_{bits}", MAC)
    asked = {"KeyId": key["KeyId"], "MacAlgorithm": f"HMAC_SHA_{bits}"}

    answer = kms.generate_mac(Message=MESSAGE, **asked)
    mac = answer["Mac"]

    assert (answer["KeyId"], answer["MacAlgorithm"], len(mac)) == (key["Arn"], f"HMAC_SHA_{bits}", int(bits) // 8)
    verified = kms.verify_mac(Message=MESSAGE, Mac=mac, **asked)
    assert (verified["KeyId"], verified["MacValid"], verified["MacAlgorithm"]) == (key["Arn"], True, f"HMAC_SHA_{bits}")
    for message, wrong in ((MESSAGE + b".", mac), (MESSAGE, mac[:-1]), (MESSAGE, bytes(len(mac)))):
        with refused() as told:
            kms.verify_mac(Message=message, Mac=wrong, **asked)
        assert told == ["KMSInvalidMacException", None]


def test_a_mac_of_another_algorithm_is_refused(kms, key_of, refused):
    with refused() as told:
        kms.generate_mac(KeyId=key_of("HMAC_256", MAC)["KeyId"], Message=b"x", MacAlgorithm="HMAC_SHA_512")

    assert told == ["InvalidKeyUsageException", "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256."]


def test_two_keys_give_two_macs(kms, key_of):
    macs = [
        kms.generate_mac(KeyId=key_of("HMAC_256", MAC, number)["KeyId"], Message=b"x", MacAlgorithm="HMAC_SHA_256")[
            "Mac"
        ]
        for number in (0, 1)
    ]

    assert not hmac.compare_digest(*macs)
