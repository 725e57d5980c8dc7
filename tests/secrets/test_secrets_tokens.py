"""ClientRequestToken: what a repetition does, and what the same token for something else does."""

import uuid

import pytest

TOKEN = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
NONE = "You must provide a ClientRequestToken value. We recommend a UUID-type value."


async def refused(world, operation, **asked):
    return await world.refusal("secretsmanager", operation, **asked)


async def made(world, **asked):
    given = {"name": "app", "secret_string": "one", "client_request_token": TOKEN, **asked}
    return await world.sm("create_secret", **given)


async def test_create_again_with_the_same_value_is_the_same_answer(world):
    async with world:
        assert await made(world) == await made(world)


@pytest.mark.parametrize("other", [{"secret_string": "two"}, {"secret_string": None, "secret_binary": b"one"}])
async def test_create_again_with_another_value(world, other):
    async with world:
        arn = (await made(world))["ARN"]
        given = {"secret_string": "one", **other}

        told = await refused(world, "create_secret", name="app", client_request_token=TOKEN, **given)

    assert told == (
        "ResourceExistsException",
        f"You can't use ClientRequestToken {TOKEN} because that value is already in use for a version of secret {arn}.",
    )


async def test_create_again_with_another_token(world):
    async with world:
        await made(world)

        told = await refused(world, "create_secret", name="app", client_request_token=OTHER, secret_string="one")

    assert told == ("ResourceExistsException", "The operation failed because the secret app already exists.")


@pytest.mark.parametrize(
    ("operation", "asked"),
    [("create_secret", {"name": "x"}), ("put_secret_value", {"secret_id": "app", "secret_string": "x"})],
)
async def test_without_a_token(world, operation, asked):
    async with world:
        await made(world)

        assert await refused(world, operation, **asked) == ("InvalidRequestException", NONE)


async def test_update_needs_one_for_a_value_alone(world):
    async with world:
        await made(world)

        assert "VersionId" not in await world.run("secretsmanager", "update_secret", secret_id="app", description="d")
        told = await refused(world, "update_secret", secret_id="app", secret_string="two")

    assert told == ("InvalidRequestException", NONE)


async def test_a_token_of_an_update_without_value_makes_no_version(world):
    async with world:
        await made(world)

        answer = await world.sm("update_secret", secret_id="app", description="d", client_request_token=OTHER)

        assert "VersionId" not in answer
        assert list((await world.sm("describe_secret", secret_id="app"))["VersionIdsToStages"]) == [TOKEN]


@pytest.mark.parametrize("operation", ["put_secret_value", "update_secret"])
async def test_writing_the_same_again_changes_nothing(world, operation):
    async with world:
        await made(world)
        await world.sm(operation, secret_id="app", secret_string="two", client_request_token=OTHER)
        await world.sm("put_secret_value", secret_id="app", secret_string="three")
        before = await world.sm("describe_secret", secret_id="app")
        stages = {"version_stages": ["elsewhere"]}  # labels of a repetition mean nothing
        asked = stages if operation == "put_secret_value" else {}

        answer = await world.sm(operation, secret_id="app", secret_string="two", client_request_token=OTHER, **asked)

        assert answer["VersionId"] == OTHER
        if operation == "put_secret_value":
            assert answer["VersionStages"] == ["AWSPREVIOUS"]
        after = await world.sm("describe_secret", secret_id="app")
        assert after["VersionIdsToStages"] == before["VersionIdsToStages"]


@pytest.mark.parametrize("operation", ["put_secret_value", "update_secret"])
async def test_writing_something_else_under_the_same_token(world, operation):
    async with world:
        await made(world)

        told = await refused(world, operation, secret_id="app", secret_binary=b"one", client_request_token=TOKEN)

    assert told[0] == "ResourceExistsException"


async def test_a_token_of_one_secret_is_free_for_another(world):
    async with world:
        await made(world)

        other = await world.sm("create_secret", name="other", secret_string="x", client_request_token=TOKEN)

        assert other["VersionId"] == TOKEN


async def test_versions_are_collected_but_none_of_today(world):
    async with world:
        await made(world)
        for _ in range(99):
            world.now += 1
            await world.sm("put_secret_value", secret_id="app", secret_string="x")
        told = await refused(
            world, "put_secret_value", secret_id="app", secret_string="x", client_request_token=str(uuid.uuid4())
        )
        assert told[0] == "LimitExceededException"
        world.now += 86_401

        await world.sm("put_secret_value", secret_id="app", secret_string="y")

        listed = await world.sm("list_secret_version_ids", secret_id="app", include_deprecated=True)
        assert len(listed["Versions"]) == 100
        assert TOKEN not in [one["VersionId"] for one in listed["Versions"]]


async def test_a_version_with_a_label_is_never_collected(world):
    async with world:
        await made(world)
        mark = {"version_stage": "kept", "move_to_version_id": TOKEN}
        await world.sm("update_secret_version_stage", secret_id="app", **mark)
        for _ in range(99):
            await world.sm("put_secret_value", secret_id="app", secret_string="x")
        world.now += 86_401

        await world.sm("put_secret_value", secret_id="app", secret_string="y")

        assert (await world.sm("get_secret_value", secret_id="app", version_stage="kept"))["SecretString"] == "one"
