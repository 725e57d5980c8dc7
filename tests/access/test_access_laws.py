"""Laws that hold for every policy and every request (facts: properties that must hold), over small random worlds."""

import dataclasses
import itertools
import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keystead.access.conditions import SETTLED
from keystead.access.decision import NOTHING_SAID, Combine, Source, Standing, decide
from keystead.access.document import Kind
from keystead.access.explain import explain
from keystead.access.operators import NULL, OPERATORS
from keystead.access.policy import compile, parse  # noqa: A004  # the rules' own verb
from keystead.access.request import Principal, PrincipalKind, Request
from keystead.access.trace import MATCHES, trace

A, B = "111122223333", "444455556666"
USER, ROLE = f"arn:aws:iam::{A}:user/zoe", f"arn:aws:iam::{A}:role/team/reader"
SESSION, FEDERATED = f"arn:aws:sts::{A}:assumed-role/reader/s", f"arn:aws:sts::{A}:federated-user/bob"
FAR = f"arn:aws:iam::{B}:user/far"
IDS = {USER: "AIDAZOE0000000000000", ROLE: "AROAREADER0000000000", FAR: "AIDAFAR0000000000000"}
KEY = f"arn:aws:kms:us-east-1:{A}:key/1"

CALLERS = [
    Principal(PrincipalKind.ROOT, f"arn:aws:iam::{A}:root", A, A, f"arn:aws:iam::{A}:root"),
    Principal(PrincipalKind.USER, USER, A, IDS[USER], USER),
    Principal(PrincipalKind.ROLE_SESSION, SESSION, A, IDS[ROLE], ROLE),
    Principal(PrincipalKind.FEDERATED_USER, FEDERATED, A, IDS[USER], FEDERATED),
    Principal(PrincipalKind.USER, FAR, B, IDS[FAR], FAR),
    Principal(PrincipalKind.SERVICE, "logs.amazonaws.com", "", "logs.amazonaws.com", "logs.amazonaws.com"),
    Principal(PrincipalKind.ANONYMOUS, "anonymous", "", "", ""),
]
ACTIONS = ["kms:Decrypt", "kms:Encrypt", "sts:AssumeRole", "KMS:dec*", "kms:?ncrypt", "kms:*", "*", "s3:*"]
RESOURCES = [
    "*", KEY, f"arn:aws:kms:*:{A}:key/*", "arn:aws:kms:eu-*", "arn:aws:kms:*:*:key/${aws:x}",
    f"arn:aws:kms:us-east-1:{A}:key/${{aws:x, '1'}}", "arn:aws:s3:::a",
]  # fmt: skip
PRINCIPALS = [
    "*", {"AWS": "*"}, {"AWS": A}, {"AWS": f"arn:aws:iam::{A}:root"}, {"AWS": USER}, {"AWS": ROLE}, {"AWS": SESSION},
    {"AWS": FEDERATED}, {"AWS": [FAR, ROLE]}, {"AWS": B}, {"Service": "logs.amazonaws.com"}, {"AWS": [ROLE, SESSION, A]},
    {"AWS": [USER, A], "Service": ["sns.amazonaws.com"]},
]  # fmt: skip
KEYS = ["aws:x", "AWS:Y", "kms:ViaService"]
TEXTS = ["a", "A", "b*", "b?", "bc", "1", "", "${aws:y}", "${aws:x, 'a'}", "x${*}"]
VALUES = {
    "String": TEXTS, "Numeric": ["1", "2", "-3.5", 1], "Date": ["1750000000", "2025-06-15T15:06:40Z", "2025-06-16", 1],
    "Bool": ["true", "False", True], "Binary": ["QQ==", "YQ=="], "IpAddress": ["192.0.2.0/24", "::1"],
    "NotIp": ["192.0.2.1", "2001:db8::/32"], "Null": ["true", "false"],
    "Arn": [KEY, "arn:aws:kms:*:*:key/*", "arn:aws:k*:::a", "${aws:x}", "arn:aws:kms:us-east-1:${aws:y}:key/1"],
}  # fmt: skip
GIVEN = [
    "a", "b*", "bc", "1", "2.0", "", "true", "FALSE", "QQ==", "192.0.2.7", "::ffff:192.0.2.1", "1750000000", "2025-06-16",
    KEY, "arn:aws:kms:::a", A, "x*", "no",
]  # fmt: skip


def some(choices, **more):
    """A string, or a list of them."""
    one = st.sampled_from(choices)
    return one | st.lists(one, min_size=1, max_size=3, **more)


def values(operator):
    return some(next(found for prefix, found in VALUES.items() if operator.startswith(prefix)))


