"""The speed of the envelope as ratios, each pair measured in one run; also in bench/envelope.json.

    memory   one message in one buffer, against one AESGCM.encrypt_into of the same buffer in this process
    files    file to file on one file system, against cp, age, openssl and aws-encryption-sdk; on disk each until the disk
             has it, as we do. In memory, what the ratio would be for who does nothing but write the file, or fill a
             mapping of it: nobody is faster than the better of them
    records  64 bytes each, a batch of a hundred thousand
    objects  one message each, 200 bytes, under branch keys: calls to the key service counted, memory watched
    start    the command line, from exec to exit

Peers that are not installed are left out, and named.
"""

import argparse
import ctypes
import gc
import importlib.util
import json
import mmap
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.envelope import Envelope, RawAesKeyring
from keystead.envelope.branch import BranchKeyring, BranchKeys, MemoryRows
from keystead.envelope.frames import FRAME_OVERHEAD
from keystead.envelope.records import MemoryRecordRows, RecordKeys, Records

HERE: Final = Path(__file__).parent
KEYSTEAD: Final = [sys.executable, "-m", "keystead"]
MIB: Final = 2**20
GOALS: Final = {
    "memory, 1 MiB frames, encrypt": (0.80, "of encrypt_into"),
    "memory, 1 MiB frames, decrypt": (0.80, "of decrypt_into"),
    "memory, 64 KiB frames, encrypt": (0.45, "of encrypt_into"),
    "memory, 64 KiB frames, decrypt": (0.45, "of decrypt_into"),
    "memory, two threads, 16 MiB": (1.6, "of one thread"),
    "file, memory file system": (1 / 1.1, "of cp"),
    "file, disk": (1 / 1.1, "of cp and fsync"),
    "file, memory file system, against age": (3, "of age"),
    "file, memory file system, against aws-encryption-sdk": (10, "of aws-encryption-sdk"),
    "file, memory file system, decrypt, against age": (3, "of age"),
    "file, memory file system, decrypt, against aws-encryption-sdk": (10, "of aws-encryption-sdk"),
    "file, disk, against age": (3, "of age and fsync"),
    "file, disk, against aws-encryption-sdk": (10, "of aws-encryption-sdk and fsync"),
    "file, disk, decrypt, against age": (3, "of age and fsync"),
    "file, disk, decrypt, against aws-encryption-sdk": (10, "of aws-encryption-sdk and fsync"),
    "records a second, seal": (1e6, "a second"),
    "records a second, open": (1e6, "a second"),
    "objects to a key call": (1e4, "objects"),
    "start, milliseconds": (200, "at most"),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--objects", type=int, default=10_000_000)
    options.add_argument("--megabytes", type=int, default=256)
    options.add_argument("--only", nargs="*", choices=("memory", "files", "records", "objects", "start"))
    asked = options.parse_args()
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "memory": lambda: memory(asked.megabytes * MIB),
        "files": lambda: files(asked.megabytes * MIB),
        "records": records,
        "objects": lambda: objects(asked.objects),
        "start": start,
    }
    results: dict[str, Any] = {}
    for name in asked.only or parts:
        results |= parts[name]()
    report = {
        "machine": {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.platform()},
        "load average before": os.getloadavg()[0],
        "results": results,
    }
    (HERE / "envelope.json").write_text(json.dumps(report, indent=2) + "\n")
    show(results)


class Writes:
    """Work that writes a file: what it wrote before is removed first, and outside the time it takes."""

    def __init__(self, path: Path, work: Callable[[], object]) -> None:
        self.path, self.work = path, work

    def prepare(self) -> None:
        self.path.unlink(missing_ok=True)

    def __call__(self) -> None:
        self.work()


def best(work: Callable[[], object], times: int = 5) -> float:
    """Seconds, the best of several: what the machine can do when nobody disturbs."""
    found = []
    gc.disable()
    for _ in range(times):
        if isinstance(work, Writes):
            work.prepare()
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    gc.enable()
    return min(found)


