"""How much of everything an account may have, and how often it may ask. AWS's numbers, each of which a setting changes.

    rate    a bucket for each account and group of operations: so many calls at once, and so many more each second

Rates are off unless asked for: a bucket is a worker's own, so that a node's rate is divided among its workers, and a cluster has
that of all its nodes. What a service asks for its callers is not counted; that is for the service's own limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import func, select

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.keys.errors import LimitReached, Throttled
from keystead.keys.key import Manager
from keystead.keys.store import aliases, keys

SYMMETRIC: Final = "symmetric"
CREATE: Final = "create"
MANAGEMENT: Final = "management"
AWS_RATES: Final = {
    #  group       calls a second   what is in it                                     source: KMS developer guide, request quotas
    SYMMETRIC:     5_500.0,       # with symmetric and HMAC keys, and GenerateRandom
    "rsa":         500.0,         # with RSA keys
    "ecc":         500.0,         # with keys of elliptic curves
    "ml":          500.0,         # with ML-DSA and ML-KEM keys; AWS publishes none, ours
    CREATE:        5.0,           # CreateKey, ReplicateKey
    MANAGEMENT:    500.0,         # each account's other calls together; AWS counts them one by one, ours
}  # fmt: skip  # a table
GROUPS: Final = {"RSA_": "rsa", "ECC_": "ecc", "ML_": "ml"}
"""By the beginning of a key spec; all others are symmetric."""
CREATING: Final = frozenset({"CreateKey", "ReplicateKey"})


@dataclass(frozen=True, slots=True)
class Quotas:
    """keys, aliases  of an account in one Region; 0 aliases: no quota, as with AWS today
    rates  group to calls a second, in this process; a group that is not there has no limit
    """

    keys: int = 100_000
    aliases: int = 0
    aliases_per_key: int = 50
    grants_per_key: int = 50_000
    policy_bytes: int = 32_768
    on_demand_rotations: int = 25
    rates: Mapping[str, float] = field(default_factory=dict)


def read_rates(text: str, workers: int) -> dict[str, float]:
    """`aws`, or `group=number` separated by commas; none for an empty text. Raises ValueError."""
    if not text:
        return {}
    wanted = dict(AWS_RATES)
    if text != "aws":
        pairs = [part.strip().partition("=") for part in text.split(",")]
        wanted = {group: float(number) for group, _, number in pairs}
    for group, rate in wanted.items():
        if group not in AWS_RATES:
            raise ValueError(f"There is no group {group} of request rates.")
        if not 0 < rate < 1e9:
            raise ValueError(f"The request rate of {group} must be more than 0.")
    return {group: rate / workers for group, rate in wanted.items()}


class Rates:
    """The buckets of one process."""

    def __init__(self, rates: Mapping[str, float]) -> None:
        self._rates = rates
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, call: Call, group: str) -> None:
        """Count a call. Raises Throttled."""
        rate = self._rates.get(group)
        if rate is None or call.via is not None:
            return
        place, most = (call.account, group), max(rate, 1.0)
        left, at = self._buckets.get(place, (most, call.at))
        left = min(most, left + max(call.at - at, 0.0) * rate)
        if left < 1.0:
            self._buckets[place] = (left, max(at, call.at))
            raise Throttled
        self._buckets[place] = (left - 1.0, max(at, call.at))


def group_of(spec: str) -> str:
    return next((group for prefix, group in GROUPS.items() if spec.startswith(prefix)), SYMMETRIC)


async def check_keys(tx: Transaction, account: str, region: str, most: int) -> None:
    """Room for one more. Raises LimitReached."""
    mine = (keys.c.account == account) & (keys.c.region == region) & (keys.c.manager == Manager.CUSTOMER.value)
    if (await tx.execute(select(func.count()).select_from(keys).where(mine))).scalar_one() >= most:
        raise LimitReached(f"An account cannot have more than {most} keys in a Region.")


async def check_aliases(tx: Transaction, account: str, region: str, most: int) -> None:
    """Room for one more. Raises LimitReached."""
    if not most:
        return
    mine = (aliases.c.account == account) & (aliases.c.region == region)
    if (await tx.execute(select(func.count()).select_from(aliases).where(mine))).scalar_one() >= most:
        raise LimitReached(f"An account cannot have more than {most} aliases in a Region.")
