"""Lists: filters as recorded from AWS, orders, pages, and the bound on what one page looks at."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keystead.secrets import listing
from keystead.secrets.finding import all_words
from keystead.secrets.listing import Filter, Listing
from keystead.secrets.secret import Secret

INVALID_TOKEN = ("InvalidNextTokenException", "The NextToken value is invalid.")


async def create(world, name, *, tags=None, **asked):
    world.now += 1
    listed = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
    await world.sm("create_secret", name=name, tags=listed, **asked)


async def names(world, *filters, **asked):
    given = [{"Key": key, "Values": values} for key, values in filters]
    answer = await world.sm("list_secrets", filters=given, **asked)
    return [one["Name"] for one in answer["SecretList"]]


async def furnished(world):
    await create(world, "SecretOne", description="one and two", tags={"team": "blue", "Env": "prod"})
    await create(world, "app/db", description="The Database", tags={"team": "green"})
    await create(world, "COMPANYthings", description="misc")
    await create(world, "plain")


CASES = [
    #  filters                                         found                                       evidence
    ([("name", ["app"])],                              ["app/db"]),                                # model
    ([("name", ["App"])],                              []),                                        # with regard to case
    ([("name", ["Secret", "plain"])],                  ["SecretOne", "plain"]),                    # values: OR
    ([("name", ["!plain"])],                           ["SecretOne", "app/db", "COMPANYthings"]),  # negated
    ([("name", ["Secret"]), ("name", ["SecretO"])],    ["SecretOne"]),                             # filters: AND
    ([("name", ["Secret"]), ("name", ["app"])],        []),
    ([("tag-key", ["team"])],                          ["SecretOne", "app/db"]),
    ([("tag-key", ["te"])],                            ["SecretOne", "app/db"]),                   # prefix
    ([("tag-key", ["env"])],                           []),                                        # with regard to case
    ([("tag-value", ["gr"])],                          ["app/db"]),
    ([("tag-key", ["!team"])],                         ["COMPANYthings", "plain"]),
    ([("description", ["one two"])],                   ["SecretOne"]),                             # recorded
    ([("description", ["o t"])],                       ["SecretOne"]),                             # recorded
    ([("description", ["T"])],                         ["SecretOne", "app/db"]),                   # recorded
    ([("description", ["wo"])],                        []),                                        # never inner text
    ([("all", ["ret"])],                               []),                                        # recorded
    ([("all", ["one"])],                               ["SecretOne"]),
    ([("all", ["secret"])],                            ["SecretOne"]),
    ([("all", ["PROD"])],                              ["SecretOne"]),
    ([("all", ["db"])],                                ["app/db"]),
    ([("all", ["ythings"])],                           ["COMPANYthings"]),                         # recorded
    ([("all", ["things"])],                            []),
    ([("all", ["blue secret"])],                       ["SecretOne"]),
    ([("primary-region", ["us-"])],                    ["SecretOne", "app/db", "COMPANYthings", "plain"]),
    ([("primary-region", ["eu"])],                     []),
    ([("owning-service", ["rds"])],                    []),
    ([("tag-key", ["team"]), ("description", ["the"])], ["app/db"]),
]  # fmt: skip  # a table


async def test_filters(world):
    async with world:
        await furnished(world)

        for filters, found in CASES:
            assert await names(world, *filters) == found, filters


async def test_the_index_and_the_meaning_of_a_filter_agree_when_nothing_is_rare(world, monkeypatch):
    monkeypatch.setattr(listing, "CANDIDATES", 0)
    async with world:
        await furnished(world)

        for filters, found in CASES:
            assert await names(world, *filters) == found, filters


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SecretOne", ["secretone", "secret", "one"]),
        ("COMPANYthings", ["companythings", "compan", "ythings"]),
        ("v12beta", ["v12beta", "v", "12", "beta"]),
        ("app/db", ["app/db", "app", "/", "db"]),
        ("", []),
    ],
)
def test_words(text, words):
    assert all_words(text) == words


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("by", ["created-date", "last-changed-date", "last-accessed-date", "name"])
@pytest.mark.parametrize("filters", [(), [("name", ["s"])]])
async def test_pages_have_everything_once_and_in_order(world, by, order, filters):
    async with world:
        for number in (3, 1, 4, 5, 9, 2, 6):
            await create(world, f"s{number}")
        world.now += 1
        await world.sm("update_secret", secret_id="s3", description="changed last")
        found, asked = [], {"sort_by": by, "sort_order": order, "max_results": 3}
        token = {}
        for _ in range(3):
            given = [{"Key": key, "Values": values} for key, values in filters]
            answer = await world.sm("list_secrets", filters=given, **asked, **token)
            found += [one["Name"] for one in answer["SecretList"]]
            token = {"next_token": answer.get("NextToken")}

    expected = {
        "created-date": ["s3", "s1", "s4", "s5", "s9", "s2", "s6"],
        "last-changed-date": ["s1", "s4", "s5", "s9", "s2", "s6", "s3"],
        "last-accessed-date": ["s3", "s1", "s4", "s5", "s9", "s2", "s6"],
        "name": ["s1", "s2", "s3", "s4", "s5", "s6", "s9"],
    }[by]
    assert found == (expected if order == "asc" else expected[::-1])
    assert token == {"next_token": None}


async def test_marked_secrets_are_hidden_unless_asked_for(world):
    async with world:
        await create(world, "a")
        await create(world, "b")
        await world.sm("delete_secret", secret_id="a")

        assert await names(world) == ["b"]
        assert await names(world, include_planned_deletion=True) == ["a", "b"]


async def test_an_entry_is_the_description_with_another_name_for_the_labels(world):
    async with world:
        await create(
            world,
            "a",
            secret_string="x",
            description="d",
            tags={"k": "v"},
            add_replica_regions=[{"Region": "eu-west-1"}],
        )

        (entry,) = (await world.sm("list_secrets"))["SecretList"]
        described = await world.sm("describe_secret", secret_id="a")

    del described["ReplicationStatus"]
    assert entry.pop("SecretVersionsToStages") == described.pop("VersionIdsToStages")
    assert entry == described


async def test_tokens_are_of_one_listing(world):
    async with world:
        for name in "abc":
            await create(world, name)
        token = (await world.sm("list_secrets", max_results=1))["NextToken"]

        async def refused(**asked):
            return await world.refusal("secretsmanager", "list_secrets", **asked)

        assert await refused(next_token="junk") == INVALID_TOKEN
        assert await refused(next_token=token, sort_by="name") == INVALID_TOKEN
        assert await refused(next_token=token, filters=[{"Key": "name", "Values": ["a"]}]) == INVALID_TOKEN
        assert await refused(next_token=token, include_planned_deletion=True) == INVALID_TOKEN
        other = await world.refusal("secretsmanager", "list_secrets", await world.other(), next_token=token)
        assert other == INVALID_TOKEN


async def test_what_one_page_looks_at_is_bounded_and_the_next_goes_on(world, monkeypatch):
    monkeypatch.setattr(listing, "CANDIDATES", 0)
    monkeypatch.setattr(listing, "SCANNED", 4)
    monkeypatch.setattr(listing, "CHUNK", 2)
    async with world:
        for number in range(9):
            await create(world, f"s{number}", description="rare" if number == 7 else "common")
        found, token, pages = [], {}, 0
        while pages == 0 or token["next_token"]:
            answer = await world.sm("list_secrets", filters=[{"Key": "description", "Values": ["rare"]}], **token)
            found.append([one["Name"] for one in answer["SecretList"]])
            token, pages = {"next_token": answer.get("NextToken")}, pages + 1

    assert found == [[], ["s7"], []]


async def test_versions_are_listed_with_a_value_and_a_label(world):
    async with world:
        await create(world, "a", secret_string="1")
        for value in "234":
            world.now += 1
            await world.sm("put_secret_value", secret_id="a", secret_string=value)

        async def listed(**asked):
            return await world.sm("list_secret_version_ids", secret_id="a", **asked)

        assert [one["VersionStages"] for one in (await listed())["Versions"]] == [["AWSPREVIOUS"], ["AWSCURRENT"]]
        first = await listed(include_deprecated=True, max_results=3)
        second = await listed(include_deprecated=True, max_results=3, next_token=first["NextToken"])
        stages = [one.get("VersionStages") for one in first["Versions"] + second["Versions"]]
        assert stages == [None, None, ["AWSPREVIOUS"], ["AWSCURRENT"]]
        assert "NextToken" not in second
        told = await world.refusal("secretsmanager", "list_secret_version_ids", secret_id="a", next_token="junk")
        assert told == INVALID_TOKEN


TEXTS = st.text(alphabet="aB1 -", max_size=6)
SECRETS = st.builds(
    lambda name, description, tags: Secret(1, "1", "r", name or "x", "s", 0, 0, description or None, tags=tags or None),
    TEXTS.map(lambda text: text.replace(" ", "")), TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=2),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(SECRETS, st.sampled_from(sorted(listing.MATCHES)), TEXTS)
def test_a_negated_value_matches_what_the_value_does_not(secret, key, value):
    assert Filter(key, (value,)).matches(secret) is not Filter(key, (f"!{value}",)).matches(secret)


@given(SECRETS, st.lists(st.tuples(st.sampled_from(["name", "tag-key", "all"]), TEXTS), max_size=3))
def test_more_filters_never_show_more(secret, asked):
    filters = tuple(Filter(key, (value,)) for key, value in asked)

    shown = [Listing("1", "r", filters[:count]).shows(secret) for count in range(len(filters) + 1)]

    assert all(before >= after for before, after in itertools.pairwise(shown))
