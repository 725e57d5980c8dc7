"""Aliases, tags, descriptions and listings."""

import pytest

from world import ACCOUNT, allow

ALIAS_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/"


async def test_an_alias_names_its_key_by_name_and_by_arn(world):
    async with world:
        key = await world.key()
        await world.kms("create_alias", alias_name="alias/app", target_key_id=key["Arn"])

        for named in ("alias/app", ALIAS_ARN + "app"):
            assert (await world.kms("describe_key", key_id=named))["KeyMetadata"]["Arn"] == key["Arn"]


async def test_an_alias_moves_and_goes(world):
    async with world:
        key, other = await world.key(), await world.key()
        await world.kms("create_alias", alias_name="alias/app", target_key_id=key["KeyId"])
        sealed = await world.kms("encrypt", key_id="alias/app", plaintext=b"x")

        world.now += 5
        await world.kms("update_alias", alias_name="alias/app", target_key_id=other["KeyId"])
        (listed,) = (await world.kms("list_aliases"))["Aliases"]
        moved = await world.kms("encrypt", key_id="alias/app", plaintext=b"x")
        await world.kms("delete_alias", alias_name="alias/app")

        assert (sealed["KeyId"], moved["KeyId"]) == (key["Arn"], other["Arn"])
        assert listed == {
            "AliasName": "alias/app",
            "AliasArn": ALIAS_ARN + "app",
            "TargetKeyId": other["KeyId"],
            "CreationDate": world.now - 5,
            "LastUpdatedDate": world.now,
        }
        told = ("NotFoundException", f"Alias {ALIAS_ARN}app is not found.")
        assert await world.refused("encrypt", key_id="alias/app", plaintext=b"x") == told
        assert await world.refused("delete_alias", alias_name="alias/app") == told
        assert await world.refused("update_alias", alias_name="alias/app", target_key_id=key["KeyId"]) == told


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("app", "ValidationException"),
        ("alias/", "ValidationException"),
        ("alias/aws/secretsmanager", "NotAuthorizedException"),
        ("alias/aws/mine", "NotAuthorizedException"),
    ],
)
async def test_a_name_that_may_not_be_is_refused(world, name, code):
    async with world:
        key = await world.key()

        for operation in ("create_alias", "update_alias"):
            assert (await world.refused(operation, alias_name=name, target_key_id=key["KeyId"]))[0] == code
        assert (await world.refused("delete_alias", alias_name=name))[0] == code


async def test_a_name_is_given_once(world):
    async with world:
        key = await world.key()
        await world.kms("create_alias", alias_name="alias/app", target_key_id=key["KeyId"])

        told = await world.refused("create_alias", alias_name="alias/app", target_key_id=key["KeyId"])

        assert told == ("AlreadyExistsException", f"An alias with the name {ALIAS_ARN}app already exists")


async def test_a_key_has_at_most_fifty_aliases(world):
    async with world:
        key = await world.key()
        for number in range(50):
            await world.kms("create_alias", alias_name=f"alias/{number}", target_key_id=key["KeyId"])

        told = await world.refused("create_alias", alias_name="alias/one-more", target_key_id=key["KeyId"])

        assert told[0] == "LimitExceededException"


async def test_an_alias_needs_leave_on_the_alias_and_on_the_key(world):
    async with world:
        key = await world.key()
        on_alias = await world.user("on-alias", allow("kms:CreateAlias", resource=ALIAS_ARN + "app"))
        on_key = await world.user("on-key", allow("kms:CreateAlias", resource=key["Arn"]))
        asked = {"alias_name": "alias/app", "target_key_id": key["KeyId"]}

        assert (await world.refused("create_alias", on_alias, **asked))[0] == "AccessDeniedException"
        assert (await world.refused("create_alias", on_key, **asked))[0] == "AccessDeniedException"


@pytest.mark.parametrize("operation", ["enable_key", "disable_key", "schedule_key_deletion", "list_grants"])
async def test_management_takes_no_alias(world, operation):
    async with world:
        key = await world.key()
        await world.kms("create_alias", alias_name="alias/app", target_key_id=key["KeyId"])

        assert await world.refused(operation, key_id="alias/app") == (
            "NotFoundException",
            "Invalid keyId 'alias/app'",
        )
        assert await world.refused(operation, key_id=ALIAS_ARN + "app") == (
            "InvalidArnException",
            "Key Aliases are not supported for this operation",
        )


