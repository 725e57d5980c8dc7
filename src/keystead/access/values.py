"""Numbers, dates, networks and bytes as condition values write them. Each raises ValueError for what is none."""

import base64
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?")
EPOCH: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?")
DATE: Final = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?)?",
    re.IGNORECASE,
)
"""W3C profile of ISO 8601 (IAM user guide, date condition operators); without a zone it is UTC."""
MAPPED: Final = 96
"""Bits before the IPv4 address in ::ffff:192.0.2.1 (RFC 4291, 2.5.5.2)."""
PREFIX: Final = re.compile(r"[^/]+(?:/[0-9]{1,3})?")


def number(text: str) -> Decimal:
    if not NUMBER.fullmatch(text):
        raise ValueError("not a number")
    return Decimal(text)


def date(text: str) -> Decimal:
    """Seconds since the epoch. A number alone is seconds; IAM reads a date only where there is a hyphen (recorded)."""
    found = DATE.fullmatch(text)
    if found is not None:
        return seconds(found)
    if not EPOCH.fullmatch(text):
        raise ValueError("not a date")
    return Decimal(text)


def seconds(found: re.Match[str]) -> Decimal:
    parts = [int(found[name] or least) for name, least in (("year", 1), ("month", 1), ("day", 1))]
    clock = [int(found[name] or 0) for name in ("hour", "minute", "second")]
    whole = datetime(*parts, *clock, tzinfo=zone(found["zone"]))  # type: ignore[arg-type, misc]  # three dates, three times
    since = whole - datetime(1970, 1, 1, tzinfo=UTC)
    return Decimal(since.days * 86_400 + since.seconds) + Decimal(f"0.{found['fraction'] or 0}")


def zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


@lru_cache(1024)
def address(text: str) -> Address:
    """An IPv4 address in IPv6 clothing counts as the IPv4 address it is."""
    found = ip_address(text)
    return getattr(found, "ipv4_mapped", None) or found


def network(text: str) -> Network:
    """CIDR; an address alone is a network of one. Bits beyond the prefix are ignored."""
    if not PREFIX.fullmatch(text):
        raise ValueError("not a network")
    found = ip_network(text, strict=False)
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    if mapped is not None and found.prefixlen >= MAPPED:
        return IPv4Network((mapped, found.prefixlen - MAPPED))
    return found


def binary(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def truth(text: str) -> bool:
    folded = text.lower()
    if folded not in {"true", "false"}:
        raise ValueError("neither true nor false")
    return folded == "true"
