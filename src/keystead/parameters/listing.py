"""Lists of parameters, in pages whose cost does not grow with the number of parameters: in the order of their names, by index.

    key        answered by                                     options
    Name       the index of names, but for Contains            Equals, BeginsWith, Contains
    Path       the index of names, or of the paths they lie in OneLevel, Recursive
    tag:…      the index of tags                               Equals, BeginsWith; without values: there is such a tag
    Type, KeyId, Tier, DataType, Label     looking at each     Equals, BeginsWith

Of those that are looked at, a page looks at SCANNED at most: it may then hold fewer than asked for, or none, and still have a
next one (SSM API reference, NextToken).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.database.engine import Database
from keystead.parameters.errors import FilterKeyInvalid, FilterOptionInvalid, FilterValueInvalid
from keystead.parameters.names import checked_path
from keystead.parameters.parameter import Parameter
from keystead.parameters.store import parameters, tags

SCANNED: Final = 2000
CHUNK: Final = 500
LAST: Final = "\U0010ffff"
AFTER_SLASH: Final = "0"
"""The character after the slash: everything below /a lies between /a/ and /a0."""
TAG: Final = "tag:"

EQUALS: Final = "Equals"
BEGINS: Final = "BeginsWith"
CONTAINS: Final = "Contains"
ONE_LEVEL: Final = "OneLevel"
RECURSIVE: Final = "Recursive"

DESCRIBED: Final = ("Path", "Name", "Type", "KeyId", "Tier", "DataType")
BY_PATH: Final = ("Type", "KeyId", "Label")
"""Keys of each listing (SSM API reference, ParameterStringFilter)."""
UNTOLD: Final = "DataType"
"""AWS leaves it out where it lists the keys (recorded)."""
OPTIONS: Final = {
    #  key       its options, as AWS lists them; the last is the default
    "Path":     (RECURSIVE, ONE_LEVEL),
    "Name":     (CONTAINS, BEGINS, EQUALS),
    "Label":    (EQUALS,),
}  # fmt: skip  # a table
OTHERWISE: Final = (BEGINS, EQUALS)
ATTRIBUTES: Final[Mapping[str, Callable[[Parameter], str | None]]] = {
    "Type": lambda one: one.latest.type,
    "KeyId": lambda one: one.latest.key,
    "Tier": lambda one: one.latest.tier,
    "DataType": lambda one: one.latest.data_type,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Values of one filter combine with OR."""

    key: str
    option: str
    values: tuple[str, ...]

    def matches(self, parameter: Parameter) -> bool:
        """What no index has answered already."""
        if self.key == "Name":
            return self.option != CONTAINS or any(value in parameter.shown for value in self.values)
        if self.key == "Label":
            return any(value in parameter.labels for value in self.values)
        attribute = ATTRIBUTES.get(self.key)
        if attribute is None:
            return True
        found = attribute(parameter) or ""
        return found in self.values if self.option == EQUALS else found.startswith(self.values)

    def condition(self) -> ColumnElement[bool] | None:
        """In the words of the database, where an index answers."""
        if self.key == "Name" and self.option != CONTAINS:
            wanted = [f"/{value.removeprefix('/')}" for value in self.values]
            return named(wanted) if self.option == EQUALS else beginning(parameters.c.name, wanted)
        if self.key == "Path":
            return below(map(checked_path, self.values), recursive=self.option == RECURSIVE)
        if self.key.startswith(TAG):
            return self.tagged()
        return None

    def tagged(self) -> ColumnElement[bool]:
        query = select(tags.c.parameter_id).where(tags.c.name == self.key.removeprefix(TAG))
        if self.values and self.option == EQUALS:
            query = query.where(tags.c.value.in_(self.values))
        elif self.values:
            query = query.where(beginning(tags.c.value, self.values))
        return parameters.c.id.in_(query)


def named(names: Sequence[str]) -> ColumnElement[bool]:
    return parameters.c.name.in_(names)


def beginning(column: Any, beginnings: Iterable[str]) -> ColumnElement[bool]:
    return or_(false(), *(and_(column >= one, column < one + LAST) for one in beginnings))


def below(paths: Iterable[str], *, recursive: bool) -> ColumnElement[bool]:
    """Expects paths without a slash at their end."""
    if not recursive:
        return parameters.c.parent.in_(list(paths))
    name = parameters.c.name
    return or_(false(), *(and_(name > f"{path}/", name < path + AFTER_SLASH) for path in paths))


