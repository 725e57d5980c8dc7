"""One way of one principal, as answers give it.

kind                  path
policy                the resource's policy names the principal
delegated             the resource's policy names the account, and a policy of the principal's own allows
identity              a policy of the principal's own is enough
grant                 a grant
role-chain            it may become a role that can
could-grant-itself    it may change a policy, a grant or somebody's credentials so that it can
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from keystead.access.decision import Source
from keystead.access.paths import Way

ARROW: Final = " → "
ROLE_CHAIN: Final = "role-chain"
ITSELF: Final = "could-grant-itself"


@dataclass(frozen=True, slots=True)
class Row:
    """conditions   what is still open; nothing: whenever it asks
    last_used    seconds since the epoch; None: not since records are kept
    """

    principal: str
    kind: str
    path: str
    conditions: tuple[str, ...] = ()
    last_used: float | None = None


def kind_of(way: Way) -> str:
    sources = {step.source for step in way.steps}
    if Source.GRANT in sources:
        return "grant"
    if Source.IDENTITY not in sources:
        return "policy"
    return "delegated" if sources & {Source.RESOURCE, Source.TRUST} else "identity"


def path_of(way: Way) -> str:
    return ARROW.join(map(str, way.steps))


def row(principal: str, way: Way) -> Row:
    return Row(principal, kind_of(way), path_of(way), tuple(way.conditions))


def easiest(ways: Sequence[Way]) -> Way:
    """The one that asks least."""
    return min(ways, key=lambda way: (len(way.conditions), len(way.steps)))


def unconditional(ways: Iterable[Way]) -> bool:
    return any(not way.needs and not way.nots for way in ways)
