"""What the trail costs: verifying a log, indexing it, looking events up in a large index, proofs and witnesses.

    python bench/trail.py                       a million records, and an index of a million events
    python bench/trail.py --indexed 10000000    some 20 GB of disk, and half an hour; results also in bench/trail.json

The log is written by the recorder's own code without its fsyncs, the index by the scheduler's own; both are read as always.
"""

import argparse
import asyncio
import json
import platform
import random
import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from keystead.database.engine import Database
from keystead.effects.accounts import Accounts, Shown
from keystead.keyholder import setup
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.seals import FileSeal
from keystead.trail import delivered, event, log, packing, proofs, search, segments, store
from keystead.trail.bucket import FolderBucket
from keystead.trail.digests import Digests
from keystead.trail.files_report import Place
from keystead.trail.hashes import Hashes
from keystead.trail.index import Index, batch_of, write
from keystead.trail.log import Log
from keystead.trail.log_files import LogFiles
from keystead.trail.lookup import Lookup, Query
from keystead.trail.notes import Notes
from keystead.trail.search import Sought
from keystead.trail.segments import Reader, Record
from keystead.trail.signed_note import Signer
from keystead.trail.submission import Submission
from keystead.trail.trails import Files, Trail
from keystead.trail.verify import Verdict, verify
from keystead.trail.verify_files import verify_files
from keystead.witness import book
from keystead.witness.book import Book
from keystead.witness.cosigning import Cosigning

HERE: Final = Path(__file__).parent
NOW: Final = 1_790_000_000
ACCOUNT: Final = "111122223333"
REGION: Final = "us-east-1"
SEEDS: Final = (bytes(32), bytes(range(32)))
GROUP: Final = 256
USERS, KEYS, SECRETS = 2_000, 5_000, 5_000
OPERATIONS: Final = (
    #  source             operation           share
    ("kms",               "Decrypt",          55),
    ("kms",               "GenerateDataKey",  20),
    ("secretsmanager",    "GetSecretValue",   15),
    ("kms",               "Encrypt",           8),
    ("kms",               "ScheduleKeyDeletion", 1),
    ("kms",               "CreateGrant",       1),
)  # fmt: skip  # a table
CHOSEN: Final = [(source, name) for source, name, share in OPERATIONS for _ in range(share)]


