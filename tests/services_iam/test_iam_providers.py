"""OIDC providers, with boto3 on the other side."""

import pytest

URL = "https://id.example.com/tenant"


@pytest.fixture
def provider(iam):
    made = iam.create_open_id_connect_provider(
        Url=URL, ClientIDList=["app"], ThumbprintList=["a" * 40], Tags=[{"Key": "team", "Value": "blue"}]
    )
    yield made["OpenIDConnectProviderArn"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])


def test_a_provider_is_found_again_as_it_was_made(iam, house, provider):
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)

    assert provider == f"arn:aws:iam::{house.account}:oidc-provider/id.example.com/tenant"
    assert (found["Url"], found["ClientIDList"]) == ("id.example.com/tenant", ["app"])
    assert (found["ThumbprintList"], found["Tags"]) == (["a" * 40], [{"Key": "team", "Value": "blue"}])


def test_providers_are_listed(iam, provider):
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": provider}]


def test_a_second_provider_of_the_address_is_refused(iam, provider, refused):
    assert refused(iam.create_open_id_connect_provider, Url=URL) == (
        "EntityAlreadyExists",
        f"Provider with url {URL} already exists.",
    )


def test_clients_come_and_go(iam, provider):
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="second")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="second")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="app")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="nobody")

    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)

    assert found["ClientIDList"] == ["second"]


def test_thumbprints_are_replaced(iam, provider, refused):
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=provider, ThumbprintList=["b" * 40])

    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)["ThumbprintList"] == ["b" * 40]
    assert (
        refused(
            iam.update_open_id_connect_provider_thumbprint,
            OpenIDConnectProviderArn=provider,
            ThumbprintList=["x" * 40],
        )[0]
        == "InvalidInput"
    )


def test_tags_of_a_provider_come_and_go(iam, provider):
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=provider, Tags=[{"Key": "cost", "Value": "7"}])
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=provider, TagKeys=["TEAM"])

    assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=provider)["Tags"] == [
        {"Key": "cost", "Value": "7"}
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.com",
        "id.example.com",
        "https://",
        "https://id.example.com/",
        "https://id.example.com?x=1",
        "https://id.example.com#x",
        "https://user@id.example.com",
        "https://id.example.com:port",
        "HTTPS://id.example.com",
    ],
)
def test_an_address_that_is_no_issuers_is_refused(iam, refused, url):
    assert refused(iam.create_open_id_connect_provider, Url=url) == (
        "InvalidInput",
        "Invalid Open ID Connect Provider URL",
    )


def test_a_provider_that_is_not_there_is_not_found(iam, house, refused):
    arn = f"arn:aws:iam::{house.account}:oidc-provider/nobody.example.com"

    for operation in (iam.get_open_id_connect_provider, iam.delete_open_id_connect_provider):
        assert refused(operation, OpenIDConnectProviderArn=arn) == (
            "NoSuchEntity",
            f"OpenIDConnect Provider not found for arn {arn}",
        )


def test_a_provider_has_five_thumbprints_at_most(iam, refused):
    assert refused(iam.create_open_id_connect_provider, Url=URL, ThumbprintList=["a" * 40] * 6) == (
        "LimitExceeded",
        "Cannot exceed quota for ThumbprintsPerOpenIdConnectProvider: 5",
    )
