"""Signatures and MACs over HTTP, against Encrypt and against the primitive alone, in one run; also in bench/algorithms.json.

The primitive is `cryptography` (or hmac) on one core, with a key that is held ready, measured before and after the server.
Goals: P-256 Sign at least 0.8 of Encrypt's rate; RSA-2048 Sign at least 0.7 of what one core of `cryptography` signs.
"""

import argparse
import hmac
import json
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import boto3
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from run import CONTEXT, keystead, signed, wrk

MESSAGE: Final = b"x" * 64
TEXT: Final = b64encode(MESSAGE).decode()
PSS: Final = padding.PSS(padding.MGF1(SHA256()), 32)
KINDS: Final = {
    #  name        key spec                  algorithm
    "RSA-2048":  ("RSA_2048",               "RSASSA_PSS_SHA_256"),
    "P-256":     ("ECC_NIST_P256",          "ECDSA_SHA_256"),
    "Ed25519":   ("ECC_NIST_EDWARDS25519",  "ED25519_SHA_512"),
    "ML-DSA-65": ("ML_DSA_65",              "ML_DSA_SHAKE_256"),
}  # fmt: skip  # a table
GOALS: Final = {"P-256 Sign": ("of_encrypt", 0.8), "RSA-2048 Sign": ("of_primitive", 0.7)}
Act = Callable[[], object]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=1, help="of each round")
    options.add_argument("--connections", type=int, default=64)
    options.add_argument(
        "--rounds", type=int, default=3, help="of Encrypt and each operation in turn; the median counts"
    )
    options.add_argument("--only", action="append", help="the operations whose names hold this text")
    asked = options.parse_args()
    alone = primitives()
    with tempfile.TemporaryDirectory() as folder, keystead(Path(folder) / "data") as house:
        files = requests(house, Path(folder))
        found = {name: measured(name, files, house["endpoint_url"], alone, asked) for name in wanted(files, asked.only)}
    (Path(__file__).parent / "algorithms.json").write_text(json.dumps(found, indent=2) + "\n")
    show(found)


def wanted(files: dict[str, Path], only: list[str] | None) -> list[str]:
    return [name for name in files if name != "Encrypt" and any(part in name for part in only or [""])]


def primitives() -> dict[str, Act]:
    """The same work without a server."""
    rsa_key, ec_key = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    edwards, ml_dsa, secret = ed25519.Ed25519PrivateKey.generate(), mldsa.MLDSA65PrivateKey.generate(), b"k" * 32
    public = {
        "rsa": rsa_key.public_key(),
        "ec": ec_key.public_key(),
        "ed": edwards.public_key(),
        "ml": ml_dsa.public_key(),
    }
    by_rsa, by_ec = rsa_key.sign(MESSAGE, PSS, SHA256()), ec_key.sign(MESSAGE, ec.ECDSA(SHA256()))
    by_edwards, by_ml_dsa = edwards.sign(MESSAGE), ml_dsa.sign(MESSAGE)
    return {
        "RSA-2048 Sign": lambda: rsa_key.sign(MESSAGE, PSS, SHA256()),
        "RSA-2048 Verify": lambda: public["rsa"].verify(by_rsa, MESSAGE, PSS, SHA256()),
        "P-256 Sign": lambda: ec_key.sign(MESSAGE, ec.ECDSA(SHA256())),
        "P-256 Verify": lambda: public["ec"].verify(by_ec, MESSAGE, ec.ECDSA(SHA256())),
        "Ed25519 Sign": lambda: edwards.sign(MESSAGE),
        "Ed25519 Verify": lambda: public["ed"].verify(by_edwards, MESSAGE),
        "ML-DSA-65 Sign": lambda: ml_dsa.sign(MESSAGE),
        "ML-DSA-65 Verify": lambda: public["ml"].verify(by_ml_dsa, MESSAGE),
        "HMAC-SHA-256 GenerateMac": lambda: hmac.digest(secret, MESSAGE, "sha256"),
    }


def requests(house: dict[str, str], folder: Path) -> dict[str, Path]:
    """For Encrypt and each operation a file of signed requests."""
    kms = boto3.client(
        "kms",
        endpoint_url=house["endpoint_url"],
        region_name=house["region"],
        aws_access_key_id=house["access_key_id"],
        aws_secret_access_key=house["secret_access_key"],
    )
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    asked = {"Encrypt": ("Encrypt", {"KeyId": key, "Plaintext": TEXT, "EncryptionContext": CONTEXT})}
    for name, (spec, algorithm) in KINDS.items():
        key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        made = kms.sign(KeyId=key, Message=MESSAGE, SigningAlgorithm=algorithm)["Signature"]
        body = {"KeyId": key, "Message": TEXT, "SigningAlgorithm": algorithm}
        asked[f"{name} Sign"] = ("Sign", body)
        asked[f"{name} Verify"] = ("Verify", {**body, "Signature": b64encode(made).decode()})
    key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    body = {"KeyId": key, "Message": TEXT, "MacAlgorithm": "HMAC_SHA_256"}
    asked["HMAC-SHA-256 GenerateMac"] = ("GenerateMac", body)
    files = {}
    for name, (operation, body) in asked.items():
        files[name] = folder / f"{name}.requests"
        files[name].write_bytes(b"".join(b"%d\n%b" % (len(raw), raw) for raw in signed(operation, body, house)))
    return files


def measured(
    name: str, files: dict[str, Path], url: str, alone: dict[str, Act], asked: argparse.Namespace
) -> dict[str, float]:
    """Encrypt, the operation and the primitive in turn, so that what the machine does meanwhile meets all three."""
    rounds = []
    for _ in range(asked.rounds):
        encrypt = rate(url, files["Encrypt"], asked)
        before, here, after = by_itself(alone[name]), rate(url, files[name], asked), by_itself(alone[name])
        primitive = (before + after) / 2
        rounds.append((here / encrypt, here / primitive, here, encrypt, primitive))
    of_encrypt, of_primitive, here, encrypt, primitive = sorted(rounds)[len(rounds) // 2]
    return {
        "per_second": round(here),
        "encrypt_per_second": round(encrypt),
        "primitive_per_second": round(primitive),
        "of_encrypt": round(of_encrypt, 3),
        "of_primitive": round(of_primitive, 3),
    }


def rate(url: str, file: Path, asked: argparse.Namespace) -> float:
    found: dict[str, Any] = wrk(url, file, asked.connections, asked.seconds)
    if found["refused"] or found["broken"]:
        raise SystemExit(f"{file.name}: {found}")
    return float(found["per_second"])


def by_itself(act: Act, seconds: float = 0.25) -> float:
    """How often a second, on one core."""
    act()
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        for _ in range(20):
            act()
        count += 20
    return count / passed


def show(found: dict[str, dict[str, float]]) -> None:
    print(f"{'':<26}{'per second':>11}{'of Encrypt':>12}{'of primitive':>14}{'Encrypt':>10}{'primitive':>11}  goal")
    for name, one in found.items():
        goal = ""
        if name in GOALS:
            which, least = GOALS[name]
            goal = f"{which.replace('_', ' ')} {least}: {'met' if one[which] >= least else 'MISSED'}"
        print(
            f"{name:<26}{one['per_second']:>11,}{one['of_encrypt']:>12.3f}{one['of_primitive']:>14.3f}"
            f"{one['encrypt_per_second']:>10,}{one['primitive_per_second']:>11,}  {goal}"
        )


if __name__ == "__main__":
    main()
