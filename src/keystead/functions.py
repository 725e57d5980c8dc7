"""Rotation functions in the hands of the installation's operator: registered, listed, removed, also while nodes serve.

It is the operator's to say which code may rotate secrets: it runs on the nodes, with credentials for the secrets it is asked to rotate.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from keystead.config import Installation, Settings
from keystead.rotation import functions
from keystead.rotation.builtin import FUNCTIONS
from keystead.rotation.errors import SecretUnusable
from keystead.rotation.executors import http
from keystead.rotation.functions import HANDLER, NAME, Registered
from keystead.unsealed import still_sealed, unsealed

LONGEST: Final = 900.0
"""Seconds of one step (Lambda quotas, function timeout)."""
MEMORY: Final = (128, 10_240)
"""Megabytes (Lambda quotas)."""


class FunctionRefused(Exception):
    """`text`: what is wrong with the function, for the operator."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def check(function: Registered, data: Path) -> None:
    """Raises FunctionRefused."""
    if not NAME.fullmatch(function.name):
        raise FunctionRefused("A function's name has letters, digits, - and _, and 64 of them at most.")
    if function.name in FUNCTIONS:
        raise FunctionRefused(f"{function.name} is one of Keystead's own functions.")
    if (function.directory is None) is (function.url is None):
        raise FunctionRefused("A function is a --directory with a --handler, or a --url.")
    if not 1 <= function.seconds <= LONGEST or not MEMORY[0] <= function.memory <= MEMORY[1]:
        raise FunctionRefused(f"A step takes 1 to {LONGEST:.0f} seconds and {MEMORY[0]} to {MEMORY[1]} megabytes.")
    (check_url if function.url is not None else check_directory)(function, data)


def check_url(function: Registered, _: Path) -> None:
    try:
        http.check(function.url or "")
    except SecretUnusable as unusable:
        raise FunctionRefused(unusable.text) from None
    if not (function.signing_secret or "").startswith("arn:aws:secretsmanager:"):
        raise FunctionRefused(
            "--signing-secret is the ARN of the secret with the key that signs the requests (whsec_…)."
        )
    if function.handler or function.variables:
        raise FunctionRefused("--handler and --variable are of a directory.")


def check_directory(function: Registered, data: Path) -> None:
    directory = Path(function.directory or "")
    if not HANDLER.fullmatch(function.handler or ""):
        raise FunctionRefused("--handler is module.function, as in Lambda.")
    if not directory.is_absolute() or not directory.is_dir():
        raise FunctionRefused(f"{directory} is no folder of this machine; it must be there on every node.")
    own, theirs = data.resolve(), directory.resolve()
    if own == theirs or own in theirs.parents or theirs in own.parents:
        raise FunctionRefused("A function's folder and the installation's must not lie in one another.")
    if function.signing_secret:
        raise FunctionRefused("--signing-secret is of a --url.")


async def register(settings: Settings, function: Registered) -> str:
    """Its ARN in the home Region. Raises FunctionRefused, and what unsealed raises."""
    installation = Installation.load(settings.folder)
    check(function, settings.folder)
    async with unsealed(settings) as opened, opened.database.write("operator") as tx:
        await functions.put(tx, function)
        await opened.note(tx, "RegisterFunction", told(function))
    return arn(installation.region, function)


def told(function: Registered) -> Mapping[str, object]:
    """For the record: names of variables, and not what is in them."""
    facts: dict[str, object] = {"account": function.account, "name": function.name}
    facts |= {name: value for name in ("directory", "handler", "url", "role") if (value := getattr(function, name))}
    return {**facts, "variables": sorted(function.variables)}


def arn(region: str, function: Registered) -> str:
    return f"arn:aws:lambda:{region}:{function.account}:function:{function.name}"


async def listed(settings: Settings, account: str) -> Sequence[Registered]:
    async with still_sealed(settings) as database, database.read() as connection:
        return await functions.of_account(connection, account)


async def remove(settings: Settings, account: str, name: str) -> bool:
    """Whether there was one. Rotations that name it fail from now on."""
    async with unsealed(settings) as opened, opened.database.write("operator") as tx:
        gone = await functions.remove(tx, account, name)
        if gone:
            await opened.note(tx, "RemoveFunction", {"account": account, "name": name})
    return gone
