"""What callers call a secret: a name, an ARN, or an ARN without its suffix (Secrets Manager user guide, troubleshooting).

    arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX        SUFFIX: 6 letters and digits

1. a text without `arn:` is a name, in the caller's account
2. an ARN whose tail ends in `-` and six characters is taken for whole
3. any other ARN has its suffix left off

So a secret called `x-a1b2c3` is not found by the ARN without its suffix: by rule 2 that names a secret `x`. AWS does the same.
"""

import re
from typing import Final

import msgspec

from keystead.identities.call import Call
from keystead.secrets.errors import NameInvalid
from keystead.secrets.secret import arn_of

NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
ARN: Final = re.compile(r"arn:([^:]+):secretsmanager:([^:]*):([0-9]{12}):secret:(.+)")
WHOLE: Final = re.compile(r"(.+)-([A-Za-z0-9]{6})")
SUFFIX: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
SUFFIX_LENGTH: Final = 6


class Named(msgspec.Struct, frozen=True):
    """Where to look. `suffix` of None: whichever it has."""

    account: str
    region: str
    name: str
    suffix: str | None

    @property
    def arn(self) -> str:
        """What a decision is about while nothing is found."""
        return arn_of(self.account, self.region, self.name if self.suffix is None else f"{self.name}-{self.suffix}")


def check(name: str) -> None:
    """Raises NameInvalid."""
    if not NAME.fullmatch(name):
        raise NameInvalid


def read(call: Call, text: str) -> Named:
    """Raises NameInvalid."""
    if not text.startswith("arn:"):
        check(text)
        return Named(call.account, call.region, text, None)
    found = ARN.fullmatch(text)
    if found is None or found[1] != call.partition:
        raise NameInvalid
    _, region, account, tail = found.groups()
    check(tail)
    whole = WHOLE.fullmatch(tail)
    return Named(account, region, whole[1], whole[2]) if whole else Named(account, region, tail, None)
