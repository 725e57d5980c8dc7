"""Malformed requests of the JSON protocol: refused in AWS's words, whatever is wrong with them, and nothing is changed."""

import json
import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hostile import FAULTS, Wire, bodies, complaints, dice, dump, jsonable, spoil
from keystead.services import cloudtrail, keystead, kms, secretsmanager
from keystead.testing import Keystead, running
from keystead.wire import model
from wire.samples import NoMatch, Sampler

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SOAK = bool(os.environ.get("KEYSTEAD_SOAK"))
SERVED = {"kms": kms, "secretsmanager": secretsmanager, "cloudtrail": cloudtrail, "keystead": keystead}
MANY = settings(
    max_examples=5_000 if SOAK else 150, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
SEEDS = st.integers(0, 2**40)


@pytest.fixture(scope="module")
def house() -> Iterator[Keystead]:
    with running() as made:
        yield made


@pytest.fixture(params=SERVED)
def wire(request: pytest.FixtureRequest, house: Keystead) -> Iterator[Wire]:
    made = Wire(house, model.load(request.param))
    yield made
    made.close()


def served(wire: Wire) -> list[str]:
    named = {function.__name__.rstrip("_") for function in SERVED[wire.model.name].OPERATIONS}
    return sorted(name for name, one in wire.model.operations.items() if one.python_name in named)


def document(wire: Wire, operation: str, seed: int) -> dict[str, Any]:
    """One that the model allows."""
    shape = wire.model.operations[operation].input
    try:
        found: dict[str, Any] = jsonable(Sampler(seed).valid(shape)) if shape else {}
    except NoMatch:
        assume(False)
    return found


def test_a_document_with_one_fault_is_refused_and_changes_nothing(house: Keystead, wire: Wire) -> None:
    before = dump(house)

    @MANY
    @given(st.sampled_from(served(wire)), st.sampled_from(FAULTS), SEEDS)
    def refused(operation: str, fault: Any, seed: int) -> None:
        modelled = wire.model.operations[operation]
        made = document(wire, operation, seed)
        assume(modelled.input is not None and spoil(modelled.input, made, fault, dice(seed)))
        answered = wire.send(json.dumps(made).encode(), wire.target(operation))
        wire.check(answered, refused=True)

    with complaints() as heard:
        refused()

    assert heard == []
    assert dump(house) == before


def test_a_body_that_is_no_document_is_refused_and_changes_nothing(house: Keystead, wire: Wire) -> None:
    before = dump(house)

    @MANY
    @given(st.sampled_from(served(wire)), st.sampled_from(sorted(bodies(b"{}"))), SEEDS)
    def refused(operation: str, kind: str, seed: int) -> None:
        body = bodies(json.dumps(document(wire, operation, seed)).encode())[kind]
        answered = wire.send(body, wire.target(operation))
        wire.check(answered, refused=True)

    with complaints() as heard:
        refused()

    assert heard == []
    assert dump(house) == before


KNOWN = {
    "kms": ("KeyId", "TargetKeyId", "SourceKeyId"),
    "secretsmanager": ("SecretId", "CrossAccountReplicaARN", "CrossAccountPrimaryARN"),
}
"""Members that name something that is there: what is odd about the rest is then looked at by the domain."""
SLOW = {"CreateCustomKeyStore", "ConnectCustomKeyStore", "UpdateCustomKeyStore"}
"""They call proxies at made-up addresses."""
ODD = (
    "",
    " ",
    "\0",
    "\ud800",
    "\uffff",
    "\U0001f600",
    "'; DROP TABLE keys --",
    "%00",
    "..",
    "*",
    "${aws:username}",
    "a" * 5000,
)
NUMBERS = (0, -1, 1, 2**31 - 1, 2**63 - 1, -(2**63), 1e-300, 253402300800, -62135596801)


@pytest.fixture(scope="module")
def known(house: Keystead) -> dict[str, list[str]]:
    """Names of things that are there."""
    keys, secrets = house.client("kms"), house.client("secretsmanager")
    specs = ("SYMMETRIC_DEFAULT", "SYMMETRIC_DEFAULT", "ECC_NIST_P256", "HMAC_256")
    usages = {"ECC_NIST_P256": "SIGN_VERIFY", "HMAC_256": "GENERATE_VERIFY_MAC"}
    made = [
        keys.create_key(KeySpec=spec, KeyUsage=usages.get(spec, "ENCRYPT_DECRYPT"))["KeyMetadata"] for spec in specs
    ]
    named = [secrets.create_secret(Name=f"known-{number}", SecretString="value")["ARN"] for number in range(3)]
    named.append(associated(house, named[0]))
    return {"kms": [key for one in made for key in (one["Arn"], one["KeyId"])], "secretsmanager": named}


def associated(house: Keystead, primary: str) -> str:
    """The ARN of a replica of this secret in another account."""
    there = house.create_account()
    credentials = {"AccessKeyId": there.access_key_id, "SecretAccessKey": there.secret_access_key}
    keys, secrets = house.client("kms", credentials), house.client("secretsmanager", credentials)
    principals = {"AWS": [f"arn:aws:iam::{account}:root" for account in (there.account, house.account)]}
    statement = {"Effect": "Allow", "Principal": principals, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    key = keys.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    made: str = secrets.create_secret(Name="known-replica", KmsKeyId=key, CrossAccountPrimaryARN=primary)["ARN"]
    house.client("secretsmanager").associate_cross_account_replica(SecretId=primary, CrossAccountReplicaARN=made)
    return made


def oddly(value: Any, chance: Random) -> Any:
    """The same, with odd texts and numbers here and there."""
    if isinstance(value, dict):
        return {key: oddly(held, chance) for key, held in value.items()}
    if isinstance(value, list):
        return [oddly(held, chance) for held in value]
    if chance.random() > 0.3 or isinstance(value, bool):
        return value
    return chance.choice(ODD) if isinstance(value, str) else chance.choice(NUMBERS)


def test_whatever_is_odd_about_a_document_it_is_answered_in_aws_s_words(
    wire: Wire, known: dict[str, list[str]]
) -> None:
    operations = [name for name in served(wire) if name not in SLOW]

    @MANY
    @given(st.sampled_from(operations), st.booleans(), SEEDS)
    def answered(operation: str, odd: bool, seed: int) -> None:
        chance = dice(seed)
        made = document(wire, operation, seed)
        if odd:
            made = oddly(made, chance)
        for member in KNOWN.get(wire.model.name, ()):
            if member in made:
                made[member] = chance.choice(known[wire.model.name])
        wire.check(wire.send(json.dumps(made).encode(), wire.target(operation)), refused=False)

    with complaints() as heard:
        answered()

    assert heard == []


TARGETS = {
    #  target                                refused as
    "TrentService.":                         "UnknownOperationException",
    "TrentService":                          "UnknownOperationException",
    "TrentService.encrypt":                  "UnknownOperationException",
    "TrentService.Encrypt ":                 "",
    "TrentService.Encrypt.Decrypt":          "UnknownOperationException",
    "TrentService.GetSecretValue":           "UnknownOperationException",
    "TrentService." + "E" * 5000:            "UnknownOperationException",
    "secretsmanager.Encrypt":                "",
    ".Encrypt":                              "UnknownOperationException",
    "Nobody.Encrypt":                        "UnknownOperationException",
    "TrentService.Encr\xffpt":               "",
    "TrentService/Encrypt":                  "UnknownOperationException",
    "":                                      "UnknownOperationException",
}  # fmt: skip  # a table


@pytest.mark.parametrize("target", TARGETS, ids=[target[:30] for target in TARGETS])
def test_a_target_that_names_no_operation_is_refused(house: Keystead, target: str) -> None:
    wire = Wire(house, model.load("kms"))

    answered = wire.send(b"{}", {**wire.target("Encrypt"), "X-Amz-Target": target})

    wire.check(answered, refused=True)
    assert answered.error("json") == (TARGETS[target] or answered.error("json"))


@pytest.mark.parametrize(
    "kind",
    ["", "application/json", "text/plain", "application/x-amz-json-1.0", "multipart/form-data", "\xff", "a" * 2000],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("PUT", "/"), ("POST", "/x?y=z"), ("DELETE", "/")])
def test_content_types_methods_and_paths_are_answered_in_aws_s_words(
    house: Keystead, kind: str, method: str, path: str
) -> None:
    wire = Wire(house, model.load("kms"))

    answered = wire.send(b"{}", {**wire.target("ListKeys"), "Content-Type": kind}, method, path)

    wire.check(answered, refused=(method, path) != ("POST", "/"))
