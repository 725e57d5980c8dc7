"""The same world as in tests/identities: real database, real keyholder, one process."""

import importlib.util
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from keystead.testing import running

beside = Path(__file__).parents[1] / "identities" / "conftest.py"
specification = importlib.util.spec_from_file_location("identities_world", beside)
assert specification is not None
assert specification.loader is not None
shared = sys.modules.setdefault("identities_world", importlib.util.module_from_spec(specification))
if not hasattr(shared, "World"):
    specification.loader.exec_module(shared)

world = shared.world
words = shared.words


@pytest.fixture(scope="session")
def house():
    """One Keystead for all tests of this folder that speak boto3; each makes what it needs under names of its own."""
    with running() as keystead:
        yield keystead


@pytest.fixture(scope="session")
def iam(house):
    return house.client("iam")


@pytest.fixture(scope="session")
def sign_in(house, iam):
    """Makes a user and gives a way to its clients: sign_in("ann")("kms")."""

    def make(name):
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return lambda service, **more: house.client(service, key, **more)

    return make


@pytest.fixture(scope="session")
def refused():
    """The code and text of what is refused: refused(client.operation, Name=…)."""

    def ask(operation, **asked):
        with pytest.raises(ClientError) as raised:
            operation(**asked)
        error = raised.value.response["Error"]
        return error["Code"], error.get("Message")

    return ask
