"""Roles, trust policies, inline and managed policies, boundaries, as clients see them."""

from urllib.parse import unquote

import pytest

from keystead.access.errors import AccessDenied
from keystead.identities.authorize import authorize
from keystead.identities.store import managed
from keystead.services.iam.errors import TABLE
from world import ACCOUNT, allow, policy, trusting

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
SMALL = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}'


async def refusal(awaitable):
    with pytest.raises(tuple(TABLE)) as raised:
        await awaitable
    error = raised.value
    code, text = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    return code, text and text.format_map({name: getattr(error, name) for name in dir(error)})


def big(characters):
    """A policy of so many characters."""
    room = characters - len(SMALL) + len("kms:*")
    return SMALL.replace("kms:*", "kms:".ljust(room, "x"))


async def test_a_role_is_made_shown_changed_and_deleted(world):
    async with world:
        trust = policy(trusting(ACCOUNT))
        made = (
            await world.iam(
                "create_role",
                role_name="reader",
                assume_role_policy_document=trust,
                path="/team/",
                description="reads",
                max_session_duration=7200,
                permissions_boundary=ADMINISTRATOR,
                tags=[{"Key": "a", "Value": "b"}],
            )
        )["Role"]

        assert made == {
            "Path": "/team/",
            "RoleName": "reader",
            "RoleId": made["RoleId"],
            "Arn": "arn:aws:iam::111122223333:role/team/reader",
            "CreateDate": world.now,
            "AssumeRolePolicyDocument": made["AssumeRolePolicyDocument"],
            "Description": "reads",
            "MaxSessionDuration": 7200,
            "RoleLastUsed": {},
            "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": ADMINISTRATOR},
            "Tags": [{"Key": "a", "Value": "b"}],
        }
        assert unquote(made["AssumeRolePolicyDocument"]) == trust
        assert " " not in made["AssumeRolePolicyDocument"]
        assert (await world.iam("get_role", role_name="reader"))["Role"] == made

        assert await world.iam("update_role", role_name="reader", description="", max_session_duration=3600) == {}
        changed = (await world.iam("update_role_description", role_name="reader", description="again"))["Role"]
        assert (changed["Description"], changed["MaxSessionDuration"]) == ("again", 3600)
        (listed,) = (await world.iam("list_roles"))["Roles"]
        assert "Tags" not in listed
        assert "PermissionsBoundary" not in listed

        await world.iam("delete_role", role_name="reader")
        assert await refusal(world.iam("get_role", role_name="reader")) == (
            "NoSuchEntity",
            "The role with name reader cannot be found.",
        )


async def test_a_role_and_a_user_may_share_a_name(world):
    async with world:
        await world.iam("create_user", user_name="zoe")
        await world.role("zoe", trust=trusting(ACCOUNT))

        assert await refusal(
            world.iam(
                "create_role",
                role_name="ZOE",
                assume_role_policy_document=policy(trusting(ACCOUNT)),
            )
        ) == ("EntityAlreadyExists", "Role with name ZOE already exists.")


@pytest.mark.parametrize("operation", ["create_role", "update_assume_role_policy"])
async def test_a_trust_policy_must_name_somebody_alive(world, operation):
    async with world:
        await world.role("reader", trust=trusting(ACCOUNT))
        nobody = "arn:aws:iam::111122223333:user/nobody"
        document = policy(trusting(nobody))
        asked = (
            {"role_name": "second", "assume_role_policy_document": document}
            if operation == "create_role"
            else {"role_name": "reader", "policy_document": document}
        )

        assert await refusal(world.iam(operation, **asked)) == (
            "MalformedPolicyDocument",
            f'Invalid principal in policy: "AWS":"{nobody}"',
        )


async def test_a_trust_policy_is_bounded_and_checked(world):
    async with world:
        long = trusting(ACCOUNT, Condition={"StringEquals": {"sts:ExternalId": "x" * 2048}})
        with_resource = trusting(ACCOUNT) | {"Resource": "*"}

        async def create(statement):
            return await refusal(world.iam("create_role", role_name="r", assume_role_policy_document=policy(statement)))

        assert await create(long) == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
        assert await create(with_resource) == ("MalformedPolicyDocument", "Has prohibited field Resource")


