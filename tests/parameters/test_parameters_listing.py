"""DescribeParameters: filters, their options, and pages."""

SETTING = "/ssm/parameter-store/default-parameter-tier"


async def fill(world):
    await world.ssm("put_parameter", name="flat", value="1", type="String", data_type="integer")
    await world.ssm(
        "put_parameter", name="/app/db/host", value="h", type="String", tags=[{"Key": "team", "Value": "blue"}]
    )
    await world.ssm("put_parameter", name="/app/db/pass", value="p", type="SecureString", tier="Advanced")
    await world.ssm(
        "put_parameter", name="/app/hosts", value="a,b", type="StringList", tags=[{"Key": "team", "Value": "red"}]
    )
    await world.ssm("put_parameter", name="/apple", value="v", type="String")


FILTERS = [
    ([], ["/app/db/host", "/app/db/pass", "/app/hosts", "/apple", "flat"]),
    ([("Name", "Equals", ["/flat", "/app/hosts"])], ["/app/hosts", "flat"]),
    ([("Name", None, ["flat"])], ["flat"]),
    ([("Name", "BeginsWith", ["app/", "/fl"])], ["/app/db/host", "/app/db/pass", "/app/hosts", "flat"]),
    ([("Name", "Contains", ["host"])], ["/app/db/host", "/app/hosts"]),
    ([("Path", None, ["/app"])], ["/app/hosts"]),
    ([("Path", "Recursive", ["/app/"])], ["/app/db/host", "/app/db/pass", "/app/hosts"]),
    ([("Path", "OneLevel", ["/"])], ["/apple", "flat"]),
    ([("Path", "Recursive", ["/"]), ("Type", None, ["StringList"])], ["/app/hosts"]),
    ([("Type", "BeginsWith", ["Str"])], ["/app/db/host", "/app/hosts", "/apple", "flat"]),
    ([("KeyId", "Equals", ["alias/aws/ssm"])], ["/app/db/pass"]),
    ([("Tier", None, ["Advanced"])], ["/app/db/pass"]),
    ([("DataType", None, ["integer"])], ["flat"]),
    ([("tag:team", None, [])], ["/app/db/host", "/app/hosts"]),
    ([("tag:team", "Equals", ["red"])], ["/app/hosts"]),
    ([("tag:team", "BeginsWith", ["b"])], ["/app/db/host"]),
    ([("tag:other", None, [])], []),
]
WRONG = [
    ([("Label", None, ["x"])], ("InvalidFilterKey", "The following filter key is not valid: Label. Valid filter keys include: [Path, Name, Type, KeyId, Tier].")),
    ([("Type", None, ["x"]), ("Type", None, ["y"])], ("InvalidFilterKey", None)),
    ([("Type", "Contains", ["x"])], ("InvalidFilterOption", "The following filter option is not valid: Contains. Valid options include: [BeginsWith, Equals].")),
    ([("Path", "Equals", ["/x"])], ("InvalidFilterOption", "The following filter option is not valid: Equals. Valid options include: [Recursive, OneLevel].")),
    ([("Type", None, [])], ("InvalidFilterValue", None)),
    ([("Path", None, ["x"])], ("ValidationException", None)),
]  # fmt: skip  # a table


def given(filters):
    return [
        {"Key": key, "Values": values} | ({} if option is None else {"Option": option})
        for key, option, values in filters
    ]


async def walked(world, size, **asked):
    found, token = [], {}
    while True:
        page = await world.ssm("describe_parameters", max_results=size, **asked, **token)
        found += [one["Name"] for one in page["Parameters"]]
        if "NextToken" not in page:
            return found
        token = {"next_token": page["NextToken"]}


async def test_every_filter_in_pages_of_every_size(world):
    async with world:
        await fill(world)
        for filters, names in FILTERS:
            for size in (1, 2, 50):
                assert await walked(world, size, parameter_filters=given(filters)) == names, filters


async def test_filters_that_cannot_be(world):
    async with world:
        for filters, (code, text) in WRONG:
            told = await world.refusal("ssm", "describe_parameters", parameter_filters=given(filters))
            assert told[0] == code, filters
            assert text is None or told[1] == text


async def test_the_old_filters_and_not_both(world):
    async with world:
        await fill(world)
        old = [{"Key": "Name", "Values": ["/flat"]}]

        assert await walked(world, 1, filters=old) == ["flat"]
        told = await world.refusal(
            "ssm", "describe_parameters", filters=old, parameter_filters=given([("Name", None, ["x"])])
        )
        assert told == (
            "ValidationException",
            "You can use either Filters or ParameterFilters in a single request.",
        )


async def test_what_is_described_has_no_value(world):
    async with world:
        await fill(world)
        found = await world.ssm("describe_parameters", parameter_filters=given([("Tier", None, ["Advanced"])]))

        assert set(found["Parameters"][0]) == {
            "Name", "ARN", "Type", "KeyId", "LastModifiedDate", "LastModifiedUser", "Version", "Tier", "Policies", "DataType",
        }  # fmt: skip


async def test_a_page_looks_at_so_many_and_goes_on(world, monkeypatch):
    from keystead.parameters import listing

    monkeypatch.setattr(listing, "SCANNED", 2)
    monkeypatch.setattr(listing, "CHUNK", 2)
    async with world:
        await fill(world)
        page = await world.ssm("describe_parameters", parameter_filters=given([("DataType", None, ["integer"])]))

        assert page["Parameters"] == []
        assert await walked(world, 1, parameter_filters=given([("DataType", None, ["integer"])])) == ["flat"]


async def test_a_path_that_is_none(world):
    async with world:
        for path in ("x", "/a b", "/aws", "/SSM/x", "//"):
            code, text = await world.refusal("ssm", "get_parameters_by_path", path=path)
            assert code == "ValidationException"
            assert text == (
                "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward "
                'slash "/". It can\'t be prefixed with \\"aws\\" or \\"ssm\\" (case-insensitive). It must use only '
                "letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters "
                'are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: '
                "/get/parameters2-/by1./path0_."
            )


async def test_settings_are_default_until_they_are_customized_and_again_after(world):
    async with world:
        arn = "arn:aws:ssm:us-east-1:111122223333:servicesetting" + SETTING
        before = (await world.ssm("get_service_setting", setting_id=SETTING))["ServiceSetting"]
        await world.ssm("update_service_setting", setting_id=arn, setting_value="Intelligent-Tiering")
        changed = (await world.ssm("get_service_setting", setting_id=arn))["ServiceSetting"]
        after = (await world.ssm("reset_service_setting", setting_id=SETTING))["ServiceSetting"]

        assert before == after == {"SettingId": SETTING, "SettingValue": "Standard", "ARN": arn, "Status": "Default"}
        assert (changed["SettingValue"], changed["Status"]) == ("Intelligent-Tiering", "Customized")
        assert changed["LastModifiedUser"].startswith("arn:aws:iam::111122223333:")
        told = await world.refusal("ssm", "get_service_setting", setting_id="/ssm/managed-instance/activation-tier")
        assert told[0] == "ServiceSettingNotFound"
        wrong = await world.refusal("ssm", "update_service_setting", setting_id=SETTING, setting_value="x")
        assert wrong[0] == "ValidationException"


async def test_only_parameters_are_tagged(world):
    async with world:
        asked = {"resource_type": "Document", "resource_id": "/p"}
        assert (await world.refusal("ssm", "list_tags_for_resource", **asked))[0] == "InvalidResourceType"
