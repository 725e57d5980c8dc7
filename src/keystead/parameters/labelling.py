"""Labels: names for versions (Systems Manager user guide, parameter labels).

1. a label is on one version: put on another, it moves
2. a version has ten at most
3. what cannot be a label is told back, and the rest is done
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, insert

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.parameters import records
from keystead.parameters.errors import ParameterNotFound, RequestWrong, TooManyLabels, VersionNotFound
from keystead.parameters.parameter import Parameter
from keystead.parameters.room import Parameters
from keystead.parameters.store import KIND, labels

LIMIT: Final = 10
LONGEST: Final = 100
LABEL: Final = re.compile(r"(?![0-9])(?!aws|ssm)[a-z0-9._-]+", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Labelled:
    """done     those that were put, or taken away
    invalid  the others
    """

    number: int
    done: Sequence[str]
    invalid: Sequence[str]


def check(given: Sequence[str]) -> None:
    """Raises RequestWrong."""
    if any(len(label) > LONGEST for label in given):
        raise RequestWrong(f"A label can have at most {LONGEST} characters.")


async def put(room: Parameters, call: Call, parameter: Parameter, number: int | None, given: Sequence[str]) -> Labelled:
    """On the newest version where none is named. THE CALLER HAS BEEN ADMITTED. Raises VersionNotFound, TooManyLabels."""
    valid = list(dict.fromkeys(label for label in given if LABEL.fullmatch(label)))
    async with room.database.write(call.id, announced=bool(valid)) as tx:
        now = await current(tx, parameter)
        number = await existing(tx, now, number if number is not None else now.latest.number)
        if len({*now.labels_of(number), *valid}) > LIMIT:
            raise TooManyLabels(LIMIT)
        await drop(tx, now, valid)
        if valid:
            rows = [{"parameter_id": now.id, "label": label, "number": number} for label in valid]
            await tx.execute(insert(labels), rows)
            tx.changed(KIND, str(now.id))
    return Labelled(number, valid, [label for label in given if label not in valid])


async def take(room: Parameters, call: Call, parameter: Parameter, number: int, given: Sequence[str]) -> Labelled:
    """Those that are on that version. THE CALLER HAS BEEN ADMITTED. Raises VersionNotFound."""
    async with room.database.write(call.id, announced=False) as tx:
        now = await current(tx, parameter)
        await existing(tx, now, number)
        there = [label for label in dict.fromkeys(given) if now.labels.get(label) == number]
        await drop(tx, now, there)
        if there:
            tx.changed(KIND, str(now.id))
    return Labelled(number, there, [label for label in given if label not in there])


async def current(tx: Transaction, parameter: Parameter) -> Parameter:
    """Raises ParameterNotFound."""
    now = await records.load(tx.connection, parameter.id)
    if now is None:
        raise ParameterNotFound
    return now


async def existing(tx: Transaction, now: Parameter, number: int) -> int:
    """Raises VersionNotFound."""
    if number != now.latest.number and await records.version(tx.connection, now.id, number) is None:
        raise VersionNotFound(now.shown, str(number))
    return number


async def drop(tx: Transaction, now: Parameter, gone: Sequence[str]) -> None:
    if gone:
        await tx.execute(delete(labels).where(labels.c.parameter_id == now.id, labels.c.label.in_(gone)))
