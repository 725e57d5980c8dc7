"""What the owner of a secret wants of its overlap, said in tags, which every AWS client can set.

    on the secret                        on it, or on the role or user that reads it
    keystead:overlap          24h, off   keystead:refresh         poll | on-auth-failure | on-restart
    keystead:overlap-policy   revoke     keystead:cache-seconds   300
    keystead:compromised      version id

    overlap         how long after a rotation the old credential may still be used; the deadline of last resort. off: not at all
    overlap-policy  what happens at the deadline to whoever still holds it:
                    hold (nothing, and a warning), revoke (no new logins), terminate (open connections end too)
    compromised     this version is in wrong hands: the rotation away from it has no overlap, and ends open connections
    refresh         when a reader lets go of an old value: by asking again, after a login that failed, or when it is restarted
    cache-seconds   how long one that asks again may use what it has

All of it is Keystead's own. A tag under `keystead:` that is not in this table, or says something else, is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keystead.rotation.errors import WishUnknown

PREFIX: Final = "keystead:"
OVERLAP: Final = f"{PREFIX}overlap"
POLICY: Final = f"{PREFIX}overlap-policy"
COMPROMISED: Final = f"{PREFIX}compromised"
REFRESH: Final = f"{PREFIX}refresh"
CACHE: Final = f"{PREFIX}cache-seconds"

DEFAULT_OVERLAP: Final = 24 * 3600.0
LONGEST: Final = 400 * 86_400.0
LONGEST_CACHE: Final = 366 * 86_400
DURATION: Final = re.compile(r"([1-9][0-9]{0,6})([smhd])")
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Policy(StrEnum):
    """At the deadline."""

    hold = "hold"
    revoke = "revoke"
    terminate = "terminate"


class Refresh(StrEnum):
    """When a reader lets go of an old value."""

    poll = "poll"
    on_auth_failure = "on-auth-failure"
    on_restart = "on-restart"


@dataclass(frozen=True, slots=True)
class Wishes:
    """overlap      seconds; 0 for none
    compromised  the id of a version
    refresh, cache  of whoever reads the secret and says nothing about itself
    """

    overlap: float = DEFAULT_OVERLAP
    policy: Policy = Policy.revoke
    compromised: str | None = None
    refresh: Refresh | None = None
    cache: int | None = None


def read(tags: Mapping[str, str] | None) -> Wishes:
    """Of tags that `check` has let through; one that came before there was a check counts as not said."""
    said = tags or {}
    try:
        check(said)
    except WishUnknown:
        said = {name: value for name, value in said.items() if holds(name, value)}
    return Wishes(
        overlap=duration(said[OVERLAP]) if OVERLAP in said else DEFAULT_OVERLAP,
        policy=Policy(said.get(POLICY, Policy.revoke)),
        compromised=said.get(COMPROMISED),
        refresh=Refresh(said[REFRESH]) if REFRESH in said else None,
        cache=int(said[CACHE]) if CACHE in said else None,
    )


def holds(name: str, value: str) -> bool:
    try:
        check({name: value})
    except WishUnknown:
        return False
    return True


def check(tags: Mapping[str, str]) -> None:
    """For whatever tags a secret. Raises WishUnknown."""
    for name, value in tags.items():
        if not name.lower().startswith(PREFIX):
            continue
        if name not in MEANINGS:
            raise WishUnknown(f"There is no tag {name}; tags under {PREFIX} are {', '.join(sorted(MEANINGS))}.")
        if not MEANINGS[name].fullmatch(value):
            raise WishUnknown(f"The tag {name} cannot be {value!r}.")
        if name == OVERLAP and duration(value) > LONGEST:
            raise WishUnknown(f"The tag {name} is at most {int(LONGEST / 86_400)}d.")
        if name == CACHE and int(value) > LONGEST_CACHE:
            raise WishUnknown(f"The tag {name} is at most {LONGEST_CACHE}.")


def duration(text: str) -> float:
    if text == "off":
        return 0.0
    found = DURATION.fullmatch(text)
    if found is None:
        raise WishUnknown(f"{text!r} is no duration.")
    return float(int(found[1]) * SECONDS[found[2]])


MEANINGS: Final = {
    OVERLAP: re.compile(rf"off|{DURATION.pattern}"),
    POLICY: re.compile("|".join(Policy)),
    COMPROMISED: re.compile(r"[ -~]{32,64}"),
    REFRESH: re.compile("|".join(Refresh)),
    CACHE: re.compile(r"[0-9]{1,8}"),
}
