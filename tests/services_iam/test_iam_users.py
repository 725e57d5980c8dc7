"""Users and access keys, as clients see them."""

import pytest

from keystead.access.errors import AccessDenied
from keystead.identities import errors
from keystead.identities.store import entities
from keystead.services.iam.errors import TABLE, StatusRefused, UserNameNeeded
from world import ACCOUNT, allow, trusting


def said(error):
    """Code and text as the gateway makes them."""
    for kind in type(error).__mro__:
        if kind in TABLE:
            code, text = TABLE[kind]
            return code, text and text.format_map({name: getattr(error, name) for name in dir(error)})
    raise error


async def refusal(awaitable):
    with pytest.raises(tuple(TABLE)) as raised:
        await awaitable
    return said(raised.value)


async def test_a_user_is_made_shown_listed_and_deleted(world):
    async with world:
        made = (
            await world.iam("create_user", user_name="zoe", path="/team/red/", tags=[{"Key": "Team", "Value": "red"}])
        )["User"]

        assert made == {
            "Path": "/team/red/",
            "UserName": "zoe",
            "UserId": made["UserId"],
            "Arn": "arn:aws:iam::111122223333:user/team/red/zoe",
            "CreateDate": world.now,
            "Tags": [{"Key": "Team", "Value": "red"}],
        }
        assert (await world.iam("get_user", user_name="ZOE"))["User"] == made
        listed = await world.iam("list_users", path_prefix="/team/")
        assert [user["UserName"] for user in listed["Users"]] == ["zoe"]
        assert "Tags" not in listed["Users"][0]
        assert not listed["IsTruncated"]

        assert await world.iam("delete_user", user_name="zoe") is None
        assert await refusal(world.iam("get_user", user_name="zoe")) == (
            "NoSuchEntity",
            "The user with name zoe cannot be found.",
        )


async def test_get_user_without_a_name_is_the_caller(world):
    async with world:
        assert (await world.iam("get_user"))["User"]["UserName"] == "administrator"


async def test_a_role_that_asks_for_its_user_is_told_to_name_one(world):
    async with world:
        role = await world.role("admin", allow("*"), trust=trusting(ACCOUNT))
        caller = await world.assume(role)

        with pytest.raises(UserNameNeeded):
            await world.run("iam", "get_user", caller)
        assert said(UserNameNeeded()) == (
            "ValidationError",
            "Must specify userName when calling with non-User credentials",
        )


async def test_names_are_unique_without_regard_to_case(world):
    async with world:
        await world.iam("create_user", user_name="Zoe")

        assert await refusal(world.iam("create_user", user_name="zOE")) == (
            "EntityAlreadyExists",
            "User with name zOE already exists.",
        )


async def test_users_of_another_account_are_not_there(world):
    async with world:
        await world.iam("create_user", user_name="zoe")
        other = await world.caller(world.other_key_id)

        assert (await refusal(world.iam("get_user", other, user_name="zoe")))[0] == "NoSuchEntity"
        assert [user["UserName"] for user in (await world.iam("list_users", other))["Users"]] == ["administrator"]


@pytest.mark.parametrize(
    ("obstacle", "asked", "text"),
    [
        ("create_access_key", {}, "Cannot delete entity, must delete access keys first."),
        (
            "attach_user_policy",
            {"policy_arn": "arn:aws:iam::aws:policy/IAMFullAccess"},
            "Cannot delete entity, must detach all policies first.",
        ),
        (
            "put_user_policy",
            {
                "policy_name": "p",
                "policy_document": '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}',
            },
            "Cannot delete entity, must delete policies first.",
        ),
    ],
)
async def test_a_user_in_use_is_not_deleted(world, obstacle, asked, text):
    async with world:
        await world.iam("create_user", user_name="zoe")
        await world.iam(obstacle, user_name="zoe", **asked)

        assert await refusal(world.iam("delete_user", user_name="zoe")) == ("DeleteConflict", text)


