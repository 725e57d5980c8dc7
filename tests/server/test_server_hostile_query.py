"""Malformed requests of the query protocol: refused in AWS's words, whatever is wrong with them, and nothing is changed."""

import os
import urllib.parse
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import botocore.session
import pytest
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hostile import FAULTS, Wire, complaints, dice, dump, spoil
from keystead.services import iam, sts
from keystead.testing import Keystead, running
from keystead.wire import model
from wire.samples import NoMatch, Sampler

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SOAK = bool(os.environ.get("KEYSTEAD_SOAK"))
SERVED = {"iam": iam, "sts": sts}
MANY = settings(
    max_examples=5_000 if SOAK else 150, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
SEEDS = st.integers(0, 2**40)
LOADER = botocore.session.get_session()
Pairs = list[tuple[str, str]]


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
    signed = [name for name, one in wire.model.operations.items() if not one.unsigned]
    return sorted(name for name in signed if wire.model.operations[name].python_name in named)


def document(wire: Wire, operation: str, seed: int) -> dict[str, Any]:
    """One that the model allows."""
    shape = wire.model.operations[operation].input
    try:
        found: dict[str, Any] = Sampler(seed).valid(shape) if shape else {}
    except NoMatch:
        assume(False)
    return found


def form(wire: Wire, operation: str, made: Mapping[str, Any]) -> Pairs:
    """As botocore sends it."""
    service = LOADER.get_service_model(wire.model.name)
    asked = create_serializer("query", include_validation=False).serialize_to_request(
        dict(made), service.operation_model(operation)
    )
    return [(name, str(value)) for name, value in asked["body"].items()]


def send(wire: Wire, pairs: Pairs) -> Any:
    return wire.send(urllib.parse.urlencode(pairs).encode(), wire.target(""))


# --- one thing that is wrong with a form ---------------------------------------------------------------------------------

POLICIES = (
    "", "x", "{}", "[]", "null", "7", '"text"', "{", '{"Version": "2012-10-17"}', '{"Version": "2030-01-01", "Statement": []}',
    '{"Statement": [{"Effect": "Maybe", "Action": "*", "Resource": "*"}]}',
    '{"Statement": [{"Effect": "Allow", "Action": 7, "Resource": "*"}]}',
    '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Unheard": "of"}]}',
    '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Unheard": {"a": "b"}}}]}',
    '{"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"}]}',
    '{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*"}]}',
    '{"Statement": ' + "[" * 5000 + "]" * 5000 + "}",
    '{"Statement": [{"Sid": "a b", "Effect": "Allow", "Action": "*", "Resource": "*"}]}',
    '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a": {"b": "c"}}}}]}',
    '{"Statement": [{"Effect": "Allow", "Action": "\\ud800", "Resource": "*"}]}',
)  # fmt: skip  # a list
POLICY_MEMBERS = ("PolicyDocument", "AssumeRolePolicyDocument", "Policy", "PolicyInputList.member.1")


def unknown_name(pairs: Pairs, chance: Random) -> bool:
    pairs.append(
        (
            chance.choice(("Unheard", "Tags.member.1.Unheard", "rolename", "Tag.1", ".", "..", "member.1", "é", "\0")),
            "x",
        )
    )
    return True


def bad_position(pairs: Pairs, chance: Random) -> bool:
    numbered = [at for at, (name, _) in enumerate(pairs) if ".member.1" in name]
    if not numbered:
        return False
    at = chance.choice(numbered)
    name, value = pairs[at]
    number = chance.choice(("0", "-1", "01", "one", "1.5", "99999999999999999999", "", "１"))
    pairs[at] = (name.replace(".member.1", f".member.{number}"), value)
    return True


def too_many(pairs: Pairs, chance: Random) -> bool:
    pairs.extend((f"Tags.member.{number}.Key", "k") for number in range(1, 2500))
    return True


def too_deep(pairs: Pairs, chance: Random) -> bool:
    pairs.append((".".join(["a"] * chance.choice((12, 100, 5000))), "x"))
    return True


def bad_policy(pairs: Pairs, chance: Random) -> bool:
    found = [at for at, (name, _) in enumerate(pairs) if name in POLICY_MEMBERS]
    for at in found:
        pairs[at] = (pairs[at][0], chance.choice(POLICIES))
    return bool(found)


def bad_version(pairs: Pairs, chance: Random) -> bool:
    pairs[:] = [
        (name, chance.choice(("2000-01-01", "x", "2010-05-08 ")) if name == "Version" else value)
        for name, value in pairs
    ]
    return True


FORM_FAULTS = (unknown_name, bad_position, too_many, too_deep, bad_policy, bad_version)


@pytest.mark.parametrize("fault", FORM_FAULTS)
def test_a_form_with_one_fault_is_refused_and_changes_nothing(house: Keystead, wire: Wire, fault: Any) -> None:
    before = dump(house)

    @settings(MANY, max_examples=MANY.max_examples // 5)
    @given(st.sampled_from(served(wire)), SEEDS)
    def refused(operation: str, seed: int) -> None:
        pairs = form(wire, operation, document(wire, operation, seed))
        assume(fault(pairs, dice(seed)))
        wire.check(send(wire, pairs), refused=True)

    with complaints() as heard:
        refused()

    assert heard == []
    assert dump(house) == before


SCALARS = {
    "integer": ("x", "", "1.5", "1e3", "9" * 30, "٣"),
    "boolean": ("yes", "", "1", "truee"),
    "timestamp": ("x", "yesterday", "9" * 40),
    "blob": ("?", "a"),
}


def test_a_document_with_one_fault_is_refused_and_changes_nothing(house: Keystead, wire: Wire) -> None:
    """Of the document's faults those that a form can have: it knows no types but text."""
    before = dump(house)
    faults = [one for one in FAULTS if one.__name__ not in {"wrong_type", "nothing", "unknown", "too_short"}]

    @MANY
    @given(st.sampled_from(served(wire)), st.sampled_from(faults), SEEDS)
    def refused(operation: str, fault: Any, seed: int) -> None:
        modelled = wire.model.operations[operation]
        made = document(wire, operation, seed)
        assume(modelled.input is not None and spoil(modelled.input, made, fault, dice(seed)))
        wire.check(send(wire, form(wire, operation, made)), refused=True)

    with complaints() as heard:
        refused()

    assert heard == []
    assert dump(house) == before


ODD = (
    "",
    " ",
    "\0",
    "\ufffe",
    "\U0001f600",
    "'; DROP TABLE users --",
    "%00",
    "..",
    "*",
    "${aws:username}",
    "a" * 5000,
    "\r\n",
    "<&>",
    *POLICIES,
)


def test_whatever_is_odd_about_a_form_it_is_answered_in_aws_s_words(house: Keystead, wire: Wire) -> None:
    """Names are of things that are there, now and then; texts are odd; names come twice."""
    client = house.client("iam")
    for number in range(3):
        try:
            client.create_user(UserName=f"user-{number}")
        except client.exceptions.EntityAlreadyExistsException:
            break

    @MANY
    @given(st.sampled_from(served(wire)), SEEDS)
    def answered(operation: str, seed: int) -> None:
        chance = dice(seed)
        pairs = form(wire, operation, document(wire, operation, seed))
        for at, (name, _) in enumerate(pairs):
            if name in {"Action", "Version"}:
                continue
            if name == "UserName":
                pairs[at] = (name, f"user-{chance.randrange(3)}")
            elif chance.random() < 0.3:
                pairs[at] = (name, chance.choice(ODD))
        if chance.random() < 0.3:
            pairs += [chance.choice(pairs)]
        wire.check(send(wire, pairs), refused=False)

    with complaints() as heard:
        answered()

    assert heard == []


BODIES = {
    "not UTF-8": b"Action=GetUser&Version=2010-05-08&UserName=%ff%fe",
    "bytes that are not UTF-8": b"Action=GetUser&Version=2010-05-08&UserName=\xff\xfe",
    "half an escape": b"Action=GetUser&Version=2010-05-08&UserName=%",
    "no escape": b"Action=GetUser&Version=2010-05-08&UserName=%zz",
    "no action": b"Version=2010-05-08",
    "an empty action": b"Action=&Version=2010-05-08",
    "two actions": b"Action=GetUser&Action=Nothing&Version=2010-05-08",
    "an action of nobody's": b"Action=Nothing&Version=2010-05-08",
    "a lower-case action": b"Action=getuser&Version=2010-05-08",
    "nothing": b"",
    "ands": b"&&&&&&",
    "equals": b"=====",
    "a NUL": b"Action=GetUser\x00&Version=2010-05-08",
    "a NUL in a value": b"Action=GetUser&Version=2010-05-08&UserName=a%00",
    "JSON": b'{"Action": "GetUser"}',
    "XML": b"<Action>GetUser</Action>",
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_is_no_form_of_an_operation_is_refused(house: Keystead, kind: str) -> None:
    wire = Wire(house, model.load("iam"))

    answered = wire.send(BODIES[kind], wire.target(""))

    wire.check(answered, refused=True)