def records(count: int, span: int = 80 * 86400) -> Iterator[bytes]:
    """Events as a busy installation makes them, over `span` seconds; one in fifty was denied."""
    chance = random.Random(1)  # noqa: S311  # whose events, not a secret
    for number in range(count):
        source, name = chance.choice(CHOSEN)
        user = f"user{chance.randrange(USERS)}"
        notes = Notes()
        if source == "kms":
            arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{chance.randrange(KEYS):08x}-0000-4000-8000-000000000000"
            notes.resource(ACCOUNT, "AWS::KMS::Key", arn)
            notes.additional["keyMaterialId"] = f"{number:064x}"
        else:
            notes.secret(
                f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:app{chance.randrange(SECRETS)}-AbCdEf", "v1"
            )
        yield event.event(
            request_id=str(uuid.UUID(int=chance.getrandbits(128))),
            at=NOW - span + number * span // count,
            source=f"{source}.amazonaws.com",
            name=name,
            region=REGION,
            identity={
                "type": "IAMUser", "principalId": "AIDAX", "arn": f"arn:aws:iam::{ACCOUNT}:user/{user}",
                "accountId": ACCOUNT, "accessKeyId": f"AKIA{user.upper():0<16}", "userName": user,
            },
            invoked_by=None,
            source_ip="192.0.2.1",
            user_agent="Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.7",
            error=("AccessDeniedException", "is not authorized") if number % 50 == 0 else None,
            parameters={"encryptionContext": {"table": "customers", "row": str(number)}, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"},
            response=None,
            notes=notes,
            read_only=name not in {"ScheduleKeyDeletion", "CreateGrant"},
            recipient_account=ACCOUNT,
            tls={"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_256_GCM_SHA384"},
            shared_id=None,
        )  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--logged", type=int, default=1_000_000, help="records of the log that is verified")
    options.add_argument("--indexed", type=int, default=1_000_000, help="events of the index")
    options.add_argument("--folder", type=Path, help="where to put it all; removed at the end")
    asked = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="keystead-bench-", dir=asked.folder))
    try:
        found = {
            "machine": {"python": platform.python_version(), "system": platform.platform()},
            "log": of_log(folder / "trail", asked.logged),
            "files": asyncio.run(of_files(folder, asked.logged)),
            "index": asyncio.run(of_index(folder, min(asked.logged, 100_000))),
            "lookup": asyncio.run(of_lookup(folder, asked.indexed)),
        }
    finally:
        shutil.rmtree(folder)
    (HERE / "trail.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


def seconds(what: Callable[[], Any]) -> tuple[float, float, Any]:
    """(elapsed, of the processor, result): on a machine that does other things too, the second is the one to compare."""
    began, busy = time.perf_counter(), time.process_time()
    result = what()
    return time.perf_counter() - began, time.process_time() - busy, result


# --- the log ----------------------------------------------------------------------------------------------------------


def of_log(folder: Path, count: int) -> dict[str, Any]:
    signer = Signer("keystead.invalid/bench", SEEDS)
    log.create(folder)
    written = Log(folder, lambda name, **_: name.encode(), sync=lambda _: None)
    group: list[tuple[int, int, bytes]] = []
    size = 0
    for number, made in enumerate(records(count), 1):
        group.append((7, number, made))
        size += len(made)
        if len(group) == GROUP or number == count:
            written.append(group)
            group.clear()
        if number % 50_000 == 0 or number == count:
            written.checkpoint(signer.sign)
    written.close()
    took, busy, report = seconds(lambda: verify(folder, signer.verifiers))
    assert report.verdict is Verdict.PROVEN, report
    accounts = Accounts(Shown([], [], {}, [], time.time_ns()), [], lambda: None)
    _, held, _ = seconds(lambda: verify(folder, signer.verifiers, see=accounts.see))
    return {
        "records": count,
        "held_against_an_empty_database_cpu_us_per_record": round(held / count * 1e6, 1),
        "records_that_make_or_change_something": accounts.told(folder).records,
        "bytes_of_an_event": round(size / count),
        "verify_seconds": round(took, 1),
        "verify_cpu_us_per_record": round(busy / count * 1e6, 1),
        "packed": of_packing(folder, count, signer),
        **of_proofs(folder, count, signer),
    }


def of_packing(folder: Path, count: int, signer: Signer) -> dict[str, Any]:
    """Bytes per event on disk, the tree's hashes and the checkpoints among them, before and after; what it took; what verifying takes then."""
    before = on_disk(folder)
    found = packing.closed(folder)
    _, busy, _ = seconds(lambda: [packing.pack(folder, *one) for one in found])
    packed = sum(following - first for first, following in found)
    of_segments = sum(segments.path(folder, first).stat().st_size for first, _ in found)
    took, verified, report = seconds(lambda: verify(folder, signer.verifiers))
    assert report.verdict is Verdict.PROVEN, report
    hashes = 32 * 256 / 255
    return {
        "records": packed,
        "bytes_per_event_before": round(before / count),
        "bytes_per_event_of_packed_segments": round(of_segments / max(1, packed) + hashes),
        "bytes_per_event_with_the_open_segment": round(on_disk(folder) / count),
        "packing_cpu_us_per_record": round(busy / max(1, packed) * 1e6, 1),
        "verify_seconds": round(took, 1),
        "verify_cpu_us_per_record": round(verified / count * 1e6, 1),
    }


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def of_proofs(folder: Path, count: int, signer: Signer) -> dict[str, Any]:
    hashes = Hashes.read_only(folder)
    chance = random.Random(2)  # noqa: S311  # which leaves
    places = [chance.randrange(count) for _ in range(300)]
    _, inclusion, _ = seconds(lambda: [proofs.inclusion(place, count, hashes.subtree) for place in places])
    _, consistency, _ = seconds(lambda: [proofs.consistency(place, count, hashes.subtree) for place in places])
    witness = of_witness(folder.parent / "witness", hashes, count, signer)
    hashes.close()
    return {
        "inclusion_proof_cpu_us": round(inclusion / 300 * 1e6),
        "consistency_proof_cpu_us": round(consistency / 300 * 1e6),
        **witness,
    }


def of_witness(data: Path, hashes: Hashes, count: int, signer: Signer) -> dict[str, Any]:
    book.create(data, "witness.example")
    Book(data).add(list(signer.verifiers))
    found = Book(data)
    cosigning = Cosigning(found, Signer(found.name, found.seeds()))
    sizes = [count - 200 + number for number in range(200)]
    asked, old = [], 0
    for size in sizes:
        note = signer.sign(size, proofs.root(0, size, hashes.subtree))
        asked.append(Submission(old, proofs.consistency(old, size, hashes.subtree), note).encode())
        old = size
    took, busy, answers = seconds(lambda: [cosigning.add_checkpoint(body).status for body in asked])
    assert set(answers) == {200}
    each = 1e3 / len(sizes)
    return {"witness_ms_per_checkpoint": round(took * each, 2), "witness_cpu_ms_per_checkpoint": round(busy * each, 2)}


# --- CloudTrail's files -------------------------------------------------------------------------------------------------


async def of_files(folder: Path, count: int) -> dict[str, Any]:
    """Cut from the log and signed, by the scheduler's own code; then verified, and compared with the records."""
    database = Database.open(f"sqlite:///{folder / 'files.db'}")
    await database.migrate()
    data = folder / "digests"
    data.mkdir()
    keyholder = LocalKeyholder(setup.create(data, FileSeal()).software)
    files = Files(Trail(REGION, "bench"), FolderBucket(folder / "bucket"))
    cutting = LogFiles(database, folder / "trail", files, "n", lambda: float(NOW), 300)
    signing = Digests(
        database, keyholder, files, installation="i", node="n", clock=lambda: float(NOW + 3600), every=3600
    )
    began = time.process_time()
    await cutting.deliver()
    await signing.deliver()
    made = time.process_time() - began
    cutting.close()
    async with database.read() as connection:
        keys = await delivered.keys(connection)
    await database.close()
    place = Place(files, keys, None, folder / "trail", "n", "keystead.invalid/i/n")
    took, busy, report = seconds(lambda: verify_files(place, float(NOW + 3700)))
    assert report.findings == report.doubts == [], report
    assert report.covered == count
    size = sum(path.stat().st_size for path in (folder / "bucket").rglob("*.gz"))
    return {
        "records": count,
        "bytes_per_event": round(size / count),
        "made_cpu_us_per_record": round(made / count * 1e6, 1),
        "verify_seconds": round(took, 1),
        "verify_cpu_us_per_record": round(busy / count * 1e6, 1),
    }


# --- the index --------------------------------------------------------------------------------------------------------


async def of_index(folder: Path, count: int) -> dict[str, Any]:
    """Of the first records of the log, by the scheduler's own code."""
    database = Database.open(f"sqlite:///{folder / 'index.db'}")
    await database.migrate()
    index = Index(database, folder / "trail")
    index._reader = First(folder / "trail", count)  # noqa: SLF001  # a shorter log than the one that is there
    began, busy = time.perf_counter(), time.process_time()
    await index.follow()
    took, cpu = time.perf_counter() - began, time.process_time() - busy
    await database.close()
    return {
        "records": count,
        "us_per_record": round(took / count * 1e6, 1),
        "cpu_us_per_record": round(cpu / count * 1e6, 1),
    }


class First(Reader):
    """As though the log had so many records."""

    def __init__(self, folder: Path, count: int) -> None:
        super().__init__(folder)
        self._count = count

    def durable(self) -> int:
        return min(self._count, super().durable())


async def of_lookup(folder: Path, count: int) -> dict[str, Any]:
    path = folder / "lookup.db"
    database = Database.open(f"sqlite:///{path}")
    await database.migrate()
    began = time.perf_counter()
    filled = await fill(database, count)
    took = time.perf_counter() - began
    size = path.stat().st_size
    data = folder / "keyholder"
    data.mkdir()
    keyholder = LocalKeyholder(setup.create(data, FileSeal()).software)
    lookup = Lookup(database, folder / "none", keyholder, lambda: float(NOW))
    found = {
        "events": count,
        "gigabytes": round(size / 1e9, 1),
        "bytes_per_event": round(size / count),
        "fill_seconds": round(took),
        "fill_cpu_us_per_event": round(filled / count * 1e6, 1),
        "milliseconds": {
            "EventId": await timed(lookup, "EventId", await some_ids(lookup)),
            **{name: await timed(lookup, *asked) for name, asked in wanted().items()},
        },
        "search_milliseconds": {name: await searched(database, sought) for name, sought in SOUGHT.items()},
    }
    await database.close()
    return found


async def fill(database: Database, count: int) -> float:
    """Seconds of the processor that it took to index them, without making them."""
    busy = 0.0
    async with database.write("fill", announced=False) as tx:
        node = await store.begin(tx, "n")
    coming = (Record(number, 0.0, made) for number, made in enumerate(records(count)))
    while some := list(islice(coming, 1000)):
        began = time.process_time()
        async with database.write("fill", announced=False) as tx:
            await write(tx, batch_of(node, some))
        busy += time.process_time() - began
        if (some[-1].index + 1) % 500_000 == 0:
            print(f"{some[-1].index + 1} events", flush=True)
    return busy


def wanted() -> dict[str, tuple[str, list[str]]]:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{{:08x}}-0000-4000-8000-000000000000"
    return {
        "EventName": ("EventName", ["Decrypt", "ScheduleKeyDeletion", "Nothing"]),
        "EventSource": ("EventSource", ["kms.amazonaws.com", "secretsmanager.amazonaws.com"]),
        "Username": ("Username", [f"user{number}" for number in range(20)]),
        "AccessKeyId": ("AccessKeyId", [f"AKIA{f'USER{number}':0<16}" for number in range(20)]),
        "ResourceName": ("ResourceName", [key.format(number) for number in range(20)]),
        "ResourceType": ("ResourceType", ["AWS::KMS::Key", "AWS::SecretsManager::Secret"]),
        "ReadOnly": ("ReadOnly", ["true", "false"]),
    }


async def some_ids(lookup: Lookup) -> list[str]:
    """Of events all over the time that is indexed."""
    found: list[str] = []
    for day in range(1, 80, 4):
        page, _ = await lookup.find(Query(ACCOUNT, REGION, None, None, NOW - day * 86400.0), limit=1)
        found += [one.id for one in page]
    return found


async def timed(lookup: Lookup, attribute: str, values: list[str]) -> dict[str, float]:
    """A first page, a page further on, and a window of time in the middle; the worst and the median of all."""
    took, cpu = [], []
    for value in values:
        for start, end in ((None, None), (NOW - 40 * 86400.0, NOW - 39 * 86400.0)):
            query = Query(ACCOUNT, REGION, (attribute, value), start, end)
            token: str | None = None
            for _ in range(3):
                began, busy = time.perf_counter(), time.process_time()
                _, token = await lookup.find(query, token=token)
                took.append((time.perf_counter() - began) * 1e3)
                cpu.append((time.process_time() - busy) * 1e3)
                if token is None:
                    break
    return {
        "median": round(statistics.median(took), 1),
        "worst": round(max(took), 1),
        "cpu_median": round(statistics.median(cpu), 1),
        "cpu_worst": round(max(cpu), 1),
    }


SOUGHT: Final = {
    "key": Sought(key=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000007-0000-4000-8000-000000000000"),
    "secret by name": Sought(secret="app7"),  # noqa: S106  # its name
    "principal": Sought(principal=f"arn:aws:iam::{ACCOUNT}:user/user7"),
    "error": Sought(error="AccessDenied"),
    "error of a principal": Sought(error="AccessDenied", principal="user7"),
    "operation": Sought(name="CreateGrant"),
    "time": Sought(until=NOW - 40 * 86400),
}


async def searched(database: Database, sought: Sought) -> float:
    """Until fifty are found."""
    began = time.perf_counter()
    count = 0
    async for _ in search.search(database, sought):
        count += 1
        if count == 50:
            break
    return round((time.perf_counter() - began) * 1e3, 1)


if __name__ == "__main__":
    main()