async def test_a_changed_trust_policy_counts_at_once(world):
    async with world:
        user = await world.user("zoe")
        role = await world.role("reader", trust=trusting(user.principal.arn))
        await world.assume(role, user)

        await world.iam(
            "update_assume_role_policy",
            role_name="reader",
            policy_document=policy(trusting("arn:aws:iam::111122223333:user/administrator")),
        )

        with pytest.raises(AccessDenied):
            await world.assume(role, user)


@pytest.mark.parametrize("kind", ["user", "role"])
async def test_inline_policies_are_put_read_listed_and_deleted(world, kind):
    async with world:
        await world.iam("create_user", user_name="zoe")
        await world.role("zoe", trust=trusting(ACCOUNT))
        who = {f"{kind}_name": "zoe"}
        document = policy(allow("kms:ListKeys", Sid="listing"))

        await world.iam(f"put_{kind}_policy", policy_name="One", policy_document=SMALL, **who)
        await world.iam(f"put_{kind}_policy", policy_name="one", policy_document=document, **who)

        found = await world.iam(f"get_{kind}_policy", policy_name="ONE", **who)
        assert unquote(found.pop("PolicyDocument")) == document
        assert found == {f"{kind.title()}Name": "zoe", "PolicyName": "one"}
        assert (await world.iam(f"list_{kind}_policies", **who))["PolicyNames"] == ["one"]
        await world.iam(f"delete_{kind}_policy", policy_name="one", **who)
        for gone in ("get", "delete"):
            assert await refusal(world.iam(f"{gone}_{kind}_policy", policy_name="one", **who)) == (
                "NoSuchEntity",
                f"The {kind} policy with name one cannot be found.",
            )


@pytest.mark.parametrize("document", ["", "{", "{}", "[]", '{"Version":"2012-10-17","Statement":[]}', SMALL[:-1]])
async def test_a_malformed_policy_is_refused_and_changes_nothing(world, document):
    async with world:
        await world.iam("create_user", user_name="zoe")

        for operation, asked in (
            ("put_user_policy", {"user_name": "zoe", "policy_name": "p"}),
            ("create_policy", {"policy_name": "p"}),
        ):
            assert await refusal(world.iam(operation, policy_document=document, **asked)) == (
                "MalformedPolicyDocument",
                "Syntax errors in policy.",
            )
        assert (await world.iam("list_user_policies", user_name="zoe"))["PolicyNames"] == []
        assert (await world.iam("list_policies", scope="Local"))["Policies"] == []


async def test_inline_policies_of_a_user_share_their_room(world):
    async with world:
        await world.iam("create_user", user_name="zoe")
        await world.iam("put_user_policy", user_name="zoe", policy_name="a", policy_document=big(1500))

        assert await refusal(
            world.iam("put_user_policy", user_name="zoe", policy_name="b", policy_document=big(600))
        ) == ("LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user zoe")
        await world.iam("put_user_policy", user_name="zoe", policy_name="a", policy_document=big(2000))


async def test_white_space_does_not_count(world):
    async with world:
        await world.iam("create_user", user_name="zoe")

        await world.iam(
            "put_user_policy", user_name="zoe", policy_name="a", policy_document=SMALL.replace(",", "," + " " * 3000)
        )


