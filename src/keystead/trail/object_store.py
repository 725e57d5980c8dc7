"""The trail's bucket in an S3-compatible store.

    s3://BUCKET[/PREFIX][?endpoint=URL][&region=NAME]        without endpoint: AWS's own

Credentials come from where S3's clients look for them: AWS_ACCESS_KEY_ID and its kin, or the machine's role. The store must
know conditional writes (If-None-Match), which is how an object that is there already is never written over.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import S3Store

from keystead.trail.bucket import IDENTITY, NONE, BucketLost, Entry, Object, ObjectDiffers, ObjectMissing, checked, same

BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
TIMEOUT: Final = timedelta(seconds=20)
RETRIES: Final = {"max_retries": 2, "retry_timeout": timedelta(seconds=30)}
TOLD: Final = 200


class StoreAddressInvalid(ValueError):
    """Not an address of the form above."""


class Address(msgspec.Struct, frozen=True):
    """endpoint  a URL; region: the one that signatures name"""

    bucket: str
    prefix: str
    endpoint: str
    region: str


def address(url: str, region: str) -> Address:
    """`region` where the address names none. Raises StoreAddressInvalid."""
    try:
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise StoreAddressInvalid from None
    named = given.pop("region", region)
    endpoint = given.pop("endpoint", f"https://s3.{named}.amazonaws.com")
    prefix = parts.path.strip("/")
    if (
        given
        or parts.scheme != "s3"
        or not BUCKET.fullmatch(parts.netloc)
        or urlsplit(endpoint).scheme not in {"http", "https"}
    ):
        raise StoreAddressInvalid
    if prefix:
        try:
            checked(prefix)
        except ObjectMissing:
            raise StoreAddressInvalid from None
    return Address(parts.netloc, prefix, endpoint.rstrip("/"), named)


class StoreBucket:
    """bucket.Bucket over one bucket of a store."""

    def __init__(self, where: Address) -> None:
        self._identity = f"{where.prefix}/{IDENTITY}" if where.prefix else IDENTITY
        self._store = S3Store(
            where.bucket,
            endpoint=where.endpoint,
            region=where.region,
            virtual_hosted_style_request=False,
            disable_bulk_delete=True,
            client_options={"timeout": TIMEOUT, "allow_http": where.endpoint.startswith("http:")},
            retry_config=RETRIES,  # type: ignore[arg-type]  # a TypedDict that is not there at run time
        )

    def identity(self) -> str | None:
        with told():
            try:
                return bytes(obstore.get(self._store, self._identity).bytes()).decode()
            except (NotFoundError, FileNotFoundError):
                return None

    def establish(self) -> str:
        self._create(self._identity, secrets.token_hex(16).encode(), NONE)
        return self.identity() or ""

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] = NONE) -> None:
        if self._create(checked(key), content, metadata):
            return
        there = self.get(key)
        if not same(there.content, content) or there.metadata != metadata:
            raise ObjectDiffers(key)

    def get(self, key: str) -> Object:
        with told():
            found = obstore.get(self._store, checked(key))
            return Object(entry(found.meta), bytes(found.bytes()), metadata_of(found.attributes))

    def head(self, key: str) -> tuple[Entry, Mapping[str, str]]:
        with told():
            found = obstore.get(self._store, checked(key), options={"head": True})
            return entry(found.meta), metadata_of(found.attributes)

    def list(self, prefix: str, after: str, limit: int) -> list[Entry]:
        """The store's own prefixes are whole parts of keys: what is asked for beyond that is picked out here."""
        found: list[Entry] = []
        with told():
            stream = obstore.list(self._store, prefix.rpartition("/")[0] or None, offset=after or None)
            for chunk in stream:
                found += [entry(meta) for meta in chunk if meta["path"].startswith(prefix) and meta["path"] > after]
                if len(found) >= limit or (chunk and chunk[-1]["path"] > f"{prefix}\U0010ffff"):
                    break
        return [one for one in sorted(found, key=lambda one: one.key) if one.key != self._identity][:limit]

    def remove(self, key: str) -> None:
        with told():
            obstore.delete(self._store, checked(key))

    def _create(self, key: str, content: bytes, metadata: Mapping[str, str]) -> bool:
        """False when there is an object already."""
        with told():
            try:
                obstore.put(self._store, key, content, attributes=dict(metadata), mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
            return True


@contextmanager
def told() -> Iterator[None]:
    """What the store says, in the bucket's words. Its texts name hosts and keys, and never a credential."""
    try:
        yield
    except (NotFoundError, FileNotFoundError):
        raise ObjectMissing from None
    except (BaseError, OSError) as error:
        raise BucketLost(f"{type(error).__name__}: {str(error)[:TOLD]}") from None


def entry(meta: Any) -> Entry:
    return Entry(meta["path"], meta["size"], meta["last_modified"].timestamp(), (meta["e_tag"] or "").strip('"'))


def metadata_of(attributes: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if name == name.lower()}
