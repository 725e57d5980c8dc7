"""Which function a Lambda ARN stands for: one of Keystead's own, or one that an operator registered on this deployment.

    arn:aws:lambda:REGION:ACCOUNT:function:NAME

A registered function belongs to an account and answers in each of its Regions. It is code that the operator vouches for: registering
one takes the installation's folder, not an API call. A directory must be there on every node.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from sqlalchemy import delete, insert, select

from keystead.database.engine import Connection, Transaction
from keystead.rotation.builtin import FUNCTIONS, Builtin
from keystead.rotation.errors import FunctionUnknown
from keystead.rotation.store import FUNCTION_KIND, functions

ARN: Final = re.compile(
    r"arn:aws:lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):function:(?P<name>[A-Za-z0-9_-]{1,64})"
)
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Lambda API reference, FunctionName."""
HANDLER: Final = re.compile(r"[A-Za-z_][\w./]*\.[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Registered:
    """A function of the operator's: a directory with a handler, or a URL with the secret that holds its signing key."""

    account: str
    name: str
    created_at: float
    directory: str | None = None
    handler: str | None = None
    url: str | None = None
    signing_secret: str | None = None
    role: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 30.0
    memory: int = 512


def read(arn: str, account: str, region: str) -> str:
    """The name, where the ARN is of this account and Region. Raises FunctionUnknown."""
    found = ARN.fullmatch(arn)
    if found is None or (found["account"], found["region"]) != (account, region):
        raise FunctionUnknown
    return found["name"]


async def find(connection: Connection, arn: str, account: str, region: str) -> Builtin | Registered:
    """Raises FunctionUnknown."""
    name = read(arn, account, region)
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    this = select(functions).where(functions.c.account == account, functions.c.name == name)
    row = (await connection.execute(this)).mappings().first()
    if row is None:
        raise FunctionUnknown
    return Registered(**row)


def builtin(arn: str) -> Builtin | None:
    return FUNCTIONS.get(arn.rpartition(":")[2])


async def of_account(connection: Connection, account: str) -> Sequence[Registered]:
    rows = await connection.execute(select(functions).where(functions.c.account == account).order_by(functions.c.name))
    return [Registered(**row) for row in rows.mappings()]


async def put(tx: Transaction, function: Registered) -> None:
    """A new one, or one in the place of another of that name."""
    await remove(tx, function.account, function.name)
    await tx.execute(insert(functions).values(asdict(function)))


async def remove(tx: Transaction, account: str, name: str) -> bool:
    """Whether there was one."""
    this = delete(functions).where(functions.c.account == account, functions.c.name == name)
    gone = (await tx.execute(this)).rowcount > 0
    tx.changed(FUNCTION_KIND, f"{account}/{name}")
    return gone
