"""Changing what is known of a parameter, and ending it: labels, tags, deletion."""

from collections.abc import Mapping, Sequence
from typing import Any

from keystead.identities.call import Call
from keystead.parameters import deleting, labelling, tagging
from keystead.parameters import names as naming
from keystead.parameters.conditions import NOTHING, of_tags
from keystead.parameters.errors import ParameterNotFound
from keystead.services.ssm.answers import tag_list
from keystead.services.ssm.rooms import Room

Answer = Mapping[str, Any]


async def delete_parameter(room: Room, call: Call, *, name: str) -> Answer:
    parameter = await room.parameters.admit(call, "DeleteParameter", naming.read_bare(call, name))
    await deleting.delete(room.parameters, call, parameter)
    return {}


async def delete_parameters(room: Room, call: Call, *, names: Sequence[str]) -> Answer:
    """Each is decided about before one is deleted."""
    found = {}
    for name in dict.fromkeys(names):
        found[name] = await room.parameters.decided(call, "DeleteParameters", naming.read_bare(call, name))
    gone = []
    for name, parameter in found.items():
        if parameter is None:
            continue
        try:
            await deleting.delete(room.parameters, call, parameter)
        except ParameterNotFound:  # somebody was here meanwhile, or this list names it twice
            continue
        gone.append(name)
    return {"DeletedParameters": gone, "InvalidParameters": [name for name in found if name not in gone]}


async def label_parameter_version(
    room: Room, call: Call, *, name: str, labels: Sequence[str], parameter_version: int | None = None
) -> Answer:
    parameter = await room.parameters.admit(call, "LabelParameterVersion", naming.read_bare(call, name))
    labelling.check(labels)
    done = await labelling.put(room.parameters, call, parameter, parameter_version, labels)
    return {"InvalidLabels": done.invalid, "ParameterVersion": done.number}


async def unlabel_parameter_version(
    room: Room, call: Call, *, name: str, parameter_version: int, labels: Sequence[str]
) -> Answer:
    parameter = await room.parameters.admit(call, "UnlabelParameterVersion", naming.read_bare(call, name))
    labelling.check(labels)
    done = await labelling.take(room.parameters, call, parameter, parameter_version, labels)
    return {"RemovedLabels": done.done, "InvalidLabels": done.invalid}


async def add_tags_to_resource(
    room: Room, call: Call, *, resource_type: str, resource_id: str, tags: Sequence[Mapping[str, str]]
) -> Answer:
    place = naming.read_tagged(call, resource_type, resource_id)
    given = tagging.check(tags)
    await tagging.change(room.parameters, call, place, of_tags(given), given, ())
    return {}


async def remove_tags_from_resource(
    room: Room, call: Call, *, resource_type: str, resource_id: str, tag_keys: Sequence[str]
) -> Answer:
    place = naming.read_tagged(call, resource_type, resource_id)
    tagging.check_reserved(tag_keys)
    asked = {"aws:tagkeys": tuple(tag_keys)} if tag_keys else NOTHING
    await tagging.change(room.parameters, call, place, asked, {}, tag_keys)
    return {}


async def list_tags_for_resource(room: Room, call: Call, *, resource_type: str, resource_id: str) -> Answer:
    place = naming.read_tagged(call, resource_type, resource_id)
    parameter = await tagging.admit(room.parameters, call, "ListTagsForResource", place, NOTHING)
    return {"TagList": tag_list(parameter.tags)}
