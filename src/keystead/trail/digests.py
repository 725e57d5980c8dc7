"""CloudTrail's digests: of each account and Region a chain, each signed and carrying the hash and the signature of the one before.

1. the key that signs: a new one every YEAR
2. write what was signed and is not in the bucket yet, oldest first
3. take over what is in the bucket and not in the database: the database has been put back to an earlier time
4. of each chain that is due: sign a digest of all files that none lists yet; in the database before it is written
5. write it

One node at a time does this, for the files of all nodes. The database holds each digest, signed, before the bucket does, under a
number that is used once: whatever is killed, the same digest is written again, and the chain goes on from it. A digest begins where
the one before ended, however long ago that was; so no time is left out when nobody was there to make digests.

The format is CloudTrail's (user guide, digest file structure). Ours are the members that begin with `keystead`, which other readers
pass over and the signature covers: for each node the size and root of its log's tree, for each file the records it was made of.
"""

import asyncio
import gzip
from collections.abc import Callable, Sequence
from hashlib import sha256
from time import gmtime, strftime
from typing import Any, Final

import msgspec
import structlog

from keystead.database import sealed_keys
from keystead.database.engine import Database
from keystead.keyholder.own_keys import DIGEST
from keystead.keyholder.promise import Keyholder, SealedKey
from keystead.trail import adoption, delivered
from keystead.trail.bucket import BucketLost, ObjectDiffers
from keystead.trail.delivered import Attempt, Chain, Cut, Digest, DigestKey, File
from keystead.trail.log_files import LEVEL, AnotherBucket, claim, note
from keystead.trail.trails import Files

log = structlog.get_logger("keystead.trail.digests")

KIND: Final = "digests"
ALGORITHM: Final = "SHA256withRSA"
HASH_ALGORITHM: Final = "SHA-256"
YEAR: Final = 365 * 86400
NO_SIGNATURE: Final = "null"
"""In the place of the previous signature, in the text that is signed."""


