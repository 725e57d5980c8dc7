"""Laws of the condition operators (facts: properties that must hold, 10)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.access import conditions
from keystead.access.document import Quantifier
from keystead.access.document import Test as Asked
from keystead.access.operators import OPERATORS

KEY = "arn:aws:kms:us-east-1:111122223333:key/1"
VALUES = {
    "String": ["a", "A", "b*", "b?", "1", "", "${aws:y}", "${aws:y, 'a'}", "x${*}"], "Numeric": ["1", "2", "-3.5", 1], "Date": ["1750000000", "2025-06-15T15:06:40Z", "2025-06-16", 1],
    "Bool": ["true", "False", True], "Binary": ["QQ==", "YQ=="], "IpAddress": ["192.0.2.0/24", "::1"],
    "NotIp": ["192.0.2.1", "2001:db8::/32"], "Null": ["true", "false"],
    "Arn": [KEY, "arn:aws:kms:*:*:key/*", "arn:aws:k*:::a", "${aws:x}", "arn:aws:kms:us-east-1:${aws:y}:key/1"],
}  # fmt: skip
GIVEN = [
    "a", "b*", "bc", "1", "2.0", "", "true", "FALSE", "QQ==", "192.0.2.7", "::ffff:192.0.2.1", "1750000000", "2025-06-16",
    KEY, "arn:aws:kms:::a", "x*", "no",
]  # fmt: skip


CONTEXTS = st.dictionaries(
    st.sampled_from(["aws:x", "aws:y"]), st.lists(st.sampled_from(GIVEN), max_size=2).map(tuple), max_size=2
)


def values(operator):
    return next(found for prefix, found in VALUES.items() if operator.startswith(prefix))


def holding(operator, wanted, context, quantifier=None, *, if_exists=False):
    test = Asked(operator, quantifier, if_exists, "aws:x", tuple(str(one) for one in wanted))
    return conditions.of_test(test, variables=True, denies=False)(context)


ALL = tuple(sorted(OPERATORS))
NEGATIONS = {name: name.replace("Not", "") for name in OPERATORS if "Not" in name}
PRESENT = st.sampled_from(GIVEN).map(lambda value: {"aws:x": (value,)})


@st.composite
def compared(draw, names=ALL, contexts=CONTEXTS):
    operator = draw(st.sampled_from(names))
    wanted = draw(st.lists(st.sampled_from(values(operator)), min_size=1, max_size=3))
    return operator, [str(one).lower() if isinstance(one, bool) else one for one in wanted], draw(contexts)


@settings(max_examples=200, deadline=None)
@given(compared())
def test_if_exists_is_absent_or_the_operator(drawn):
    operator, wanted, context = drawn
    absent = not context.get("aws:x")

    for quantifier in (None, *Quantifier):
        plainly = holding(operator, wanted, context, quantifier)
        assert holding(operator, wanted, context, quantifier, if_exists=True) is (absent or plainly)


@settings(max_examples=200, deadline=None)
@given(compared(sorted(NEGATIONS), PRESENT))
def test_a_negated_operator_is_the_opposite_when_the_key_is_there(drawn):
    operator, wanted, context = drawn

    assert holding(operator, wanted, context) is not holding(NEGATIONS[operator], wanted, context)


@settings(max_examples=200, deadline=None)
@given(compared(sorted(NEGATIONS)))
def test_for_all_values_is_not_for_any_value_of_the_complement(drawn):
    operator, wanted, context = drawn

    for one, other in ((operator, NEGATIONS[operator]), (NEGATIONS[operator], operator)):
        any_other = holding(other, wanted, context, Quantifier.ANY)
        assert holding(one, wanted, context, Quantifier.ALL) is not any_other
