"""Finds digests that are in the bucket and that the database has forgotten, because it was put back to an earlier time.

A chain must not fork: before a digest is signed, the bucket is asked for later ones. What continues the chain that the database knows
is taken over, link by link; anything else in its place is somebody else's, stays where it is, and is passed over.
"""

import gzip
import re
import zlib
from binascii import unhexlify
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keystead.trail.bucket import Object, ObjectMissing
from keystead.trail.delivered import Chain, Digest, DigestKey
from keystead.trail.trails import NAME, Files

SIZE_LIMIT: Final = 64 * 1024 * 1024
PAGE: Final = 1000


class NotOurs(Exception):
    """Not the next digest of this chain, whoever made it."""


def ahead(files: Files, keys: Sequence[DigestKey], chain: Chain, newest: Digest | None) -> list[Digest]:
    """Digests of the bucket that continue the chain after `newest`, in order. Blocks. Raises BucketLost."""
    account, region = chain
    trail = files.trail
    prefix = f"{trail.root(account)}CloudTrail-Digest/{region}/"
    name = re.compile(
        rf".*/{account}_CloudTrail-Digest_{re.escape(region)}_{NAME}_{re.escape(trail.home)}_[0-9]{{8}}T[0-9]{{6}}Z\.json\.gz"
    )
    found: list[Digest] = []
    after = newest.key if newest else prefix
    while entries := files.bucket.list(prefix, after, PAGE):
        for entry in entries:
            if name.fullmatch(entry.key) and entry.size <= SIZE_LIMIT:
                newest = _continued(files, keys, chain, entry.key, newest, found)
        after = entries[-1].key
    return found


def _continued(
    files: Files, keys: Sequence[DigestKey], chain: Chain, key: str, newest: Digest | None, found: list[Digest]
) -> Digest | None:
    try:
        digest = read(files.bucket.get(key), keys, chain, newest)
    except (NotOurs, ObjectMissing):
        return newest
    found.append(digest)
    return digest


def read(kept: Object, keys: Sequence[DigestKey], chain: Chain, previous: Digest | None) -> Digest:
    """The next digest of the chain. Raises NotOurs."""
    try:
        content = gzip.decompress(kept.content)
        told = msgspec.json.decode(content, type=dict[str, Any])
        made = _made(kept, content, told, chain, previous)
        public = next(key.public for key in keys if key.fingerprint == told["digestPublicKeyFingerprint"])
        verify(public, told, made)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError, KeyError, ValueError, StopIteration, InvalidSignature):
        raise NotOurs from None
    return made


def _made(kept: Object, content: bytes, told: Mapping[str, Any], chain: Chain, previous: Digest | None) -> Digest:
    """Raises KeyError, ValueError."""
    start, end = seconds(told["digestStartTime"]), seconds(told["digestEndTime"])
    linked = (told["previousDigestSignature"], told["previousDigestHashValue"], told["previousDigestS3Object"])
    expected = (previous.signature, previous.sha256, previous.key) if previous else (None, None, None)
    if linked != expected or told["digestS3Object"] != kept.entry.key or told["awsAccountId"] != chain[0]:
        raise NotOurs
    if start >= end or (previous is not None and start != previous.end):
        raise NotOurs
    number = previous.number + 1 if previous else 1
    hashed, signature = sha256(content).hexdigest(), kept.metadata["signature"]
    return Digest(
        *chain, number, start, end, told["digestS3Bucket"], kept.entry.key, hashed, signature, None, kept.entry.modified
    )


def verify(public: bytes, told: Mapping[str, Any], digest: Digest) -> None:
    """Raises InvalidSignature, ValueError."""
    key = load_der_public_key(public)
    if not isinstance(key, RSAPublicKey):
        raise NotOurs
    before = told["previousDigestSignature"] or "null"
    text = f"{told['digestEndTime']}\n{digest.bucket}/{digest.key}\n{digest.sha256}\n{before}"
    key.verify(unhexlify(digest.signature), text.encode(), padding.PKCS1v15(), SHA256())


def seconds(text: str) -> int:
    """Raises ValueError."""
    return int(datetime.fromisoformat(text).timestamp())