def filters_of(given: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> tuple[Filter, ...]:
    """Raises FilterKeyInvalid, FilterOptionInvalid, FilterValueInvalid."""
    found = tuple(filter_of(one, keys) for one in given)
    named_twice = {one.key for one in found if [other.key for other in found].count(one.key) > 1}
    if named_twice:
        raise FilterKeyInvalid(f"The following filter key was specified more than once: {min(named_twice)}.")
    return found


def filter_of(given: Mapping[str, Any], keys: Sequence[str]) -> Filter:
    key, values = given["Key"], tuple(given.get("Values") or ())
    tagged = key.startswith(TAG) and keys is DESCRIBED
    if not tagged and key not in keys:
        shown = ", ".join(one for one in keys if one != UNTOLD)
        raise FilterKeyInvalid(f"The following filter key is not valid: {key}. Valid filter keys include: [{shown}].")
    options = OPTIONS.get(key, OTHERWISE)
    option = given.get("Option") or options[-1]
    if option not in options:
        shown = ", ".join(options)
        raise FilterOptionInvalid(
            f"The following filter option is not valid: {option}. Valid options include: [{shown}]."
        )
    if not values and not tagged:
        raise FilterValueInvalid(f"The following filter values are missing : null for filter key {key}.")
    return Filter(key, option, values)


def filters_of_old(given: Iterable[Mapping[str, Any]]) -> tuple[Filter, ...]:
    """The form before ParameterFilters, which had no options."""
    return filters_of(({"Key": one["Key"], "Option": EQUALS, "Values": one["Values"]} for one in given), DESCRIBED)


@dataclass(frozen=True, slots=True)
class Listing:
    """What is asked for. Filters combine with AND.

    path    of GetParametersByPath, without a slash at its end
    shared  those of other accounts that have a resource policy, instead of one's own
    """

    account: str
    region: str
    filters: tuple[Filter, ...] = ()
    path: str | None = None
    recursive: bool = False
    shared: bool = False

    @property
    def order(self) -> ColumnElement[str]:
        """Tells parameters apart: by name, where they are one account's."""
        return parameters.c.account + parameters.c.name if self.shared else parameters.c.name

    def conditions(self) -> list[ColumnElement[bool]]:
        """Raises RequestWrong."""
        found = [parameters.c.region == self.region]
        found += (
            [parameters.c.policy_id.is_not(None), parameters.c.account != self.account]
            if self.shared
            else [parameters.c.account == self.account]
        )
        if self.path is not None:
            found.append(below([self.path], recursive=self.recursive))
        asked = [one.condition() for one in self.filters]
        return found + [one for one in asked if one is not None]

    def shows(self, parameter: Parameter) -> bool:
        return all(one.matches(parameter) for one in self.filters)


Load = Callable[[Sequence[int]], Awaitable[Mapping[int, Parameter]]]


async def page(
    database: Database, asked: Listing, load: Load, after: str, limit: int, shows: Callable[[Parameter], bool]
) -> tuple[list[Parameter], str | None]:
    """The next parameters after that place in the order, and the place from where to go on if there may be more. THE CALLER HAS DECIDED.

    `shows` looks at each besides the filters. Raises RequestWrong for a path that is none.
    """
    shown: list[Parameter] = []
    looked, conditions = 0, asked.conditions()
    size = CHUNK if asked.filters else limit + 1
    while True:
        async with database.read() as connection:
            ids = await places_after(connection, asked.order, conditions, after, size)
        found = await load([one for one, _ in ids])
        for one, place in ids:
            parameter = found.get(one)
            if parameter is not None and asked.shows(parameter) and shows(parameter):
                if len(shown) == limit:
                    return shown, after
                shown.append(parameter)
            after = place
        looked += len(ids)
        if len(ids) < size:
            return shown, None
        if looked >= SCANNED:
            return shown, after


async def places_after(
    connection: AsyncConnection,
    order: ColumnElement[str],
    conditions: Sequence[ColumnElement[bool]],
    after: str,
    size: int,
) -> list[tuple[int, str]]:
    query = select(parameters.c.id, order.label("place")).where(*conditions, order > after).order_by(order).limit(size)
    return [(row.id, row.place) for row in await connection.execute(query)]
