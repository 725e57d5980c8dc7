"""Grants: who gets what, under which constraints, and how it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.keys.grants import Constraint, at_least_as_strict, satisfied
from world import ACCOUNT, OTHER_ACCOUNT, allow, deny, policy, to

ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.fixture
def asked():
    return {"plaintext": b"x"}


async def holder(world, name="holder"):
    """(a session of a role without any permission, the role's ARN)."""
    role = await world.role(name)
    return await world.assume(role), role


async def test_a_grant_allows_what_no_policy_does(world, asked):
    async with world:
        key = await world.key()
        session, role = await holder(world)
        assert (await world.refused("encrypt", session, key_id=key["Arn"], **asked))[0] == "AccessDeniedException"

        await world.kms("create_grant", key_id=key["KeyId"], grantee_principal=role, operations=["Encrypt"])

        await world.kms("encrypt", session, key_id=key["Arn"], **asked)
        told = await world.refused("generate_data_key", session, key_id=key["Arn"], key_spec="AES_256")
        assert told[0] == "AccessDeniedException"


async def test_a_grant_to_another_user_says_nothing_about_this_one(world, asked):
    async with world:
        key = await world.key()
        zoe, max_ = await world.user("zoe"), await world.user("max")

        await world.kms(
            "create_grant", key_id=key["KeyId"], grantee_principal=zoe.principal.arn, operations=["Encrypt"]
        )

        assert (await world.refused("encrypt", max_, key_id=key["Arn"], **asked))[0] == "AccessDeniedException"


async def test_an_explicit_denial_beats_a_grant(world, asked):
    async with world:
        zoe = await world.user("zoe", deny("kms:Encrypt"))
        key = await world.key()
        await world.kms(
            "create_grant", key_id=key["KeyId"], grantee_principal=zoe.principal.arn, operations=["Encrypt"]
        )

        told = await world.refused("encrypt", zoe, key_id=key["Arn"], **asked)

        assert told[1].endswith("with an explicit deny in an identity-based policy")


@pytest.mark.parametrize("end", ["revoke", "retire"])
async def test_a_grant_that_has_ended_allows_nothing(world, asked, end):
    async with world:
        key = await world.key()
        session, role = await holder(world)
        made = await world.kms("create_grant", key_id=key["KeyId"], grantee_principal=role, operations=["Encrypt"])
        await world.kms("encrypt", session, key_id=key["Arn"], **asked)

        await world.kms(f"{end}_grant", key_id=key["Arn"], grant_id=made["GrantId"])

        assert (await world.refused("encrypt", session, key_id=key["Arn"], **asked))[0] == "AccessDeniedException"
        assert (await world.kms("list_grants", key_id=key["KeyId"]))["Grants"] == []
        again = await world.refused("revoke_grant", key_id=key["KeyId"], grant_id=made["GrantId"])
        assert again[0] == "NotFoundException"


async def test_a_role_made_again_does_not_inherit_the_grant(world, asked):
    async with world:
        key = await world.key()
        _, role = await holder(world)
        await world.kms("create_grant", key_id=key["KeyId"], grantee_principal=role, operations=["Encrypt"])

        await world.iam("delete_role", role_name="holder")
        again, _ = await holder(world)

        assert (await world.refused("encrypt", again, key_id=key["Arn"], **asked))[0] == "AccessDeniedException"


async def test_a_session_can_be_granted_by_its_own_arn(world, asked):
    async with world:
        key = await world.key()
        session, role = await holder(world)
        other = await world.assume(role, session="other")

        await world.kms(
            "create_grant", key_id=key["KeyId"], grantee_principal=session.principal.arn, operations=["Encrypt"]
        )

        await world.kms("encrypt", session, key_id=key["Arn"], **asked)
        assert (await world.refused("encrypt", other, key_id=key["Arn"], **asked))[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("constraints", "context", "allowed"),
    [
        ({"EncryptionContextEquals": {"a": "1"}}, {"A": "1"}, True),
        ({"EncryptionContextEquals": {"a": "1"}}, {"a": "1", "b": "2"}, False),
        ({"EncryptionContextEquals": {"a": "x"}}, {"a": "X"}, False),
        ({"EncryptionContextSubset": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"EncryptionContextSubset": {"a": "1"}}, {"b": "2"}, False),
        ({"EncryptionContextSubset": {"a": "1"}}, {}, False),
    ],
)
async def test_constraints_hold_the_encryption_context(world, asked, constraints, context, allowed):
    async with world:
        key = await world.key()
        session, role = await holder(world)
        await world.kms(
            "create_grant",
            key_id=key["KeyId"],
            grantee_principal=role,
            operations=["Encrypt"],
            constraints=constraints,
        )
        call = {"key_id": key["Arn"], "encryption_context": context, **asked}

        if allowed:
            await world.kms("encrypt", session, **call)
        else:
            assert (await world.refused("encrypt", session, **call))[0] == "AccessDeniedException"


async def test_a_constraint_does_not_bind_describekey(world):
    async with world:
        key = await world.key()
        session, role = await holder(world)
        await world.kms(
            "create_grant",
            key_id=key["KeyId"],
            grantee_principal=role,
            operations=["DescribeKey"],
            constraints={"EncryptionContextEquals": {"a": "1"}},
        )

        assert (await world.kms("describe_key", session, key_id=key["Arn"]))["KeyMetadata"]["KeyId"] == key["KeyId"]


async def test_the_same_request_under_the_same_name_gives_the_same_grant_and_a_new_token(world):
    async with world:
        key, other = await world.key(), await world.key()
        _, role = await holder(world)
        request = {"grantee_principal": role, "operations": ["Encrypt"], "name": "once"}

        first = await world.kms("create_grant", key_id=key["KeyId"], **request)
        again = await world.kms("create_grant", key_id=key["KeyId"], **request)
        elsewhere = await world.kms("create_grant", key_id=other["KeyId"], **request)
        different = await world.kms("create_grant", key_id=key["KeyId"], **{**request, "operations": ["Decrypt"]})

        assert first["GrantId"] == again["GrantId"]
        assert first["GrantToken"] != again["GrantToken"]
        assert len({first["GrantId"], elsewhere["GrantId"], different["GrantId"]}) == 3


async def test_without_a_name_every_request_makes_a_grant(world):
    async with world:
        key = await world.key()
        _, role = await holder(world)
        request = {"key_id": key["KeyId"], "grantee_principal": role, "operations": ["Encrypt"]}

        made = {(await world.kms("create_grant", **request))["GrantId"] for _ in range(2)}

        assert len(made) == 2


async def test_every_token_of_a_grant_retires_it(world):
    async with world:
        key = await world.key()
        session, role = await holder(world)
        request = {
            "key_id": key["KeyId"],
            "grantee_principal": role,
            "operations": ["Encrypt", "RetireGrant"],
            "name": "n",
        }
        first = await world.kms("create_grant", **request)
        await world.kms("create_grant", **request)

        await world.kms("retire_grant", session, grant_token=first["GrantToken"])

        assert (await world.kms("list_grants", key_id=key["KeyId"]))["Grants"] == []
        told = await world.refused("retire_grant", session, grant_token=first["GrantToken"])
        assert told == ("InvalidGrantTokenException", None)


async def test_who_may_retire(world):
    async with world:
        key = await world.key()
        _, role = await holder(world)
        retiring = await world.user("retiring")
        bystander = await world.user("bystander", allow("kms:Describe*"))
        delegate = await world.user("delegate", allow("kms:RetireGrant"))
        denied = await world.user("denied", deny("kms:RetireGrant"))

        async def granted(by):
            request = {"grantee_principal": role, "operations": ["Encrypt"], "retiring_principal": by.principal.arn}
            return (await world.kms("create_grant", key_id=key["KeyId"], **request))["GrantId"]

        grant = await granted(retiring)
        assert (await world.refused("retire_grant", bystander, key_id=key["Arn"], grant_id=grant))[0] == (
            "AccessDeniedException"
        )
        await world.kms("retire_grant", retiring, key_id=key["Arn"], grant_id=grant)
        await world.kms("retire_grant", delegate, key_id=key["Arn"], grant_id=await granted(retiring))
        told = await world.refused("retire_grant", denied, key_id=key["Arn"], grant_id=await granted(denied))
        assert told[1].endswith("with an explicit deny in an identity-based policy")


async def test_a_key_policy_alone_does_not_let_anyone_retire(world):
    async with world:
        stranger = await world.user("stranger")
        administration = to(ROOT, allow("kms:*"))
        key = await world.key(
            policy=policy(administration, to(stranger.principal.arn, allow("kms:RetireGrant", "kms:DescribeKey")))
        )
        _, role = await holder(world)
        made = await world.kms("create_grant", key_id=key["KeyId"], grantee_principal=role, operations=["Encrypt"])

        told = await world.refused("retire_grant", stranger, key_id=key["Arn"], grant_id=made["GrantId"])

        assert told[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"grant_id": "0" * 64},
        {"key_id": "{arn}"},
        {"key_id": "{arn}", "grant_id": "0" * 64, "grant_token": "x"},
    ],
)
async def test_retiring_needs_a_token_or_a_key_and_a_grant(world, asked):
    async with world:
        key = await world.key()

        told = await world.refused(
            "retire_grant", **{name: value.replace("{arn}", key["Arn"]) for name, value in asked.items()}
        )

        assert told[0] == "ValidationException"


