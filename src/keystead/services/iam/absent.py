"""What users here never have, said in the form that tools ask for before they delete one.

The lists are empty because nothing can be put into them: every operation that would is refused by name.
"""

from typing import Final

from keystead.identities.call import Call
from keystead.identities.room import Identities
from keystead.services.iam import door
from keystead.services.iam.errors import LoginProfileNotFound
from keystead.services.iam.pages import Pages
from keystead.services.service import Answer

NOTHING: Final[tuple[object, ...]] = ()


async def list_mfa_devices(
    room: Identities,
    call: Call,
    *,
    user_name: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    return await none_of("MFADevices", room, call, user_name, marker, max_items)


async def list_ssh_public_keys(
    room: Identities,
    call: Call,
    *,
    user_name: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    return await none_of("SSHPublicKeys", room, call, user_name, marker, max_items)


async def list_signing_certificates(
    room: Identities,
    call: Call,
    *,
    user_name: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    return await none_of("Certificates", room, call, user_name, marker, max_items)


async def list_service_specific_credentials(
    room: Identities,
    call: Call,
    *,
    user_name: str | None = None,
    service_name: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    del service_name  # there are none of any service
    return await none_of("ServiceSpecificCredentials", room, call, user_name, marker, max_items)


async def none_of(
    member: str, room: Identities, call: Call, user_name: str | None, marker: str | None, max_items: int | None
) -> Answer:
    user = await door.user(room, call, user_name)
    return await Pages(room, call, marker, max_items, user.id).cut(member, NOTHING, str, str)


async def get_login_profile(room: Identities, call: Call, *, user_name: str | None = None) -> Answer:
    raise LoginProfileNotFound((await door.user(room, call, user_name)).name)


async def delete_login_profile(room: Identities, call: Call, *, user_name: str | None = None) -> None:
    raise LoginProfileNotFound((await door.user(room, call, user_name)).name)
