"""DescribeParameters."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from keystead.access.errors import AccessDenied
from keystead.identities.call import Call
from keystead.keys.pages import Pages
from keystead.parameters import listing, records
from keystead.parameters.errors import RequestWrong
from keystead.parameters.parameter import Parameter
from keystead.parameters.room import Parameters
from keystead.services.ssm.answers import described, present
from keystead.services.ssm.rooms import Room

Answer = Mapping[str, Any]
Filters = Sequence[Mapping[str, Any]]
PAGE: Final = 50
ONLY_ONE: Final = "You can use either Filters or ParameterFilters in a single request."


def asked_as(asked: listing.Listing) -> str:
    """What a listing is about, for its markers."""
    return msgspec.json.encode(asked).decode()


async def describe_parameters(
    room: Room,
    call: Call,
    *,
    filters: Filters = (),
    parameter_filters: Filters = (),
    max_results: int = PAGE,
    next_token: str | None = None,
    shared: bool = False,
) -> Answer:
    """Shared: those of other accounts whose resource policies let the caller read them."""
    parameters = room.parameters
    parameters.decide_alone(call, "DescribeParameters")
    if filters and parameter_filters:
        raise RequestWrong(ONLY_ONE)
    wanted = listing.filters_of_old(filters) if filters else listing.filters_of(parameter_filters, listing.DESCRIBED)
    asked = listing.Listing(call.account, call.region, wanted, shared=shared)
    pages = Pages(parameters.keyholder, call, asked=asked_as(asked))
    after = await pages.place(next_token, "")

    async def load(ids: Sequence[int]) -> Mapping[int, Parameter]:
        async with parameters.database.read() as connection:
            return await records.load_all(connection, ids)

    def shows(parameter: Parameter) -> bool:
        return not shared or may_read(parameters, call, parameter)

    found, further = await listing.page(parameters.database, asked, load, after, max_results, shows)
    marker = None if further is None else await pages.marker(further)
    return present(Parameters=[described(one) for one in found], NextToken=marker)


def may_read(parameters: Parameters, call: Call, parameter: Parameter) -> bool:
    try:
        parameters.decide(call, "GetParameters", parameter.account, parameter.arn, parameter)
    except AccessDenied:
        return False
    return True