async def test_a_grantor_by_grant_passes_on_no_more_than_it_has(world):
    async with world:
        key = await world.key()
        middle, role = await holder(world)
        _, third = await holder(world, "third")
        await world.kms(
            "create_grant",
            key_id=key["KeyId"],
            grantee_principal=role,
            operations=["CreateGrant", "Encrypt"],
            constraints={"EncryptionContextSubset": {"team": "a"}},
        )

        async def passing_on(operations, constraints):
            return {
                "key_id": key["Arn"],
                "grantee_principal": third,
                "operations": operations,
                "constraints": constraints,
            }

        within = {"EncryptionContextSubset": {"team": "a", "more": "b"}}
        await world.kms("create_grant", middle, **await passing_on(["Encrypt"], within))
        for operations, constraints in (
            (["Decrypt"], within),
            (["Encrypt"], {"EncryptionContextSubset": {"team": "b"}}),
            (["Encrypt"], {}),
        ):
            told = await world.refused("create_grant", middle, **await passing_on(operations, constraints))
            assert told[0] == "AccessDeniedException"


async def test_a_grantor_by_policy_may_grant_what_it_lacks(world):
    async with world:
        key = await world.key()
        grantor = await world.user("grantor", allow("kms:CreateGrant"))
        session, role = await holder(world)

        await world.kms("create_grant", grantor, key_id=key["KeyId"], grantee_principal=role, operations=["Encrypt"])

        await world.kms("encrypt", session, key_id=key["Arn"], plaintext=b"x")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"grantee_principal": f"arn:aws:iam::{ACCOUNT}:user/nobody"}, "InvalidArnException"),
        ({"grantee_principal": f"arn:aws:iam::{ACCOUNT}:group/all"}, "InvalidArnException"),
        ({"grantee_principal": "*"}, "InvalidArnException"),
        ({"grantee_principal": "{role}", "operations": ["Sign"]}, "ValidationException"),
        ({"operations": ["Encrypt"]}, "ValidationException"),
        (
            {
                "grantee_principal": "{role}",
                "constraints": {"EncryptionContextEquals": {str(n): "x" for n in range(9)}},
            },
            "ValidationException",
        ),
    ],
)
async def test_what_cannot_be_granted_is_refused(world, asked, code):
    async with world:
        key = await world.key()
        _, role = await holder(world)
        request = {"operations": ["Encrypt"], **asked}
        if request.get("grantee_principal") == "{role}":
            request["grantee_principal"] = role

        assert (await world.refused("create_grant", key_id=key["KeyId"], **request))[0] == code