@st.composite
def operators(draw):
    operator = draw(st.sampled_from([*OPERATORS, NULL]))
    keys = draw(st.dictionaries(st.sampled_from(KEYS), values(operator), min_size=1, max_size=2))
    if operator == NULL:
        return operator, keys
    prefix = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]))
    return prefix + operator + draw(st.sampled_from(["", "", "IfExists"])), keys


@st.composite
def statements(draw, kind=Kind.IDENTITY, effects=("Allow", "Allow", "Deny")):
    effect = draw(st.sampled_from(effects))
    made = {"Effect": effect, draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(some(ACTIONS))}
    if kind is Kind.TRUST:
        made = {"Effect": effect, "Action": draw(some(["sts:AssumeRole", "sts:*", "sts:TagSession"]))}
    else:
        made[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(some(RESOURCES))
    if kind not in {Kind.IDENTITY, Kind.SESSION}:
        spares = effect == "Deny" and kind is not Kind.TRUST and draw(st.booleans())
        made["NotPrincipal" if spares else "Principal"] = draw(st.sampled_from(PRINCIPALS))
    if draw(st.booleans()):
        made["Condition"] = dict(draw(st.lists(operators(), min_size=1, max_size=2)))
    return made


def policies(kind, **more):
    return st.lists(statements(kind, **more), min_size=1, max_size=4)


CONTEXTS = st.dictionaries(
    st.sampled_from([key.lower() for key in KEYS]), st.lists(st.sampled_from(GIVEN), max_size=2).map(tuple), max_size=3
)
KINDS = {Combine.KEY: Kind.KEY, Combine.RESOURCE: Kind.RESOURCE, Combine.TRUST: Kind.TRUST}


@st.composite
def worlds(draw, combines=tuple(Combine)):
    """A request, and everything that speaks about it."""
    combine = draw(st.sampled_from(combines))
    of_resource = draw(policies(KINDS[combine])) if combine in KINDS and draw(st.integers(0, 5)) else None
    return {
        "combine": combine,
        "caller": draw(st.sampled_from(CALLERS)),
        "action": "sts:AssumeRole"
        if combine is Combine.TRUST
        else draw(st.sampled_from(["kms:Decrypt", "kms:Encrypt"])),
        "resource": draw(st.sampled_from([KEY, KEY, "*"])),
        "context": draw(CONTEXTS),
        "account": draw(st.sampled_from([A, A, B])),
        "of_resource": of_resource,
        "identity": draw(st.lists(policies(Kind.IDENTITY), max_size=2)),
        "boundary": draw(st.none() | st.none() | policies(Kind.IDENTITY)),
        "session": draw(st.none() | st.none() | st.lists(policies(Kind.SESSION), max_size=2)),
        "grant": draw(st.sampled_from([None, None, lambda: None, lambda: "grant-1"])),
    }


def compiled(kind, listed):
    if listed is None:
        return None
    return compile(parse(json.dumps({"Version": "2012-10-17", "Statement": listed}), kind), IDS)


def decided(world, by=decide):
    standing = Standing(
        tuple(compiled(Kind.IDENTITY, one) for one in world["identity"]),
        compiled(Kind.IDENTITY, world["boundary"]),
        None if world["session"] is None else tuple(compiled(Kind.SESSION, one) for one in world["session"]),
    )
    return by(
        Request(world["caller"], world["action"], world["resource"], world["context"]),
        standing,
        combine=world["combine"],
        resource_account=world["account"],
        resource_policy=compiled(KINDS.get(world["combine"]), world["of_resource"]),
        grant=world["grant"],
    )


def told(decision):
    return decision.allowed, decision.explicit, decision.denier, decision.grant, decision.failure


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(worlds())
def test_the_compiled_form_and_the_plain_interpreter_agree(world):
    decision, explained = decided(world), decided(world, explain)

    assert told(decision) == told(explained.decision)
    assert decision.failure is None
    assert traced(world) == explained.trace


def traced(world):
    """What the compiled rules say of every statement."""
    return decided(world, lambda request, standing, *, combine, resource_policy, **_: trace(
        request, standing, Source.TRUST if combine is Combine.TRUST else Source.RESOURCE, resource_policy
    ))  # fmt: skip


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(worlds())
def test_a_decision_names_statements_that_match(world):
    decision = decided(world)
    matching = {(line.source, line.policy, line.statement) for line in traced(world) if line.outcome == MATCHES}

    of_resource = Source.TRUST if world["combine"] is Combine.TRUST else Source.RESOURCE
    sources = (of_resource, Source.IDENTITY, Source.BOUNDARY, Source.SESSION)
    for source, place in zip(sources, decision.said, strict=True):
        assert place is None or (source, place[0], str(place[1] + 1)) in matching
    assert decision.explicit is (not decision.allowed and decision.said != NOTHING_SAID)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(worlds(), CONTEXTS)
def test_a_constant_decision_is_the_same_in_every_context_of_the_same_caller_and_service(world, context):
    before = decided(world)
    settled = {name: values for name, values in world["context"].items() if name in SETTLED}
    context = {name: values for name, values in context.items() if name not in SETTLED} | settled

    assert not before.constant or told(decided(world | {"context": context})) == told(before)


MOVING = [
    f"arn:aws:kms:*:{A}:key/${{aws:x}}",
    "arn:aws:kms:us-*:*:key/${aws:x, '1'}*",
    "arn:aws:kms:*:*:*/${aws:x}${aws:y}",
]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["Resource", "NotResource"]),
    some(MOVING),
    st.lists(st.fixed_dictionaries({}, optional={
        "aws:x": st.sampled_from([("1",), ("12",), ("*",), (), ("1", "2")]), "aws:y": st.sampled_from([("2",), ("",)]),
    }), min_size=2, max_size=6),
)  # fmt: skip
def test_what_a_policy_was_asked_before_has_no_part_in_its_answer(element, patterns, contexts):
    one = compiled(Kind.IDENTITY, [{"Effect": "Allow", "Action": "*", element: patterns}])
    asked = {"combine": Combine.IDENTITY_ONLY, "resource_account": A, "resource_policy": None}

    for context, key in itertools.product(contexts, (KEY, f"{KEY}2", f"{KEY}3")):
        request = Request(CALLERS[1], "kms:Decrypt", key, context)
        found, plain = (by(request, Standing((one,)), **asked) for by in (decide, explain))
        assert found.allowed is plain.decision.allowed


