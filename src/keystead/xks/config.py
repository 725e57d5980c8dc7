"""The proxy's file: who may call, and which keys there are. TOML, mode 0600; read again whenever it has changed.

prefix = "/ours"                               before /kms/xks/v1; may be left out
health_key = "arn:aws:kms:…"                   a key of its own, for nothing but health checks

[[credential]]                                 two of them while one takes the other's place
access_key_id = "…"                            20–30 of A–Z and 2–7
secret_access_key = "…"                        43–64 of A–Z, a–z, 0–9, / + =

[keys.payroll]                                 the external key id
key = "arn:aws:kms:…"                          a KMS key of spec HMAC_256, behind its own policy
kms_keys = ["arn:aws:kms:…:key/*"]             whose it is: kmsKeyArn must match one; left out: anybody's
principals = ["arn:aws:iam::…:role/payroll"]   likewise awsPrincipalArn
"""

import re
import tomllib
from pathlib import Path
from typing import Final

import msgspec

from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.secret_files import read as read_secret

ACCESS_KEY_ID: Final = re.compile(r"[A-Z2-7]{20,30}")
SECRET: Final = re.compile(r"[A-Za-z0-9/+=]{43,64}")
KEY_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9_-]+)*")


class ConfigWrong(Exception):
    """The text is for the operator, and holds no secret."""


class Credential(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"Credential({self.access_key_id!r})"


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`key` is the KMS key that stands behind an external key."""

    key: str
    kms_keys: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    credential: tuple[Credential, ...]
    keys: dict[str, Key]
    prefix: str = ""
    health_key: str = ""

    def secret_of(self, access_key_id: str) -> str | None:
        return next((c.secret_access_key for c in self.credential if c.access_key_id == access_key_id), None)


def read(path: Path) -> Config:
    """Raises ConfigWrong."""
    try:
        found = msgspec.convert(tomllib.loads(read_secret(path).decode()), Config)
    except SealNotOpened as error:
        raise ConfigWrong(str(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ConfigWrong(f"{path} is not TOML.") from None
    except msgspec.ValidationError as error:
        raise ConfigWrong(f"{path}: {error}") from None
    if not found.credential or not PREFIX.fullmatch(found.prefix):
        raise ConfigWrong(f"{path} needs a credential, and a prefix like /ours or none.")
    for credential in found.credential:
        if not ACCESS_KEY_ID.fullmatch(credential.access_key_id) or not SECRET.fullmatch(credential.secret_access_key):
            raise ConfigWrong(f"{path}: a credential is not of the form that AWS KMS takes.")
    if not all(map(KEY_ID.fullmatch, found.keys)):
        raise ConfigWrong(f"{path}: an external key id has up to 128 letters, digits, dots, hyphens and underscores.")
    return found


class Watched:
    """The file as it is now. One that has become wrong closes the proxy: nobody is authenticated by what was before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._config: Config | None = None

    def current(self) -> Config:
        """Raises ConfigWrong."""
        try:
            found = self._path.stat()
        except OSError as error:
            raise ConfigWrong(f"{self._path} cannot be read: {error.strerror}.") from None
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if self._config is None or seen != self._seen:
            self._config = None
            self._config, self._seen = read(self._path), seen
        return self._config
