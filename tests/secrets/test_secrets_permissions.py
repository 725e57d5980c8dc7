"""Who may: two permissions for a value, through the service only; resource policies, other accounts, tags and condition keys."""

import json

import pytest

from world import ACCOUNT, OTHER_ACCOUNT, allow, deny, policy, to

KMS = ("AccessDeniedException", "Access to KMS is not allowed")
DENIED = "AccessDeniedException"
SERVICE = "secretsmanager.us-east-1.amazonaws.com"


async def secret(world, **asked):
    return (await world.sm("create_secret", name="app", secret_string="hunter2", **asked))["ARN"]


async def refused(world, caller, operation="get_secret_value", named="app", **asked):
    return await world.refusal("secretsmanager", operation, caller, secret_id=named, **asked)


async def reads(world, caller, named="app", **asked):
    return (await world.sm("get_secret_value", caller, secret_id=named, **asked))["SecretString"]


async def test_reading_needs_the_secret_and_the_key(world):
    async with world:
        key = (await world.key())["Arn"]
        await secret(world, kms_key_id=key)
        only_secret = await world.user("s", allow("secretsmanager:GetSecretValue"))
        only_key = await world.user("k", allow("kms:Decrypt"))
        both = await world.user("b", allow("secretsmanager:GetSecretValue", "kms:Decrypt"))

        assert await refused(world, only_secret) == KMS
        assert (await refused(world, only_key))[0] == DENIED
        assert await reads(world, both) == "hunter2"


async def test_a_key_for_the_service_alone_opens_secrets_and_nothing_directly(world):
    async with world:
        through = {"StringEquals": {"kms:ViaService": SERVICE}}
        administration = to(f"arn:aws:iam::{ACCOUNT}:root", allow("kms:*Policy", "kms:Describe*", "kms:*Alias*"))
        use = to(f"arn:aws:iam::{ACCOUNT}:root", allow("kms:Decrypt", "kms:GenerateDataKey", Condition=through))
        key = (await world.key(policy=policy(administration, use)))["Arn"]
        await world.kms("create_alias", alias_name="alias/app", target_key_id=key)
        await secret(world, kms_key_id="alias/app")

        assert await reads(world, None) == "hunter2"
        assert (await world.refused("generate_data_key", key_id=key, key_spec="AES_256"))[0] == DENIED
        sealed = (await world.secrets.known.version(*await current(world))).sealed
        context = {"SecretARN": (await current(world))[0].arn, "SecretVersionId": (await current(world))[1]}
        told = await world.refused("decrypt", ciphertext_blob=sealed.data_key, encryption_context=context)
        assert told[0] == DENIED


async def current(world):
    found = await world.secrets.known.secret(1)
    return found, found.labels["AWSCURRENT"]


async def test_the_encryption_context_can_be_asked_for(world):
    async with world:
        arn_like = {"StringLike": {"kms:EncryptionContext:SecretARN": "*:secret:app-??????"}}
        narrow = [allow("secretsmanager:*"), allow("kms:Decrypt", "kms:GenerateDataKey", Condition=arn_like)]
        key = (await world.key())["Arn"]
        user = await world.user("u", *narrow)

        await world.sm("create_secret", user, name="app", secret_string="x", kms_key_id=key)

        assert await reads(world, user) == "x"
        told = await world.refusal(
            "secretsmanager", "create_secret", user, name="b", kms_key_id=key, client_request_token="t" * 32
        )
        assert told == KMS


async def test_a_denial_says_the_same_of_what_is_there_and_what_is_not(world):
    async with world:
        await secret(world)
        nobody = await world.user("nobody")

        there, not_there = await refused(world, nobody), await refused(world, nobody, named="other")

    who = f"User: arn:aws:iam::{ACCOUNT}:user/nobody is not authorized to perform: secretsmanager:GetSecretValue"
    why = "because no identity-based policy allows the secretsmanager:GetSecretValue action"
    assert there == (DENIED, f"{who} on resource: app {why}")
    assert not_there == (DENIED, f"{who} on resource: other {why}")


async def test_who_may_ask_for_what_is_not_there_learns_that(world):
    async with world:
        named = "arn:aws:secretsmanager:*:*:secret:team/*"
        user = await world.user("u", allow("secretsmanager:GetSecretValue", resource=named))

        assert (await refused(world, user, named="team/x"))[0] == "ResourceNotFoundException"
        assert (await refused(world, user, named="x"))[0] == DENIED


async def test_a_policy_by_suffix_pattern(world):
    async with world:
        await secret(world)
        named = "arn:aws:secretsmanager:us-east-1:*:secret:app-??????"
        user = await world.user("u", allow("secretsmanager:GetSecretValue", resource=named))

        assert await reads(world, user) == "hunter2"


