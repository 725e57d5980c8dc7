"""A Keystead, and an authority with certificates for hosts."""

import pytest

from hosts import (
    CERTIFYING,
    DAY,
    NOW,
    SIGNING,
    Authority,
    Host,
    Setup,
    by_openssl,
    der,
    distinguished,
    new_key,
    pem,
    send,
)
from keystead.testing import running


@pytest.fixture(scope="session")
def house():
    with running() as keystead:
        yield keystead


@pytest.fixture(scope="session")
def client(house):
    return house.client("rolesanywhere")


@pytest.fixture(scope="session")
def authority():
    return Authority()


@pytest.fixture(scope="session")
def words():
    """What tests make certificates with."""

    class Words:
        now, day, signing, certifying = NOW, DAY, SIGNING, CERTIFYING

    for name, value in {
        "Authority": Authority, "Host": Host, "Setup": Setup, "distinguished": distinguished, "pem": pem, "der": der,
        "send": send, "new_key": new_key, "by_openssl": by_openssl,
    }.items():  # fmt: skip
        setattr(Words, name, staticmethod(value))
    return Words


@pytest.fixture(scope="session")
def setup(house, authority):
    return Setup(house, authority, "common")
