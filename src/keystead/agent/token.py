"""The token that local clients show: whoever can read it may ask, and a server that is tricked into asking cannot."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

VARIABLES: Final = ("AWS_TOKEN", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
DEFAULT: Final = "file:///var/run/awssmatoken"
FILE: Final = "file://"


class NoToken(Exception):
    """There is none, and without one nobody is answered."""


def read(environ: Mapping[str, str]) -> bytes:
    """The first of the variables that is set, itself or the file that it names; else AWS's default file. Raises NoToken."""
    named = next((environ[name] for name in VARIABLES if environ.get(name)), DEFAULT)
    if not named.startswith(FILE):
        return named.encode()
    path = Path(named.removeprefix(FILE))
    try:
        token = path.read_bytes().strip()
    except OSError as error:
        raise NoToken(f"{path}: {error.strerror}. Set AWS_TOKEN to a token, or to file:// and a path.") from None
    if not token:
        raise NoToken(f"{path} is empty.")
    return token
