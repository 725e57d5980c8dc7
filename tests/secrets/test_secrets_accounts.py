"""Replication to another account: who must allow what on both sides, roles that replicate, and failures that change nothing."""

import json

import pytest

from keystead.secrets import accounts, copying
from turns import FUNCTION, Turns
from world import ACCOUNT, OTHER_ACCOUNT, REGION, allow, deny, policy, to, trusting

HERE, THERE = f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{OTHER_ACCOUNT}:root"
SERVICE = "secretsmanager.amazonaws.com"
DENIED = "AccessDeniedException"
KMS = (DENIED, "Access to KMS is not allowed")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/replicates"


async def pair(world, *, encrypts=HERE, **asked):
    """(ARN of a primary with a value and a key of its own, of a replica that waits, of the replica's key)"""
    primary_key = (await world.key())["Arn"]
    own = to(THERE, allow("kms:*"))
    through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}
    shared = [to(encrypts, allow("kms:Encrypt", Condition=through))] if encrypts else []
    key = (await world.key(await world.other(), policy=policy(own, *shared)))["Arn"]
    made = await world.sm("create_secret", name="app", secret_string="one", kms_key_id=primary_key)
    replica = await world.sm(
        "create_secret", await world.other(), name="copy", kms_key_id=key, cross_account_primary_arn=made["ARN"]
    )
    return made["ARN"], replica["ARN"], key


def naming(primary, replica):
    return {"secret_id": primary, "cross_account_replica_arn": replica}


async def associate(world, primary, replica, caller=None, **asked):
    return await world.sm("associate_cross_account_replica", caller, **naming(primary, replica), **asked)


async def refused(world, primary, replica, caller=None, **asked):
    """The code, after both ends have been seen to be as they were."""
    before = await ends(world, primary, replica)
    told = await world.refusal(
        "secretsmanager", "associate_cross_account_replica", caller, **naming(primary, replica), **asked
    )
    assert await ends(world, primary, replica) == before
    return told


async def ends(world, primary, replica):
    theirs = await world.other()
    described = [
        await world.sm("describe_secret", secret_id=primary),
        await world.sm("describe_secret", theirs, secret_id=replica),
    ]
    listed = await world.sm("list_secret_version_ids", theirs, secret_id=replica, include_deprecated=True)
    return described, listed["Versions"]


async def reads(world, replica, **asked):
    return (await world.sm("get_secret_value", await world.other(), secret_id=replica, **asked))["SecretString"]


async def status(world, primary):
    (found,) = (await world.sm("describe_secret", secret_id=primary))["CrossAccountReplicas"]
    return found["ReplicationStatus"]


