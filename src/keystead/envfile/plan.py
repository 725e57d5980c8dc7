"""What an import would do, before anything is done: for each name where its value goes, why, and what is wrong with it."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from keystead.envfile import databases, kinds
from keystead.envfile.kinds import Kind, Verdict
from keystead.envfile.reading import Entry
from keystead.envfile.references import Form, Reference

FINGERPRINT_TAG: Final = "keystead-import:fingerprint"
REFERENCE: Final = re.compile(r"\$\{\w+\}")
SHOWN: Final = 8
"""Hex digits of a fingerprint that are shown."""


LONGEST: Final = 4096
"""Bytes of a parameter of the standard tier (Systems Manager quotas)."""
PATH: Final = re.compile(r"(/[A-Za-z0-9_.-]+){1,14}")
LEVEL: Final = re.compile(r"[A-Za-z0-9_.-]+")
"""Names of parameters (SSM API reference, PutParameter, Name): 15 levels, of which the last is the variable's."""


class Store(StrEnum):
    """Where a value goes."""

    SECRETS = "Secrets Manager"
    PARAMETERS = "Parameter Store"
    FILE = "the reference file"


@dataclass(frozen=True, slots=True)
class Item:
    """One name of the plan.

    target       the name of the secret or parameter; None for what stays in the reference file
    token        ClientRequestToken: the same for the same name and value, and useless for guessing either without the local key
    same_as      an earlier name in the same file with the same value, whose secret this one refers to
    warnings     why it is to be rotated, not only moved
    """

    entry: Entry
    verdict: Verdict
    store: Store = Store.FILE
    target: str | None = None
    token: str = ""
    fingerprint: str = ""
    same_as: str | None = None
    warnings: tuple[str, ...] = ()
    content: str = field(default="", repr=False)

    @property
    def line(self) -> str:
        """What stands in the reference file."""
        if self.target is None:
            return self.entry.template or self.entry.value
        if self.store is Store.PARAMETERS:
            return str(Reference(Form.PARAMETER, self.target))
        return str(Reference(Form.URL if self.verdict.kind is Kind.DATABASE else Form.SECRET, self.target))

    def shown(self) -> dict[str, Any]:
        """For people and programs: no value."""
        return {
            "name": self.entry.name,
            "kind": str(self.verdict.kind),
            "why": self.verdict.why,
            "store": str(self.store),
            "target": self.target,
            "same_as": self.same_as,
            "fingerprint": self.fingerprint[:SHOWN] or None,
            "warnings": list(self.warnings),
        }


def plan(
    entries: Sequence[Entry],
    *,
    prefix: str,
    key: bytes,
    examples: Mapping[str, str],
    chosen: Mapping[str, Kind],
    committed: frozenset[str] | set[str] = frozenset(),
    path: str | None = None,
) -> list[Item]:
    """One item for each entry, in order.

    prefix     of the secrets' names: `billing/prod`
    path       of the parameters that configuration becomes: `/billing/prod`; None leaves it in the reference file
    key        this machine's own, for tokens and fingerprints
    chosen     kinds that somebody has decided by name
    committed  names whose values are in git's history
    """
    made: list[Item] = []
    by_content: dict[str, Item] = {}
    for entry in entries:
        item = item_of(entry, prefix, key, examples, chosen, committed)
        if item.store is Store.FILE and path is not None and may_be_parameter(entry):
            item = replace(item, store=Store.PARAMETERS, target=f"{path}/{entry.name}", content=entry.value)
        first = by_content.setdefault(item.content, item) if item.store is Store.SECRETS else item
        made.append(item if first is item else referring(item, first))
    return made


def item_of(
    entry: Entry,
    prefix: str,
    key: bytes,
    examples: Mapping[str, str],
    chosen: Mapping[str, Kind],
    committed: frozenset[str] | set[str],
) -> Item:
    judged = kinds.verdict(entry, examples)
    if entry.name in chosen:
        judged = Verdict(chosen[entry.name], "as you said")
    if judged.kind is Kind.CONFIGURATION:
        return Item(entry, judged)
    if entry.name not in chosen and entry.template is not None and only_refers(entry.template):
        return Item(entry, Verdict(Kind.CONFIGURATION, "put together of other names"))
    database = databases.split(entry.value) if judged.kind is Kind.DATABASE else None
    content = msgspec.json.encode(database).decode() if database else entry.value
    return Item(
        entry,
        judged if database or judged.kind is not Kind.DATABASE else Verdict(Kind.SECRET, judged.why),
        Store.SECRETS,
        f"{prefix}/{entry.name}",
        keyed(key, "token", f"{entry.name}\0{content}"),
        keyed(key, "fingerprint", content),
        None,
        tuple(warnings(entry, database, committed)),
        content,
    )


def may_be_parameter(entry: Entry) -> bool:
    """Not what is put together of others, and not what Parameter Store cannot hold: nothing, or more than LONGEST."""
    fits = 0 < len(entry.value.encode()) <= LONGEST
    return fits and entry.template is None and LEVEL.fullmatch(entry.name) is not None


def only_refers(template: str) -> bool:
    """Whether all that is secret in it stands under other names: it is one reference, or a URL whose password is one."""
    try:
        password = urlsplit(template).password or template
    except ValueError:
        return False
    return REFERENCE.fullmatch(password) is not None


def warnings(entry: Entry, database: Mapping[str, Any] | None, committed: frozenset[str] | set[str]) -> list[str]:
    found = []
    if (why := kinds.weak(str(database["password"]) if database else entry.value)) is not None:
        found.append(f"weak: {why}")
    if entry.name in committed:
        found.append("in git's history")
    return found


def referring(item: Item, first: Item) -> Item:
    return replace(item, target=first.target, token=first.token, same_as=first.entry.name)


def keyed(key: bytes, purpose: str, what: str) -> str:
    """64 hex digits. A bare hash would let whoever sees version ids or tags try out weak values."""
    return hmac.new(key, f"keystead import\0{purpose}\0{what}".encode(), hashlib.sha256).hexdigest()
