"""PutParameter: what stays, what is refused, and with which words."""

from keystead.parameters.room import Limits
from world import ACCOUNT

TOO_LONG = (
    "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, "
    "upgrade the parameter to use the advanced-parameter tier. For more information, see "
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
)
BAD_PATH_NAME = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths '
    "divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
)
EXISTS = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
TAGS_AND_OVERWRITE = (
    "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite "
    "flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource."
)
EMPTY = (
    "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than "
    "or equal to 1."
)
POLICY = '[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Days"}}]'


async def put(world, name="/p", value="v", type="String", **asked):  # noqa: A002  # AWS's name
    return await world.ssm("put_parameter", name=name, value=value, type=type, **asked)


async def refused(world, **asked):
    given = {"name": "/p", "value": "v", "type": "String", **asked}
    return await world.refusal("ssm", "put_parameter", **{name: value for name, value in given.items() if value})


async def read(world, name="/p", **asked):
    return (await world.ssm("get_parameter", name=name, with_decryption=True, **asked))["Parameter"]


async def described(world):
    return (await world.ssm("describe_parameters"))["Parameters"][0]


async def test_a_second_put_needs_overwrite(world):
    async with world:
        await put(world)

        assert await refused(world) == ("ParameterAlreadyExists", EXISTS)
        assert await put(world, overwrite=True) == {"Version": 2, "Tier": "Standard"}


async def test_overwriting_what_is_not_there_makes_it(world):
    async with world:
        assert (await put(world, overwrite=True))["Version"] == 1


async def test_what_is_not_said_stays(world):
    async with world:
        await put(world, description="about", allowed_pattern=r"\d+", value="1", data_type="integer", tier="Advanced")

        await world.ssm("put_parameter", name="/p", value="2", overwrite=True)

        found = await described(world)
        assert (found["Description"], found["AllowedPattern"], found["DataType"], found["Tier"]) == (
            "about", r"\d+", "integer", "Advanced",
        )  # fmt: skip


async def test_the_key_does_not_stay(world):
    async with world:
        key = (await world.key())["KeyId"]
        await put(world, type="SecureString", key_id=key)
        assert (await described(world))["KeyId"] == key

        await world.ssm("put_parameter", name="/p", value="w", overwrite=True)

        assert (await described(world))["KeyId"] == "alias/aws/ssm"
        assert (await read(world))["Value"] == "w"
        assert (await read(world, name="/p:1"))["Value"] == "v"


async def test_a_type_is_needed_once_and_does_not_change(world):
    async with world:
        assert await refused(world, type=None) == (
            "ValidationException",
            "A parameter type is required when you create a parameter.",
        )
        await put(world)
        assert (await refused(world, type="SecureString", overwrite=True))[0] == "HierarchyTypeMismatchException"


async def test_tags_go_with_the_first_put_only(world):
    async with world:
        tag = [{"Key": "k", "Value": "v"}]
        assert await refused(world, tags=tag, overwrite=True) == ("ValidationException", TAGS_AND_OVERWRITE)

        await put(world, tags=tag)

        listed = await world.ssm("list_tags_for_resource", resource_type="Parameter", resource_id="p")
        assert listed == {"TagList": tag}


async def test_an_empty_value_is_refused_in_awss_words(world):
    async with world:
        assert await world.refusal("ssm", "put_parameter", name="/p", value="", type="String") == (
            "ValidationException",
            EMPTY,
        )


async def test_a_key_is_for_secure_strings(world):
    async with world:
        assert await refused(world, key_id="alias/aws/ssm") == (
            "ValidationException",
            "KeyId is required for SecureString type parameter only.",
        )


async def test_a_value_does_not_refer_to_others(world):
    async with world:
        for value in ("{{}}", "a{{ssm:name}}b", "{{ other }}"):
            code, text = await refused(world, value=value)

            assert code == "ValidationException"
            assert value not in text or value == "{{}}"


