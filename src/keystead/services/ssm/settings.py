"""Service settings of Parameter Store."""

from collections.abc import Mapping
from typing import Any

from keystead.identities.call import Call
from keystead.parameters import settings
from keystead.parameters.settings import Setting
from keystead.services.ssm.answers import present
from keystead.services.ssm.rooms import Room

Answer = Mapping[str, Any]


def admitted(room: Room, call: Call, named: str) -> str:
    """The setting's name, once the caller may. Raises AccessDenied."""
    name = settings.name_of(call, named)
    room.parameters.decide_alone(call, call.action, settings.arn_of(call, name))
    return name


def shown(setting: Setting) -> dict[str, Any]:
    return present(
        SettingId=setting.name,
        SettingValue=setting.value,
        LastModifiedDate=setting.at,
        LastModifiedUser=setting.by,
        ARN=setting.arn,
        Status="Default" if setting.by is None else "Customized",
    )


async def get_service_setting(room: Room, call: Call, *, setting_id: str) -> Answer:
    return {"ServiceSetting": shown(await settings.get(room.parameters, call, admitted(room, call, setting_id)))}


async def update_service_setting(room: Room, call: Call, *, setting_id: str, setting_value: str) -> Answer:
    await settings.put(room.parameters, call, admitted(room, call, setting_id), setting_value)
    return {}


async def reset_service_setting(room: Room, call: Call, *, setting_id: str) -> Answer:
    return {"ServiceSetting": shown(await settings.reset(room.parameters, call, admitted(room, call, setting_id)))}
