"""Takes log files and digests out of the bucket when they have been kept long enough. The log that they were made of stays.

An object goes before its row does: what was killed in between is done again. The newest digest of a chain always stays, since the next
one continues it; a file that no digest lists yet stays until one does.
"""

import asyncio
from typing import Final

from keystead.database.engine import Database
from keystead.trail import delivered
from keystead.trail.log_files import claim
from keystead.trail.trails import Files

BATCH: Final = 200


async def retire(database: Database, files: Files, node: str, before: float) -> int:
    """How many objects older than `before`, seconds since the epoch, have gone. Raises BucketError, what the database raises."""
    gone = 0
    await claim(database, files)
    while True:
        async with database.read() as connection:
            keys = await delivered.older_files(connection, before, BATCH)
            digests = await delivered.older_digests(connection, before, BATCH)
        if not keys and not digests:
            break
        for key in (*keys, *(digest.key for digest in digests)):
            await asyncio.to_thread(files.bucket.remove, key)
        async with database.write("retire", announced=False) as tx:
            await delivered.forget_files(tx, keys)
            for digest in digests:
                await delivered.forget_digest(tx, digest)
        gone += len(keys) + len(digests)
    async with database.write("retire", announced=False) as tx:
        await delivered.forget_cuts(tx, node, before)
    return gone