async def test_a_standard_value_has_4096_bytes(world):
    async with world:
        for type_ in ("String", "SecureString"):
            await put(world, name=f"/{type_}", value="x" * 4096, type=type_)
            await put(world, name=f"/e/{type_}", value="é" * 2048, type=type_)

            assert len((await read(world, name=f"/{type_}"))["Value"]) == 4096
            assert await refused(world, name="/q", value="x" * 4097, type=type_) == ("ValidationException", TOO_LONG)
            assert (await refused(world, name="/q", value="é" * 2049, type=type_))[1] == TOO_LONG


async def test_an_advanced_value_has_8192_bytes(world):
    async with world:
        for type_ in ("String", "SecureString"):
            asked = {"type": type_, "tier": "Advanced"}
            await put(world, name=f"/{type_}", value="x" * 8192, **asked)

            assert len((await read(world, name=f"/{type_}"))["Value"]) == 8192
            assert (await refused(world, name="/q", value="x" * 8193, **asked))[0] == "ValidationException"


async def test_a_tier_goes_up_and_not_down(world):
    async with world:
        await put(world, type="SecureString")
        up = await put(world, type="SecureString", tier="Advanced", overwrite=True)
        kept = await put(world, type="SecureString", overwrite=True)

        code, text = await refused(world, type="SecureString", tier="Standard", overwrite=True)

        assert (up["Tier"], kept["Tier"], code) == ("Advanced", "Advanced", "ValidationException")
        assert "You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier" in text
        assert [(await read(world, name=f"/p:{number}"))["Value"] for number in (1, 2, 3)] == ["v", "v", "v"]


CHOSEN = [
    ({}, "Standard"),
    ({"value": "x" * 4097}, "Advanced"),
    ({"policies": POLICY}, "Advanced"),
    ({"value": "{}", "data_type": "json"}, "Advanced"),
    ({"value": "{}", "policies": "[{}]"}, "Standard"),
]


async def test_intelligent_tiering_chooses(world):
    async with world:
        for number, (asked, tier) in enumerate(CHOSEN):
            made = await put(world, name=f"/p{number}", tier="Intelligent-Tiering", **asked)

            assert made["Tier"] == tier


async def test_intelligent_tiering_goes_on_where_standard_is_full(world):
    world.parameters.limits = Limits(standard=1)
    async with world:
        assert (await put(world, name="/a", tier="Intelligent-Tiering"))["Tier"] == "Standard"
        assert (await put(world, name="/b", tier="Intelligent-Tiering"))["Tier"] == "Advanced"


async def test_there_are_so_many_of_each_tier(world):
    world.parameters.limits = Limits(standard=1, advanced=1)
    async with world:
        await put(world, name="/a")
        await put(world, name="/b", tier="Advanced")

        assert (await refused(world, name="/c"))[0] == "ParameterLimitExceeded"
        assert (await refused(world, name="/c", tier="Advanced"))[0] == "ParameterLimitExceeded"
        assert (await refused(world, name="/a", tier="Advanced", overwrite=True))[0] == "ParameterLimitExceeded"
        await world.ssm("put_parameter", name="/a", value="w", overwrite=True)


async def test_the_default_tier_is_a_setting(world):
    async with world:
        setting = "/ssm/parameter-store/default-parameter-tier"
        await world.ssm("update_service_setting", setting_id=setting, setting_value="Advanced")

        assert (await put(world))["Tier"] == "Advanced"
        assert (await put(world, name="/q", tier="Standard"))["Tier"] == "Standard"


async def test_the_value_matches_the_pattern(world):
    async with world:
        await put(world, value="1234", allowed_pattern=r"\d{1,4}")

        code, text = await refused(world, value="12345", overwrite=True)

        assert code == "ParameterPatternMismatchException"
        assert "12345" not in text
        assert (await refused(world, name="/q", allowed_pattern="["))[0] == "InvalidAllowedPatternException"


