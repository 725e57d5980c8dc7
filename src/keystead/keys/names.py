"""What callers call a key: an id, a key ARN, an alias name or an alias ARN (KMS developer guide, key identifiers)."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from keystead.identities.call import Call
from keystead.keys.errors import AliasNotAllowed, ArnElsewhere, KeyIdMalformed
from keystead.keys.key import alias_arn, arn_of

READ: Final = 4096
"""ARNs that are read once."""
KEY_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")
ARN: Final = re.compile(r"arn:([^:]+):kms:([^:]*):([0-9]{12}):(key/|alias/)(.+)", re.DOTALL)


class Named(msgspec.Struct, frozen=True):
    """Where to look: exactly one of key_id and alias is set."""

    account: str
    region: str
    key_id: str | None
    alias: str | None

    @property
    def arn(self) -> str:
        if self.alias is not None:
            return alias_arn(self.account, self.region, self.alias)
        return arn_of(self.account, self.region, self.key_id or "")


def read(call: Call, text: str, *, aliases: bool) -> Named:
    """Raises KeyIdMalformed, ArnElsewhere, AliasNotAllowed."""
    if text.startswith("arn:"):
        return read_arn(call.partition, call.region, text, aliases=aliases)
    if text.startswith("alias/"):
        if not aliases:
            raise KeyIdMalformed(text)
        return Named(call.account, call.region, None, text)
    if not KEY_ID.fullmatch(text):
        raise KeyIdMalformed(text)
    return Named(call.account, call.region, text, None)


@lru_cache(READ)
def read_arn(partition: str, here: str, text: str, *, aliases: bool) -> Named:
    found = ARN.fullmatch(text)
    if found is None or found[1] != partition:
        raise ArnElsewhere(text)
    _, region, account, kind, rest = found.groups()
    if region != here:
        raise ArnElsewhere(region)
    if kind == "alias/":
        if not aliases:
            raise AliasNotAllowed
        return Named(account, region, None, f"alias/{rest}")
    if not KEY_ID.fullmatch(rest):
        raise KeyIdMalformed(rest)
    return Named(account, region, rest, None)
