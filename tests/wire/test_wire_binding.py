"""A function's signature is the contract: where it and the model disagree the server does not start."""

import pytest

from keystead.services import cloudtrail, iam, kms, sts
from keystead.wire import binding, json11, model, query
from keystead.wire.errors import Refused
from keystead.wire.http import Request

from .samples import SERVICES, stand_in

KMS = model.load("kms")


async def describe_key(room, call, *, key_id, grant_tokens=None): ...


async def describe_keys(room, call, *, key_id): ...


async def encrypt(room, call, *, key_id, plaintext): ...


def named(name, source):
    scope = {}
    exec(f"async def {name}({source}): ...", scope)  # noqa: S102  # signatures of this file
    return scope[name]


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (describe_keys, "no such operation"),
        (named("describe_key", "room, call, *, key_id, color=None"), "the model has no member color"),
        (named("describe_key", "room, call, *, key_id=None"), "key_id must not have a default"),
        (named("describe_key", "room, call, *, key_id, grant_tokens"), "grant_tokens must have a default"),
        (named("describe_key", "room, call, *, grant_tokens=None"), "required members without a parameter"),
        (named("describe_key", "room, call, key_id"), "must be keyword-only"),
        (named("describe_key", "room, call, **anything"), "must be keyword-only"),
    ],
)
def test_a_function_that_does_not_fit_the_model_does_not_start(function, why):
    with pytest.raises(binding.BindingError, match=why):
        binding.bind(KMS, [function], refused={})


def test_an_operation_is_served_once():
    with pytest.raises(binding.BindingError, match="served twice"):
        binding.bind(KMS, [describe_key, describe_key], refused={})


@pytest.mark.parametrize("key", ["Juggle", "DescribeKey.Color", "DescribeKey"])
def test_a_refusal_must_be_of_something_that_is_there_and_not_served(key):
    with pytest.raises(binding.BindingError):
        binding.bind(KMS, [describe_key], refused={key: "no"})


def test_a_member_that_the_function_does_not_name_is_refused_by_name():
    bound = binding.bind(KMS, [encrypt], refused={"Encrypt.DryRun": "no rehearsals"})
    body = b'{"KeyId": "k", "Plaintext": "QQ==", "DryRun": true}'

    with pytest.raises(Refused) as caught:
        json11.parse(bound.operations["Encrypt"], Request("POST", b"/", b"", (), body))

    assert (caught.value.code, caught.value.text) == (
        "UnsupportedOperationException",
        "DryRun is not served in Encrypt: no rehearsals",
    )


def test_a_member_of_a_query_service_is_refused_under_its_own_code():
    bound = binding.bind(model.load("iam"), [named("create_user", "room, call, *, user_name")], refused={})

    with pytest.raises(Refused) as caught:
        query.parse(bound.operations["CreateUser"], Request("POST", b"/", b"", (), b"UserName=u&Path=/"))

    assert (caught.value.code, caught.value.text) == ("UnsupportedOperation", "Path is not served in CreateUser.")


def test_false_and_nothing_are_given_too():
    bound = binding.bind(KMS, [encrypt], refused={})

    with pytest.raises(Refused, match="UnsupportedOperationException"):
        json11.parse(
            bound.operations["Encrypt"],
            Request("POST", b"/", b"", (), b'{"KeyId": "k", "Plaintext": "QQ==", "DryRun": false}'),
        )


def test_what_is_not_served_is_told_from_what_is_unknown():
    bound = binding.bind(KMS, [describe_key], refused={"Sign": "later"})

    for name, code, text in (
        ("Sign", "UnsupportedOperationException", "Sign is not served here: later"),
        ("Encrypt", "UnsupportedOperationException", "Encrypt is not served here."),
        ("Juggle", "UnknownOperationException", None),
        ("describe_key", "UnknownOperationException", None),
    ):
        with pytest.raises(Refused) as caught:
            bound.operation(name)
        assert (caught.value.code, caught.value.text) == (code, text)


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_of_every_model_can_be_bound(service):
    loaded = model.load(service)

    bound = binding.bind(loaded, [stand_in(one) for one in loaded.operations.values()], refused={})

    assert set(bound.operations) == set(loaded.operations)


@pytest.mark.parametrize(("name", "module"), [("kms", kms), ("iam", iam), ("sts", sts), ("cloudtrail", cloudtrail)])
def test_a_newer_model_brings_nothing_that_is_neither_served_nor_refused(name, module):
    """When this fails after an update of botocore: serve what is new, or list it as refused with the reason."""
    assert binding.unaccounted(model.load(name), module.OPERATIONS, module.REFUSED) == []


def test_what_a_newer_model_brings_is_found():
    assert binding.unaccounted(KMS, [encrypt, describe_key], {}).count("Encrypt.DryRun") == 1
    assert "Decrypt" in binding.unaccounted(KMS, [encrypt, describe_key], {})
