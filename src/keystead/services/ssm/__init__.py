"""AWS Systems Manager, API 2014-11-06: Parameter Store."""

from typing import Final

from keystead.services.service import Service
from keystead.services.ssm import changes, listings, settings, sharing, values
from keystead.services.ssm.errors import ERRORS
from keystead.services.ssm.refused import REFUSED
from keystead.services.ssm.rooms import Room

__all__ = ["OPERATIONS", "REFUSED", "Room", "service"]

OPERATIONS: Final = (
    values.put_parameter,
    values.get_parameter,
    values.get_parameters,
    values.get_parameters_by_path,
    values.get_parameter_history,
    listings.describe_parameters,
    changes.delete_parameter,
    changes.delete_parameters,
    changes.label_parameter_version,
    changes.unlabel_parameter_version,
    changes.add_tags_to_resource,
    changes.remove_tags_from_resource,
    changes.list_tags_for_resource,
    settings.get_service_setting,
    settings.update_service_setting,
    settings.reset_service_setting,
    sharing.put_resource_policy,
    sharing.get_resource_policies,
    sharing.delete_resource_policy,
)


def service(room: Room) -> Service:
    return Service(
        name="ssm", room=room, operations=OPERATIONS, errors=ERRORS, unforeseen="InternalServerError", refused=REFUSED
    )
