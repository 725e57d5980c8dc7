"""Every operation and every algorithm once, on keys made for it: Python imports lazily, and soon nothing can be opened.

What must not succeed ends the process: a library that does not authenticate is no library to start with.
"""

from contextlib import suppress
from typing import Final

from keystead.keyholder import digests, importing
from keystead.keyholder.algorithms import edwards, ml_dsa, rsa
from keystead.keyholder.algorithms.specs import SPECS
from keystead.keyholder.algorithms.working_key import DIGEST, EXTERNAL_MU, RAW
from keystead.keyholder.answering import Answering
from keystead.keyholder.errors import KeyholderError, RequestRefused
from keystead.keyholder.own_keys import CHECKPOINT, DOMAIN, IDENTIFIER
from keystead.keyholder.promise import (
    ENCAPSULATE_DECAPSULATE,
    ENCRYPT_DECRYPT,
    GENERATE_VERIFY_MAC,
    KEY_AGREEMENT,
    SIGN_VERIFY,
    SYMMETRIC_DEFAULT,
    Material,
)
from keystead.keyholder.protocol import Malformed
from keystead.keyholder.requests import ROLES
from keystead.keyholder.sealing import KEY_LENGTH, urandom
from keystead.keyholder.software import Software

KEY_ID: Final = "warm-up"
SIGNATURES: Final = (
    *rsa.SIGNATURES,
    "ECDSA_SHA_256",
    "ECDSA_SHA_384",
    "ECDSA_SHA_512",
    *edwards.ALGORITHMS,
    ml_dsa.ALGORITHM,
)
MACS: Final = ("HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512")
MESSAGES: Final = ((RAW, 1), (DIGEST, 32), (DIGEST, 48), (DIGEST, 64), (EXTERNAL_MU, 64))
"""Message types with every length that some algorithm takes."""
QUICK: Final = tuple(spec for spec, known in SPECS.items() if not known.slow)


def warm_up() -> None:
    scratch = Software(urandom(KEY_LENGTH))
    seeds = scratch.make(CHECKPOINT, 1)
    scratch.load((scratch.make(DOMAIN, 1), scratch.make(IDENTIFIER, 1), seeds))
    scratch.load((scratch.new_domain_key(),))
    scratch.checkpoint_seeds(scratch.reseal(seeds))
    material = scratch.rewrap(scratch.create_material(KEY_ID, SYMMETRIC_DEFAULT))
    encrypt(scratch, material)
    bring(scratch)
    _, token = scratch.create_secret(KEY_ID)
    scratch.signing_key(scratch.rewrap_secret(token, KEY_ID), KEY_ID, "20260101", "us-east-1", "kms")
    scratch.open_marker(b"", scratch.seal_marker(b"", b"place"))
    for spec in (*QUICK, "RSA_2048"):
        exercise(scratch, spec, scratch.generate(spec))
        with suppress(RequestRefused):
            scratch.generate_data_key_pair_without_plaintext(material, spec, b"", scratch.generate(spec))
    digests.sign(digests.generate(digests.SMALLEST), b"x")
    scratch.age()
    scratch.forget(KEY_ID)
    with suppress(Malformed):
        Answering(scratch, ROLES[0]).turn(b"\x00\x00\x00\x05\x00\x00\x00\x00\xc1")


def encrypt(scratch: Software, material: Material) -> None:
    _, blob = scratch.generate_data_key(material, 32, b"")
    scratch.decrypt(material, scratch.reencrypt(material, blob, b"", material, b"x"), b"x")
    scratch.generate_data_key_without_plaintext(material, 32, b"")
    data_key, sealed = scratch.seal_value(material, b"value", b"", b"kind")
    scratch.open_value(material, data_key, sealed, b"", b"kind")
    try:
        scratch.decrypt(material, blob, b"another context")
    except KeyholderError:
        return
    raise SystemExit("keyholder: AES-GCM does not authenticate")


def bring(scratch: Software) -> None:
    """Material from outside, in one step and in two; what only the holder of an RSA key can open."""
    made = scratch.generate("RSA_2048")
    for algorithm in ("RSAES_OAEP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"):
        wrapping = scratch.wrapping_key("arn", SYMMETRIC_DEFAULT, "RSA_2048", algorithm, made)
        wrapped = importing.wrap(wrapping.public_key, algorithm, urandom(KEY_LENGTH))
        scratch.import_material("arn", KEY_ID, SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, wrapping.token, wrapped)
    scratch.random(32, wrapping.public_key)


def exercise(scratch: Software, spec: str, secret: bytes) -> None:
    """Material of this spec in each of its usages; outside material too."""
    for usage in SPECS[spec].usages:
        material = scratch.take_material(KEY_ID, spec, usage, bytes(bytearray(secret)))
        if usage == SIGN_VERIFY:
            sign(scratch, material)
        elif usage == GENERATE_VERIFY_MAC:
            authenticate(scratch, material)
        elif usage == KEY_AGREEMENT:
            scratch.derive_shared_secret(material, scratch.public_key(material))
        elif usage == ENCAPSULATE_DECAPSULATE:
            shared, ciphertext = scratch.encapsulate(material)
            if scratch.decapsulate(material, ciphertext) != shared:
                raise SystemExit("keyholder: ML-KEM does not agree with itself")
        elif usage == ENCRYPT_DECRYPT and spec != SYMMETRIC_DEFAULT:
            for algorithm in rsa.ENCRYPTIONS:
                blob = scratch.encrypt(material, b"x", b"", algorithm)
                scratch.decrypt(material, blob, b"", algorithm)


def sign(scratch: Software, material: Material) -> None:
    for algorithm in SIGNATURES:
        for kind, length in MESSAGES:
            with suppress(RequestRefused):
                signature = scratch.sign(material, algorithm, bytes(length), kind)
                good = scratch.verify(material, algorithm, bytes(length), kind, signature)
                if not good or scratch.verify(material, algorithm, b"\xff" * length, kind, signature):
                    raise SystemExit(f"keyholder: {algorithm} does not authenticate")


def authenticate(scratch: Software, material: Material) -> None:
    for algorithm in MACS:
        with suppress(RequestRefused):
            mac = scratch.generate_mac(material, algorithm, b"x")
            if not scratch.verify_mac(material, algorithm, b"x", mac) or scratch.verify_mac(
                material, algorithm, b"y", mac
            ):
                raise SystemExit(f"keyholder: {algorithm} does not authenticate")
