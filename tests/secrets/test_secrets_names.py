"""What a secret is called by: names, ARNs, ARNs without their suffix, and the traps of those."""

import pytest

from world import OTHER_ACCOUNT

INVALID = (
    "ValidationException",
    "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
)
NOT_FOUND = ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


async def refused(world, operation, **asked):
    return await world.refusal("secretsmanager", operation, **asked)


async def create(world, name):
    return (await world.sm("create_secret", name=name, secret_string=name))["ARN"]


async def read(world, named):
    return (await world.sm("get_secret_value", secret_id=named))["SecretString"]


@pytest.mark.parametrize("name", ["a", "app/db", "a_b+c=d.e@f!g-h", "x" * 512])
async def test_a_good_name(world, name):
    async with world:
        arn = await create(world, name)

        assert await read(world, name) == await read(world, arn) == await read(world, arn[:-7]) == name


@pytest.mark.parametrize("name", [" a", "a b", "a ", "é", "a:b", "a\n", "a*", "a?"])
async def test_a_bad_name_is_refused_before_anything_is_looked_up(world, name):
    async with world:
        assert await refused(world, "create_secret", name=name, client_request_token="t" * 32) == INVALID
        for operation, asked in (
            ("delete_secret", {}),
            ("describe_secret", {}),
            ("get_secret_value", {}),
            ("list_secret_version_ids", {}),
            ("put_secret_value", {"secret_string": "x", "client_request_token": "t" * 32}),
            ("tag_resource", {"tags": [{"Key": "a", "Value": "b"}]}),
            ("untag_resource", {"tag_keys": ["a"]}),
            ("update_secret", {}),
            ("validate_resource_policy", {"resource_policy": "{}"}),
        ):
            assert await refused(world, operation, secret_id=name, **asked) == INVALID


async def test_a_name_that_ends_like_a_suffix_is_not_found_by_its_arn_without_one(world):
    async with world:
        for name, found in (("x-a1b2c3", False), ("x-a1b2", True), ("x-a1b2c3-", True), ("my-secret", False)):
            arn = await create(world, name)

            assert await read(world, arn) == await read(world, name) == name
            if found:
                assert await read(world, arn[:-7]) == name
            else:
                assert await refused(world, "get_secret_value", secret_id=arn[:-7]) == NOT_FOUND


async def test_the_suffix_counts(world):
    async with world:
        arn = await create(world, "app")
        other = arn[:-1] + ("A" if arn[-1] != "A" else "B")

        assert await refused(world, "get_secret_value", secret_id=other) == NOT_FOUND
        assert await refused(world, "get_secret_value", secret_id=arn.replace("us-east-1", "eu-west-1")) == NOT_FOUND


async def test_a_name_made_again_is_another_secret(world):
    async with world:
        first = await create(world, "app")
        await world.sm("delete_secret", secret_id="app", force_delete_without_recovery=True)

        second = await create(world, "app")

        assert first != second
        assert await refused(world, "get_secret_value", secret_id=first) == NOT_FOUND
        assert await read(world, second) == await read(world, "app")


async def test_other_regions_and_accounts_have_names_of_their_own(world):
    async with world:
        await create(world, "app")

        elsewhere = await world.refusal("secretsmanager", "describe_secret", region="eu-west-1", secret_id="app")
        other = await world.refusal("secretsmanager", "describe_secret", await world.other(), secret_id="app")
        theirs = f"arn:aws:secretsmanager:us-east-1:{OTHER_ACCOUNT}:secret:app-AbCdEf"
        hidden = await refused(world, "describe_secret", secret_id=theirs)

    assert elsewhere == other == NOT_FOUND
    assert hidden[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    "named",
    [
        "arn:aws:kms:us-east-1:111122223333:key/k",
        "arn:aws:secretsmanager",
        "arn:aws-cn:secretsmanager:us-east-1:111122223333:secret:app",
    ],
)
async def test_an_arn_of_something_else(world, named):
    async with world:
        assert await refused(world, "describe_secret", secret_id=named) == INVALID