async def test_a_managed_policy_and_its_versions(world):
    async with world:
        made = (await world.iam("create_policy", policy_name="readers", policy_document=SMALL, description="d"))[
            "Policy"
        ]
        arn = "arn:aws:iam::111122223333:policy/readers"
        assert made == {
            "PolicyName": "readers",
            "PolicyId": made["PolicyId"],
            "Arn": arn,
            "Path": "/",
            "DefaultVersionId": "v1",
            "AttachmentCount": 0,
            "PermissionsBoundaryUsageCount": 0,
            "IsAttachable": True,
            "Description": "d",
            "CreateDate": world.now,
            "UpdateDate": world.now,
        }
        assert (await world.iam("get_policy", policy_arn=arn))["Policy"] == made

        world.now += 5
        second = SMALL.replace("kms:*", "kms:ListKeys")
        version = await world.iam("create_policy_version", policy_arn=arn, policy_document=second, set_as_default=True)
        assert version["PolicyVersion"] == {"VersionId": "v2", "IsDefaultVersion": True, "CreateDate": world.now}
        found = (await world.iam("get_policy_version", policy_arn=arn, version_id="v2"))["PolicyVersion"]
        assert unquote(found["Document"]) == second
        listed = (await world.iam("list_policy_versions", policy_arn=arn))["Versions"]
        assert [(one["VersionId"], one["IsDefaultVersion"]) for one in listed] == [("v2", True), ("v1", False)]

        assert await refusal(world.iam("delete_policy_version", policy_arn=arn, version_id="v2")) == (
            "DeleteConflict",
            "Cannot delete the default version of a policy.",
        )
        assert await refusal(world.iam("delete_policy", policy_arn=arn)) == (
            "DeleteConflict",
            "Cannot delete entity, must delete all policy versions but the default one first.",
        )
        await world.iam("set_default_policy_version", policy_arn=arn, version_id="v1")
        await world.iam("delete_policy_version", policy_arn=arn, version_id="v2")
        assert await refusal(world.iam("get_policy_version", policy_arn=arn, version_id="v2")) == (
            "NoSuchEntity",
            f"Policy {arn} version v2 does not exist or is not attachable.",
        )
        third = await world.iam("create_policy_version", policy_arn=arn, policy_document=second)
        assert third["PolicyVersion"]["VersionId"] == "v3"
        await world.iam("delete_policy_version", policy_arn=arn, version_id="v3")
        await world.iam("delete_policy", policy_arn=arn)
        assert await refusal(world.iam("get_policy", policy_arn=arn)) == (
            "NoSuchEntity",
            f"Policy {arn} was not found.",
        )


async def test_a_policy_has_five_versions_at_most(world):
    async with world:
        arn = (await world.iam("create_policy", policy_name="p", policy_document=SMALL))["Policy"]["Arn"]
        for _ in range(4):
            await world.iam("create_policy_version", policy_arn=arn, policy_document=SMALL)

        code, text = await refusal(world.iam("create_policy_version", policy_arn=arn, policy_document=SMALL))

        assert code == "LimitExceeded"
        assert text.startswith("A managed policy can have up to 5 versions.")


async def test_a_new_default_version_counts_at_once(world):
    async with world:
        arn = (await world.iam("create_policy", policy_name="p", policy_document=SMALL))["Policy"]["Arn"]
        user = await world.user("zoe")
        await world.iam("attach_user_policy", user_name="zoe", policy_arn=arn)
        before = (await world.caller(user.access_key_id)).standing.identity

        await world.iam(
            "create_policy_version",
            policy_arn=arn,
            policy_document=SMALL.replace("Allow", "Deny"),
            set_as_default=True,
        )

        assert (await world.caller(user.access_key_id)).standing.identity != before


async def test_a_policy_that_is_too_large_is_refused(world):
    async with world:
        assert await refusal(world.iam("create_policy", policy_name="p", policy_document=big(6145))) == (
            "LimitExceeded",
            "Cannot exceed quota for PolicySize: 6144",
        )
        await world.iam("create_policy", policy_name="p", policy_document=big(6144))


async def test_policy_names_are_unique_whatever_the_path(world):
    async with world:
        await world.iam("create_policy", policy_name="Readers", policy_document=SMALL)

        assert await refusal(
            world.iam("create_policy", policy_name="readers", path="/team/", policy_document=SMALL)
        ) == ("EntityAlreadyExists", "A policy called readers already exists. Duplicate names are not allowed.")


