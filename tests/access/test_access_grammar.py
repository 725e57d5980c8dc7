"""What is refused, with AWS's text for it, and what is accepted."""

import json

import pytest

from keystead.access.errors import PolicyMalformed
from keystead.access.policy import Kind, parse

A = "111122223333"
USER = f"arn:aws:iam::{A}:user/zoe"
SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
PATHS = (
    "user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, "
    "saml-provider/, oidc-provider/, report/, access-report/."
)


def text(*statements, version="2012-10-17", **more):
    document = {"Version": version, "Statement": list(statements), **more}
    return json.dumps({key: value for key, value in document.items() if value is not None})


def one(**changed):
    """A good statement of an identity policy, changed; None takes an element away."""
    statement = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"} | changed
    return {key: value for key, value in statement.items() if value is not None}


def when(condition):
    return one(Condition=condition)


def refused(kind, document):
    with pytest.raises(PolicyMalformed) as raised:
        parse(document, kind)
    return raised.value.text


IDENTITY = [
    # source: recorded answers of IAM (facts, refused policies), unless marked (ours)
    ("", SYNTAX), ("no JSON", SYNTAX), ("[]", SYNTAX), ("{}", SYNTAX), ("null", SYNTAX), ("5", SYNTAX),
    ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}', SYNTAX),
    (text(one()).replace('"Effect"', '"Effect": "Deny", "Effect"'), SYNTAX),
    (text(one()) + "x", SYNTAX), (text(one()).replace('"Allow"', "NaN"), SYNTAX), ("[" * 100_000, SYNTAX),
    (text(one(), version="2013-10-17"), SYNTAX), (text(one(), version=2012), SYNTAX),
    (text(one(), version=None), "Policy document must be version 2012-10-17 or greater."),
    (text(one(), version="2008-10-17"), "Policy document must be version 2012-10-17 or greater."),
    (text(), SYNTAX), (text(Statement=None), SYNTAX), (text("x"), SYNTAX), (text(Statement="x"), SYNTAX),
    (text(one(), Extra="x"), SYNTAX), (text(one(Extra="x")), SYNTAX), (text(one(), Id=["x"]), SYNTAX),
    (text(one(action="s3:*")), SYNTAX), (text(one(Sid={})), SYNTAX), (text(one(Sid=5)), SYNTAX),
    (text(one(Effect=None)), SYNTAX), (text(one(Effect="Maybe")), SYNTAX), (text(one(Effect=["Allow"])), SYNTAX),
    (text(one(Effect="allow")), LEGACY),
    (text(one(NotAction="s3:*")), SYNTAX), (text(one(NotResource="*")), SYNTAX), (text(one(Action={})), SYNTAX),
    (text(one(Action=[["s3:*"]])), SYNTAX), (text(one(Action=5)), SYNTAX), (text(one(Resource=[{}])), SYNTAX),
    (text(one(Condition=[])), SYNTAX), (text(when({"x": {"a": "1"}})), SYNTAX), (text(when({"a": "b"})), SYNTAX),
    (text(when({"StringEquals": []})), SYNTAX), (text(when({"StringEquals": {"a": {}}})), SYNTAX),
    (text(when({"StringEquals": {"a": None}})), SYNTAX), (text(when({"NullIfExists": {"a": "true"}})), SYNTAX),
    (text(when({"ForAnyValue::StringEquals": {"a": "b"}})), SYNTAX),
    (text(when({"StringEqualsIfExistsIfExists": {"a": "b"}})), SYNTAX), (text(when({"stringequals": {"a": "b"}})), SYNTAX),
    (text(when({"ForAllValues:Null": {"a": "true"}})), SYNTAX),  # ours
    (text(when({"StringEquals": {"a": []}})), SYNTAX),  # ours
    (text(when({"StringEquals": {"": "b"}})), SYNTAX),  # ours
    (text(when({"StringEquals": {"aws:x": "b", "AWS:X": "b"}})), SYNTAX),  # ours
    (text(when({"StringEquals": {"a": "\u0000"}})), SYNTAX),  # ours
    (text(when({"StringEquals": {"a": "\ud800"}})), SYNTAX),  # ours
    (text(one(), Conditions={}), SYNTAX),  # ours
    (text(when({"DateGreaterThan": {"a": "sdfdsf"}})), LEGACY), (text(when({"DateLessThan": {"a": "234-13"}})), LEGACY),
    (text(when({"DateLessThan": {"a": "9223372036854775808"}})), LEGACY),
    (text(when({"NumericEquals": {"a": "one"}})), LEGACY), (text(when({"Bool": {"a": "yes"}})), LEGACY),  # ours
    (text(when({"IpAddress": {"a": "192.0.2.0/33"}})), LEGACY), (text(when({"IpAddress": {"a": "${aws:x}"}})), LEGACY),  # ours
    (text(when({"IpAddress": {"a": "192.0.2.0/255.255.255.0"}})), LEGACY),  # ours
    (text(when({"BinaryEquals": {"a": "%"}})), LEGACY), (text(when({"Null": {"a": "x"}})), LEGACY),  # ours
    (text(when({"ArnLike": {"a": "*"}})), LEGACY), (text(when({"ArnNotEquals": {"a": "arn:aws:iam"}})), LEGACY),  # ours
    (text(when({"StringEquals": {"a": "${aws:x"}})), LEGACY), (text(when({"StringEquals": {"a": "${}"}})), LEGACY),  # ours
    (text(one(Sid="a"), one(Sid="a")), "Statement IDs (SID) in a single policy must be unique."),
    (text(one(Sid="a b")),
     "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"),
    (text(one(Action=None)), "Policy statement must contain actions."),
    (text(one(Action=[])), "Policy statement must contain actions."),
    (text(one(Resource=None)), "Policy statement must contain resources."),
    (text(one(Resource=[])), "Policy statement must contain resources."),
    (text(one(Action=None, Resource=None)), "Policy statement must contain actions."),
    (text(one(Principal="*")), "Policy document should not specify a principal."),
    (text(one(NotPrincipal={"AWS": A})), "Policy document should not specify a principal."),
    (text(one(Action="invalid")), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    (text(one(Action="")), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    (text(one(Action="s3:List:Bucket")), "Actions/Condition can contain only one colon."),
    (text(one(Action="a a:ListBucket")), "Vendor a a is not valid"),
    (text(one(Action="k*s:Decrypt")), "Vendor k*s is not valid"),
    (text(one(Resource="invalid resource")), 'Resource invalid resource must be in ARN format or "*".'),
    (text(one(Resource="")), 'Resource  must be in ARN format or "*".'),
    (text(one(Resource="**")), 'Resource ** must be in ARN format or "*".'),
    (text(one(Action="s:3:x", Resource="adf")), 'Resource adf must be in ARN format or "*".'),
    (text(one(Resource="a:b")), 'Partition "b" is not valid for resource "arn:b:*:*:*:*".'),
    (text(one(Resource="a:b:c:d:e:f:g:h")), 'Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".'),
    (text(one(Resource="aws:s3:::bucket")), 'Partition "s3" is not valid for resource "arn:s3:::bucket:*".'),
    (text(one(Resource="arn:aws")), "Resource vendor must be fully qualified and cannot contain regexes."),
    (text(one(Resource="arn:aws:s*:::b")), "Resource vendor must be fully qualified and cannot contain regexes."),
    (text(one(Resource="arn:aws:s3::bucket")), LEGACY), (text(one(Resource="arn:aws::::bucket")), LEGACY),
    (text(one(Resource="arn:aws:s3:${aws:x}::b")), LEGACY),  # ours
    (text(one(Resource="arn:aws:s3:::${aws:x")), SYNTAX),  # ours
    (text(one(Resource="arn:aws:iam:us-east-1::user/x")),
     "IAM resource arn:aws:iam:us-east-1::user/x cannot contain region information."),
    (text(one(Resource="arn:aws:s3:us-east-1::b")),
     "Resource arn:aws:s3:us-east-1::b can not contain region information."),
    (text(one(Resource="arn:aws:iam:::zoe")), f'IAM resource path must either be "*" or start with {PATHS}'),
]  # fmt: skip


@pytest.mark.parametrize("kind", [Kind.IDENTITY, Kind.SESSION])
@pytest.mark.parametrize(("document", "expected"), IDENTITY)
def test_identity_policies_that_are_refused(kind, document, expected):
    assert refused(kind, document) == expected


ACCEPTED = [
    one(), one(Action=["s3:ListBucket", "*"]), one(Action="service-prefix:name"), one(Action="iam: asdf "),
    one(Resource="*"), one(Resource=["arn:aws:s3:::a", "*"]), one(Resource="arn:aws:fdsasf"),
    one(Resource="arn:aws:iam:::user/a"), one(Resource="arn:aws:iam::*:user/${aws:username}"),
    one(Resource="arn:aws:ec2:us-east-1::a"), one(Sid="dsfsdf1"), one(Sid=""), one(Condition={}),
    when({"StringEquals": {}}), when({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}),
    when({"ForAnyValue:StringEqualsIfExists": {"a": "b"}}), when({"BoolIfExists": {"aws:MultiFactorAuthPresent": False}}),
    when({"DateLessThanEquals": {"a": "2016-12-13T21:20:37.593194+00:00"}}), when({"DateLessThan": {"a": "-292275054"}}),
    when({"NumericLessThan": {"a": 10}}), when({"StringLike": {"s3:prefix": ["", "home/", "home/${aws:userid}/*"]}}),
    when({"ArnEquals": {"ec2:SourceInstanceARN": "arn:aws:ec2:*:*:instance/id"}}), when({"Null": {"a": True}}),
    one(Action=None, NotAction="s3:*", Resource=None, NotResource="*"), one(Effect="Deny"),
]  # fmt: skip
"""Source: recorded answers of IAM."""


@pytest.mark.parametrize("statement", ACCEPTED)
def test_identity_policies_that_are_accepted(statement):
    document = parse(json.dumps({"Version": "2012-10-17", "Id": "x", "Statement": statement}), Kind.IDENTITY)

    assert len(document.statements) == 1


def trusting(**changed):
    statement = {"Effect": "Allow", "Principal": {"AWS": A}, "Action": "sts:AssumeRole"} | changed
    return {key: value for key, value in statement.items() if value is not None}


TRUST = [
    # source: recorded answers of IAM (facts, refused policies)
    ("{", "This policy contains invalid Json"),
    (text(trusting(), version=None), "The policy must contain a valid version string"),
    (text(trusting(), version="2011-10-17"), "The policy must contain a valid version string"),
    (text(), "Could not parse the policy: Statement is empty!"),
    (text(Statement=None), "Could not parse the policy: Statement is empty!"),
    (text(trusting(Sid="a"), trusting(Sid="a")), "The Statement Ids in the policy are not unique"),
    (text(trusting(Effect=None)), "Missing required field Effect"),
    (text(trusting(Principal=None)), "Missing required field Principal"),
    (text(trusting(Action=None)), "Missing required field Action"),
    (text(trusting(Principal={})), "Missing required field Principal cannot be empty!"),
    (text(trusting(Principal={"AWS": []})), "Missing required field Principal cannot be empty!"),
    (text(trusting(Principal=A)), "Principal must be a JSON object."),
    (text(trusting(Principal=["*"])), "Principal must be a JSON object."),
    (text(trusting(Principal=None, NotPrincipal={"AWS": A})), "Allow with NotPrincipal is not allowed."),
    (text(trusting(Effect="Deny", Principal=None, NotPrincipal={"AWS": A})),
     "AssumeRole policy must not contain NotPrincipal field."),
    (text(trusting(Action="kms:Decrypt")), "AssumeRole policy may only specify STS AssumeRole actions."),
    (text(trusting(Action="*")), "AssumeRole policy may only specify STS AssumeRole actions."),
    (text(trusting(Resource="*")), "Has prohibited field Resource"),
    (text(trusting(NotResource="*")), "Has prohibited field Resource"),
    (text(trusting(Principal={"AWS": "zoe"})), 'Invalid principal in policy: "AWS":"zoe"'),
    (text(trusting(Principal={"AWS": f"{USER}*"})), f'Invalid principal in policy: "AWS":"{USER}*"'),
    (text(trusting(Principal={"AWS": f"arn:aws:iam::{A}:group/x"})),
     f'Invalid principal in policy: "AWS":"arn:aws:iam::{A}:group/x"'),
    (text(trusting(Principal={"Service": "lambda"})), 'Invalid principal in policy: "SERVICE":"lambda"'),
    (text(trusting(Principal={"Federated": "x"})), 'Invalid principal in policy: "FEDERATED":"x"'),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), TRUST)