def against(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 5) -> tuple[float, float, float]:
    """How many times faster ours is, and both in seconds. In turns, so that both meet the same disturbances."""
    mine, other = [], []
    for _ in range(rounds):
        other.append(best(theirs, 1))
        mine.append(best(ours, 1))
    return min(other) / min(mine), min(mine), min(other)


# --- memory ---------------------------------------------------------------------------------------------------------------


def memory(size: int) -> dict[str, Any]:
    plain, sealed, opened = (
        bytearray(os.urandom(MIB)) * (size // MIB),
        bytearray(size + size // 64 + MIB),
        bytearray(size),
    )
    cipher, nonce = AESGCM(bytes(32)), bytes(12)
    bare = bytearray(size + 16)
    results: dict[str, Any] = {}
    for name, frame in (("1 MiB", MIB), ("64 KiB", 65_536), ("4 KiB", 4_096)):
        envelope = Envelope(RawAesKeyring("bench", "key", bytes(32)), frame_length=frame)
        ratio, mine, _ = against(
            lambda envelope=envelope: envelope.encrypt_into(plain, sealed),
            lambda: cipher.encrypt_into(nonce, plain, None, bare),
        )
        results[f"memory, {name} frames, encrypt"] = {"ratio": ratio, "GB/s": size / mine / 1e9}
        message = memoryview(sealed)[: envelope.encrypt_into(plain, sealed)]
        cipher.encrypt_into(nonce, plain, None, bare)
        ratio, mine, _ = against(
            lambda envelope=envelope, message=message: envelope.decrypt_into(message, opened),
            lambda: cipher.decrypt_into(nonce, bare, None, opened),
        )
        results[f"memory, {name} frames, decrypt"] = {"ratio": ratio, "GB/s": size / mine / 1e9}
        assert opened == plain
    results |= _two_threads("two threads, 16 MiB", plain[: 16 * MIB], sealed)
    results |= _two_threads(f"two threads, {size // MIB} MiB", plain, sealed)
    return results | _new_memory(64 * MIB, plain) | _sdk_in_memory()


def _two_threads(name: str, plain: bytearray, sealed: bytearray) -> dict[str, Any]:
    """16 MiB and their message fit into a large cache; more comes from memory.

    What the cipher alone, frame by frame between the same buffers, and copying gain by two threads says how much there is
    to gain: all six in turns, and medians, as two threads meet what disturbs more often.
    """
    one, two = (Envelope(RawAesKeyring("bench", "key", bytes(32)), frame_length=MIB, threads=n) for n in (1, 2))
    source, sink = ((ctypes.c_char * len(plain)).from_buffer(buffer) for buffer in (plain, sealed))
    cipher = AESGCM(bytes(32))
    with ThreadPoolExecutor(1) as helper:
        found = medians(
            51 if len(plain) <= 16 * MIB else 15,
            lambda: one.encrypt_into(plain, sealed),
            lambda: two.encrypt_into(plain, sealed),
            lambda: bare_frames(cipher, plain, sealed, None),
            lambda: bare_frames(cipher, plain, sealed, helper),
            lambda: copy(source, sink, None),
            lambda: copy(source, sink, helper),
        )
    gains = [alone / shared for alone, shared in zip(found[::2], found[1::2], strict=True)]
    more = {"GB/s": len(plain) / found[1] / 1e9, "encrypt_into alone": gains[1], "copying alone": gains[2]}
    return {f"memory, {name}": {"ratio": gains[0]} | more}


def medians(rounds: int, *works: Callable[[], object]) -> list[float]:
    """Seconds of each, in turns; the first round warms."""
    found: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for seconds, work in zip(found, works, strict=True):
            took = best(work, 1)
            if number > 0:
                seconds.append(took)
    return [statistics.median(seconds) for seconds in found]


def bare_frames(cipher: AESGCM, plain: bytearray, sealed: bytearray, helper: Executor | None) -> None:
    """Where a message's frames lie, but nothing of a message; half of it in another thread."""
    data, out, nonce = memoryview(plain), memoryview(sealed), bytes(12)

    def seal(first: int, end: int) -> None:
        for number in range(first, end):
            at = number * (MIB + FRAME_OVERHEAD)
            cipher.encrypt_into(nonce, data[number * MIB : (number + 1) * MIB], None, out[at : at + MIB + 16])

    halves(seal, len(plain) // MIB, helper)


def copy(source: Any, sink: Any, helper: Executor | None) -> None:
    """memmove lets other threads run."""
    start, to = ctypes.addressof(source), ctypes.addressof(sink)
    halves(lambda first, end: ctypes.memmove(to + first, start + first, end - first), len(source), helper)


def halves(work: Callable[[int, int], object], count: int, helper: Executor | None) -> None:
    if helper is None:
        work(0, count)
        return
    other = helper.submit(work, count // 2, count)
    work(0, count // 2)
    other.result()


def _new_memory(size: int, plain: bytearray) -> dict[str, Any]:
    """What most call: a result in new memory, against the cipher's own."""
    envelope, cipher = Envelope(RawAesKeyring("bench", "key", bytes(32)), frame_length=MIB), AESGCM(bytes(32))
    data = plain[:size]
    message, bare = envelope.encrypt(data), cipher.encrypt(bytes(12), data, None)
    sealing, mine, _ = against(lambda: envelope.encrypt(data), lambda: cipher.encrypt(bytes(12), data, None))
    opening, ours, _ = against(lambda: envelope.decrypt(message), lambda: cipher.decrypt(bytes(12), bare, None))
    name = f"memory, new, {size // MIB} MiB"
    return {
        f"{name}, encrypt, against AESGCM.encrypt": {"ratio": sealing, "GB/s": size / mine / 1e9},
        f"{name}, decrypt, against AESGCM.decrypt": {"ratio": opening, "GB/s": size / ours / 1e9},
    }


def _sdk_in_memory() -> dict[str, Any]:
    if importlib.util.find_spec("aws_encryption_sdk") is None:
        return {"peer left out: aws-encryption-sdk": "not installed"}
    client, provider, algorithm = sdk()
    data = os.urandom(8 * MIB)
    envelope = Envelope(RawAesKeyring("bench", "key", bytes(32)), frame_length=4096)
    ratio, mine, _ = against(
        lambda: envelope.encrypt(data),
        lambda: client.encrypt(source=data, key_provider=provider, algorithm=algorithm),
        3,
    )
    small, fast, _ = against(
        lambda: [envelope.encrypt(b"x" * 64) for _ in range(1000)],
        lambda: [client.encrypt(source=b"x" * 64, key_provider=provider, algorithm=algorithm) for _ in range(1000)],
        3,
    )
    return {
        "memory, 4 KiB frames, against aws-encryption-sdk": {"ratio": ratio, "GB/s": 8 * MIB / mine / 1e9},
        "messages of 64 bytes, against aws-encryption-sdk": {"ratio": small, "a second": 1000 / fast},
    }


def sdk() -> tuple[Any, Any, Any]:
    import aws_encryption_sdk as sdk
    from aws_encryption_sdk.identifiers import Algorithm, EncryptionKeyType, WrappingAlgorithm
    from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
    from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider

    class Keys(RawMasterKeyProvider):  # type: ignore[misc]  # it has no types
        provider_id = "bench"

        def _get_raw_key(self, key_id: Any) -> Any:  # noqa: ARG002  # the SDK's
            return WrappingKey(
                WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING, bytes(32), EncryptionKeyType.SYMMETRIC
            )

    provider = Keys()
    provider.add_master_key("key")
    return sdk.EncryptionSDKClient(), provider, Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY


# --- files ----------------------------------------------------------------------------------------------------------------


def files(size: int) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for name, folder, durable in (("memory file system", "/dev/shm", False), ("disk", None, True)):  # noqa: S108  # meant
        if folder is not None and not Path(folder).is_dir():
            results[f"file, {name}"] = "not here"
            continue
        with tempfile.TemporaryDirectory(dir=folder or HERE) as where:
            results |= _files(size, Path(where), name, durable=durable)
    return results


def _files(size: int, where: Path, name: str, *, durable: bool) -> dict[str, Any]:
    plain, sealed, opened, out = where / "plain", where / "sealed", where / "opened", where / "peer"
    with plain.open("wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))
    os.sync()
    envelope = Envelope(RawAesKeyring("bench", "key", bytes(32)), frame_length=MIB, threads=2)
    seal = Writes(sealed, lambda: envelope.encrypt_file(plain, sealed))
    open_ = Writes(opened, lambda: envelope.decrypt_file(sealed, opened))
    alone = {} if durable else {"writing alone": best(Writes(out, lambda: write_alone(out, size)))}
    alone |= {} if durable else {"mapping alone": best(Writes(out, lambda: map_alone(out, size)))}

    def row(ours: Writes, work: Callable[[], object], done: int = size) -> dict[str, float]:
        def theirs() -> None:
            work()
            if durable:  # as we do
                subprocess.run(["sync", out], check=True)

        ratio, mine, seconds = against(ours, Writes(out, theirs))
        scale = size / done
        found = {"ratio": ratio * scale, "GB/s": size / mine / 1e9, "theirs": done / seconds / 1e9}
        return found | {way: seconds * scale / limit for way, limit in alone.items()}

    results: dict[str, Any] = {
        f"file, {name}": row(seal, command("cp", plain, out)),
        f"file, {name}, decrypt": row(open_, command("cp", plain, out)),
    }
    if shutil.which("age"):
        identity, theirs = where / "identity", where / "age"
        subprocess.run(["age-keygen", "-o", identity], capture_output=True, check=True)
        recipient = subprocess.run(
            ["age-keygen", "-y", identity], capture_output=True, text=True, check=True
        ).stdout.strip()
        results[f"file, {name}, against age"] = row(seal, command("age", "-r", recipient, "-o", out, plain))
        command("age", "-r", recipient, "-o", theirs, plain)()
        results[f"file, {name}, decrypt, against age"] = row(
            open_, command("age", "-d", "-i", identity, "-o", out, theirs)
        )
        theirs.unlink()
    else:
        results["peer left out: age"] = "not installed: apt-get install age"
    if shutil.which("openssl"):
        openssl = ("openssl", "enc", "-aes-256-ctr", "-pbkdf2", "-pass", "pass:bench", "-in", plain, "-out", out)
        results[f"file, {name}, against openssl enc"] = row(seal, command(*openssl))
    if importlib.util.find_spec("aws_encryption_sdk") is not None:
        part, theirs, done = where / "part", where / "sdk", 32 * MIB
        with plain.open("rb") as file:
            part.write_bytes(file.read(done))
        results[f"file, {name}, against aws-encryption-sdk"] = row(seal, lambda: _sdk_file("e", part, out), done)
        _sdk_file("e", part, theirs)
        results[f"file, {name}, decrypt, against aws-encryption-sdk"] = row(
            open_, lambda: _sdk_file("d", theirs, out), done
        )
    return results


def command(*words: str | Path) -> Callable[[], object]:
    return lambda: subprocess.run(words, check=True)


def write_alone(out: Path, size: int) -> None:
    data = bytes(MIB)
    with out.open("wb", buffering=0) as file:
        for _ in range(size // MIB):
            file.write(data)


def map_alone(out: Path, size: int) -> None:
    data = bytes(MIB)
    with out.open("w+b") as file:
        file.truncate(size)
        with mmap.mmap(file.fileno(), size) as mapped:
            for at in range(0, size, MIB):
                mapped[at : at + MIB] = data


def _sdk_file(mode: str, plain: Path, out: Path) -> None:
    client, provider, algorithm = sdk()
    named = {"algorithm": algorithm} if mode == "e" else {}
    with (
        plain.open("rb") as source,
        out.open("wb") as sink,
        client.stream(mode=mode, source=source, key_provider=provider, **named) as stream,
    ):
        for piece in stream:
            sink.write(piece)


# --- records and objects --------------------------------------------------------------------------------------------------


def records() -> dict[str, Any]:
    keys = RecordKeys(MemoryRecordRows(), RawAesKeyring("bench", "key", bytes(32)), ttl=3600)
    ours = Records(keys, "bench", {"table": "customers", "column": "iban"})
    count = 100_000
    values, rows = [os.urandom(64) for _ in range(count)], [number.to_bytes(8) for number in range(count)]
    seal = best(lambda: ours.seal_many(values, rows), 9)
    sealed = ours.seal_many(values, rows)
    opening = best(lambda: ours.open_many(sealed, rows), 9)
    assert ours.open_many(sealed, rows) == values
    cipher, nonce = AESGCM(bytes(32)), bytes(12)
    bare = best(lambda: [cipher.encrypt(nonce, value, None) for value in values], 9)
    return {
        "records a second, seal": {"a second": count / seal, "of AESGCM.encrypt alone": bare / seal},
        "records a second, open": {"a second": count / opening},
    }


class Counted:
    """A KMS client that counts what it is asked."""

    def __init__(self, client: Any) -> None:
        self.client, self.calls = client, 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        if name.startswith("_") or name in {"meta", "identity"}:
            return found

        def call(**asked: Any) -> Any:
            self.calls += 1
            return found(**asked)

        return call


@contextmanager
def service() -> Iterator[tuple[Any, Any]]:
    from keystead.testing import running

    with running() as house:
        client = house.client("kms")
        yield house, Counted(client)


def objects(count: int) -> dict[str, Any]:
    """Through a running Keystead: ten tenants, each with a branch key; every object is a whole message."""
    with service() as (_, client):
        arn = client.client.create_key()["KeyMetadata"]["Arn"]
        keys = BranchKeys(MemoryRows(), client, arn)
        tenants = [keys.create(f"tenant-{number}") for number in range(10)]
        envelope = Envelope(BranchKeyring(keys, lambda context: context["tenant"], ttl=300))
        data = os.urandom(200)
        contexts = [{"tenant": tenant} for tenant in tenants]
        for context in contexts:
            envelope.decrypt(envelope.encrypt(data, context), context)
        before, began = resident(), time.process_time()
        for number in range(count):
            message = envelope.encrypt(data, contexts[number % 10])
        spent, after = time.process_time() - began, resident()
        assert envelope.decrypt(message, contexts[(count - 1) % 10]).plaintext == data
        return {
            "objects": {"count": count, "key calls": client.calls, "MiB of memory, growth": (after - before) / 1024},
            "objects to a key call": {"ratio": count / client.calls},
            "objects a second and core": {"a second": count / spent},
        }


def resident() -> int:
    """KiB of this process."""
    ctypes.CDLL(None).malloc_trim(0)
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1])


# --- start ----------------------------------------------------------------------------------------------------------------


def start() -> dict[str, Any]:
    """Wall clock and processor time of sealing one small file, a call to the key service included."""
    with service() as (house, client), tempfile.TemporaryDirectory() as where:
        arn = client.client.create_key()["KeyMetadata"]["Arn"]
        (Path(where) / "plain").write_bytes(b"x")
        compiled = {"PYTHONPYCACHEPREFIX": f"{where}/compiled", "PYTHONDONTWRITEBYTECODE": ""}
        env = {**os.environ, **house.environment, **compiled}
        command = [*KEYSTEAD, "encrypt", "plain", "-o", "sealed", "--overwrite", "--key-id", arn]
        wall, spent = [], []
        for _ in range(15):
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(command, cwd=where, env=env, check=True)
            wall.append(time.perf_counter() - began)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return {"start, milliseconds": {"ratio": 1000 * min(wall), "of processor time": 1000 * min(spent)}}


def show(results: dict[str, Any]) -> None:
    for name, found in results.items():
        if not isinstance(found, dict):
            print(f"{name:<62}{found}")
            continue
        goal, unit = GOALS.get(name, (None, ""))
        ratio = found.get("ratio", found.get("a second", 0.0))
        met = "" if goal is None else ("met" if (ratio <= goal if unit == "at most" else ratio >= goal) else "MISSED")
        aim = "" if goal is None else f"goal {goal:,.2f} {unit}"
        more = ", ".join(f"{key} {value:,.2f}" for key, value in found.items() if value is not ratio)
        print(f"{name:<62}{ratio:>14,.2f}  {met:<7}{aim:<48}{more}")


if __name__ == "__main__":
    main()
