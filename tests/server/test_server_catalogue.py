"""What is said to be served is what is served: the command, the document, and the tables of the code."""

import importlib.util
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from keystead.catalogue import COMING, SERVICES, catalogue, parameters
from keystead.cli.verbs import application
from keystead.house import House
from keystead.trail.trails import Files, Trail
from keystead.wire import model

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def listed():
    done = CliRunner().invoke(application(), ["operations", "--output", "json"])
    assert done.exit_code == 0
    return json.loads(done.stdout)


def test_every_operation_of_every_model_is_listed(listed):
    assert {service: set(entries) for service, entries in listed.items()} == {
        service: set(model.load(service).operations) for service in listed
    }


class Nothing:
    """Whatever a service works in, where a test has nothing to say about it: every part of it is nothing too."""

    def __getattr__(self, _):
        return self


def test_the_services_listed_are_those_that_the_house_serves_and_those_to_come(listed):
    rooms = Nothing()
    rooms.files = Files(Trail("eu-west-1", "bucket"), None)
    served = {service.name for service in House.services(rooms)}

    assert served == set(SERVICES)
    assert set(listed) == served | set(COMING)


def test_nothing_of_a_served_service_is_absent_without_a_word(listed):
    for service in SERVICES:
        assert {entry["state"] for entry in listed[service].values()} <= {"served", "refused"}


def test_every_refusal_has_its_reason(listed):
    for entries in listed.values():
        for entry in entries.values():
            assert (entry["state"] == "refused") == bool(entry.get("reason"))
            assert all(entry.get("refused_members", {"-": "-"}).values())


def test_the_text_for_people_names_the_same(listed):
    done = CliRunner().invoke(application(), ["operations"], env={"COLUMNS": "200"})

    assert done.exit_code == 0
    for service, entries in listed.items():
        served = sum(entry["state"] == "served" for entry in entries.values())
        assert f"{service}: {served} of {len(entries)} served" in done.stdout


def test_the_document_is_current():
    """When this fails: `make docs`, and commit what it changed."""
    found = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    generate = importlib.util.module_from_spec(found)
    found.loader.exec_module(generate)

    assert (DOCS / "operations.md").read_text() == generate.document()
    assert (DOCS / "kms.md").read_text() == generate.kms_document()


def test_every_parameter_of_every_operation_of_kms_is_listed_and_refused_values_are_the_models():
    models = model.load("kms")
    listed = parameters("kms")

    members = {(one.operation, one.member) for one in listed}
    assert members == {
        (name, member) for name, op in models.operations.items() if op.input for member in op.input.members
    }
    for one in listed:
        shape = models.operations[one.operation].input.members[one.member]
        enumeration = getattr(shape, "enum", None) or getattr(getattr(shape, "shape", None), "enum", None)
        assert set(one.values) <= set(enumeration or ()), one


def test_every_value_that_is_refused_belongs_to_a_parameter_that_is_served():
    from keystead.services.kms import VALUES

    served = {f"{one.operation}.{one.member}" for one in parameters("kms") if not one.reason}

    assert set(VALUES) <= served


def test_entries_are_in_alphabetical_order():
    for entries in catalogue().values():
        assert [entry.operation for entry in entries] == sorted(entry.operation for entry in entries)