async def test_listings_page_and_filter(world):
    async with world:
        key = await world.key()
        _, role = await holder(world)
        _, second = await holder(world, "second")
        made = []
        for number in range(5):
            world.now += 1
            grantee = role if number % 2 else second
            request = {"grantee_principal": grantee, "operations": ["Encrypt"]}
            made.append((await world.kms("create_grant", key_id=key["KeyId"], **request))["GrantId"])

        listed, marker = [], None
        while True:
            page = await world.kms("list_grants", key_id=key["KeyId"], limit=2, marker=marker)
            listed += [grant["GrantId"] for grant in page["Grants"]]
            marker = page.get("NextMarker")
            if not page["Truncated"]:
                break
        filtered = await world.kms("list_grants", key_id=key["KeyId"], grantee_principal=role)

        assert listed == made
        assert [grant["GrantId"] for grant in filtered["Grants"]] == made[1::2]
        assert "GrantToken" not in str(filtered)
        told = await world.refused("list_grants", key_id=key["KeyId"], marker="x" * 20)
        assert told[0] == "InvalidMarkerException"


async def test_retirable_grants_are_those_of_the_retiring_principal(world):
    async with world:
        key = await world.key()
        _, role = await holder(world)
        retiring = await world.user("retiring", allow("kms:ListRetirableGrants"))
        request = {"grantee_principal": role, "operations": ["Encrypt"]}
        await world.kms("create_grant", key_id=key["KeyId"], **request)
        made = await world.kms(
            "create_grant", key_id=key["KeyId"], retiring_principal=retiring.principal.arn, **request
        )

        listed = await world.kms("list_retirable_grants", retiring, retiring_principal=retiring.principal.arn)

        assert [grant["GrantId"] for grant in listed["Grants"]] == [made["GrantId"]]
        assert listed["Grants"][0]["KeyId"] == key["Arn"]


async def test_a_grant_reaches_into_another_account_when_that_side_allows_too(world):
    async with world:
        key = await world.key()
        other = await world.other()
        await world.kms(
            "create_grant", key_id=key["KeyId"], grantee_principal=other.principal.arn, operations=["Encrypt"]
        )

        await world.kms("encrypt", other, key_id=key["Arn"], plaintext=b"x")

        assert other.principal.account == OTHER_ACCOUNT


pairs = st.dictionaries(st.sampled_from("aAbBc"), st.sampled_from(["1", "2"]), max_size=3)
constraints = st.dictionaries(st.sampled_from(list(Constraint)), pairs, max_size=2)


@given(constraints, constraints, pairs)
def test_whatever_satisfies_a_stricter_child_satisfies_its_parent(child, parent, context):
    if at_least_as_strict(child, parent) and satisfied(child, context):
        assert satisfied(parent, context)


@given(constraints)
def test_strictness_is_reflexive(some):
    assert at_least_as_strict(some, some)
