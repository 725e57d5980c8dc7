"""The HSM file: which hardware security modules this node has, and how each is reached. TOML, one table for each:

    [cluster-2345abcdefg]                        the name: a seal's, or the CloudHsmClusterId of a key store
    module = "/usr/lib/softhsm/libsofthsm2.so"   the vendor's PKCS#11 library
    token = "keystead"                           the token's label, or
    serial = "0123456789abcdef"                  its serial number
    pin_file = "/etc/keystead/pin"               the user PIN; mode 0600; a line end after it does not count
    trust_anchor = "/etc/keystead/customerCA.crt"    PEM; what a key store must show to name this module
    processes = 2                                that call the library; each makes one call at a time

Nothing in it is secret. The PIN is read by the process that logs in, and by nobody else.
"""

import re
import ssl
import tomllib
from pathlib import Path
from typing import Final

import msgspec

NAME: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
PROCESSES_LIMIT: Final = 32


class HsmFileWrong(Exception):
    """The text is for the operator."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One module: see the head of this file."""

    module: str
    pin_file: str
    token: str = ""
    serial: str = ""
    trust_anchor: str = ""
    processes: int = 2

    def anchor(self) -> bytes | None:
        """The trust anchor's certificate in DER; None without one. Raises HsmFileWrong."""
        if not self.trust_anchor:
            return None
        try:
            return certificate(Path(self.trust_anchor).read_text("ascii"))
        except (OSError, ValueError):
            raise HsmFileWrong(f"{self.trust_anchor} holds no certificate in PEM that can be read.") from None


Entries = dict[str, Entry]


def read(path: str) -> Entries:
    """No entries where no file is named. Raises HsmFileWrong."""
    if not path:
        return {}
    try:
        tables = tomllib.loads(Path(path).read_text("utf-8"))
        entries = msgspec.convert(tables, Entries)
    except OSError as error:
        raise HsmFileWrong(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise HsmFileWrong(f"{path}: {error}") from None
    for name, entry in entries.items():
        check(path, name, entry)
    return entries


def check(path: str, name: str, entry: Entry) -> None:
    """Raises HsmFileWrong."""
    if not NAME.fullmatch(name):
        raise HsmFileWrong(f"{path}: a name has up to 64 letters, digits and hyphens.")
    if bool(entry.token) == bool(entry.serial):
        raise HsmFileWrong(f"{path}: {name} needs either token or serial.")
    if not 1 <= entry.processes <= PROCESSES_LIMIT:
        raise HsmFileWrong(f"{path}: {name} may have 1 to {PROCESSES_LIMIT} processes.")


def certificate(pem: str) -> bytes:
    """DER of the one certificate in a PEM text. Raises ValueError."""
    return ssl.PEM_cert_to_DER_cert(pem.strip())
