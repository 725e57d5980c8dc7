"""Values: putting a parameter, and reading it by name, by names, by path, or through its history."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from keystead.access.errors import AccessDenied
from keystead.identities.call import Call
from keystead.keys.pages import Pages
from keystead.parameters import listing, names, putting, records, tagging
from keystead.parameters.conditions import asking, of_tags
from keystead.parameters.errors import RequestWrong, VersionNotFound
from keystead.parameters.names import Named
from keystead.parameters.parameter import Parameter
from keystead.parameters.room import Parameters
from keystead.services.ssm import references
from keystead.services.ssm.answers import past, present, valued
from keystead.services.ssm.listings import asked_as
from keystead.services.ssm.rooms import Room

Answer = Mapping[str, Any]
T = TypeVar("T")
Filters = Sequence[Mapping[str, Any]]
BY_PATH: Final = 10
HISTORY: Final = 50
"""What a page holds where the caller does not say (SSM API reference, MaxResults)."""
TAGS_AND_OVERWRITE: Final = (
    "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite "
    "flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource."
)
EMPTY: Final = (
    "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than "
    "or equal to 1."
)


async def put_parameter(
    room: Room,
    call: Call,
    *,
    name: str,
    value: str,
    description: str | None = None,
    type: str | None = None,  # noqa: A002  # AWS's name
    key_id: str | None = None,
    overwrite: bool = False,
    allowed_pattern: str | None = None,
    tags: Sequence[Mapping[str, str]] = (),
    tier: str | None = None,
    policies: str | None = None,
    data_type: str | None = None,
) -> Answer:
    place = names.read_new(call, name)
    if tags and overwrite:
        raise RequestWrong(TAGS_AND_OVERWRITE)
    if not value:
        raise RequestWrong(EMPTY)
    given = tagging.check(tags)
    asked = {**asking(Overwrite=overwrite, Policies=policies is not None), **of_tags(given)}
    parameters = room.parameters
    before = await parameters.reach(call, place)
    parameters.decide(call, "PutParameter", place.account, place.arn, before, asked)
    if given:
        parameters.decide(call, "AddTagsToResource", place.account, place.arn, before, asked)
    call.notes.resource(place.account, "", place.arn)
    plan = putting.Plan(value, type, description, key_id, overwrite, allowed_pattern, given, tier, policies, data_type)
    made = await putting.put(parameters, call, place, plan)
    return {"Version": made.number, "Tier": made.tier}


async def get_parameter(room: Room, call: Call, *, name: str, with_decryption: bool = False) -> Answer:
    if references.is_one(name):
        return {"Parameter": await references.read(room, call, name, decrypt=with_decryption)}
    place = names.read(call, name)
    parameter = await room.parameters.admit(call, "GetParameter", place)
    return {"Parameter": await one_of(room.parameters, call, parameter, place.selector, decrypt=with_decryption)}


async def one_of(
    parameters: Parameters, call: Call, parameter: Parameter, selector: str | None, *, decrypt: bool
) -> dict[str, Any]:
    version = await parameters.version(parameter, selector)
    value = await parameters.value(call, parameter, version, decrypt=decrypt)
    return valued(parameter, version, value, selector)


async def get_parameters(room: Room, call: Call, *, names: Sequence[str], with_decryption: bool = False) -> Answer:
    """Each is decided about before one is read; what is not there is told back."""
    places = {name: None if references.is_one(name) else read(call, name) for name in dict.fromkeys(names)}
    found: dict[str, Parameter | None] = {}
    for name, place in places.items():
        if place is not None:
            found[name] = await room.parameters.decided(call, "GetParameters", place)
    answers = await all_of(
        references.if_there(room, call, name, decrypt=with_decryption)
        if place is None
        else if_there(room.parameters, call, found[name], place, decrypt=with_decryption)
        for name, place in places.items()
    )
    shown = sorted((one for one in answers if one is not None), key=lambda one: str(one["Name"]))
    invalid = [name for name, one in zip(places, answers, strict=True) if one is None]
    return {"Parameters": shown, "InvalidParameters": invalid}


async def all_of(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """At the same time, and to the end of each also when one fails: what it asked of KMS is on the record. Raises what one raises."""
    done = await asyncio.gather(*work, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return [one for one in done if not isinstance(one, BaseException)]


def read(call: Call, name: str) -> Named:
    return names.read(call, name)


async def if_there(
    parameters: Parameters, call: Call, parameter: Parameter | None, place: Named, *, decrypt: bool
) -> dict[str, Any] | None:
    if parameter is None:
        return None
    try:
        return await one_of(parameters, call, parameter, place.selector, decrypt=decrypt)
    except VersionNotFound:
        return None


async def get_parameters_by_path(
    room: Room,
    call: Call,
    *,
    path: str,
    recursive: bool = False,
    parameter_filters: Filters = (),
    with_decryption: bool = False,
    max_results: int = BY_PATH,
    next_token: str | None = None,
) -> Answer:
    """Decided once, about the path: what its statements say of a parameter below does not count, unless the house is strict."""
    parameters = room.parameters
    bare = names.checked_path(path)
    resource = f"arn:aws:ssm:{call.region}:{call.account}:parameter{bare or '/'}"
    parameters.decide_alone(call, "GetParametersByPath", resource, asking(Recursive=recursive))
    filters = listing.filters_of(parameter_filters, listing.BY_PATH)
    asked = listing.Listing(call.account, call.region, filters, bare, recursive)
    pages = Pages(parameters.keyholder, call, asked=asked_as(asked), decrypted=str(with_decryption))
    after = await pages.place(next_token, "")

    def shows(parameter: Parameter) -> bool:
        return not parameters.limits.strict_paths or may_read(parameters, call, parameter)

    found, further = await listing.page(parameters.database, asked, parameters.known.all, after, max_results, shows)
    labels = next((one.values for one in filters if one.key == "Label"), ())
    answers = await all_of(
        one_of(parameters, call, one, labelled(one, labels), decrypt=with_decryption) for one in found
    )
    for one in found:
        parameters.note(call, one)
    return present(Parameters=answers, NextToken=None if further is None else await pages.marker(further))


def labelled(parameter: Parameter, labels: Sequence[str]) -> str | None:
    """Which version a filter by label shows: the newest that has one of them."""
    there = [label for label in labels if label in parameter.labels]
    return max(there, key=lambda label: parameter.labels[label], default=None)


def may_read(parameters: Parameters, call: Call, parameter: Parameter) -> bool:
    try:
        parameters.decide(call, "GetParametersByPath", parameter.account, parameter.arn, parameter)
    except AccessDenied:
        return False
    return True


async def get_parameter_history(
    room: Room,
    call: Call,
    *,
    name: str,
    with_decryption: bool = False,
    max_results: int = HISTORY,
    next_token: str | None = None,
) -> Answer:
    parameters = room.parameters
    parameter = await parameters.admit(call, "GetParameterHistory", names.read(call, name))
    pages = Pages(parameters.keyholder, call, parameter=parameter.arn, id=str(parameter.id))
    after = await pages.place(next_token, 0)
    async with parameters.database.read() as connection:
        found = await records.history(connection, parameter.id, after, max_results + 1)
    shown = found[:max_results]
    values = await all_of(parameters.value(call, parameter, one, decrypt=with_decryption) for one in shown)
    answer: dict[str, Any] = {
        "Parameters": [past(parameter, one, value) for one, value in zip(shown, values, strict=True)]
    }
    if len(found) > max_results:
        answer["NextToken"] = await pages.marker(shown[-1].number)
    return answer
