"""IAM in the world of tests/world.py, and one house with boto3 as its client."""

import pytest
from botocore.exceptions import ClientError

from keystead.testing import running
from world import world  # noqa: F401  # a fixture


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
