"""Ways of partly known requests: they agree with the decision once everything is known, and read well until then."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.access.decision import Combine, Source, Standing, decide
from keystead.access.paths import Asked, Granted, Reader, Way
from keystead.access.policy import Kind
from keystead.access.possible import MAYBE, THERE, Unknown
from keystead.access.request import PrincipalKind, Request

from .test_access_laws import CONTEXTS, KINDS, compiled, worlds

KEYS = ["aws:x", "aws:y", "kms:viaservice"]


def ways(world, look):
    combine = world["combine"]
    asked = Asked(world["action"], world["resource"], combine, world["account"],
                  compiled(KINDS.get(combine), world["of_resource"]))  # fmt: skip
    standing = Standing(
        tuple(compiled(Kind.IDENTITY, one) for one in world["identity"]),
        compiled(Kind.IDENTITY, world["boundary"]),
        None if world["session"] is None else tuple(compiled(Kind.SESSION, one) for one in world["session"]),
    )
    grant = world["grant"]() if world["grant"] is not None else None
    grants = [Granted(grant)] if grant is not None else []
    return Reader(asked, frozenset(KEYS), ()).ways(world["caller"], standing, look, grants), asked, standing


def decided(world, asked, standing, context):
    return decide(
        Request(world["caller"], asked.action, asked.resource, context),
        standing,
        combine=asked.combine,
        resource_account=asked.owner,
        resource_policy=asked.policy,
        grant=world["grant"],
    ).allowed


@st.composite
def partly(draw, context):
    """What may be known of a request with this context."""
    found = {}
    for key in KEYS:
        actual = context.get(key) or None
        among = [actual, *draw(st.lists(st.sampled_from([None, ("a",), ("1",), ("b*", "x*")]), max_size=2))]
        found[key] = draw(
            st.sampled_from([actual, MAYBE, Unknown(among=tuple(among)), THERE if actual else MAYBE, actual, MAYBE])
        )
    return found.get


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_request_is_allowed_exactly_when_one_of_the_ways_is_open_to_it(data):
    world, context = data.draw(worlds()), data.draw(CONTEXTS)
    look = data.draw(partly(context))

    found, asked, standing = ways(world, look)

    request = Request(world["caller"], asked.action, asked.resource, context)
    assert any(way.open_to(request) for way in found) is decided(world, asked, standing, context)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(worlds(), CONTEXTS)
def test_when_all_is_known_nothing_is_open(world, context):
    found, asked, standing = ways(world, lambda key: context.get(key) or None)

    assert all(way.conditions == [] for way in found)
    assert bool(found) is decided(world, asked, standing, context)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_knowing_more_never_turns_yes_to_no_or_back(data):
    world, context = data.draw(worlds()), data.draw(CONTEXTS)
    less = data.draw(partly(context))
    more = data.draw(st.dictionaries(st.sampled_from(KEYS), st.just(True), max_size=3))

    before, *_ = ways(world, less)
    after, *_ = ways(world, lambda key: (context.get(key) or None) if key in more else less(key))

    if not before:
        assert not after
    if any(way == Way(way.steps) for way in before):
        assert any(way.conditions == [] for way in after)


@pytest.fixture
def told(words):
    """(steps, conditions) of every way of the user, who has identity policies, to a key with a policy."""

    def tell(key, identity=(), caller="user", look=None, grants=(), boundary=None, combine=Combine.KEY, owner=None):
        of_key = words.policy(KINDS[combine], key) if key else None
        standing = Standing(
            tuple(words.policy(Kind.IDENTITY, one) for one in identity),
            words.policy(Kind.IDENTITY, boundary) if boundary else None,
        )
        asked = Asked("kms:Decrypt", words.key, combine, owner or words.account, of_key)
        found = Reader(asked, frozenset(), ()).ways(
            words.callers[caller], standing, look or (lambda _: MAYBE), grants
        )  # fmt: skip
        return [([step.source for step in way.steps], way.conditions) for way in found]

    return tell


SM = "secretsmanager.us-east-1.amazonaws.com"
THROUGH = {"StringEquals": {"kms:ViaService": SM}}
NOT_THROUGH = {"StringNotEquals": {"kms:ViaService": SM}}
ONLY_SM = f"kms:viaservice StringEquals {SM}"


def allow(principal=None, **more):
    named = {"Principal": {"AWS": principal}} if principal else {}
    return {"Effect": "Allow", "Action": "kms:*", "Resource": "*", **named, **more}


def deny(principal=None, **more):
    return allow(principal, **more) | {"Effect": "Deny"}


def test_a_direct_name_needs_nothing_else(told, words):
    assert told([allow(words.user)]) == [([Source.RESOURCE], [])]


def test_delegation_takes_two_statements(told, words):
    assert told([allow(words.account)], [[allow()]]) == [([Source.RESOURCE, Source.IDENTITY], [])]
    assert told([allow(words.account)]) == []


def test_every_pair_of_statements_is_a_way_of_its_own(told, words):
    found = told([allow(words.account), allow(words.account)], [[allow()], [allow(), allow()]])

    assert len(found) == 6


def test_conditions_of_both_statements_stay_open(told, words):
    found = told(
        [allow(words.account, Condition=THROUGH)], [[allow(Condition={"Bool": {"aws:SecureTransport": "true"}})]]
    )

    assert found == [([Source.RESOURCE, Source.IDENTITY], [ONLY_SM, "aws:securetransport Bool true"])]


def test_a_denial_of_all_but_one_service_reads_as_only_that_service(told, words):
    found = told([allow(words.user), deny("*", Condition=NOT_THROUGH)])

    assert found == [([Source.RESOURCE], [ONLY_SM])]


def test_a_denial_that_needs_that_service_already_is_not_told_twice(told, words):
    found = told([allow(words.user, Condition=THROUGH), deny("*", Condition=NOT_THROUGH)])

    assert found == [([Source.RESOURCE], [ONLY_SM])]


def test_needs_that_contradict_leave_no_way(told, words):
    lambda_ = {"StringEquals": {"kms:ViaService": "lambda.us-east-1.amazonaws.com"}}

    assert told([allow(words.account, Condition=THROUGH)], [[allow(Condition=lambda_)]]) == []
    assert told([allow(words.user, Condition=THROUGH), deny("*", Condition=THROUGH)]) == []


def test_a_need_that_follows_from_another_is_not_told(told, words):
    wide = {"StringLike": {"kms:ViaService": "secretsmanager.*"}}

    assert told([allow(words.account, Condition=wide)], [[allow(Condition=THROUGH)]]) == [
        ([Source.RESOURCE, Source.IDENTITY], [ONLY_SM])
    ]


def test_a_denial_under_several_conditions_is_told_as_it_is(told, words):
    both = {"StringEquals": {"kms:ViaService": SM}, "Bool": {"aws:SecureTransport": "false"}}

    assert told([allow(words.user), deny("*", Condition=both)]) == [
        ([Source.RESOURCE], [f"not (kms:viaservice StringEquals {SM} and aws:securetransport Bool false)"])
    ]


def test_a_sure_denial_leaves_no_way(told, words):
    assert told([allow(words.user)], [[deny()]]) == []


def test_a_boundary_is_a_step_and_limits_a_grant_but_not_a_user_who_is_named(told, words):
    key = [allow(words.user), allow(words.account)]

    assert told(key, [[allow()]], boundary=[allow()], grants=[Granted("g1")]) == [
        ([Source.RESOURCE], []),
        ([Source.RESOURCE, Source.IDENTITY, Source.BOUNDARY], []),
        ([Source.GRANT, Source.BOUNDARY], []),
    ]
    silent = [allow(Action="s3:*")]
    assert told(key, [[allow()]], boundary=silent, grants=[Granted("g1")]) == [([Source.RESOURCE], [])]
    assert told([allow(words.role)], caller="session", boundary=silent) == []


def test_another_accounts_caller_needs_both_sides(told, words):
    assert told([allow(words.other_account)], caller="far") == []
    assert told([allow(words.other_account)], [[allow()]], caller="far") == [([Source.RESOURCE, Source.IDENTITY], [])]
    assert told([allow(words.account)], [[allow()]], caller="far", grants=[Granted("g1")]) == [
        ([Source.GRANT, Source.IDENTITY], [])
    ]


@pytest.mark.parametrize(
    ("condition", "look", "conditions"),
    [
        ({"Null": {"aws:x": "true"}}, lambda _: THERE, None),
        ({"Null": {"aws:x": "false"}}, lambda _: THERE, []),
        ({"Null": {"aws:x": "false"}}, lambda _: MAYBE, ["aws:x is there"]),
        ({"Bool": {"aws:x": "true"}}, lambda _: Unknown(among=(None, ("false",))), None),
        ({"BoolIfExists": {"aws:x": "false"}}, lambda _: Unknown(among=(None, ("false",))), []),
        ({"StringEquals": {"aws:x": ["a", "b"]}}, lambda _: Unknown(among=(("a",), ("b",))), []),
        ({"StringEquals": {"aws:x": ["a", "c"]}}, lambda _: Unknown(among=(("a",), ("b",))),
         ["aws:x StringEquals a or c"]),
        ({"ForAnyValue:StringLikeIfExists": {"aws:x": "a*"}}, lambda _: MAYBE,
         ["aws:x ForAnyValue:StringLikeIfExists a*"]),
    ],
)  # fmt: skip
def test_what_is_known_of_a_key_closes_tests_of_it(told, words, condition, look, conditions):
    found = told([allow(words.user, Condition=condition)], look=look)

    assert found == ([] if conditions is None else [([Source.RESOURCE], conditions)])


def test_a_resource_with_an_open_variable_is_a_condition(told, words):
    resource = "arn:aws:kms:*:*:key/${aws:PrincipalTag/key}"

    assert told([allow(words.account)], [[allow(Resource=resource)]]) == [
        ([Source.RESOURCE, Source.IDENTITY], [f"Resource {resource}"])
    ]
    assert told([allow(words.account)], [[allow(Resource=resource)]], look=lambda _: None) == []


def test_kinds_of_callers_are_those_of_the_decision(words):
    assert {one.kind for one in words.callers.values()} | {PrincipalKind.WEB_IDENTITY} == set(PrincipalKind)