def test_trust_policies_that_are_refused(document, expected):
    assert refused(Kind.TRUST, document) == expected


@pytest.mark.parametrize(
    "statement",
    [trusting(), trusting(Principal="*"), trusting(Action=["sts:AssumeRole", "sts:TagSession"]), trusting(Action="sts:*"),
     trusting(Principal={"AWS": [USER, "*"], "Service": "lambda.amazonaws.com"}), trusting(Sid="with spaces"),
     trusting(Condition={"StringEquals": {"sts:ExternalId": "x"}})],
)  # fmt: skip
@pytest.mark.parametrize("version", ["2008-10-17", "2012-10-17"])
def test_trust_policies_that_are_accepted(statement, version):
    assert parse(text(statement, version=version), Kind.TRUST).statements[0].resources is None


def of_key(**changed):
    statement = {"Effect": "Allow", "Principal": {"AWS": A}, "Action": "kms:*", "Resource": "*"} | changed
    return {key: value for key, value in statement.items() if value is not None}


INVALID = "Policy contains a statement with one or more invalid principals."
NOBODY = "Policy contains a statement with no principal."


def overly_permissive(what):
    return (
        "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches "
        f"requests without the specified {what} or with an unspecified {what}. To fix, remove ForAllValues."
    )


KEY = [
    # source: recorded answers of KMS (facts, refused policies); its text for bad syntax is not recorded (ours)
    ("{", SYNTAX), ('{"a":1}', SYNTAX), (text(), SYNTAX), (text(of_key(), version="x"), SYNTAX),
    (text(of_key()).replace("Allow", "All\u0100ow"), SYNTAX), (text(of_key(Sid="\u20ac")).replace("\\u20ac", "\u20ac"), SYNTAX),
    (text(of_key(Principal=None)), NOBODY), (text(of_key(), of_key(Principal=None)), NOBODY),
    (text(of_key(Principal={})), NOBODY), (text(of_key(Principal={"AWS": []})), NOBODY), (text(of_key(Principal="")), NOBODY),
    (text(of_key(Principal="zoe")), INVALID), (text(of_key(Principal={"AWS": "zoe"})), INVALID),
    (text(of_key(Principal={"AWS": f"arn:aws:iam::{A}:user/*"})), INVALID),
    (text(of_key(Principal={"AWS": f"arn:aws:iam::{A}:*"})), INVALID),
    (text(of_key(Principal={"AWS": f"arn:aws:sts::{A}:assumed-role/r/*"})), INVALID),
    (text(of_key(Principal={"Federated": "x"})), INVALID), (text(of_key(Principal={"CanonicalUser": "x"})), INVALID),
    (text(of_key(Principal={"Service": "*"})), INVALID), (text(of_key(Principal={"Other": "x"})), INVALID),
    (text(of_key(Principal=None, NotPrincipal={"AWS": A})), INVALID),
    (text(of_key(Action=[])), SYNTAX), (text(of_key(Action=None, NotAction=[])), SYNTAX), (text(of_key(Resource=[])), SYNTAX),
    (text(of_key(Action="Decrypt")), SYNTAX), (text(of_key(Resource="key")), SYNTAX),
    (text(of_key(Sid="a"), of_key(Sid="a")), SYNTAX),
    (text(of_key(Condition={"ForAllValues:StringEquals": {"kms:EncryptionContext:a": "b"}})),
     overly_permissive("encryption context")),
    (text(of_key(Condition={"ForAllValues:StringLikeIfExists": {"aws:RequestTag/a": "b"}})), overly_permissive("tag")),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), KEY)
def test_key_policies_that_are_refused(document, expected):
    assert refused(Kind.KEY, document) == expected


@pytest.mark.parametrize(
    "statement",
    [of_key(), of_key(Sid="Enable IAM User Permissions"), of_key(Action=None), of_key(Resource=None), of_key(Principal="*"),
     of_key(Effect="Deny", Principal=None, NotPrincipal={"AWS": [A, USER]}), of_key(Principal={"AWS": "AIDAZOE0000000000000"}),
     of_key(Condition={"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "a"}}), of_key(Sid="caf\u00e9"),
     of_key(Condition={"ForAnyValue:StringEquals": {"aws:RequestTag/a": "b"}})],
)  # fmt: skip
def test_key_policies_that_are_accepted(statement):
    assert parse(text(statement, version=None, Id="key-default-1"), Kind.KEY)


def test_a_resource_policy_that_is_refused():
    assert refused(Kind.RESOURCE, text(of_key(Action=None))) == "This policy has invalid syntax."


def test_statements_need_no_array():
    document = json.dumps({"Version": "2012-10-17", "Statement": of_key()})

    assert parse(document, Kind.KEY) == parse(text(of_key()), Kind.KEY)
