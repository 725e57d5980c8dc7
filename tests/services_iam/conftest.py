"""IAM in the world of tests/world.py, and one house with boto3 as its client."""

import pytest

from house import one_house, refused  # noqa: F401  # fixtures
from world import world  # noqa: F401  # a fixture


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
