"""Tells configuration from secrets, and says why: what the value is, then what its name says, then how it looks."""

import math
import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from keystead.envfile import databases
from keystead.envfile.reading import Entry


class Kind(StrEnum):
    """What becomes of a value. UNCLEAR is kept as a secret unless somebody says otherwise."""

    CONFIGURATION = "configuration"
    SECRET = "secret"  # noqa: S105  # a kind, not a secret
    DATABASE = "database"
    UNCLEAR = "unclear"


class Verdict(NamedTuple):
    """A kind and the reason for it, in words."""

    kind: Kind
    why: str


VALUES: Final = (
    #  what a secret looks like                                  what it is
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key (PEM)"),
    (re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*"), "a JSON Web Token"),
    (re.compile(r"gh[pousr]_\w{30,}|github_pat_\w{30,}"), "a GitHub token"),
    (re.compile(r"glpat-[\w-]{20,}"), "a GitLab token"),
    (re.compile(r"xox[abeoprs]-[\w-]{10,}"), "a Slack token"),
    (re.compile(r"[rs]k_(live|test)_\w{10,}"), "a Stripe key"),
    (re.compile(r"AIza[\w-]{35}"), "a Google API key"),
    (re.compile(r"SG\.[\w-]{16,}\.[\w-]{16,}"), "a SendGrid key"),
)
HARMLESS_NAMES: Final = re.compile(
    r"(_KEY_ID|_KEY_NAME|_URL|_URI|_HOST|_PORT|_PATH|_FILE|_DIR|_NAME|_ARN|_TTL|_EXPIRES?(_IN)?|_EXPIRY|_LENGTH|_ROUNDS|_ALGORITHM"
    r"|_TYPE|_ENABLED|_TIMEOUT|_HEADER|_ISSUER|_LIFETIME)$|PUBLIC|PUBLISHABLE"
)
SECRET_NAMES: Final = re.compile(
    r"(PASSWORD|PASSWD|PASSPHRASE|PWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SIGNING_?KEY|ENCRYPTION_?KEY|MASTER_?KEY"
    r"|CREDENTIALS?|(^|_)(DSN|SALT|PEPPER|PASS|PIN|KEY)$)"
)
PLAIN: Final = re.compile(
    r"""(?xi) true|false|yes|no|on|off|null|none|debug|info|warn(ing)?|error|development|production|staging|test|local
      | [-+]?\d+(\.\d+)?([smhd]|ms|kb|mb|gb)?
      | (\d{1,3}\.){3}\d{1,3}(:\d+)? | [a-z]{2}(-[a-z]+)+-\d
      | ([\w-]+\.)+[a-z]{2,}(:\d+)? | localhost(:\d+)? | [\w.+-]+@[\w-]+(\.[\w-]+)+
      | \.{0,2}/[\w./@-]* | [a-z]+([_-][a-z]+){0,3}
    """
)
RANDOM_BITS: Final = 3.2
"""Bits for each character, from which a text of 16 and more looks drawn by lot; English words stay below 3."""


def verdict(entry: Entry, examples: Mapping[str, str]) -> Verdict:
    """`examples` are the values of the .env.example beside it, which everybody may see."""
    value, name = entry.value.strip(), entry.name.upper()
    if databases.split(value) is not None:
        return Verdict(Kind.DATABASE, "the URL of a database, with a password")
    for pattern, what in VALUES:
        if pattern.search(value):
            return Verdict(Kind.SECRET, what)
    if has_password(value):
        return Verdict(Kind.SECRET, "a URL with a password")
    if entry.secret:
        return Verdict(Kind.SECRET, "it was kept as a secret")
    if not value:
        return Verdict(Kind.CONFIGURATION, "empty")
    if entry.secret is False or examples.get(entry.name) == entry.value:
        return Verdict(Kind.CONFIGURATION, "it was kept in the open")
    if SECRET_NAMES.search(name) and not HARMLESS_NAMES.search(name):
        return Verdict(Kind.SECRET, "its name")
    return by_looks(value)


def by_looks(value: str) -> Verdict:
    if PLAIN.fullmatch(value) or is_address(value):
        return Verdict(Kind.CONFIGURATION, "a plain word, number, path or address")
    if len(value) >= 16 and " " not in value and bits(value) >= RANDOM_BITS:
        return Verdict(Kind.SECRET, "it looks random")
    return Verdict(Kind.UNCLEAR, "neither its name nor its value tells")


def has_password(value: str) -> bool:
    try:
        return "://" in value and bool(urlsplit(value).password)
    except ValueError:
        return False


def is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme and parts.hostname) and not parts.password and not parts.query


def bits(value: str) -> float:
    """Shannon's entropy of its characters, in bits for each."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


COMMON: Final = frozenset(
    {"password", "passwort", "changeme", "change_me", "secret", "admin", "root", "letmein", "qwerty", "welcome", "postgres",
     "example", "test", "default", "hunter2", "123456", "12345678", "0000", "todo", "xxx", "your_secret_here"}
)  # fmt: skip  # a list
SHORTEST: Final = 12
"""Characters; what is shorter can be guessed by trying (NIST SP 800-63B wants 15 where a password stands alone)."""


def weak(password: str) -> str | None:
    """Why a secret is no good one; None when nothing is to be said."""
    if password.lower() in COMMON:
        return "a common word"
    if len(password) < SHORTEST:
        return f"shorter than {SHORTEST} characters"
    return "few different characters" if len(set(password)) < 6 else None
