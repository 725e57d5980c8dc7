"""Settings of an account in a Region: which tier is the default, and high throughput (SSM API reference, GetServiceSetting).

/ssm/parameter-store/default-parameter-tier     Standard | Advanced | Intelligent-Tiering
/ssm/parameter-store/high-throughput-enabled    false | true      kept; nothing here is throttled by it
"""

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, insert, select

from keystead.identities.call import Call
from keystead.parameters.errors import RequestWrong, SettingNotFound
from keystead.parameters.parameter import ADVANCED, INTELLIGENT, STANDARD
from keystead.parameters.room import Parameters
from keystead.parameters.store import SETTING, settings

TIER: Final = "/ssm/parameter-store/default-parameter-tier"
THROUGHPUT: Final = "/ssm/parameter-store/high-throughput-enabled"
VALUES: Final = {
    #  setting     its values, the default first
    TIER:         (STANDARD, ADVANCED, INTELLIGENT),
    THROUGHPUT:   ("false", "true"),
}  # fmt: skip  # a table
ARN: Final = re.compile(r"arn:([^:]+):ssm:([^:]*):([0-9]{12}):servicesetting(/.+)")


@dataclass(frozen=True, slots=True)
class Setting:
    """`by` of None: nobody has changed it."""

    name: str
    arn: str
    value: str
    at: float | None = None
    by: str | None = None


def arn_of(call: Call, name: str) -> str:
    return f"arn:aws:ssm:{call.region}:{call.account}:servicesetting{name}"


def name_of(call: Call, text: str) -> str:
    """Of a setting that is named by itself or by its ARN; not whether there is one."""
    found = ARN.fullmatch(text)
    if found is None:
        return text if text.startswith("/") else f"/{text}"
    return found[4] if found.groups()[:3] == (call.partition, call.region, call.account) else text


def check(name: str, value: str | None = None) -> None:
    """Raises SettingNotFound, RequestWrong."""
    if name not in VALUES:
        raise SettingNotFound("The service setting doesn't exist or the Region doesn't support it.")
    if value is not None and value not in VALUES[name]:
        raise RequestWrong(f"The setting {name} can be {', '.join(VALUES[name])}.")


async def get(room: Parameters, call: Call, name: str) -> Setting:
    """THE CALLER HAS BEEN ADMITTED. Raises SettingNotFound."""
    check(name)
    async with room.database.read() as connection:
        query = select(settings).filter_by(account=call.account, region=call.region, name=name)
        row = (await connection.execute(query)).first()
    if row is None:
        return Setting(name, arn_of(call, name), VALUES[name][0])
    return Setting(name, arn_of(call, name), row.value, row.at, row.by)


async def put(room: Parameters, call: Call, name: str, value: str) -> None:
    """THE CALLER HAS BEEN ADMITTED. Raises SettingNotFound, RequestWrong."""
    check(name, value)
    place = {"account": call.account, "region": call.region, "name": name}
    async with room.database.write(call.id) as tx:
        await tx.execute(delete(settings).filter_by(**place))
        row = {**place, "value": value, "at": tx.at, "by": call.caller.principal.arn}
        await tx.execute(insert(settings).values(**row))
        tx.changed(SETTING, f"{call.account}:{call.region}")


async def reset(room: Parameters, call: Call, name: str) -> Setting:
    """The default again. THE CALLER HAS BEEN ADMITTED. Raises SettingNotFound."""
    check(name)
    async with room.database.write(call.id) as tx:
        await tx.execute(delete(settings).filter_by(account=call.account, region=call.region, name=name))
        tx.changed(SETTING, f"{call.account}:{call.region}")
    return await get(room, call, name)


async def default_tier(room: Parameters, account: str, region: str) -> str:
    async with room.database.read() as connection:
        query = select(settings.c.value).filter_by(account=account, region=region, name=TIER)
        found: str | None = (await connection.execute(query)).scalar()
    return found or STANDARD