async def test_a_user_is_renamed_and_the_old_name_is_free(world):
    async with world:
        before = (await world.iam("create_user", user_name="zoe"))["User"]
        await world.iam("create_user", user_name="max")

        assert (await refusal(world.iam("update_user", user_name="zoe", new_user_name="MAX")))[
            0
        ] == "EntityAlreadyExists"
        await world.iam("update_user", user_name="zoe", new_user_name="Zoey")
        await world.iam("update_user", user_name="zoey", new_user_name="zoey")

        assert (await world.iam("get_user", user_name="zoey"))["User"]["UserId"] == before["UserId"]
        await world.iam("create_user", user_name="zoe")


async def test_renaming_needs_permission_for_both_names(world):
    async with world:
        await world.iam("create_user", user_name="zoe")
        caller = await world.user("helper", allow("iam:UpdateUser", resource="arn:aws:iam::111122223333:user/z*"))

        await world.iam("update_user", caller, user_name="zoe", new_user_name="zora")
        with pytest.raises(AccessDenied, match="user/helper2"):
            await world.iam("update_user", caller, user_name="zora", new_user_name="helper2")


async def test_an_access_key_is_shown_once_with_its_secret(world):
    async with world:
        await world.iam("create_user", user_name="zoe")

        made = (await world.iam("create_access_key", user_name="zoe"))["AccessKey"]

        assert made == {
            "UserName": "zoe",
            "AccessKeyId": made["AccessKeyId"],
            "Status": "Active",
            "SecretAccessKey": made["SecretAccessKey"],
            "CreateDate": world.now,
        }
        (listed,) = (await world.iam("list_access_keys", user_name="zoe"))["AccessKeyMetadata"]
        assert listed == {name: value for name, value in made.items() if name != "SecretAccessKey"}


async def test_a_user_has_two_access_keys_at_most(world):
    async with world:
        await world.iam("create_user", user_name="zoe")
        for _ in range(2):
            await world.iam("create_access_key", user_name="zoe")

        assert await refusal(world.iam("create_access_key", user_name="zoe")) == (
            "LimitExceeded",
            "Cannot exceed quota for AccessKeysPerUser: 2",
        )


async def test_access_keys_without_a_user_name_are_the_callers(world):
    async with world:
        made = (await world.iam("create_access_key"))["AccessKey"]
        assert made["UserName"] == "administrator"

        await world.iam("update_access_key", access_key_id=made["AccessKeyId"], status="Inactive")
        keys = (await world.iam("list_access_keys"))["AccessKeyMetadata"]
        assert {key["AccessKeyId"]: key["Status"] for key in keys} == {
            world.key_id: "Active",
            made["AccessKeyId"]: "Inactive",
        }
        await world.iam("delete_access_key", access_key_id=made["AccessKeyId"])


async def test_an_access_key_is_changed_only_under_its_own_user(world):
    async with world:
        await world.iam("create_user", user_name="zoe")

        for operation, asked in (("update_access_key", {"status": "Inactive"}), ("delete_access_key", {})):
            assert await refusal(world.iam(operation, user_name="zoe", access_key_id=world.key_id, **asked)) == (
                "NoSuchEntity",
                f"The Access Key with id {world.key_id} cannot be found.",
            )


async def test_an_access_key_cannot_be_made_to_expire(world):
    async with world:
        with pytest.raises(StatusRefused):
            await world.run("iam", "update_access_key", access_key_id=world.key_id, status="Expired")


async def test_what_is_missing_is_denied_before_it_is_not_found(world):
    async with world:
        caller = await world.user("zoe")

        with pytest.raises(AccessDenied, match="iam:GetUser on resource: arn:aws:iam::111122223333:user/nobody"):
            await world.iam("get_user", caller, user_name="nobody")


async def test_the_quota_of_users_holds(world, monkeypatch):
    async with world:
        monkeypatch.setitem(entities.QUOTAS, "user", ("UsersPerAccount", 1))

        assert await refusal(world.iam("create_user", user_name="zoe")) == (
            "LimitExceeded",
            "Cannot exceed quota for UsersPerAccount: 1",
        )


async def test_pages_join_to_the_whole_list(world):
    async with world:
        names = [f"user{number:02}" for number in range(7)]
        for name in names:
            await world.iam("create_user", user_name=name, path="/many/")

        seen, marker = [], None
        while True:
            asked = {"marker": marker} if marker else {}
            page = await world.iam("list_users", path_prefix="/many/", max_items=3, **asked)
            seen.append([user["UserName"] for user in page["Users"]])
            if not page["IsTruncated"]:
                break
            marker = page["Marker"]
            assert len(marker) <= 320

        assert seen == [names[:3], names[3:6], names[6:]]
        assert "Marker" not in page


