"""A bucket, a database and the logs of some nodes, of which files and digests are made; and a reader that believes nothing."""

import gzip
import hashlib
import json
import shutil
from binascii import unhexlify
from collections import Counter
from contextlib import asynccontextmanager

import rsa  # the library that `aws cloudtrail validate-logs` verifies with

from keystead.database.engine import Database
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.software import Software
from keystead.trail import delivered
from keystead.trail.bucket import FolderBucket
from keystead.trail.client import LocalRecorder
from keystead.trail.digests import Digests
from keystead.trail.event import internal_event
from keystead.trail.log_files import LogFiles
from keystead.trail.trails import Files, Trail

NOW = 1_750_000_000.0
HOUR = 3600
ACCOUNT, OTHER, REGION = "111122223333", "444455556666", "eu-west-1"
HOME = "us-east-1"


class Killed(BaseException):
    """In the place of a kill: nothing catches it."""


class Fate:
    """Kills at the so-many-th point that is passed; never without a number."""

    def __init__(self, at=None):
        self.left = at

    def point(self):
        if self.left is None:
            return
        if self.left == 0:
            self.left = None
            raise Killed
        self.left -= 1


class BrittleBucket(FolderBucket):
    """What is put under a key is remembered, so that a second content is noticed."""

    def __init__(self, root, fate):
        super().__init__(root)
        self.fate = fate
        self.contents = {}

    def put(self, key, content, metadata=None):
        self.fate.point()
        super().put(key, content, metadata or {})
        assert self.contents.setdefault(key, content) == content
        self.fate.point()


class BrittleDatabase:
    """Killed before a commit, or after it."""

    def __init__(self, database, fate):
        self.read = database.read
        self.real = database
        self.fate = fate

    @asynccontextmanager
    async def write(self, *args, **named):
        async with self.real.write(*args, **named) as tx:
            yield tx
            self.fate.point()
        self.fate.point()


class Node:
    def __init__(self, stage, name, folder):
        self.stage = stage
        self.name = name
        self.folder = folder
        self.recorder = LocalRecorder(folder)
        self.start()

    def start(self):
        """Also again, after it was killed."""
        stage = self.stage
        named = {"installation": "an-id", "node": self.name, "clock": stage.clock, "every": HOUR}
        self.log_files = LogFiles(stage.database, self.folder, stage.files, self.name, stage.clock, 300.0)
        self.digests = Digests(stage.database, stage.keyholder, stage.files, **named)

    async def record(self, count, account=ACCOUNT, region=REGION):
        for _ in range(count):
            at = self.stage.now
            await self.recorder.record(
                internal_event("Tested", account=account, region=region, at=at, details={"n": 1})
            )

    async def deliver(self):
        await self.log_files.deliver()
        await self.digests.deliver()

    async def close(self):
        self.log_files.close()
        await self.recorder.close()


class Stage:
    """`clock` stands still until somebody moves `now`."""

    def __init__(self, database, root, fate=None, nodes=("node0",)):
        self.fate = fate or Fate()
        self.now = NOW
        self.real = database
        self.database = BrittleDatabase(database, self.fate)
        self.bucket = BrittleBucket(root / "bucket", self.fate)
        self.files = Files(Trail(HOME, "a-bucket"), self.bucket)
        self.keyholder = LocalKeyholder(Software(bytes(32)))
        self.nodes = [Node(self, name, root / name / "trail") for name in map(prepared(root), nodes)]

    def clock(self):
        return self.now

    @property
    def node(self):
        return self.nodes[0]

    async def close(self):
        for node in self.nodes:
            await node.close()

    async def keys(self):
        async with self.database.read() as connection:
            return await delivered.keys(connection)


def prepared(root):
    def prepare(name):
        (root / name).mkdir(exist_ok=True)
        return name

    return prepare


@asynccontextmanager
async def stage(url, root, fate=None, nodes=("node0",), migrated=None):
    """`migrated`: an SQLite file with the schema, to be copied in the place of a new one."""
    if migrated is not None:
        shutil.copyfile(migrated, root / "keystead.db")
    database = Database.open(url)
    if migrated is None:
        await database.migrate()
    made = Stage(database, root, fate, nodes)
    try:
        yield made
    finally:
        await made.close()
        await database.close()


class Found:
    """Everything in the bucket, read without the code under test."""

    def __init__(self, root):
        paths = [path for path in sorted((root / "bucket").rglob("*.json.gz")) if ".metadata" not in path.parts]
        self.contents = {str(path.relative_to(root / "bucket")): gzip.decompress(path.read_bytes()) for path in paths}
        self.metadata = {
            str(path.relative_to(root / "bucket" / ".metadata")): json.loads(path.read_bytes())
            for path in (root / "bucket" / ".metadata").rglob("*.json.gz")
        }

    @property
    def logs(self):
        return {key: json.loads(text) for key, text in self.contents.items() if "/CloudTrail/" in key}

    def chain(self, account=ACCOUNT, region=REGION):
        """(key, digest) of one chain, oldest first."""
        within = f"AWSLogs/{account}/CloudTrail-Digest/{region}/"
        return [(key, json.loads(text)) for key, text in self.contents.items() if key.startswith(within)]

    def events(self):
        return Counter(record["eventID"] for log in self.logs.values() for record in log["Records"])

    def check_chain(self, keys, account=ACCOUNT, region=REGION):
        """Each digest is signed, where it says it is, and continues the one before it without a gap."""
        before, signature = None, None
        for key, digest in self.chain(account, region):
            place = f"{digest['digestS3Bucket']}/{key}"
            hashed = hashlib.sha256(self.contents[key]).hexdigest()
            text = f"{digest['digestEndTime']}\n{place}\n{hashed}\n{digest['previousDigestSignature'] or 'null'}"
            public = next(one.public for one in keys if one.fingerprint == digest["digestPublicKeyFingerprint"])
            signed = unhexlify(self.metadata[key]["signature"])
            assert rsa.verify(text.encode(), signed, rsa.PublicKey.load_pkcs1(public, "DER")) == "SHA-256"
            assert self.metadata[key]["signature-algorithm"] == "SHA256withRSA"
            assert digest["digestS3Object"] == key
            assert digest["previousDigestSignature"] == signature
            if before is not None:
                assert digest["digestStartTime"] == before[1]["digestEndTime"]
                assert digest["previousDigestS3Object"] == before[0]
                assert digest["previousDigestHashValue"] == hashlib.sha256(self.contents[before[0]]).hexdigest()
            before, signature = (key, digest), self.metadata[key]["signature"]
        return [digest for _, digest in self.chain(account, region)]

    def check_listed(self, account=ACCOUNT, region=REGION, *, but=0):
        """Every log file is in exactly one digest, and is what that says; `but` so many, which none lists yet."""
        listed = [file for _, digest in self.chain(account, region) for file in digest["logFiles"]]
        within = f"AWSLogs/{account}/CloudTrail/{region}/"
        there = [key for key in self.logs if key.startswith(within)]
        assert len(listed) == len({file["s3Object"] for file in listed}) == len(there) - but
        for file in listed:
            assert hashlib.sha256(self.contents[file["s3Object"]]).hexdigest() == file["hashValue"]