@pytest.mark.parametrize("kind", ["user", "role"])
async def test_policies_are_attached_listed_and_detached(world, kind):
    async with world:
        await world.iam("create_user", user_name="zoe")
        await world.role("zoe", trust=trusting(ACCOUNT))
        who = {f"{kind}_name": "zoe"}
        arn = (await world.iam("create_policy", policy_name="p", path="/team/", policy_document=SMALL))["Policy"]["Arn"]

        for attached in (arn, arn, ADMINISTRATOR):
            await world.iam(f"attach_{kind}_policy", policy_arn=attached, **who)

        listed = (await world.iam(f"list_attached_{kind}_policies", **who))["AttachedPolicies"]
        assert listed == [
            {"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR},
            {"PolicyName": "p", "PolicyArn": arn},
        ]
        of_team = await world.iam(f"list_attached_{kind}_policies", path_prefix="/team/", **who)
        assert [policy["PolicyName"] for policy in of_team["AttachedPolicies"]] == ["p"]
        assert (await world.iam("get_policy", policy_arn=arn))["Policy"]["AttachmentCount"] == 1
        assert await refusal(world.iam("delete_policy", policy_arn=arn)) == (
            "DeleteConflict",
            "Cannot delete entity, must detach this policy from all entities first.",
        )
        await world.iam(f"detach_{kind}_policy", policy_arn=arn, **who)
        assert (await refusal(world.iam(f"detach_{kind}_policy", policy_arn=arn, **who)))[0] == "NoSuchEntity"
        await world.iam("delete_policy", policy_arn=arn)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::aws:policy/NoSuchPolicy",
        "arn:aws:iam::111122223333:policy/none",
        "arn:aws:iam::444455556666:policy/theirs",
        "arn:aws:iam::111122223333:user/administrator",
        "not-an-arn-but-long-enough",
    ],
)
async def test_what_is_not_there_is_not_attached(world, arn):
    async with world:
        other = await world.caller(world.other_key_id)
        await world.iam("create_policy", other, policy_name="theirs", policy_document=SMALL)
        await world.iam("create_user", user_name="zoe")

        assert await refusal(world.iam("attach_user_policy", user_name="zoe", policy_arn=arn)) == (
            "NoSuchEntity",
            f"Policy {arn} does not exist or is not attachable.",
        )
        assert await refusal(world.iam("put_user_permissions_boundary", user_name="zoe", permissions_boundary=arn)) == (
            "NoSuchEntity",
            f"Scope ARN: {arn} does not exist or is not attachable.",
        )
        assert (await refusal(world.iam("get_policy", policy_arn=arn)))[0] == "NoSuchEntity"


async def test_ten_policies_are_attached_at_most(world):
    async with world:
        await world.iam("create_user", user_name="zoe")
        for number in range(11):
            await world.iam("create_policy", policy_name=f"p{number}", policy_document=SMALL)

        arns = [f"arn:aws:iam::111122223333:policy/p{number}" for number in range(11)]
        for arn in arns[:10]:
            await world.iam("attach_user_policy", user_name="zoe", policy_arn=arn)

        assert await refusal(world.iam("attach_user_policy", user_name="zoe", policy_arn=arns[10])) == (
            "LimitExceeded",
            "Cannot exceed quota for PoliciesPerUser: 10",
        )


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        ("delete_policy", {}),
        ("create_policy_version", {"policy_document": SMALL}),
        ("set_default_policy_version", {"version_id": "v1"}),
        ("delete_policy_version", {"version_id": "v1"}),
    ],
)
async def test_shipped_policies_are_readable_and_unchangeable(world, operation, asked):
    async with world:
        found = (await world.iam("get_policy", policy_arn=ADMINISTRATOR))["Policy"]
        assert (found["PolicyName"], found["AttachmentCount"]) == ("AdministratorAccess", 1)
        version = (await world.iam("get_policy_version", policy_arn=ADMINISTRATOR, version_id="v1"))["PolicyVersion"]
        assert '"Action":["*"]' in unquote(version["Document"])

        assert (await refusal(world.iam(operation, policy_arn=ADMINISTRATOR, **asked)))[0] == "AccessDenied"


@pytest.mark.parametrize("policy", managed.SHIPPED, ids=lambda policy: policy.name)
async def test_every_shipped_policy_can_be_attached_and_counts(world, policy):
    async with world:
        user = await world.user("zoe")

        await world.iam("attach_user_policy", user_name="zoe", policy_arn=policy.arn)

        assert len((await world.caller(user.access_key_id)).standing.identity) == 1
        used = (await world.iam("list_policies", scope="AWS", only_attached=True))["Policies"]
        assert policy.arn in [one["Arn"] for one in used]


