"""Resource policies."""

from collections.abc import Mapping
from typing import Any, Final

from keystead.access.policy import Kind
from keystead.identities.call import Call
from keystead.keys.pages import Pages
from keystead.secrets import managed, policies
from keystead.secrets.conditions import asking
from keystead.secrets.policies import DEFAULT
from keystead.secrets.room import Secrets
from keystead.services.policy_warnings import warn
from keystead.services.secretsmanager.answers import identified

Answer = Mapping[str, Any]
PAGE: Final = 100


async def put_resource_policy(
    room: Secrets,
    call: Call,
    *,
    secret_id: str,
    resource_policy: str,
    policy_name: str | None = None,
    block_public_policy: bool | None = None,
) -> Answer:
    asked = asking(BlockPublicPolicy=block_public_policy, PolicyName=policy_name or DEFAULT)
    secret = await room.admit(call, "PutResourcePolicy", secret_id, asked=asked)
    policies.check_name(policy_name, writing=True)
    await policies.put(room, call, secret, resource_policy, block_public=bool(block_public_policy))
    warn(call, resource_policy, Kind.RESOURCE)
    return identified(secret, PolicyName=DEFAULT)


async def get_resource_policy(room: Secrets, call: Call, *, secret_id: str, policy_name: str | None = None) -> Answer:
    name = policy_name or DEFAULT
    secret = await room.admit(call, "GetResourcePolicy", secret_id, asked=asking(PolicyName=name))
    if name == managed.NAME and secret.follows and secret.link is not None:
        return identified(secret, ResourcePolicy=managed.text(secret.link.arn), PolicyName=name)
    policies.check_name(policy_name, writing=False)
    return identified(secret, ResourcePolicy=secret.policy_text, PolicyName=DEFAULT)


async def delete_resource_policy(
    room: Secrets, call: Call, *, secret_id: str, policy_name: str | None = None
) -> Answer:
    asked = asking(PolicyName=policy_name or DEFAULT)
    secret = await room.admit(call, "DeleteResourcePolicy", secret_id, asked=asked)
    policies.check_name(policy_name, writing=True)
    await policies.remove(room, call, secret)
    return identified(secret, PolicyName=DEFAULT)


async def list_resource_policies(
    room: Secrets, call: Call, *, secret_id: str, max_results: int = PAGE, next_token: str | None = None
) -> Answer:
    """The one that was put, then the one that a replica of another account's secret has."""
    secret = await room.admit(call, "ListResourcePolicies", secret_id)
    pages = Pages(room.keyholder, call, secret=secret.arn, size=str(max_results))
    begun = await pages.place(next_token, 0)
    there = {DEFAULT: secret.policy_text is not None, managed.NAME: secret.follows}
    names = [name for name, held in there.items() if held]
    end = begun + max_results
    answer: dict[str, Any] = {"ResourcePolicies": [{"PolicyName": name} for name in names[begun:end]]}
    if end < len(names):
        answer["NextToken"] = await pages.marker(end)
    return answer


async def validate_resource_policy(
    room: Secrets, call: Call, *, resource_policy: str, secret_id: str | None = None
) -> Answer:
    secret = None
    if secret_id is None:
        for operation in ("ValidateResourcePolicy", "PutResourcePolicy"):
            room.decide_alone(call, operation)
    else:
        await room.admit(call, "PutResourcePolicy", secret_id)
        secret = await room.admit(call, "ValidateResourcePolicy", secret_id)
    found = await policies.validate(room, call, secret_id, secret, resource_policy, {})
    return {
        "PolicyValidationPassed": not found,
        "ValidationErrors": [{"CheckName": one.check, "ErrorMessage": one.text} for one in found],
    }
