"""Listings of keys: an account's own, in order, with those that go on alike after a delimiter taken together."""

import base64
import binascii
from collections.abc import Iterator
from typing import Final, NamedTuple

from keystead.services.s3.errors import TokenInvalid
from keystead.trail.bucket import Bucket, Entry

LARGEST: Final = 1000
"""Keys of a page (S3 API reference, ListObjectsV2)."""
BEYOND: Final = "~"
"""Comes after every character that keys have: a key with it comes after all that begin alike."""


class Page(NamedTuple):
    """entries and common prefixes, together at most as many as asked for; `last` is the greatest of both."""

    entries: list[Entry]
    prefixes: list[str]
    truncated: bool
    last: str


def page(bucket: Bucket, root: str, prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """Of what begins with `root`; nothing else exists for who asks. Blocks."""
    entries: list[Entry] = []
    prefixes: list[str] = []
    last = after
    for entry, together in found(bucket, root, prefix, delimiter, after):
        if len(entries) + len(prefixes) == limit:
            return Page(entries, prefixes, limit > 0, last)
        if together is None:
            entries.append(entry)
        else:
            prefixes.append(together)
        last = together or entry.key
    return Page(entries, prefixes, False, last)


def found(bucket: Bucket, root: str, prefix: str, delimiter: str, after: str) -> Iterator[tuple[Entry, str | None]]:
    """Each key, or the first of those that are taken together, with what they have in common."""
    within = prefix if prefix.startswith(root) else root
    if not (prefix.startswith(root) or root.startswith(prefix)):
        return
    if delimiter and after.startswith(prefix) and after.endswith(delimiter):
        after += BEYOND
    while entries := bucket.list(within, after, LARGEST):
        for entry in entries:
            if entry.key <= after:
                continue
            together = common(entry.key, prefix, delimiter)
            yield entry, together
            after = entry.key if together is None else together + BEYOND
        after = max(after, entries[-1].key)


def common(key: str, prefix: str, delimiter: str) -> str | None:
    rest = key[len(prefix) :]
    head, found_it, _ = rest.partition(delimiter) if delimiter else (rest, "", "")
    return prefix + head + delimiter if found_it else None


def token_of(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def place_of(token: str) -> str:
    """Raises TokenInvalid. A token says no more than StartAfter does, and so need not be sealed."""
    try:
        return base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (UnicodeError, binascii.Error):
        raise TokenInvalid from None