NEEDED = {
    "associate": allow(
        "secretsmanager:AssociateCrossAccountReplica", resource="arn:aws:secretsmanager:*:*:secret:app-??????"
    ),
    "read": allow("secretsmanager:GetSecretValue", resource="arn:aws:secretsmanager:*:*:secret:app-??????"),
    "accept": allow(
        "secretsmanager:AcceptCrossAccountReplication",
        resource=f"arn:aws:secretsmanager:*:{OTHER_ACCOUNT}:secret:copy-*",
    ),
    "decrypt": allow("kms:Decrypt", resource=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"),
    "encrypt": allow("kms:Encrypt", resource=f"arn:aws:kms:{REGION}:{OTHER_ACCOUNT}:key/*"),
}
"""What whoever associates must be allowed by its own account (Secrets Manager API reference, AssociateCrossAccountReplica)."""


async def test_whoever_may_do_all_of_it_associates(world):
    async with world:
        primary, replica, _ = await pair(world)
        caller = await world.user("u", *NEEDED.values())

        await associate(world, primary, replica, caller)

        assert await reads(world, replica) == "one"


@pytest.mark.parametrize("missing", NEEDED)
async def test_whoever_lacks_one_permission_does_not(world, missing):
    async with world:
        primary, replica, _ = await pair(world)
        caller = await world.user("u", *(one for name, one in NEEDED.items() if name != missing))

        told = await refused(world, primary, replica, caller)

        assert told[0] == DENIED
        assert (told == KMS) == (missing in {"decrypt", "encrypt"})


async def test_the_replica_s_key_must_let_the_primary_s_account_encrypt(world):
    async with world:
        primary, replica, key = await pair(world, encrypts=None)

        assert await refused(world, primary, replica) == KMS
        opened = policy(to(THERE, allow("kms:*")), to(HERE, allow("kms:Encrypt")))
        await world.kms("put_key_policy", await world.other(), key_id=key, policy=opened)
        await associate(world, primary, replica)

        assert await reads(world, replica) == "one"


async def test_the_replica_s_account_can_keep_the_primary_s_out(world):
    async with world:
        primary, replica, _ = await pair(world)
        keeping_out = policy(to(HERE, deny("secretsmanager:AcceptCrossAccountReplication")))
        theirs = await world.other()
        await world.sm("put_resource_policy", theirs, secret_id=replica, resource_policy=keeping_out)

        assert (await refused(world, primary, replica))[0] == DENIED
        await world.sm("delete_resource_policy", theirs, secret_id=replica)
        await associate(world, primary, replica)


async def test_nobody_else_may_associate_or_end_it(world):
    async with world:
        primary, replica, _ = await pair(world)
        theirs = await world.other()
        everything = policy(to(THERE, allow("secretsmanager:*")))
        await world.sm("put_resource_policy", secret_id=primary, resource_policy=everything)
        mine = policy(to(HERE, allow("secretsmanager:*")))
        await world.sm("put_resource_policy", theirs, secret_id=replica, resource_policy=mine)

        told = await refused(world, primary, replica, theirs)
        assert told[0] == "InvalidRequestException"
        await associate(world, primary, replica)
        told = await world.refusal(
            "secretsmanager", "disassociate_cross_account_replica", theirs, **naming(primary, replica)
        )
        assert told[0] == "InvalidRequestException"
        told = await world.refusal("secretsmanager", "stop_replication_to_replica", secret_id=replica)
        assert told[0] == "InvalidRequestException"
        assert await status(world, primary) == "InSync"


async def test_a_stranger_learns_nothing_of_a_replica(world):
    async with world:
        primary, _, _ = await pair(world)
        other = (await world.sm("create_secret", await world.other(), name="other", secret_string="x"))["ARN"]

        there = await refused(world, primary, other)
        not_there = await world.refusal(
            "secretsmanager", "associate_cross_account_replica", **naming(primary, other[:-6] + "AbCdEf")
        )

        assert there[0] == not_there[0] == DENIED
        assert there[1].replace(other[-6:], "AbCdEf") == not_there[1]


async def test_making_a_replica_needs_put_resource_policy_and_ending_one_delete_resource_policy(world):
    async with world:
        primary, replica, key = await pair(world)
        theirs = await world.other()
        named = {"StringEquals": {"secretsmanager:PolicyName": "cross-account-replication"}}
        rights = {
            "maker": [allow("secretsmanager:PutResourcePolicy", Condition=named)],
            "ender": [allow("secretsmanager:DeleteResourcePolicy", Condition=named)],
            "neither": [],
        }
        base = allow("secretsmanager:CreateSecret", "secretsmanager:StopReplicationToReplica", "kms:*")
        users = {}
        for name, more in rights.items():
            await world.iam("create_user", theirs, user_name=name)
            document = policy(base, *more)
            await world.iam("put_user_policy", theirs, user_name=name, policy_name="p", policy_document=document)
            made = await world.iam("create_access_key", theirs, user_name=name)
            users[name] = made["AccessKey"]["AccessKeyId"]
        asked = {"name": "more", "kms_key_id": key, "cross_account_primary_arn": primary}

        for name in ("ender", "neither"):
            caller = await world.caller(users[name])
            token = {"client_request_token": "t" * 32}
            told = await world.refusal("secretsmanager", "create_secret", caller, **asked, **token)
            assert told[0] == DENIED
        await world.sm("create_secret", await world.caller(users["maker"]), **asked)
        for name in ("maker", "neither"):
            caller = await world.caller(users[name])
            told = await world.refusal("secretsmanager", "stop_replication_to_replica", caller, secret_id=replica)
            assert told[0] == DENIED
        await world.sm("stop_replication_to_replica", await world.caller(users["ender"]), secret_id=replica)


async def test_who_writes_the_primary_without_leave_for_the_replica_s_key_leaves_it_behind(world):
    async with world:
        primary, replica, _ = await pair(world)
        await associate(world, primary, replica)
        writer = await world.user("w", allow("secretsmanager:PutSecretValue", "kms:GenerateDataKey", "kms:Decrypt"))

        await world.sm("put_secret_value", writer, secret_id=primary, secret_string="two")

        assert await status(world, primary) == "Failed"
        assert await reads(world, replica) == "one"
        await world.sm("put_secret_value", secret_id=primary, secret_string="three")
        assert await status(world, primary) == "InSync"
        assert await reads(world, replica) == "three"
        assert await reads(world, replica, version_stage="AWSPREVIOUS") == "two"


async def test_values_lie_under_the_replica_s_key_with_its_own_context(world):
    async with world:
        primary, replica, key = await pair(world)
        await associate(world, primary, replica)

        secret = await world.secrets.known.secret(2)
        version = await world.secrets.known.version(secret, secret.labels["AWSCURRENT"])

        assert secret.arn == replica
        assert version.sealed.key_arn == key
        owner = await world.secrets.known.secret(1)
        mixed = await world.secrets.known.version(owner, version.id)
        assert mixed.sealed.content != version.sealed.content
        context = {"SecretARN": replica, "SecretVersionId": version.id}
        blob = {"ciphertext_blob": version.sealed.data_key}
        call = world.call(await world.other(), "kms", "Decrypt")
        assert (await world.run_call(call, "decrypt", **blob, encryption_context=context))["KeyId"] == key
        for wrong in ({}, {**context, "SecretARN": primary}):
            told = await world.refusal("kms", "decrypt", await world.other(), **blob, encryption_context=wrong)
            assert told[0] == "InvalidCiphertextException"


async def test_what_does_not_follow_does_not_change_the_replica_s_date(world):
    async with world:
        primary, replica, _ = await pair(world)
        await associate(world, primary, replica)
        theirs = await world.other()

        async def changed():
            world.now += 10
            return (await world.sm("describe_secret", theirs, secret_id=replica))["LastChangedDate"]

        before = await changed()
        await world.sm("tag_resource", secret_id=primary, tags=[{"Key": "a", "Value": "b"}])
        tagged = await changed()
        await world.sm("update_secret", secret_id=primary, description="new")

        assert tagged == before < await changed()


async def test_a_rotation_of_the_primary_reaches_the_replica(world):
    async with world:
        primary, replica, _ = await pair(world)
        await associate(world, primary, replica)
        turns = Turns(world)
        asked = {"secret_id": primary, "rotation_lambda_arn": FUNCTION, "client_request_token": "r" * 32}

        await world.sm("rotate_secret", **asked)
        waiting = (await world.sm("describe_secret", await world.other(), secret_id=replica))["VersionIdsToStages"]
        await turns.turn()
        turns.close()

        assert "r" * 32 not in waiting
        assert await reads(world, replica) == turns.function.made["r" * 32]
        assert await reads(world, replica, version_stage="AWSPREVIOUS") == "one"
        assert await status(world, primary) == "InSync"
        told = await world.refusal(
            "secretsmanager", "rotate_secret", await world.other(), **{**asked, "secret_id": replica}
        )
        assert told[0] == "InvalidParameterException"


async def test_the_version_of_a_test_goes_from_the_replica_too(world):
    async with world:
        primary, replica, _ = await pair(world)
        await associate(world, primary, replica)
        turns = Turns(world)
        asked = {"rotation_lambda_arn": FUNCTION, "client_request_token": "r" * 32, "rotate_immediately": False}

        await world.sm("rotate_secret", secret_id=primary, **asked)
        await turns.turn()
        turns.close()

        (_, theirs), versions = await ends(world, primary, replica)
        assert len(theirs["VersionIdsToStages"]) == len(versions) == 1


async def role(world, **more):
    """Replicates; trusts Secrets Manager, for this account's secrets."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": "arn:aws:secretsmanager:*:*:secret:app-*"},
        },
    }
    return await world.role("replicates", allow("kms:Encrypt"), trust=trust, **more)


async def test_a_role_replicates_what_others_write(world):
    async with world:
        primary, replica, _ = await pair(world)
        arn = await role(world)
        await associate(world, primary, replica, replication_role_arn=arn)
        writer = await world.user("w", allow("secretsmanager:PutSecretValue", "kms:GenerateDataKey", "kms:Decrypt"))

        call = world.call(writer, "secretsmanager", "PutSecretValue")
        asked = {"secret_id": primary, "secret_string": "two", "client_request_token": "t" * 32}
        await world.run_call(call, "put_secret_value", **asked)

        assert await status(world, primary) == "InSync"
        assert await reads(world, replica) == "two"
        (entry,) = (await world.sm("describe_secret", secret_id=primary))["CrossAccountReplicas"]
        assert entry["ReplicationRoleARN"] == arn
        made = {one.action: one for one in call.forwarded}
        assert made["AssumeRole"].caller.identity == {"type": "AWSService", "invokedBy": SERVICE}
        assert made["Encrypt"].caller.principal.arn.startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/replicates/")
        assert made["GenerateDataKey"].caller is writer


@pytest.mark.parametrize("change", ["trusts nobody", "may not encrypt", "is gone"])
async def test_a_role_that_cannot_leaves_the_replica_behind(world, change):
    async with world:
        primary, replica, _ = await pair(world)
        await associate(world, primary, replica, replication_role_arn=await role(world))

        if change == "trusts nobody":
            document = policy(trusting(ACCOUNT))
            await world.iam("update_assume_role_policy", role_name="replicates", policy_document=document)
        else:
            await world.iam("delete_role_policy", role_name="replicates", policy_name="inline")
        if change == "is gone":
            await world.iam("delete_role", role_name="replicates")
        await world.sm("put_secret_value", secret_id=primary, secret_string="two")

        assert await status(world, primary) == "Failed"
        assert await reads(world, replica) == "one"
        await associate(world, primary, replica)
        assert await reads(world, replica) == "two"
        (entry,) = (await world.sm("describe_secret", secret_id=primary))["CrossAccountReplicas"]
        assert "ReplicationRoleARN" not in entry


async def test_a_role_must_be_there_be_this_account_s_and_be_passed(world):
    async with world:
        primary, replica, _ = await pair(world)
        arn = await role(world)
        for wrong in (
            arn + "x",
            arn.replace(ACCOUNT, OTHER_ACCOUNT),
            arn.replace("role", "user"),
            "nothing, but long enough",
        ):
            told = await refused(world, primary, replica, replication_role_arn=wrong)
            assert told[0] == DENIED
        passing = {"StringEquals": {"iam:PassedToService": SERVICE}}
        cannot = await world.user("cannot", *NEEDED.values())
        can = await world.user("can", *NEEDED.values(), allow("iam:PassRole", resource=arn, Condition=passing))

        assert (await refused(world, primary, replica, cannot, replication_role_arn=arn))[0] == DENIED
        await associate(world, primary, replica, can, replication_role_arn=arn)


async def test_a_role_for_another_secret_is_not_assumed(world):
    async with world:
        primary, replica, _ = await pair(world)
        for_another = {
            "Effect": "Allow",
            "Principal": {"Service": SERVICE},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:secretsmanager:*:*:secret:another-*"}},
        }
        arn = await world.role("narrow", allow("kms:Encrypt"), trust=for_another)

        assert await refused(world, primary, replica, replication_role_arn=arn) == KMS


async def test_a_failure_in_the_middle_of_an_association_changes_neither_end(world, monkeypatch):
    async with world:
        primary, replica, _ = await pair(world)
        before = await ends(world, primary, replica)

        async def fails(*_):
            raise RuntimeError("in the middle")

        for module, name in ((copying, "follow_link"), (copying, "note_link"), (accounts, "store")):
            with monkeypatch.context() as patched:
                patched.setattr(module, name, fails)
                with pytest.raises(RuntimeError):
                    await associate(world, primary, replica)
            await world.feed.catch_up()
            assert await ends(world, primary, replica) == before
        await associate(world, primary, replica)
        assert await reads(world, replica) == "one"


@pytest.mark.parametrize("operation", ["disassociate_cross_account_replica", "stop_replication_to_replica"])
async def test_a_failure_in_the_middle_of_an_end_changes_neither_end(world, monkeypatch, operation):
    async with world:
        primary, replica, _ = await pair(world)
        await associate(world, primary, replica)
        before = await ends(world, primary, replica)
        ours = operation.startswith("dis")
        asked = naming(primary, replica) if ours else {"secret_id": replica}

        async def fails(*_):
            raise RuntimeError("in the middle")

        with monkeypatch.context() as patched:
            patched.setattr(accounts, "detach", fails)
            with pytest.raises(RuntimeError):
                await world.sm(operation, None if ours else await world.other(), **asked)

        await world.feed.catch_up()
        assert await ends(world, primary, replica) == before


async def test_a_label_that_moved_while_values_were_sealed_is_not_lost(world, monkeypatch):
    async with world:
        primary, replica, _ = await pair(world)
        sealing, done = accounts.copies, []

        async def slowly(*asked):
            found = await sealing(*asked)
            if not done:
                done.append(await world.sm("put_secret_value", secret_id=primary, secret_string="two"))
            return found

        monkeypatch.setattr(accounts, "copies", slowly)
        await associate(world, primary, replica)

        assert await reads(world, replica) == "two"
        assert await status(world, primary) == "InSync"


async def test_what_an_association_asks_is_on_record_and_no_value_is(world):
    async with world:
        primary, replica, _ = await pair(world)
        await world.sm("put_secret_value", secret_id=primary, secret_string="hunter2")
        call = world.call(await world.caller(), "secretsmanager", "AssociateCrossAccountReplica")

        await world.run_call(call, "associate_cross_account_replica", **naming(primary, replica))

        asked = [
            (one.action, dict(one.arguments).get("encryption_context", {}).get("SecretARN")) for one in call.forwarded
        ]
        assert asked == [
            ("AcceptCrossAccountReplication", None),
            ("Encrypt", replica),
            ("Decrypt", primary),
            ("Encrypt", replica),
            ("Decrypt", primary),
            ("Encrypt", replica),
        ]
        assert "hunter2" not in json.dumps([dict(one.arguments) for one in call.forwarded])