async def test_a_marker_opens_only_for_its_own_listing(world):
    async with world:
        for name in ("a", "b"):
            await world.iam("create_user", user_name=name)
        marker = (await world.iam("list_users", max_items=1))["Marker"]
        other = await world.caller(world.other_key_id)

        for asked in (
            world.iam("list_users", marker=marker, path_prefix="/x/"),
            world.iam("list_roles", marker=marker),
            world.iam("list_users", other, marker=marker),
            world.iam("list_users", marker="junk"),
            world.iam("list_users", marker="jünk"),
            world.iam("list_users", marker=marker[:-4]),
        ):
            assert await refusal(asked) == ("ValidationError", "Invalid Marker.")


async def test_tags_are_kept_replaced_and_removed_without_regard_to_case(world):
    async with world:
        await world.iam("create_user", user_name="zoe", tags=[{"Key": "Team", "Value": "red"}])

        await world.iam(
            "tag_user", user_name="zoe", tags=[{"Key": "TEAM", "Value": "blue"}, {"Key": "Desk", "Value": "1"}]
        )
        listed = await world.iam("list_user_tags", user_name="zoe")
        assert listed["Tags"] == [{"Key": "Desk", "Value": "1"}, {"Key": "TEAM", "Value": "blue"}]

        await world.iam("untag_user", user_name="zoe", tag_keys=["team", "absent"])
        assert (await world.iam("list_user_tags", user_name="zoe"))["Tags"] == [{"Key": "Desk", "Value": "1"}]


async def test_duplicate_tags_are_refused(world):
    async with world:
        tags = [{"Key": "Team", "Value": "red"}, {"Key": "team", "Value": "blue"}]

        assert await refusal(world.iam("create_user", user_name="zoe", tags=tags)) == (
            "InvalidInput",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        )


async def test_more_than_fifty_tags_are_refused(world):
    async with world:
        await world.iam("create_user", user_name="zoe")
        await world.iam("tag_user", user_name="zoe", tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])

        await world.iam("tag_user", user_name="zoe", tags=[{"Key": "K0", "Value": "again"}])
        assert await refusal(world.iam("tag_user", user_name="zoe", tags=[{"Key": "more", "Value": ""}])) == (
            "LimitExceeded",
            "Cannot exceed quota for TagsPerEntity: 50",
        )


async def test_a_reserved_tag_key_is_refused(world):
    async with world:
        assert (await refusal(world.iam("create_user", user_name="z", tags=[{"Key": "AWS:x", "Value": ""}])))[
            0
        ] == "InvalidInput"


