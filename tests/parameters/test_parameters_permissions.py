"""Who may: two permissions for a sealed value, paths, condition keys, tags, resource policies and other accounts."""

from keystead.parameters.room import Limits
from world import ACCOUNT, OTHER_ACCOUNT, allow, deny, policy, to

DENIED = "AccessDeniedException"
ARN = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter"


async def put(world, name="/p", value="hush", type="SecureString", **asked):  # noqa: A002  # AWS's name
    await world.ssm("put_parameter", name=name, value=value, type=type, **asked)


async def refused(world, caller, operation="get_parameter", **asked):
    return await world.refusal("ssm", operation, caller, **({"name": "/p"} | asked))


async def reads(world, caller, name="/p", **asked):
    found = await world.ssm("get_parameter", caller, name=name, with_decryption=True, **asked)
    return found["Parameter"]["Value"]


async def test_reading_needs_the_parameter_and_the_key(world):
    async with world:
        key = (await world.key())["Arn"]
        await put(world, key_id=key)
        await put(world, name="/adv", key_id=key, tier="Advanced")
        only_parameter = await world.user("p", allow("ssm:GetParameter"))
        only_key = await world.user("k", allow("kms:Decrypt"))
        both = await world.user("b", allow("ssm:GetParameter", "kms:Decrypt"))

        for name in ("/p", "/adv"):
            code, text = await refused(world, only_parameter, name=name, with_decryption=True)
            assert code == DENIED
            assert "kms:Decrypt" in text
            assert "(Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException; Request ID: " in text
            assert (await refused(world, only_key, name=name))[0] == DENIED
            assert await reads(world, both, name) == "hush"
        assert (await world.ssm("get_parameter", only_parameter, name="/p"))["Parameter"]["Value"]


async def test_writing_needs_encrypt_or_a_data_key_by_the_tier(world):
    async with world:
        key = (await world.key())["Arn"]
        encrypts = await world.user("e", allow("ssm:PutParameter", "kms:Encrypt"))
        generates = await world.user("g", allow("ssm:PutParameter", "kms:GenerateDataKey"))
        asked = {"value": "v", "type": "SecureString", "key_id": key}

        await world.ssm("put_parameter", encrypts, name="/s", tier="Standard", **asked)
        await world.ssm("put_parameter", generates, name="/a", tier="Advanced", **asked)

        assert (await refused(world, generates, "put_parameter", tier="Standard", **asked))[0] == DENIED
        assert (await refused(world, encrypts, "put_parameter", tier="Advanced", **asked))[0] == DENIED


async def test_a_key_that_is_for_the_service_alone(world):
    async with world:
        through = {"StringEquals": {"kms:ViaService": "ssm.us-east-1.amazonaws.com"}}
        root = f"arn:aws:iam::{ACCOUNT}:root"
        use = to(root, allow("kms:Decrypt", "kms:Encrypt", Condition=through))
        key = (await world.key(policy=policy(to(root, allow("kms:*Policy", "kms:Describe*")), use)))["Arn"]
        await put(world, key_id=key)

        assert await reads(world, None) == "hush"
        assert (await world.refused("encrypt", key_id=key, plaintext=b"x"))[0] == DENIED


async def test_each_retrieval_asks_for_its_own_action(world):
    async with world:
        await put(world, type="String")
        several = await world.user("s", allow("ssm:GetParameters"), deny("ssm:GetParameter"))

        answer = await world.ssm("get_parameters", several, names=["/p"])

        assert [one["Name"] for one in answer["Parameters"]] == ["/p"]
        assert (await refused(world, several))[0] == DENIED
        assert (await refused(world, several, "get_parameter_history"))[0] == DENIED


async def test_who_may_not_ask_does_not_learn_what_is_there(world):
    async with world:
        nobody = await world.user("n")

        code, text = await refused(world, nobody, name="/none")

        assert code == DENIED
        assert f"is not authorized to perform: ssm:GetParameter on resource: {ARN}/none" in text
        assert (await refused(world, None, name="/none"))[0] == "ParameterNotFound"


async def test_one_that_may_not_be_read_refuses_all_that_are_asked_for(world):
    async with world:
        await put(world, name="/a", type="String")
        some = await world.user("s", allow("ssm:GetParameters", "ssm:DeleteParameters", resource=f"{ARN}/a"))

        for operation in ("get_parameters", "delete_parameters"):
            assert (await world.refusal("ssm", operation, some, names=["/a", "/b"]))[0] == DENIED
        assert await reads(world, None, "/a") == "hush"


async def test_a_path_is_asked_about_once_as_by_aws_unless_the_house_is_strict(world):
    async with world:
        for leaf in ("a", "secret"):
            await put(world, name=f"/app/{leaf}", type="String")
        reader = await world.user(
            "r", allow("ssm:GetParametersByPath"), deny("ssm:GetParametersByPath", resource=f"{ARN}/app/secret")
        )

        everything = await world.ssm("get_parameters_by_path", reader, path="/app")
        world.parameters.limits = Limits(strict_paths=True)
        strict = await world.ssm("get_parameters_by_path", reader, path="/app")

        assert [one["Name"] for one in everything["Parameters"]] == ["/app/a", "/app/secret"]
        assert [one["Name"] for one in strict["Parameters"]] == ["/app/a"]


async def test_a_path_is_the_resource_and_recursion_a_condition(world):
    async with world:
        await put(world, name="/app/a", type="String")
        flat = {"StringEquals": {"ssm:Recursive": "false"}}
        reader = await world.user("r", allow("ssm:GetParametersByPath", resource=f"{ARN}/app", Condition=flat))

        answer = await world.ssm("get_parameters_by_path", reader, path="/app/")

        assert len(answer["Parameters"]) == 1
        for asked in ({"path": "/app", "recursive": True}, {"path": "/other"}, {"path": "/"}):
            assert (await world.refusal("ssm", "get_parameters_by_path", reader, **asked))[0] == DENIED


