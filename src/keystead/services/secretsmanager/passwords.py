"""Random passwords."""

from collections.abc import Mapping
from typing import Any

from keystead.identities.call import Call
from keystead.secrets.passwords import Wanted, password
from keystead.secrets.room import Secrets


async def get_random_password(
    room: Secrets,
    call: Call,
    *,
    password_length: int = 32,
    exclude_characters: str = "",
    exclude_numbers: bool = False,
    exclude_punctuation: bool = False,
    exclude_uppercase: bool = False,
    exclude_lowercase: bool = False,
    include_space: bool = False,
    require_each_included_type: bool = True,
) -> Mapping[str, Any]:
    room.decide_alone(call, "GetRandomPassword")
    excluded = {
        "numbers": exclude_numbers,
        "punctuation": exclude_punctuation,
        "uppercase": exclude_uppercase,
        "lowercase": exclude_lowercase,
    }
    without = frozenset(name for name, out in excluded.items() if out)
    wanted = Wanted(password_length, exclude_characters, without, include_space, require_each_included_type)
    return {"RandomPassword": password(wanted)}
