"""CloudTrail against AWS's model: everything in it is served or refused by name, and errors are named as it names them."""

import inspect

import pytest

from keystead.services import cloudtrail
from keystead.wire import binding, model

COMMON = {"AccessDeniedException", "InternalFailure", "ThrottlingException"}
"""Codes that every JSON service sends and no model lists (CloudTrail API reference, Common Errors)."""

CHANGES = {"CreateTrail", "PutEventSelectors", "UpdateTrail"}
NEVER = {"DeleteTrail", "StopLogging"}
"""Served to say that logging cannot be switched off."""
READS = ("Describe", "Get", "List", "Lookup")


def test_everything_in_the_model_is_served_or_refused():
    assert binding.unaccounted(model.load("cloudtrail"), cloudtrail.OPERATIONS, cloudtrail.REFUSED) == []


def test_no_operation_of_the_api_changes_the_trail():
    served = set(binding.bind(model.load("cloudtrail"), cloudtrail.OPERATIONS, refused=cloudtrail.REFUSED).operations)

    assert {name for name in served if not name.startswith(READS)} == {"StartLogging", *NEVER}
    assert all("cannot be" in cloudtrail.REFUSED[name] for name in CHANGES)


def test_every_code_is_in_the_model_or_common():
    known = set(model.load("cloudtrail").errors) | COMMON

    assert {code for code, _ in cloudtrail.service(None).errors.values()} <= known


def test_every_text_can_be_filled_from_its_error():
    for error, (_, text) in cloudtrail.service(None).errors.items():
        wanted = {part.split("}")[0] for part in (text or "").split("{")[1:]}
        assert wanted <= set(inspect.signature(error.__init__).parameters), error


@pytest.mark.parametrize("attribute", ["EventId", "EventName", "ReadOnly", "Username", "ResourceType"])
def test_the_models_attributes_are_the_ones_that_are_served(attribute):
    from keystead.trail.terms import ATTRIBUTES

    attributes = model.load("cloudtrail").operations["LookupEvents"].input.members["LookupAttributes"].member
    assert set(attributes.members["AttributeKey"].enum) == set(ATTRIBUTES)
    assert attribute in ATTRIBUTES
