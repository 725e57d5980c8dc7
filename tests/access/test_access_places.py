"""Where statements stand in a text, and which keys it asks for."""

import json

from hypothesis import given
from hypothesis import strategies as st

from keystead.access.places import condition_keys, statements

TEXT = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "a {brace} \\" [bracket]", "Effect": "Allow", "Action": "*", "Resource": "*"},
    {
      "Effect": "Deny", "Action": ["a:b"], "Resource": "arn:aws:s3:::x/${aws:UserName}/${aws:PrincipalTag/T, 'x'}${*}",
      "Condition": {"StringLike": {"AWS:username": ["a", "${aws:SourceIp}"]}, "Bool": {"aws:SecureTransport": true}}
    }
  ]
}"""


def test_statements_are_found_where_an_editor_shows_them():
    spans = statements(TEXT)

    behind = len(TEXT.split("\n")[3].rstrip(",")) + 1
    assert [(span.start, span.end) for span in spans] == [((4, 5), (4, behind)), ((5, 5), (8, 6))]


def test_a_statement_alone_is_found_too():
    text = (
        '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a:b":"true"}}},"Version":"x"}'
    )

    [span] = statements(text)

    assert json.loads(text[span.start.column - 1 : span.end.column - 1])["Effect"] == "Allow"


def test_keys_are_listed_once_as_they_are_first_written():
    assert condition_keys(TEXT) == [
        "AWS:username",
        "aws:SourceIp",
        "aws:SecureTransport",
        "aws:PrincipalTag/T",
    ]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"Effect": st.just("Allow"), "Sid": st.text(), "Condition": st.dictionaries(st.text(), st.just({}))}
        ),
        min_size=1,
    ),
    st.sampled_from([None, 0, 2]),
)
def test_each_statement_is_found_whatever_is_in_it(listed, indent):
    text = json.dumps({"Id": "{[", "Statement": listed, "Version": "2012-10-17"}, indent=indent)
    lines = text.split("\n")

    def offset(place):
        return sum(len(line) + 1 for line in lines[: place.line - 1]) + place.column - 1

    found = [json.loads(text[offset(span.start) : offset(span.end)]) for span in statements(text)]

    assert found == listed