async def test_the_alias_a_caller_used_is_a_condition(world):
    async with world:
        key = await world.key()
        await world.kms("create_alias", alias_name="alias/app", target_key_id=key["KeyId"])
        by_alias = allow("kms:Encrypt", Condition={"StringEquals": {"kms:RequestAlias": "alias/app"}})
        user = await world.user("zoe", by_alias)

        await world.kms("encrypt", user, key_id="alias/app", plaintext=b"x")

        assert (await world.refused("encrypt", user, key_id=key["KeyId"], plaintext=b"x"))[0] == (
            "AccessDeniedException"
        )


async def test_tags_are_kept_changed_and_removed(world):
    async with world:
        key_id = (await world.key(tags=[{"TagKey": "Team", "TagValue": "a"}]))["KeyId"]
        await world.kms(
            "tag_resource",
            key_id=key_id,
            tags=[{"TagKey": "Team", "TagValue": "b"}, {"TagKey": "env", "TagValue": ""}],
        )

        both = await world.kms("list_resource_tags", key_id=key_id)
        await world.kms("untag_resource", key_id=key_id, tag_keys=["env", "never"])

        assert both["Tags"] == [{"TagKey": "Team", "TagValue": "b"}, {"TagKey": "env", "TagValue": ""}]
        assert (await world.kms("list_resource_tags", key_id=key_id))["Tags"] == [{"TagKey": "Team", "TagValue": "b"}]


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ([("a", "1"), ("a", "2")], "Duplicate tag keys"),
        ([("AWS:x", "1")], "Tags beginning with aws: are reserved"),
        ([(str(number), "") for number in range(51)], "Too many tags"),
    ],
)
async def test_tags_that_may_not_be_are_refused(world, tags, text):
    async with world:
        key_id = (await world.key())["KeyId"]
        listed = [{"TagKey": key, "TagValue": value} for key, value in tags]

        assert await world.refused("tag_resource", key_id=key_id, tags=listed) == ("TagException", text)
        assert await world.refused("create_key", tags=listed) == ("TagException", text)
        assert (await world.kms("list_resource_tags", key_id=key_id))["Tags"] == []


async def test_tags_decide_who_may(world):
    async with world:
        mine = await world.key(tags=[{"TagKey": "team", "TagValue": "a"}])
        yours = await world.key(tags=[{"TagKey": "team", "TagValue": "b"}])
        own_team = allow(
            "kms:Encrypt", Condition={"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
        )
        user = await world.user("zoe", own_team, tags=[{"Key": "team", "Value": "a"}])

        await world.kms("encrypt", user, key_id=mine["KeyId"], plaintext=b"x")

        assert (await world.refused("encrypt", user, key_id=yours["KeyId"], plaintext=b"x"))[0] == (
            "AccessDeniedException"
        )


async def test_a_key_made_with_tags_needs_leave_to_tag(world):
    async with world:
        user = await world.user("zoe", allow("kms:CreateKey"))

        told = await world.refused("create_key", user, tags=[{"TagKey": "a", "TagValue": "b"}])

        assert told[0] == "AccessDeniedException"
        assert "kms:TagResource" in told[1]


async def test_keys_are_listed_by_page_and_only_the_callers_own(world):
    async with world:
        made = {(await world.key())["KeyId"] for _ in range(5)}
        await world.key(await world.other())
        await world.run("kms", "create_key", region="eu-central-1")

        listed, marker = [], None
        while True:
            page = await world.kms("list_keys", limit=2, marker=marker)
            listed += [key["KeyId"] for key in page["Keys"]]
            marker = page.get("NextMarker")
            if marker is None:
                break

        assert set(listed) == made
        assert len(listed) == 5


async def test_a_marker_is_good_for_its_own_listing_alone(world):
    async with world:
        for _ in range(3):
            await world.key()
        marker = (await world.kms("list_keys", limit=1))["NextMarker"]
        other = await world.other()

        assert (await world.refused("list_keys", other, marker=marker))[0] == "InvalidMarkerException"
        assert (await world.refused("list_aliases", marker=marker))[0] == "InvalidMarkerException"
        assert (await world.refused("list_keys", marker=marker[:-4] + "AAAA"))[0] == "InvalidMarkerException"
        assert (await world.refused("list_keys", marker="ü"))[0] == "InvalidMarkerException"


async def test_shared_keys_of_other_accounts_there_are_none(world):
    async with world:
        await world.key()

        listed = await world.kms("list_keys", resource_owners=["OTHER_ACCOUNTS_VIA_RAM"])

        assert listed == {"Keys": [], "Truncated": False}