PLACES = ["of_resource", "identity", "boundary", "session"]


@st.composite
def additions(draw, effect):
    """A world, and the same with one statement more in a policy that it has."""
    world = draw(worlds())
    place = draw(st.sampled_from([place for place in PLACES if world[place]] or [None]))
    assume(place is not None)
    kind = KINDS[world["combine"]] if place == "of_resource" else Kind.SESSION if place == "session" else Kind.IDENTITY
    extra = draw(statements(kind, effects=(effect,)))
    found = world[place]
    listed = place in {"identity", "session"}
    return world, world | {place: [[*found[0], extra], *found[1:]] if listed else [*found, extra]}


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(additions("Deny"))
def test_a_deny_more_never_allows(worlds_):
    before, after = map(decided, worlds_)

    assert before.allowed or not after.allowed


EVERYTHING = {"Effect": "Deny", "Action": "*", "Resource": "*"}


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(worlds(), st.sampled_from(PLACES))
def test_a_deny_of_everything_denies_whoever_says_it(world, place):
    """The law above also holds where a Deny is not heard at all; this one does not."""
    of_resource = place == "of_resource"
    assume(not of_resource or world["combine"] in KINDS)
    denying = EVERYTHING | ({"Principal": "*"} if of_resource else {})
    if of_resource and world["combine"] is Combine.TRUST:
        denying = {"Effect": "Deny", "Action": "sts:*", "Principal": "*"}
    found = world[place] or []
    world |= {place: [*found, [denying]] if place in {"identity", "session"} else [*found, denying]}

    decision = decided(world)

    assert not decision.allowed
    assert decision.explicit


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    worlds((Combine.IDENTITY_ONLY,)),
    st.sampled_from([one for one in CALLERS if one.kind in {PrincipalKind.USER, PrincipalKind.ROLE_SESSION}]),
    policies(Kind.IDENTITY),
    policies(Kind.SESSION),
)
def test_under_a_boundary_and_a_session_policy_only_what_all_allow_is_allowed(world, caller, boundary, session):
    def allowed(**standing):
        return decided(world | {"caller": caller, "boundary": None, "session": None, **standing}).allowed

    by_all = allowed() and allowed(identity=[boundary]) and allowed(identity=[session])

    assert allowed(boundary=boundary, session=[session]) is by_all


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(additions("Allow"))
def test_an_allow_more_never_denies(worlds_):
    before, after = map(decided, worlds_)

    assert after.allowed or not before.allowed


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(worlds(), policies(Kind.IDENTITY), st.lists(policies(Kind.SESSION), max_size=2))
def test_a_boundary_or_a_session_policy_never_widens(world, boundary, session):
    assume(
        world["caller"].kind is not PrincipalKind.FEDERATED_USER
    )  # without session policies it has nothing to narrow
    bare = world | {"boundary": None, "session": None}

    allowed = decided(bare).allowed

    assert allowed or not decided(bare | {"boundary": boundary}).allowed
    assert allowed or not decided(bare | {"session": session}).allowed


