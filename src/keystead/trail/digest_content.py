"""What a digest of the trail says, as far as it is checked: its times, its files, and the trees of the logs."""

from typing import Any

import msgspec

from keystead.trail import adoption


class Listed(msgspec.Struct, frozen=True, rename="camel"):
    """One of a digest's `logFiles`."""

    s3_object: str = msgspec.field(name="s3Object")
    s3_bucket: str = msgspec.field(name="s3Bucket")
    hash_value: str
    hash_algorithm: str
    newest_event_time: str
    oldest_event_time: str
    keystead_records: "Records"


class Records(msgspec.Struct, frozen=True):
    """Which records of which node's log a file was made of, and how many of them are in it."""

    node: str
    first: int
    last: int
    events: int


class NamedTree(msgspec.Struct, frozen=True):
    """A log's tree, as a digest says it was."""

    node: str
    origin: str
    size: int
    root: str


class Told(msgspec.Struct, frozen=True, rename="camel"):
    """A digest, as far as it is checked here."""

    digest_start_time: str
    digest_end_time: str
    newest_event_time: str | None
    oldest_event_time: str | None
    log_files: tuple[Listed, ...]
    keystead_logs: tuple[NamedTree, ...]


def read(told: dict[str, Any]) -> Told:
    """Raises msgspec.MsgspecError, ValueError."""
    made = msgspec.convert(told, Told)
    for listed in made.log_files:
        adoption.seconds(listed.oldest_event_time)
        adoption.seconds(listed.newest_event_time)
    for tree in made.keystead_logs:
        bytes.fromhex(tree.root)
    return made


def minute(text: str) -> int:
    """Seconds since the epoch of a file's name: 20261124T0630."""
    return adoption.seconds(f"{text[:4]}-{text[4:6]}-{text[6:11]}:{text[11:]}Z")
