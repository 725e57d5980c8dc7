"""Who may still hold an old version: the rules, from what readers did and what is known of them. No I/O.

A reader is a principal with its session name, at an address, with a client (userAgent). It holds what it read last, of this secret,
until it reads a newer version; or, where it asks again by itself, until its cache can no longer have it.

    client                                     refresh           at most, s    source
    aws-secretsmanager-caching                 poll              3 600         its documentation: SecretCacheConfig
    Secrets Manager Agent                      poll              300           its source: ttl_seconds
    AWS advanced wrappers                      on-auth-failure   –             their documentation: expiration one year
    any other                                  poll              3 600         ours: the tag keystead:cache-seconds says it better
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from keystead.rotation.wishes import Refresh, Wishes

DEFAULT_CACHE: Final = 3600
"""Seconds."""


class Client(NamedTuple):
    """How clients of a kind hold on to what they read. `cache` counts with Refresh.poll alone."""

    refresh: Refresh
    cache: int


CLIENTS: Final = (
    #  in the userAgent                        how it holds on
    ("AwsSecretCache/",                        Client(Refresh.poll, 3600)),
    ("AWSSecretsManagerCachingRust/",          Client(Refresh.poll, 300)),
    ("aws-advanced-",                          Client(Refresh.on_auth_failure, 0)),
)  # fmt: skip  # a table
ANY: Final = Client(Refresh.poll, DEFAULT_CACHE)


@dataclass(frozen=True, slots=True)
class Reader:
    """One instance of a consumer. `arn` is the principal's, with the session's name where it is a session."""

    arn: str
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Read:
    """The last time that a reader was shown this version. `value`: it has read the value, and not only that it is current."""

    reader: Reader
    version: str
    at: float
    value: bool = True


@dataclass(frozen=True, slots=True)
class Holder:
    """A reader that may still use a version. `until` is None where time alone does not end it."""

    reader: Reader
    refresh: Refresh
    read_at: float
    until: float | None


def client_of(agent: str) -> Client:
    return next((client for sign, client in CLIENTS if sign in agent), ANY)


def manner(reader: Reader, own: Wishes | None, secret: Wishes) -> Client:
    """What the reader's role or user is tagged with, else what the secret is tagged with, else what its client is known for."""
    known = client_of(reader.agent)
    said = [wishes for wishes in (own, secret) if wishes is not None]
    refresh = next((wishes.refresh for wishes in said if wishes.refresh is not None), known.refresh)
    cache = next((wishes.cache for wishes in said if wishes.cache is not None), known.cache or DEFAULT_CACHE)
    return Client(refresh, cache)


def holders(
    reads: Iterable[Read], versions: Sequence[str], own: Mapping[str, Wishes], secret: Wishes, now: float
) -> list[Holder]:
    """Who may hold the first of `versions`, the others being newer, in their order. `own`: by the readers' ARNs."""
    last: dict[Reader, Read] = {}
    for read in sorted((read for read in reads if read.version in versions), key=lambda read: read.at):
        last[read.reader] = read
    old = [read for read in last.values() if read.version == versions[0] and read.value]
    found = [holder_of(read, manner(read.reader, own.get(read.reader.arn), secret)) for read in old]
    return [holder for holder in found if holder.until is None or holder.until > now]


def holder_of(read: Read, manner: Client) -> Holder:
    until = read.at + manner.cache if manner.refresh is Refresh.poll else None
    return Holder(read.reader, manner.refresh, read.at, until)
