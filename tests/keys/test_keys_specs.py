"""The tables of what keys are and of what the keyholder does say the same, and say what AWS's model says."""

from keystead.keyholder.algorithms.specs import SPECS as MADE
from keystead.keys.messages import OAEP_HASHES, TAKES
from keystead.keys.specs import PAIRS, SPECS
from keystead.services.kms.answers import ALGORITHMS
from keystead.services.kms.refused import VALUES
from keystead.wire import model


def enumeration(operation, member):
    return set(model.load("kms").operations[operation].input.members[member].enum)


def test_every_kind_of_key_is_made_by_the_keyholder_for_the_same_usages():
    assert {spec: set(known.usages) for spec, known in SPECS.items()} == {
        spec: set(known.usages) for spec, known in MADE.items()
    }


def test_every_data_key_pair_is_made_by_the_keyholder():
    assert {spec for spec, known in MADE.items() if known.pair} == PAIRS


def test_every_spec_and_usage_of_the_model_is_served_or_refused_by_name():
    assert set(SPECS) | set(VALUES["CreateKey.KeySpec"]) == enumeration("CreateKey", "KeySpec")
    assert PAIRS | set(VALUES["GenerateDataKeyPair.KeyPairSpec"]) == enumeration("GenerateDataKeyPair", "KeyPairSpec")
    assert {usage for known in SPECS.values() for usage in known.usages} == enumeration("CreateKey", "KeyUsage")
    assert set(ALGORITHMS) == enumeration("CreateKey", "KeyUsage")


def test_every_algorithm_of_the_model_belongs_to_a_key_or_to_sm2():
    offered = {
        algorithm for known in SPECS.values() for algorithms in known.usages.values() for algorithm in algorithms
    }
    asked = [
        ("Encrypt", "EncryptionAlgorithm"), ("Sign", "SigningAlgorithm"), ("GenerateMac", "MacAlgorithm"),
        ("DeriveSharedSecret", "KeyAgreementAlgorithm"), ("Encapsulate", "EncapsulationAlgorithm"),
    ]  # fmt: skip  # a table

    assert set().union(*(enumeration(*one) for one in asked)) - offered == {"SM2DSA", "SM2PKE"}


def test_every_signing_algorithm_says_which_messages_it_takes():
    signing = enumeration("Sign", "SigningAlgorithm") - {"SM2DSA"}

    assert set(TAKES) == signing
    assert {name for name in enumeration("Encrypt", "EncryptionAlgorithm") if name.startswith("RSA")} == set(
        OAEP_HASHES
    )