NO_NAMES = [
    ("a/b", "ValidationException", "Parameter name must be a fully qualified name."),
    ("/ssm/x", "ValidationException", BAD_PATH_NAME),
    ("/a b", "ValidationException", BAD_PATH_NAME),
    ("/a//b", "ValidationException", BAD_PATH_NAME),
    ("/a/", "ValidationException", BAD_PATH_NAME),
    ("awsx", "ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'),
    ("SSMx", "ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'),
    ("/aws/service/x", "AccessDeniedException", "No access to reserved parameter name: /aws/service/x."),
    (f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/p", "ValidationException", "Parameter name must be a fully qualified name."),
]  # fmt: skip


async def test_names_that_cannot_be(world):
    async with world:
        for name, code, text in NO_NAMES:
            assert await refused(world, name=name) == (code, text)


async def test_a_name_has_fifteen_levels_and_1011_characters_with_its_arn(world):
    prefix = len(f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter")
    async with world:
        await put(world, name="/l" * 15)
        await put(world, name="/" + "n" * (1011 - prefix - 1))

        assert (await refused(world, name="/l" * 16))[0] == "HierarchyLevelLimitExceededException"
        assert (await refused(world, name="/" + "n" * (1011 - prefix)))[0] == "ValidationException"


async def test_outer_spaces_are_not_part_of_a_name(world):
    async with world:
        await put(world, name="  /p ")

        assert (await read(world, name=" p"))["Name"] == "/p"


DATA_TYPES = [
    ("integer", "-12", "1.5"), ("float", "1.5e3", "nan"), ("boolean", "true", "yes"), ("binary", "aGk=", "aGk"),
    ("hostname", "db.example", "-db"), ("email", "a@example.com", "a@"), ("ipv4-address", "10.0.0.1", "10.0.0.256"),
    ("ipv6-address", "::1", "1.1.1.1"), ("aws:region", "eu-west-1", "Europe"), ("aws:account:id", "1" * 12, "1"),
    ("url", "https://a.example/x?y", "no url"), ("json", '{"a": [1]}', '{"a": NaN}'), ("jsonc", '{"a": 1} // b', "// b"),
]  # fmt: skip


async def test_a_data_type_is_checked_and_the_value_not_repeated(world):
    async with world:
        for data_type, good, bad in DATA_TYPES:
            asked = {"type": "SecureString", "data_type": data_type, "tier": "Advanced"}
            await put(world, name=f"/{data_type.replace(':', '.')}".replace("aws", "of"), value=good, **asked)

            code, text = await refused(world, name="/bad", value=bad, **asked)

            assert code == "ValidationException"
            assert text == f"The parameter value is not a valid {data_type}."


async def test_each_item_of_a_list_has_the_data_type(world):
    async with world:
        await put(world, type="StringList", value="1,2", data_type="integer")

        assert (await refused(world, name="/q", type="StringList", value="1,x", data_type="integer"))[
            0
        ] == "ValidationException"


async def test_some_data_types_need_the_advanced_tier_and_some_do_not_change(world):
    async with world:
        assert (await refused(world, value="{}", data_type="json"))[0] == "ValidationException"
        await put(world, data_type="aws:ssm:integration")
        assert (await refused(world, data_type="text", overwrite=True))[0] == "ValidationException"
        await put(world, name="/n", value="1", data_type="integer")
        await put(world, name="/n", value="x", data_type="text", overwrite=True)


async def test_an_image_looks_like_one_and_an_unknown_data_type_is_refused_as_by_aws(world):
    async with world:
        await put(world, name="/image", value="ami-0123456789abcdef0", data_type="aws:ec2:image")
        assert (await refused(world, value="image", data_type="aws:ec2:image"))[0] == "ValidationException"
        assert await refused(world, data_type="Text") == (
            "ValidationException",
            "The following data type is not supported: Text (Data type names are all lowercase.)",
        )


async def test_two_writers_of_one_name(world):
    async with world:
        await put(world)
        known = await world.parameters.known.named(await place(world))
        await put(world, overwrite=True)
        world.parameters.known.named = lambda _: held(known)

        assert await refused(world, overwrite=True) == (
            "TooManyUpdates",
            "There are concurrent updates for a resource that supports one update at a time.",
        )


async def place(world):
    from keystead.parameters import names

    return names.read(world.call(await world.caller(), "ssm", "PutParameter"), "/p")


async def held(value):
    return value