async def test_a_resource_policy_lets_in_and_keeps_out(world):
    async with world:
        await secret(world)
        guest = await world.user("guest")
        administrator = f"arn:aws:iam::{ACCOUNT}:user/administrator"
        document = policy(
            to(f"arn:aws:iam::{ACCOUNT}:user/guest", allow("secretsmanager:GetSecretValue")),
            to(administrator, deny("secretsmanager:GetSecretValue")),
        )

        await world.sm("put_resource_policy", secret_id="app", resource_policy=document)

        assert await reads(world, guest) == "hunter2"
        told = await refused(world, None)
        assert told[0] == DENIED
        assert told[1].endswith("on resource: app with an explicit deny in a resource-based policy")
        assert (await world.sm("get_resource_policy", secret_id="app"))["ResourcePolicy"] == document
        await world.sm("delete_resource_policy", secret_id="app")
        assert (await refused(world, guest))[0] == DENIED
        assert "ResourcePolicy" not in await world.sm("get_resource_policy", secret_id="app")


async def test_another_account_needs_three_policies(world):
    async with world:
        theirs = f"arn:aws:iam::{OTHER_ACCOUNT}:root"
        own = to(f"arn:aws:iam::{ACCOUNT}:root", allow("kms:*"))
        key = (await world.key(policy=policy(own)))["Arn"]
        arn = await secret(world, kms_key_id=key)
        other = await world.other()

        told = await refused(world, other, named=arn)
        assert told[0] == DENIED
        assert "does not exist in this Region" in told[1]
        shared = policy(to(theirs, allow("secretsmanager:GetSecretValue")))
        await world.sm("put_resource_policy", secret_id="app", resource_policy=shared)
        assert await refused(world, other, named=arn) == KMS
        await world.kms("put_key_policy", key_id=key, policy=policy(own, to(theirs, allow("kms:Decrypt"))))

        assert await reads(world, await world.other(), named=arn) == "hunter2"
        assert (await refused(world, other, named="app"))[0] == "ResourceNotFoundException"


async def test_the_default_key_never_works_for_another_account(world):
    async with world:
        arn = await secret(world)
        shared = policy(to(f"arn:aws:iam::{OTHER_ACCOUNT}:root", allow("secretsmanager:GetSecretValue")))
        await world.sm("put_resource_policy", secret_id="app", resource_policy=shared)

        assert await refused(world, await world.other(), named=arn) == KMS


@pytest.mark.parametrize(
    ("key", "value", "asked", "other"),
    [
        ("secretsmanager:VersionStage", "AWSCURRENT", {}, {"version_stage": "AWSPREVIOUS"}),
        ("secretsmanager:VersionStage", "AWSPREVIOUS", {"version_stage": "AWSPREVIOUS"}, {}),
        ("secretsmanager:VersionId", "t" * 32, {"version_id": "t" * 32}, {}),
        ("secretsmanager:ResourceTag/team", "blue", {}, None),
        ("aws:ResourceTag/team", "blue", {}, None),
        ("aws:ResourceTag/team", "red", None, {}),
        ("secretsmanager:resource/Type", "kind", {}, None),
    ],
)
async def test_condition_keys_of_reading(world, key, value, asked, other):
    async with world:
        tags = [{"Key": "team", "Value": "blue"}]
        await secret(world, tags=tags, type="kind", client_request_token="t" * 32)
        await world.sm("put_secret_value", secret_id="app", secret_string="hunter2")
        condition = {"StringEquals": {key: value}}
        user = await world.user("u", allow("secretsmanager:GetSecretValue", Condition=condition))

        if asked is not None:
            assert await reads(world, user, **asked) == "hunter2"
        if other is not None:
            assert (await refused(world, user, **other))[0] == DENIED


@pytest.mark.parametrize(
    ("operation", "asked", "key", "value"),
    [
        ("create_secret", {"name": "n", "description": "d"}, "secretsmanager:Description", "d"),
        ("create_secret", {"name": "n"}, "secretsmanager:Name", "n"),
        ("create_secret", {"name": "n", "type": "t"}, "secretsmanager:Type", "t"),
        ("create_secret", {"name": "n", "tags": [{"Key": "a", "Value": "b"}]}, "aws:RequestTag/a", "b"),
        ("create_secret", {"name": "n", "add_replica_regions": [{"Region": "eu-west-1"}]}, "secretsmanager:AddReplicaRegions", "eu-west-1"),
        ("delete_secret", {"recovery_window_in_days": 7}, "secretsmanager:RecoveryWindowInDays", "7"),
        ("delete_secret", {"force_delete_without_recovery": True}, "secretsmanager:ForceDeleteWithoutRecovery", "true"),
        ("put_resource_policy", {"resource_policy": "P", "block_public_policy": True}, "secretsmanager:BlockPublicPolicy", "true"),
        ("tag_resource", {"tags": [{"Key": "a", "Value": "b"}]}, "aws:TagKeys", "a"),
        ("untag_resource", {"tag_keys": ["a"]}, "aws:TagKeys", "a"),
        ("update_secret", {"description": "d"}, "secretsmanager:Description", "d"),
        ("update_secret", {"kms_key_id": "alias/mine"}, "secretsmanager:KmsKeyArn", "KEY"),
        ("update_secret", {"kms_key_id": "alias/mine"}, "secretsmanager:KmsKeyId", "alias/mine"),
        ("replicate_secret_to_regions", {"add_replica_regions": [{"Region": "eu-west-1"}], "force_overwrite_replica_secret": False}, "secretsmanager:ForceOverwriteReplicaSecret", "false"),
        ("describe_secret", {}, "secretsmanager:SecretId", "ARN"),
    ],
)  # fmt: skip  # a table
async def test_condition_keys_of_the_request(world, operation, asked, key, value):
    async with world:
        arn = await secret(world)
        if "resource_policy" in asked:
            asked["resource_policy"] = policy(to(f"arn:aws:iam::{ACCOUNT}:root", allow("secretsmanager:*")))
        named = {} if operation == "create_secret" else {"secret_id": "app"}
        key_arn = (await world.key())["Arn"]
        await world.kms("create_alias", alias_name="alias/mine", target_key_id=key_arn)
        value = {"ARN": arn, "KEY": key_arn}.get(value, value)
        operator = (
            "ForAnyValue:StringEquals" if key in {"aws:TagKeys", "secretsmanager:AddReplicaRegions"} else "StringEquals"
        )
        fits = await world.user("fits", allow("secretsmanager:*", Condition={operator: {key: value}}), allow("kms:*"))
        fails = await world.user("fails", allow("secretsmanager:*", Condition={operator: {key: "something else"}}))

        told = await world.refusal("secretsmanager", operation, fails, **named, **tokened(operation, asked))
        await world.sm(operation, fits, **named, **asked)

    assert told[0] == DENIED


