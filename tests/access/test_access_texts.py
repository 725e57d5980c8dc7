"""What a caller is told who may not: one case for each kind of policy, explicit and implicit."""

import pytest

from keystead.access.decision import Decision, Source
from keystead.access.request import Request
from keystead.access.texts import denial

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SESSION = "arn:aws:sts::111122223333:assumed-role/reader/s"
START = f"User: {SESSION} is not authorized to perform: kms:Decrypt on"

TEXTS = [
    # source: IAM user guide, Troubleshoot access denied error messages
    (Source.IDENTITY, False, "because no identity-based policy allows the kms:Decrypt action"),
    (Source.RESOURCE, False, "because no resource-based policy allows the kms:Decrypt action"),
    (Source.BOUNDARY, False, "because no permissions boundary allows the kms:Decrypt action"),
    (Source.SESSION, False, "because no session policy allows the kms:Decrypt action"),
    (Source.TRUST, False, "because no role trust policy allows the kms:Decrypt action"),
    (Source.IDENTITY, True, "with an explicit deny in an identity-based policy"),
    (Source.RESOURCE, True, "with an explicit deny in a resource-based policy"),
    (Source.BOUNDARY, True, "with an explicit deny in a permissions boundary"),
    (Source.SESSION, True, "with an explicit deny in a sessions policy"),
    (Source.TRUST, True, "with an explicit deny in the role trust policy"),
]


@pytest.fixture
def request_(words):
    return Request(words.callers["session"], "kms:Decrypt", KEY, {})


@pytest.mark.parametrize(("denier", "explicit", "expected"), TEXTS)
def test_denials(request_, denier, explicit, expected):
    decision = Decision(allowed=False, explicit=explicit, denier=denier)

    assert denial(request_, decision) == f"{START} resource: {KEY} {expected}"


def test_a_denial_that_hides_whether_the_resource_exists(request_):
    decision = Decision(allowed=False, explicit=True, denier=Source.RESOURCE)

    assert denial(request_, decision, hidden=True) == (
        f"{START} this resource because the resource does not exist in this Region, no resource-based policies allow "
        "access, or a resource-based policy explicitly denies access"
    )


def test_every_source_has_its_words(request_):
    for source in Source:
        assert "policy" in denial(request_, Decision(allowed=False, denier=source)) or source is Source.BOUNDARY
