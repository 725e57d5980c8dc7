"""Data types: what a value must look like, as a table (SSM API reference, PutParameter, DataType; Systems Manager user guide).

A value of a type other than text is checked when it is put, of a StringList each of its items. AWS gives no grammars: these
are those of the source named on each row, and they are strict.
"""

import base64
import binascii
import ipaddress
import json
import math
import re
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from keystead.parameters.errors import RequestWrong
from keystead.parameters.parameter import STRING_LIST, TEXT

IMAGE: Final = "aws:ec2:image"
INTEGRATION: Final = "aws:ssm:integration"
FIXED: Final = frozenset({IMAGE, INTEGRATION})
"""A parameter does not change to or from these."""
IMAGE_ID: Final = re.compile(r"ami-[0-9A-Za-z]{8,32}")
REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]")
ACCOUNT: Final = re.compile(r"[0-9]{12}")
INTEGER: Final = re.compile(r"[+-]?[0-9]+")
NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
HOST_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
LOCAL_PART: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
COMMENT: Final = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


def anything(_: str) -> bool:
    return True


def is_float(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def is_hostname(text: str) -> bool:
    name = text.removesuffix(".")
    return 0 < len(name) <= 253 and all(HOST_LABEL.fullmatch(label) for label in name.split("."))


def is_email(text: str) -> bool:
    local, _, host = text.rpartition("@")
    return 0 < len(local) <= 64 and LOCAL_PART.fullmatch(local) is not None and is_hostname(host)


def is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.scheme and parts.hostname) and parts.port != 0 and not re.search(r"\s", text)
    except ValueError:
        return False


def is_json(text: str) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True


def is_jsonc(text: str) -> bool:
    """JSON with comments, which strings may look like."""
    return is_json(COMMENT.sub(lambda found: found[1] or " ", text))


class Kind(NamedTuple):
    """accepts  a value, or an item of a list; advanced  only in the advanced tier."""

    accepts: Callable[[str], bool]
    advanced: bool = False


KINDS: Final = {
    #  DataType       what it looks like                                                      source of the grammar
    TEXT:            Kind(anything),
    INTEGRATION:     Kind(anything),                                                        # nothing here uses it
    IMAGE:           Kind(lambda text: IMAGE_ID.fullmatch(text) is not None),               # EC2 user guide; no EC2 is asked
    "aws:region":    Kind(lambda text: REGION.fullmatch(text) is not None),                 # AWS general reference
    "aws:account:id": Kind(lambda text: ACCOUNT.fullmatch(text) is not None),               # likewise
    "boolean":       Kind(lambda text: text in {"true", "false"}),                          # RFC 8259
    "integer":       Kind(lambda text: INTEGER.fullmatch(text) is not None),                # decimal, ours
    "float":         Kind(is_float),                                                        # IEEE 754, finite
    "binary":        Kind(is_base64),                                                       # RFC 4648
    "hostname":      Kind(is_hostname),                                                     # RFC 1123
    "email":         Kind(is_email),                                                        # RFC 5322, dot-atom
    "ipv4-address":  Kind(is_ipv4),                                                         # RFC 791
    "ipv6-address":  Kind(is_ipv6),                                                         # RFC 4291
    "url":           Kind(is_url, advanced=True),                                           # RFC 3986
    "json":          Kind(is_json, advanced=True),                                          # RFC 8259
    "jsonc":         Kind(is_jsonc, advanced=True),                                         # RFC 8259 and comments
}  # fmt: skip  # a table


def check_name(name: str) -> Kind:
    """Raises RequestWrong."""
    kind = KINDS.get(name)
    if kind is None:
        raise RequestWrong(f"The following data type is not supported: {name} (Data type names are all lowercase.)")
    return kind


def check_value(name: str, type_: str, value: str) -> None:
    """Raises RequestWrong, which does not repeat the value."""
    accepts = check_name(name).accepts
    items = value.split(",") if type_ == STRING_LIST else [value]
    if not all(accepts(item) for item in items):
        raise RequestWrong(f"The parameter value is not a valid {name}.")


def check_change(before: str, after: str) -> None:
    """Raises RequestWrong."""
    if before != after and FIXED & {before, after}:
        raise RequestWrong(f"The data type of a parameter can't be changed from {before} to {after}.")