async def test_overwriting_and_policies_are_conditions(world):
    document = '[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Days"}}]'
    async with world:
        modest = {"StringEquals": {"ssm:Overwrite": "false", "ssm:Policies": "false"}}
        writer = await world.user("w", allow("ssm:PutParameter", Condition=modest))
        asked = {"value": "v", "type": "String"}

        await world.ssm("put_parameter", writer, name="/p", **asked)

        assert (await refused(world, writer, "put_parameter", overwrite=True, **asked))[0] == DENIED
        told = await refused(world, writer, "put_parameter", name="/q", tier="Advanced", policies=document, **asked)
        assert told[0] == DENIED


async def test_tags_are_conditions_and_need_a_permission_of_their_own(world):
    async with world:
        tags = [{"Key": "team", "Value": "a"}]
        writer = await world.user("w", allow("ssm:PutParameter"))
        asked = {"value": "v", "type": "String", "tags": tags}
        assert (await refused(world, writer, "put_parameter", **asked))[0] == DENIED
        await put(world, type="String", tags=tags)
        mine = {"StringEquals": {"ssm:resourceTag/team": "a"}}
        reader = await world.user("r", allow("ssm:GetParameter", "ssm:RemoveTagsFromResource", Condition=mine))

        assert await reads(world, reader) == "hush"
        gone = {"resource_type": "Parameter", "resource_id": "p", "tag_keys": ["team"]}
        assert (await world.refusal("ssm", "remove_tags_from_resource", reader, **gone))[0] == DENIED
        await world.ssm("remove_tags_from_resource", **gone)
        assert (await refused(world, reader))[0] == DENIED


async def test_another_account_reads_by_arn_what_is_shared_with_it(world):
    async with world:
        root = f"arn:aws:iam::{OTHER_ACCOUNT}:root"
        administration = to(f"arn:aws:iam::{ACCOUNT}:root", allow("kms:*"))
        key = (await world.key(policy=policy(administration, to(root, allow("kms:Decrypt")))))["Arn"]
        await put(world, key_id=key, tier="Advanced")
        other = await world.other()
        arn = f"{ARN}/p"
        assert (await refused(world, other, name=arn))[0] == DENIED
        document = policy(to(root, allow("ssm:GetParameter", "ssm:GetParameters", resource=arn)))
        made = await world.ssm("put_resource_policy", resource_arn=arn, policy=document)

        assert await reads(world, other, arn) == "hush"
        shared = await world.ssm("describe_parameters", other, shared=True)
        assert [one["ARN"] for one in shared["Parameters"]] == [arn]
        assert (await world.ssm("describe_parameters", other))["Parameters"] == []
        assert (await world.ssm("describe_parameters", shared=True))["Parameters"] == []
        again = {"resource_arn": arn, "policy": document}
        stale = {"policy_id": made["PolicyId"], "policy_hash": "0" * 64}
        codes = [
            (await world.refusal("ssm", "put_resource_policy", **again))[0],
            (await world.refusal("ssm", "put_resource_policy", **again, **stale))[0],
            (await world.refusal("ssm", "put_resource_policy", **again, policy_id=made["PolicyId"]))[0],
            (await world.refusal("ssm", "delete_resource_policy", resource_arn=arn, **stale))[0],
        ]
        assert codes == [
            "ResourcePolicyLimitExceededException", "ResourcePolicyConflictException",
            "ResourcePolicyInvalidParameterException", "ResourcePolicyConflictException",
        ]  # fmt: skip
        listed = (await world.ssm("get_resource_policies", resource_arn=arn))["Policies"]
        assert listed == [{**made, "Policy": document}]
        await world.ssm(
            "delete_resource_policy", resource_arn=arn, policy_id=made["PolicyId"], policy_hash=made["PolicyHash"]
        )
        assert (await refused(world, other, name=arn))[0] == DENIED


async def test_what_cannot_be_shared(world):
    async with world:
        await put(world, name="/standard", type="String")
        await put(world, name="/default", tier="Advanced")
        document = policy(to(f"arn:aws:iam::{OTHER_ACCOUNT}:root", allow("ssm:GetParameter")))

        codes = {
            name: (await world.refusal("ssm", "put_resource_policy", resource_arn=f"{ARN}{name}", policy=document))[0]
            for name in ("/standard", "/default", "/none")
        }
        malformed = await world.refusal("ssm", "put_resource_policy", resource_arn=f"{ARN}/default", policy="{")

        assert codes == {
            "/standard": "ResourcePolicyInvalidParameterException",
            "/default": "ResourcePolicyInvalidParameterException",
            "/none": "ResourceNotFoundException",
        }
        assert malformed[0] == "ResourcePolicyInvalidParameterException"


async def test_a_blob_or_a_message_of_another_parameter_is_not_opened(world):
    from sqlalchemy import text

    async with world:
        key = (await world.key())["Arn"]
        for tier in ("Standard", "Advanced"):
            for name in ("/a", "/b"):
                await put(world, name=name, value=f"of {name}", key_id=key, tier=tier, overwrite=True)
            async with world.database.write("a thief", announced=False) as tx:
                moved = "UPDATE parameter_versions SET content = (SELECT content FROM parameter_versions AS o"
                which = "WHERE o.parameter_id = 1 AND o.number = {n}) WHERE parameter_id = 2 AND number = {n}"
                await tx.execute(text(f"{moved} {which.format(n=1 if tier == 'Standard' else 2)}"))

            code, told = await refused(world, None, name="/b", with_decryption=True)

            assert code == "InvalidKeyId"
            assert "of /a" not in told