class Digests:
    """Of an installation. `every`: seconds that a digest covers while all goes well."""

    def __init__(
        self,
        database: Database,
        keyholder: Keyholder,
        files: Files,
        *,
        installation: str,
        node: str,
        clock: Callable[[], float],
        every: int,
    ) -> None:
        self._database = database
        self._keyholder = keyholder
        self._files = files
        self._installation = installation
        self._node = node
        self._clock = clock
        self._every = every
        self._done = 0

    def may_be_due(self) -> bool:
        """False when all has been done until now, as far as this process knows."""
        return self._end() != self._done

    async def deliver(self) -> None:
        """What is due. May be ended at any moment and run again. Raises BucketError, and what database and keyholder raise."""
        end = self._end()
        key = await self._key()  # 1
        async with self._database.read() as connection:
            waiting = await delivered.undelivered(connection)
            due = await delivered.due(connection, end)
        if waiting or due:
            await self._tried(key, waiting, due, end)
        self._done = end

    def _end(self) -> int:
        return int(self._clock()) // self._every * self._every

    async def _tried(self, key: DigestKey, waiting: Sequence[Digest], due: Sequence[Chain], end: int) -> None:
        error: str | None = "InternalError"
        try:
            await claim(self._database, self._files)
            for digest in waiting:  # 2
                await self._write(digest)
            for chain in due:
                await self._continue(key, chain, end)
            error = None
        except (BucketLost, ObjectDiffers, AnotherBucket) as failed:
            error = type(failed).__name__
            raise
        finally:
            await note(self._database, Attempt(self._node, KIND, self._clock(), error))

    async def _continue(self, key: DigestKey, chain: Chain, end: int) -> None:
        """Steps 3 to 5."""
        async with self._database.read() as connection:
            previous = await delivered.newest_digest(connection, chain)
            listed = await delivered.unlisted(connection, chain, end)
            logs = await delivered.logs(connection, end)
            keys = await delivered.keys(connection)
        found = await asyncio.to_thread(adoption.ahead, self._files, keys, chain, previous)
        if found:
            await self._adopt(found)
            return
        start = (
            previous.end
            if previous
            else min((int(file.at) for file in listed), default=end) // self._every * self._every
        )
        if start >= end:
            return
        digest = await self._signed(key, chain, start, end, previous, listed, logs)
        async with self._database.write("digest", announced=False) as tx:
            await delivered.add_digest(tx, digest, listed)
        await self._write(digest)

    async def _adopt(self, found: Sequence[Digest]) -> None:
        log.warning("digests in the bucket are newer than the database", key=found[-1].key)
        async with self._database.write("digest", announced=False) as tx:
            for digest in found:
                await delivered.add_digest(tx, digest, ())

    async def _signed(
        self,
        key: DigestKey,
        chain: Chain,
        start: int,
        end: int,
        previous: Digest | None,
        listed: Sequence[File],
        logs: Sequence[Cut],
    ) -> Digest:
        account, region = chain
        bucket, place = self._files.trail.bucket, self._files.trail.digest_key(account, region, end)
        told = {
            "awsAccountId": account,
            "digestStartTime": instant(start),
            "digestEndTime": instant(end),
            "digestS3Bucket": bucket,
            "digestS3Object": place,
            "digestPublicKeyFingerprint": key.fingerprint,
            "digestSignatureAlgorithm": ALGORITHM,
            "newestEventTime": instant(max(file.newest for file in listed)) if listed else None,
            "oldestEventTime": instant(min(file.oldest for file in listed)) if listed else None,
            **of_previous(previous),
            "logFiles": [self._listed(file) for file in listed],
            "keysteadLogs": [self._log(cut) for cut in logs],
        }
        content = msgspec.json.encode(told)
        hashed = sha256(content).hexdigest()
        before = previous.signature if previous else NO_SIGNATURE
        sealed = await self._sealed(key.version)
        signature = await self._keyholder.sign_digest(sealed, instant(end), f"{bucket}/{place}", hashed, before)
        number = previous.number + 1 if previous else 1
        return Digest(account, region, number, start, end, bucket, place, hashed, signature.hex(), content.decode())

    def _listed(self, file: File) -> dict[str, Any]:
        return {
            "s3Bucket": self._files.trail.bucket,
            "s3Object": file.key,
            "hashValue": file.sha256,
            "hashAlgorithm": HASH_ALGORITHM,
            "newestEventTime": instant(file.newest),
            "oldestEventTime": instant(file.oldest),
            "keysteadRecords": {"node": file.node, "first": file.first, "last": file.last, "events": file.events},
        }

    def _log(self, cut: Cut) -> dict[str, Any]:
        origin = f"keystead.invalid/{self._installation}/{cut.node}"
        return {"node": cut.node, "origin": origin, "size": cut.last + 1, "root": cut.root}

    async def _write(self, digest: Digest) -> None:
        content = gzip.compress((digest.content or "").encode(), LEVEL, mtime=0)
        metadata = {"signature": digest.signature, "signature-algorithm": ALGORITHM}
        await asyncio.to_thread(self._files.bucket.put, digest.key, content, metadata)
        async with self._database.write("digest", announced=False) as tx:
            await delivered.digest_delivered(tx, digest, self._clock())

    async def _key(self) -> DigestKey:
        """Step 1."""
        async with self._database.read() as connection:
            known = await delivered.keys(connection)
        now = self._clock()
        if known and now < known[-1].until:
            return known[-1]
        sealed, public = await self._keyholder.new_digest_key(known[-1].version + 1 if known else 1)
        made = DigestKey(sealed.version, sha256(public).hexdigest()[:32], public, int(now), int(now) + YEAR)
        async with self._database.write("digest key") as tx:
            await sealed_keys.add(tx, sealed)
            await delivered.add_key(tx, made)
        return made

    async def _sealed(self, version: int) -> SealedKey:
        async with self._database.read() as connection:
            kept = await sealed_keys.load(connection)
        return next(SealedKey(*row) for row in kept if (row.purpose, row.version) == (DIGEST, version))


def of_previous(previous: Digest | None) -> dict[str, str | None]:
    """All null in a chain's first digest."""
    return {
        "previousDigestS3Bucket": previous and previous.bucket,
        "previousDigestS3Object": previous and previous.key,
        "previousDigestHashValue": previous and previous.sha256,
        "previousDigestHashAlgorithm": HASH_ALGORITHM if previous else None,
        "previousDigestSignature": previous and previous.signature,
    }


def instant(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(seconds))