def names_account(one):
    principal = one.get("Principal")
    names = principal.get("AWS", []) if isinstance(principal, dict) else []
    return bool({A, f"arn:aws:iam::{A}:root"} & set([names] if isinstance(names, str) else names))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(worlds((Combine.KEY,)))
def test_without_the_account_in_its_policy_a_key_is_for_those_it_names_and_grants_only(world):
    named = [one for one in world["of_resource"] or [] if not names_account(one)]
    world |= {"of_resource": named or None, "account": A}
    assume(world["caller"].kind is not PrincipalKind.ROOT and world["caller"].account == A)

    assert decided(world | {"identity": []}).allowed or not decided(world).allowed


@st.composite
def shuffled(draw, world):
    def mix(found):
        return draw(st.permutations(found))

    def condition(found):
        return {
            operator: dict(mix([(key, mix(one) if isinstance(one, list) else one) for key, one in keys.items()]))
            for operator, keys in mix(list(found.items()))
        }

    def statement(one):
        changed = {name: mix(value) if isinstance(value, list) else value for name, value in mix(list(one.items()))}
        return changed | ({"Condition": condition(one["Condition"])} if "Condition" in one else {})

    def policy(listed):
        return None if listed is None else [statement(one) for one in mix(listed)]

    return world | {
        "of_resource": policy(world["of_resource"]),
        "identity": mix([policy(one) for one in world["identity"]]),
        "boundary": policy(world["boundary"]),
        "session": None if world["session"] is None else mix([policy(one) for one in world["session"]]),
    }


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_order_is_irrelevant(data):
    world = data.draw(worlds())

    assert told(decided(world)) == told(decided(data.draw(shuffled(world))))


OTHERWISE = {A: f"arn:aws:iam::{A}:root", f"arn:aws:iam::{A}:root": A, B: f"arn:aws:iam::{B}:root"}


def listed(found):
    """A string as a list of one, and the other way round."""
    if isinstance(found, str):
        return [found]
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def each(change, found):
    return [change(one) for one in found] if isinstance(found, list) else change(found)


def principal_otherwise(found):
    if found == "*":
        return {"AWS": ["*"]}
    return {type_: listed(each(lambda name: OTHERWISE.get(name, name), names)) for type_, names in found.items()}


def condition_otherwise(found):
    return {
        operator: {key.swapcase(): listed(value) for key, value in keys.items()} for operator, keys in found.items()
    }


WRITINGS = {
    "Action": lambda found: listed(each(str.swapcase, found)),
    "Resource": listed,
    "Principal": principal_otherwise,
    "Condition": condition_otherwise,
}


def rewritten(one):
    """The same statement, written in another way."""
    return {name: WRITINGS.get(name.removeprefix("Not"), lambda found: found)(found) for name, found in one.items()}


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(worlds())
def test_writing_a_policy_otherwise_changes_nothing(world):
    def again(listed):
        return None if listed is None else [rewritten(one) for one in listed]

    other = world | {
        "of_resource": again(world["of_resource"]),
        "identity": [again(one) for one in world["identity"]],
        "boundary": again(world["boundary"]),
        "session": None if world["session"] is None else [again(one) for one in world["session"]],
    }

    assert told(decided(world)) == told(decided(other))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(worlds((Combine.KEY, Combine.TRUST)), st.sampled_from([1, 2]))
def test_a_principal_made_again_has_nothing_that_was_granted_to_the_old_one(world, which):
    old = CALLERS[which]
    mine = {"AWS": old.entity_arn}
    world |= {"of_resource": [one | {"Principal": mine} for one in world["of_resource"] or [] if "Principal" in one] or None,
              "caller": dataclasses.replace(old, unique_id=f"{old.unique_id[:4]}NEW0000000000000"), "grant": None}  # fmt: skip

    assert not decided(world).allowed


POSITIVE = ["StringEquals", "StringLike", "StringEqualsIgnoreCase", "ForAnyValue:StringLike", "ArnLike"]


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(POSITIVE),
    st.sampled_from(["*", "secretsmanager.us-east-1.amazonaws.com", "${aws:useragent}"]),
    CONTEXTS,
)
def test_a_direct_call_satisfies_no_positive_condition_on_via_service(operator, value, context):
    condition = {operator: {"kms:ViaService": "arn:aws:a:::*" if operator == "ArnLike" else value}}
    forged = {"aws:useragent": ("secretsmanager.us-east-1.amazonaws.com",), "aws:viaawsservice": ("true",)}
    one = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": condition}
    key = compiled(Kind.KEY, [one])
    without = {name: found for name, found in (context | forged).items() if name != "kms:viaservice"}

    request = Request(CALLERS[1], "kms:Decrypt", KEY, without)
    answer = decide(request, Standing(), combine=Combine.KEY, resource_account=A, resource_policy=key)

    assert not answer.allowed