def tokened(operation, asked):
    return {**asked, "client_request_token": "t" * 32} if operation in {"create_secret", "update_secret"} else asked


async def test_creating_with_tags_or_replicas_needs_more(world):
    async with world:
        user = await world.user("u", allow("secretsmanager:CreateSecret"))
        await world.sm("create_secret", user, name="plain")

        for more in ({"tags": [{"Key": "a", "Value": "b"}]}, {"add_replica_regions": [{"Region": "eu-west-1"}]}):
            told = await world.refusal(
                "secretsmanager", "create_secret", user, name="n", client_request_token="t" * 32, **more
            )
            assert told[0] == DENIED


async def test_tags_that_would_lock_their_author_out_are_refused(world):
    async with world:
        await secret(world, tags=[{"Key": "team", "Value": "blue"}])
        condition = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
        user = await world.user("u", allow("secretsmanager:*", Condition=condition))

        for operation, asked in (
            ("tag_resource", {"tags": [{"Key": "team", "Value": "red"}]}),
            ("untag_resource", {"tag_keys": ["team"]}),
        ):
            assert (await refused(world, user, operation, **asked))[0] == DENIED
        await world.sm("tag_resource", user, secret_id="app", tags=[{"Key": "other", "Value": "x"}])

        tags = (await world.sm("describe_secret", secret_id="app"))["Tags"]
        assert tags == [{"Key": "team", "Value": "blue"}, {"Key": "other", "Value": "x"}]


async def test_policies_that_are_not_kept(world):
    async with world:
        await secret(world)
        public = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"}],
            }
        )

        async def told(text, **more):
            return await refused(world, None, "put_resource_policy", resource_policy=text, **more)

        assert await told("{") == ("MalformedPolicyDocumentException", "This policy has invalid syntax.")
        assert (await told(public, block_public_policy=True))[0] == "PublicPolicyException"
        unknown = policy(to(f"arn:aws:iam::{ACCOUNT}:user/unknown", allow("secretsmanager:*")))
        assert await told(unknown) == (
            "MalformedPolicyDocumentException",
            "This resource policy contains an unsupported principal.",
        )
        assert (await told(public, policy_name="other"))[0] == "InvalidParameterException"
        await world.sm("put_resource_policy", secret_id="app", resource_policy=public, block_public_policy=False)
        assert (await world.sm("list_resource_policies", secret_id="app"))["ResourcePolicies"] == [
            {"PolicyName": "default"}
        ]
        assert (await refused(world, None, "get_resource_policy", policy_name="other"))[
            0
        ] == "ResourceNotFoundException"


async def test_validation_reports_and_keeps_nothing(world):
    async with world:
        await secret(world)

        async def found(*statements, **named):
            text = policy(*statements)
            answer = await world.sm("validate_resource_policy", resource_policy=text, **named)
            assert answer["PolicyValidationPassed"] == (not answer["ValidationErrors"])
            return [one["CheckName"] for one in answer["ValidationErrors"]]

        root = f"arn:aws:iam::{ACCOUNT}:root"
        assert await found(to(root, allow("secretsmanager:GetSecretValue"))) == []
        assert await found(to("*", allow("secretsmanager:GetSecretValue"))) == ["PUBLIC"]
        assert await found(to(root, {"Effect": "Perhaps", "Action": "*"})) == ["SYNTAX"]
        lockout = to(root, deny("secretsmanager:*"))
        assert await found(lockout) == await found(lockout, secret_id="app") == ["LOCKOUT"]
        assert await found({**lockout, "Resource": f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:other-??????"}) == []
        assert "ResourcePolicy" not in await world.sm("get_resource_policy", secret_id="app")
