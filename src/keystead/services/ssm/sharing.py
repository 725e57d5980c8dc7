"""Resource policies of parameters."""

from collections.abc import Mapping
from typing import Any, Final

from keystead.access.policy import Kind
from keystead.identities.call import Call
from keystead.keys.pages import Pages
from keystead.parameters import names, sharing
from keystead.parameters.errors import RequestWrong, ShareNotFound, TooDeep
from keystead.parameters.parameter import Parameter
from keystead.services.policy_warnings import warn
from keystead.services.ssm.rooms import Room

Answer = Mapping[str, Any]
PAGE: Final = 50
MISSING: Final = "The specified parameter to be shared could not be found."


async def admitted(room: Room, call: Call, arn: str) -> Parameter:
    """Raises AccessDenied, ShareNotFound."""
    try:
        place = names.read(call, arn)
    except (RequestWrong, TooDeep):
        place = None
    if place is None or place.selector is not None or not arn.startswith("arn:"):
        room.parameters.decide_alone(call, call.action)
        raise ShareNotFound(MISSING)
    parameter = await room.parameters.decided(call, call.action, place)
    if parameter is None:
        raise ShareNotFound(MISSING)
    return parameter


async def put_resource_policy(
    room: Room,
    call: Call,
    *,
    resource_arn: str,
    policy: str,
    policy_id: str | None = None,
    policy_hash: str | None = None,
) -> Answer:
    parameter = await admitted(room, call, resource_arn)
    kept, hashed = await sharing.put(room.parameters, call, parameter, policy, policy_id, policy_hash)
    warn(call, policy, Kind.RESOURCE)
    return {"PolicyId": kept, "PolicyHash": hashed}


async def get_resource_policies(
    room: Room, call: Call, *, resource_arn: str, next_token: str | None = None, max_results: int = PAGE
) -> Answer:
    """One at most, so that there is never a second page; a token is therefore never one of this listing."""
    parameter = await admitted(room, call, resource_arn)
    await Pages(room.parameters.keyholder, call, of=parameter.arn, size=str(max_results)).place(next_token, "")
    text = parameter.policy_text
    if text is None:
        return {"Policies": []}
    entry = {"PolicyId": parameter.policy_id, "PolicyHash": sharing.hash_of(text), "Policy": text}
    return {"Policies": [entry]}


async def delete_resource_policy(
    room: Room,
    call: Call,
    *,
    resource_arn: str,
    policy_id: str,
    policy_hash: str,
    deletion_mode: str | None = None,  # noqa: ARG001  # AWS: of other resources than parameters
) -> Answer:
    parameter = await admitted(room, call, resource_arn)
    await sharing.remove(room.parameters, call, parameter, policy_id, policy_hash)
    return {}