@pytest.mark.parametrize(
    ("name", "allowed", "denied"),
    [
        ("PowerUserAccess", ["kms:CreateKey", "sts:AssumeRole", "iam:ListRoles"], ["iam:CreateUser", "iam:GetRole"]),
        ("SecretsManagerReadWrite", ["secretsmanager:GetSecretValue", "kms:ListKeys"], ["kms:Decrypt"]),
        ("SecurityAudit", ["iam:GetUser", "kms:GetKeyPolicy"], ["secretsmanager:GetSecretValue", "ssm:GetParameter"]),
        ("job-function/ViewOnlyAccess", ["kms:ListKeys", "iam:ListUsers"], ["kms:GetKeyPolicy", "iam:GetUser"]),
        ("ReadOnlyAccess", ["kms:GetKeyPolicy", "ssm:GetParameter"], ["secretsmanager:GetSecretValue", "kms:Decrypt"]),
        ("IAMReadOnlyAccess", ["iam:GetUser"], ["iam:PutUserPolicy", "kms:ListKeys"]),
        ("AWSKeyManagementServicePowerUser", ["kms:CreateKey"], ["kms:Encrypt", "kms:ScheduleKeyDeletion"]),
    ],
)
async def test_shipped_policies_mean_what_their_names_say(world, name, allowed, denied):
    async with world:
        user = await world.user("zoe")
        await world.iam("attach_user_policy", user_name="zoe", policy_arn=f"arn:aws:iam::aws:policy/{name}")
        caller = await world.caller(user.access_key_id)

        for action in allowed:
            assert authorize(world.call(caller, "any", "any"), action).allowed
        for action in denied:
            with pytest.raises(AccessDenied):
                authorize(world.call(caller, "any", "any"), action)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"scope": "Local"}, ["bound", "free", "used"]),
        ({"scope": "Local", "only_attached": True}, ["used"]),
        ({"scope": "Local", "policy_usage_filter": "PermissionsPolicy"}, ["used"]),
        ({"scope": "Local", "policy_usage_filter": "PermissionsBoundary"}, ["bound"]),
        ({"scope": "AWS", "only_attached": True}, ["AdministratorAccess"]),
        ({"path_prefix": "/team/"}, ["free"]),
    ],
)
async def test_policies_are_listed_by_what_is_asked(world, asked, names):
    async with world:
        for name, path in (("used", "/"), ("bound", "/"), ("free", "/team/")):
            await world.iam("create_policy", policy_name=name, path=path, policy_document=SMALL)
        await world.iam("create_user", user_name="zoe", permissions_boundary="arn:aws:iam::111122223333:policy/bound")
        await world.iam("attach_user_policy", user_name="zoe", policy_arn="arn:aws:iam::111122223333:policy/used")

        assert [policy["PolicyName"] for policy in (await world.iam("list_policies", **asked))["Policies"]] == names


async def test_all_policies_in_pages_are_those_shipped_and_those_made(world):
    async with world:
        await world.iam("create_policy", policy_name="AdministratorAccess", policy_document=SMALL)

        seen, asked = [], {"max_items": 2}
        while True:
            page = await world.iam("list_policies", **asked)
            seen += [policy["Arn"] for policy in page["Policies"]]
            if not page["IsTruncated"]:
                break
            asked["marker"] = page["Marker"]

        assert len(seen) == len(set(seen)) == len(managed.SHIPPED) + 1


@pytest.mark.parametrize(
    ("asked", "users", "roles"),
    [
        ({}, ["attached", "bounded"], ["attached"]),
        ({"policy_usage_filter": "PermissionsPolicy"}, ["attached"], ["attached"]),
        ({"policy_usage_filter": "PermissionsBoundary"}, ["bounded"], []),
        ({"entity_filter": "User"}, ["attached", "bounded"], []),
        ({"entity_filter": "Role"}, [], ["attached"]),
        ({"entity_filter": "Group"}, [], []),
        ({"path_prefix": "/team/"}, ["bounded"], []),
    ],
)
async def test_whom_a_policy_concerns_is_listed_by_what_is_asked(world, asked, users, roles):
    async with world:
        arn = (await world.iam("create_policy", policy_name="p", policy_document=SMALL))["Policy"]["Arn"]
        await world.iam("create_user", user_name="bounded", path="/team/", permissions_boundary=arn)
        await world.iam("create_user", user_name="attached")
        await world.role("attached", trust=trusting(ACCOUNT))
        await world.iam("attach_user_policy", user_name="attached", policy_arn=arn)
        await world.iam("attach_role_policy", role_name="attached", policy_arn=arn)

        listed = await world.iam("list_entities_for_policy", policy_arn=arn, **asked)

        assert sorted(user["UserName"] for user in listed["PolicyUsers"]) == users
        assert [role["RoleName"] for role in listed["PolicyRoles"]] == roles
        assert listed["PolicyGroups"] == []
        assert not listed["IsTruncated"]