@pytest.mark.parametrize(
    ("condition", "operation", "right", "wrong"),
    [
        (
            {"StringEquals": {"aws:RequestTag/Team": "red"}},
            "create_user",
            {"user_name": "new", "tags": [{"Key": "team", "Value": "red"}]},
            {"user_name": "new2", "tags": [{"Key": "team", "Value": "blue"}]},
        ),
        (
            {"ForAnyValue:StringEquals": {"aws:TagKeys": "desk"}},
            "tag_user",
            {"user_name": "zoe", "tags": [{"Key": "desk", "Value": "1"}]},
            {"user_name": "zoe", "tags": [{"Key": "floor", "Value": "1"}]},
        ),
        (
            {"StringEquals": {"iam:ResourceTag/Team": "red"}},
            "get_user",
            {"user_name": "zoe"},
            {"user_name": "max"},
        ),
        (
            {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}},
            "attach_user_policy",
            {"user_name": "zoe", "policy_arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"},
            {"user_name": "zoe", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
        (
            {"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}},
            "create_user",
            {"user_name": "new", "permissions_boundary": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"},
            {"user_name": "new2"},
        ),
        (
            {"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}},
            "put_user_permissions_boundary",
            {"user_name": "zoe", "permissions_boundary": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"},
            {"user_name": "zoe", "permissions_boundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
    ],
)
async def test_conditions_of_iam_are_supplied(world, condition, operation, right, wrong):
    async with world:
        await world.iam("create_user", user_name="zoe", tags=[{"Key": "Team", "Value": "red"}])
        await world.iam("create_user", user_name="max", tags=[{"Key": "Team", "Value": "blue"}])
        helper = await world.user("helper", allow("iam:*", Condition=condition))

        await world.iam(operation, helper, **right)
        with pytest.raises(AccessDenied):
            await world.iam(operation, helper, **wrong)


async def test_a_boundary_key_is_absent_where_aws_has_none(world):
    async with world:
        bounded = {"StringLike": {"iam:PermissionsBoundary": "*"}}
        await world.iam("create_user", user_name="zoe", permissions_boundary="arn:aws:iam::aws:policy/IAMFullAccess")
        helper = await world.user("helper", allow("iam:*", Condition=bounded))

        await world.iam("delete_user_permissions_boundary", helper, user_name="zoe")
        await world.iam(
            "put_user_permissions_boundary",
            helper,
            user_name="zoe",
            permissions_boundary="arn:aws:iam::aws:policy/IAMFullAccess",
        )
        with pytest.raises(AccessDenied):
            await world.iam("get_user", helper, user_name="zoe")


async def test_what_is_done_without_a_name_is_done_to_the_caller_whatever_its_name_is_by_now(world):
    async with world:
        caller = await world.user("zoe", {"Effect": "Allow", "Action": "iam:*", "Resource": "*"})
        await world.iam("update_user", user_name="zoe", new_user_name="max")
        await world.iam("create_user", user_name="zoe")

        made = (await world.iam("create_access_key", caller))["AccessKey"]

        assert made["UserName"] == "max"
        assert (await world.iam("list_access_keys", user_name="zoe"))["AccessKeyMetadata"] == []


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        ("list_groups_for_user", "Groups"),
        ("list_mfa_devices", "MFADevices"),
        ("list_ssh_public_keys", "SSHPublicKeys"),
        ("list_signing_certificates", "Certificates"),
        ("list_service_specific_credentials", "ServiceSpecificCredentials"),
    ],
)
async def test_what_users_never_have_is_an_empty_list_of_a_user_who_is_there(world, operation, member):
    async with world:
        assert await world.iam(operation, user_name="administrator") == {member: [], "IsTruncated": False}
        assert (await refusal(world.iam(operation, user_name="nobody")))[0] == "NoSuchEntity"


async def test_what_roles_never_have_is_an_empty_list(world):
    async with world:
        await world.role("reader", trust=trusting(ACCOUNT))

        listed = await world.iam("list_instance_profiles_for_role", role_name="reader")

        assert listed == {"InstanceProfiles": [], "IsTruncated": False}


@pytest.mark.parametrize("operation", ["get_login_profile", "delete_login_profile"])
async def test_nobody_has_a_password(world, operation):
    async with world:
        assert await refusal(world.iam(operation, user_name="administrator")) == (
            "NoSuchEntity",
            "Login Profile for User administrator cannot be found.",
        )


async def test_tags_with_the_longest_keys_come_in_pages_with_markers_that_aws_takes(world):
    async with world:
        keys = ["\U00010400" * 127 + end for end in "abc"]
        await world.iam("create_user", user_name="zoe", tags=[{"Key": key, "Value": ""} for key in keys])

        seen, asked = [], {}
        while True:
            page = await world.iam("list_user_tags", user_name="zoe", max_items=1, **asked)
            seen += [tag["Key"] for tag in page["Tags"]]
            if not page["IsTruncated"]:
                break
            asked = {"marker": page["Marker"]}
            assert len(page["Marker"]) <= 320

        assert sorted(seen) == keys


async def test_lists_are_denied_for_the_path_that_was_asked_for(world):
    async with world:
        caller = await world.user("zoe")

        for operation, resource in (
            ("list_users", "arn:aws:iam::111122223333:user/team/"),
            ("list_roles", "arn:aws:iam::111122223333:role/team/"),
            ("list_policies", "policy path /team/"),
        ):
            with pytest.raises(AccessDenied, match=f"on resource: {resource} because"):
                await world.iam(operation, caller, path_prefix="/team/")


async def test_session_forbidden_is_what_aws_says(world):
    assert said(errors.SessionForbidden()) == (
        "InvalidClientTokenId",
        "The security token included in the request is invalid",
    )
