"""Go's own packages (golang.org/x/mod/sumdb, of the Go checksum database) read what we publish, and make the same proofs."""

import asyncio
import os
import shutil
import subprocess
from base64 import b64encode
from functools import partial
from pathlib import Path

import pytest

from components import missing
from keystead.trail import cosigned, proofs
from keystead.trail.hashes import Hashes
from keystead.trail.tiles import Published, export

from .town import Scene

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SOURCES = Path("/usr/share/gocode")
"""Where Debian's golang-golang-x-mod-dev lies."""


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> Path:
    if shutil.which("go") is None or not (SOURCES / "src/golang.org/x/mod/sumdb").is_dir():
        missing("go", "Go is not installed: apt-get install golang-go golang-golang-x-mod-dev")
    built = tmp_path_factory.mktemp("go") / "reader"
    source = str(Path(__file__).parent / "reader.go")
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(SOURCES), "GOCACHE": str(built.with_name("cache"))}
    subprocess.run(["go", "build", "-o", str(built), source], env=environment, check=True)
    return built


def encoded(hashes) -> str:
    return " ".join(b64encode(hash_).decode() for hash_ in hashes)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700])
def test_go_reads_the_tree_and_proves_the_same(reader, tmp_path, size):
    scene = Scene(tmp_path)
    scene.grow(size)
    asyncio.run(scene.asking.run())
    published = Published(scene.folder, partial(cosigned.to_publish, scene.folder, scene.policy))
    export(published, tmp_path / "public")
    hashes = Hashes.read_only(scene.folder)
    places = sorted({0, size // 3, size // 2, size - 1})
    lines = [f"include {place} {encoded(proofs.inclusion(place, size, hashes.subtree))}" for place in places]
    for first in sorted({1, (size + 1) // 2, size}):
        before = proofs.root(0, first, hashes.subtree)
        lines.append(f"consist {first} {encoded([before, *proofs.consistency(first, size, hashes.subtree)])}")
    (tmp_path / "proofs").write_text("\n".join(lines) + "\n")
    keys = str(scene.signer.verifiers[0]), str(scene.a.signer.cosigners[0])

    done = subprocess.run(
        [reader, tmp_path / "public", *keys, tmp_path / "proofs"], capture_output=True, text=True, check=False
    )

    hashes.close()
    published.close()
    scene.log.close()
    assert done.stdout == f"2 signatures {size} records {size} entries {len(lines)} proofs\n"
