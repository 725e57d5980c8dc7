"""The policy simulator: what the live evaluator would say, and by which statements."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keystead.access import places
from keystead.access.policy import Kind, parse
from keystead.access.request import Principal, PrincipalKind, Values
from keystead.database.engine import Connection
from keystead.identities import simulation
from keystead.identities.call import Call
from keystead.identities.errors import EntityNotFound
from keystead.identities.names import parse_named
from keystead.identities.room import Identities
from keystead.identities.simulation import Matched, Result, Simulation, Source
from keystead.identities.store import entities
from keystead.identities.store.entities import Entity
from keystead.services.iam import door
from keystead.services.iam.errors import InputRefused
from keystead.services.iam.pages import Pages
from keystead.services.service import Answer

Entries = Sequence[Mapping[str, Any]]
Texts = Sequence[str]

LISTS: Final = "List"
TITLE: Final = {True: "allowed", False: "implicitDeny"}


async def simulate_custom_policy(
    room: Identities,
    call: Call,
    *,
    policy_input_list: Texts,
    action_names: Texts,
    permissions_boundary_policy_input_list: Texts = (),
    resource_arns: Texts = ("*",),
    resource_policy: str | None = None,
    resource_owner: str | None = None,
    caller_arn: str | None = None,
    context_entries: Entries = (),
    max_items: int | None = None,
    marker: str | None = None,
) -> Answer:
    door.permit(call, "*")
    if resource_policy is not None and caller_arn is None:
        raise InputRefused("CallerArn is required with a ResourcePolicy.")
    identity = simulation.given(policy_input_list, "PolicyInputList")
    bounds = simulation.given(permissions_boundary_policy_input_list, "PermissionsBoundaryPolicyInputList")
    async with room.database.read() as connection:
        asked = await caller_of(connection, call, caller_arn)
        resource = await simulation.of_resource(connection, resource_policy) if resource_policy is not None else None
        known = await simulation.known_of(connection, asked, call.at) if isinstance(asked, Entity) else {}
    simulated = Simulation(identity, only(bounds), resource, principal(asked), owner(resource_owner, asked))
    context = {**known, **keys_of(context_entries)}
    pages = Pages(room, call, marker, max_items)
    return await results(simulated, action_names, resource_arns, context, pages)


async def simulate_principal_policy(
    room: Identities,
    call: Call,
    *,
    policy_source_arn: str,
    action_names: Texts,
    policy_input_list: Texts = (),
    permissions_boundary_policy_input_list: Texts = (),
    resource_arns: Texts = ("*",),
    resource_policy: str | None = None,
    resource_owner: str | None = None,
    caller_arn: str | None = None,
    context_entries: Entries = (),
    max_items: int | None = None,
    marker: str | None = None,
) -> Answer:
    """The policies are those of the source, whoever is taken to be the caller (IAM API reference)."""
    source = await source_of(room, call, policy_source_arn)
    added = simulation.given(policy_input_list, "PolicyInputList")
    bounds = simulation.given(permissions_boundary_policy_input_list, "PermissionsBoundaryPolicyInputList")
    if source.kind == "group" and resource_policy is not None and caller_arn is None:
        raise InputRefused("CallerArn is required with a ResourcePolicy when the policies are a group's.")
    async with room.database.read() as connection:
        identity, boundary = await simulation.of_entity(connection, source)
        asked = await caller_of(connection, call, caller_arn) if caller_arn is not None else source
        resource = await simulation.of_resource(connection, resource_policy) if resource_policy is not None else None
        known = await simulation.known_of(connection, asked, call.at) if isinstance(asked, Entity) else {}
    bounded = only(bounds) or boundary
    simulated = Simulation([*identity, *added], bounded, resource, principal(asked), owner(resource_owner, asked))
    context = {**known, **keys_of(context_entries)}
    pages = Pages(room, call, marker, max_items, source.id)
    return await results(simulated, action_names, resource_arns, context, pages)


async def get_context_keys_for_custom_policy(room: Identities, call: Call, *, policy_input_list: Texts) -> Answer:
    del room
    door.permit(call, "*")
    return {"ContextKeyNames": keys_in(policy_input_list)}


async def get_context_keys_for_principal_policy(
    room: Identities, call: Call, *, policy_source_arn: str, policy_input_list: Texts = ()
) -> Answer:
    source = await source_of(room, call, policy_source_arn)
    async with room.database.read() as connection:
        held, _ = await simulation.of_entity(connection, source)
    return {"ContextKeyNames": keys_in([*(one.text for one in held), *policy_input_list])}


def keys_in(texts: Texts) -> list[str]:
    """Raises PolicyMalformed."""
    found: dict[str, str] = {}
    for text in texts:
        parse(text, Kind.IDENTITY)
        for key in places.condition_keys(text):
            found.setdefault(key.lower(), key)
    return list(found.values())


async def source_of(room: Identities, call: Call, arn: str) -> Entity:
    """The user, group or role of this account whose policies are asked about. Raises AccessDenied, EntityNotFound."""
    parsed = parse_named(arn)
    async with room.database.read() as connection:
        found = await entities.named(connection, call.account, parsed.kind, parsed.name) if parsed else None
    door.permit(call, arn)
    if found is None or found.arn != arn:
        raise EntityNotFound(parsed.kind if parsed else "user", parsed.name if parsed else arn)
    return found


async def caller_of(connection: Connection, call: Call, arn: str | None) -> Entity | str:
    """The user or role that is to be taken for the caller; the ARN itself of one that does not exist here."""
    if arn is None:
        return f"arn:aws:iam::{call.account}:user/simulated"
    return await entities.by_arn(connection, arn) or arn


def principal(asked: Entity | str) -> Principal:
    """Raises InputRefused."""
    if isinstance(asked, Entity):
        return simulation.principal_of(asked)
    parsed = parse_named(asked)
    if parsed is None or parsed.kind == "group":
        raise InputRefused("CallerArn must be the ARN of a user or role.")
    kind = PrincipalKind.USER if parsed.kind == "user" else PrincipalKind.ROLE_SESSION
    return Principal(kind, asked, parsed.account, asked, asked)


def owner(given: str | None, asked: Entity | str) -> str:
    """An account id, or the ARN of an account, as AWS takes both."""
    if given is None:
        return principal(asked).account
    return given.split(":")[4] if given.startswith("arn:") and given.count(":") >= 4 else given


def only(bounds: Sequence[Source]) -> Source | None:
    """Raises InputRefused."""
    if len(bounds) > 1:
        raise InputRefused("A principal has one permissions boundary at most.")
    return bounds[0] if bounds else None


def keys_of(entries: Entries) -> dict[str, Values]:
    """Raises InputRefused."""
    found: dict[str, Values] = {}
    for entry in entries:
        name, values = str(entry.get("ContextKeyName", "")).lower(), tuple(entry.get("ContextKeyValues", ()))
        if not name or name in found:
            raise InputRefused("Each context entry needs a name of its own.")
        if len(values) > 1 and not str(entry.get("ContextKeyType", "")).endswith(LISTS):
            raise InputRefused(f"The context key {name} has several values and is no list.")
        found[name] = values
    return found


async def results(
    simulated: Simulation, actions: Texts, resources: Texts, context: Mapping[str, Values], pages: Pages
) -> Answer:
    """One for each action and resource, in the order asked."""
    asked = [(action, resource) for action in dict.fromkeys(actions) for resource in dict.fromkeys(resources)]
    for action in actions:
        if action.count(":") != 1 or "*" in action or "?" in action:
            raise InputRefused(f"Invalid Action name: {action[:128]}")
    numbered = list(enumerate(asked))
    page = await pages.cut("EvaluationResults", numbered, lambda one: f"{one[0]:06}", lambda one: one[1])
    shown = [
        result(action, resource, simulated.run(action, resource, context))
        for action, resource in page["EvaluationResults"]
    ]
    return page | {"EvaluationResults": shown}


def result(action: str, resource: str, found: Result) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": "explicitDeny" if found.decision.explicit else TITLE[found.decision.allowed],
        "MatchedStatements": [statement(one) for one in found.matched],
        "MissingContextValues": list(found.missing),
    }
    if found.bounded is not None:
        answer["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": found.bounded}
    return answer


def statement(matched: Matched) -> dict[str, Any]:
    start, end = matched.span
    return {
        "SourcePolicyId": matched.source.id,
        "SourcePolicyType": matched.source.type,
        "StartPosition": {"Line": start.line, "Column": start.column},
        "EndPosition": {"Line": end.line, "Column": end.column},
    }