async def test_users_of_a_shipped_policy_are_the_accounts_own(world):
    async with world:
        (user,) = (await world.iam("list_entities_for_policy", policy_arn=ADMINISTRATOR))["PolicyUsers"]

        assert user == {"UserName": "administrator", "UserId": (await world.caller()).principal.unique_id}


async def test_tags_of_a_policy_live_and_die_with_it(world):
    async with world:
        made = await world.iam(
            "create_policy", policy_name="p", policy_document=SMALL, tags=[{"Key": "Team", "Value": "red"}]
        )
        arn = made["Policy"]["Arn"]
        assert made["Policy"]["Tags"] == [{"Key": "Team", "Value": "red"}]

        await world.iam("tag_policy", policy_arn=arn, tags=[{"Key": "TEAM", "Value": "blue"}])
        assert (await world.iam("get_policy", policy_arn=arn))["Policy"]["Tags"] == [{"Key": "TEAM", "Value": "blue"}]
        await world.iam("delete_policy", policy_arn=arn)
        await world.iam("create_policy", policy_name="p", policy_document=SMALL)
        assert (await world.iam("list_policy_tags", policy_arn=arn))["Tags"] == []


async def test_a_policys_tags_decide_who_may_change_it(world):
    async with world:
        for name, team in (("ours", "red"), ("theirs", "blue")):
            tags = [{"Key": "Team", "Value": team}]
            await world.iam("create_policy", policy_name=name, policy_document=SMALL, tags=tags)
        ours, theirs = (f"arn:aws:iam::111122223333:policy/{name}" for name in ("ours", "theirs"))
        helper = await world.user("helper", allow("iam:*", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}}))

        await world.iam("untag_policy", helper, policy_arn=ours, tag_keys=["desk"])
        with pytest.raises(AccessDenied):
            await world.iam("untag_policy", helper, policy_arn=theirs, tag_keys=["team"])


async def test_a_policy_with_an_odd_path_is_found_again(world):
    async with world:
        path = "/a.b,c/d@e/"

        arn = (await world.iam("create_policy", policy_name="p", path=path, policy_document=SMALL))["Policy"]["Arn"]

        assert (await world.iam("get_policy", policy_arn=arn))["Policy"]["Path"] == path


@pytest.mark.parametrize("kind", ["user", "role"])
async def test_a_boundary_is_put_shown_and_removed(world, kind):
    async with world:
        await world.iam("create_user", user_name="zoe")
        await world.role("zoe", trust=trusting(ACCOUNT))
        who = {f"{kind}_name": "zoe"}
        arn = (await world.iam("create_policy", policy_name="p", policy_document=SMALL))["Policy"]["Arn"]

        await world.iam(f"put_{kind}_permissions_boundary", permissions_boundary=arn, **who)
        shown = (await world.iam(f"get_{kind}", **who))[kind.title()]
        assert shown["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
        assert (await refusal(world.iam("delete_policy", policy_arn=arn)))[0] == "DeleteConflict"

        await world.iam(f"delete_{kind}_permissions_boundary", **who)
        assert "PermissionsBoundary" not in (await world.iam(f"get_{kind}", **who))[kind.title()]
        assert (await refusal(world.iam(f"delete_{kind}_permissions_boundary", **who)))[0] == "NoSuchEntity"


async def test_role_tags(world):
    async with world:
        await world.role("zoe", trust=trusting(ACCOUNT))

        await world.iam("tag_role", role_name="zoe", tags=[{"Key": "a", "Value": "b"}])
        assert (await world.iam("list_role_tags", role_name="zoe"))["Tags"] == [{"Key": "a", "Value": "b"}]
        await world.iam("untag_role", role_name="zoe", tag_keys=["A"])
        assert (await world.iam("list_role_tags", role_name="zoe"))["Tags"] == []
