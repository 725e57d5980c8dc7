"""What is published is C2SP's tiles, byte for byte, and enough to check everything without the log."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.trail import checkpoints, proofs
from keystead.trail.merkle import Frontier, fold
from keystead.trail.tiles import Published, Tile, export, parse, tiles_of

SIZE = 1000


@pytest.fixture
def log(folder, open_log, arrivals, signer):
    """A thousand records in several segments, and one more that is not signed."""
    opened = open_log(folder, segment_size=30_000)
    for first in range(0, SIZE, 50):
        opened.append(arrivals(50, first))
    opened.checkpoint(signer.sign)
    opened.append(arrivals(1, SIZE))
    return opened


@pytest.fixture
def published(folder, log):
    made = Published(folder, lambda: next(checkpoints.kept(folder)).note)
    yield made
    made.close()


def leaf(entry: bytes) -> bytes:
    return sha256(b"\0" + entry).digest()


def entries(bundle: bytes) -> list[bytes]:
    found = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        found.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return found


def test_the_tiles_of_seventy_thousand_are_those_of_the_specification():
    """tlog-tiles 0.1.0, Partial Tiles."""
    made = [tile for tile in tiles_of(70_000) if tile.level >= 0]

    full = [sum(tile.level == level and tile.width == 256 for tile in made) for level in range(5)]
    partial = {tile.level: tile.width for tile in made if tile.width != 256}
    assert full == [273, 1, 0, 0, 0]
    assert partial == {0: 112, 1: 17, 2: 1}


def test_256_records_are_a_full_tile_and_a_partial_one_above():
    made = [(tile.level, tile.number, tile.width) for tile in tiles_of(256)]

    assert made == [(-1, 0, 256), (0, 0, 256), (1, 0, 1)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067), "tile/0/x001/x234/067"),  # tlog-tiles 0.1.0, Merkle Tree
        (Tile(0, 0), "tile/0/000"),
        (Tile(4, 999, 1), "tile/4/999.p/1"),
        (Tile(-1, 1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_a_path_is_written_and_read(tile, path):
    assert tile.path == path
    assert parse(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "tile/0/0", "tile/0/00", "tile/0/x000/001", "tile/00/000", "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/001/000", "tile/0/x001", "tile/5/000", "tile/-1/000",
        "tile/0/000/", "/tile/0/000", "tile/0/000\n", "tile/0/٠٠٠", "tile/entries/../0/000", "tile/data/000",
    ],
)  # fmt: skip  # a list
def test_nothing_else_is_a_path(path):
    assert parse(path) is None


@given(st.integers(0, 2**40), st.integers(1, 256), st.integers(-1, 4))
def test_every_tile_has_one_path(number, width, level):
    tile = Tile(level, number, width)

    assert parse(tile.path) == tile


def test_the_checkpoint_is_the_signed_note(published, signer):
    found = published.get("checkpoint")

    assert found.type == "text/plain; charset=utf-8"
    assert not found.lasting
    assert checkpoints.of_note(found.content).size == SIZE


def test_level_0_and_1_are_the_hashes_of_the_entries(published):
    every = [entry for number in range(4) for entry in entries(get(published, -1, number))]
    leaves = [leaf(entry) for entry in every]

    assert len(leaves) == SIZE
    assert b"".join(get(published, 0, number) for number in range(4)) == b"".join(leaves)
    assert get(published, 1, 0) == b"".join(fold(leaves[at : at + 256]) for at in range(0, 768, 256))
    assert len(get(published, 0, 0)) == 8192


def test_an_entry_says_when_and_who_and_a_salted_hash(published, log, folder):
    """index | wall | monotonic | segment | source | number | hash, as records.py draws them."""
    from keystead.trail.segments import Walk

    walk = Walk.at(folder, 700)
    stored = next(iter(walk))
    segment = walk.segment
    walk.close()

    entry = entries(get(published, -1, 2))[700 - 512]

    stamp = stored.stamp
    numbers = [(700, 8), (stamp.wall, 8), (stamp.monotonic, 8), (segment, 8), (7, 4), (701, 4)]
    assert segment > 0
    assert entry == b"".join(value.to_bytes(size, "big") for value, size in numbers) + sha256(stored.salted).digest()
    assert stored.salted[32:] == b'{"n": 700}'


def test_the_tree_can_be_built_and_every_proof_made_from_tiles_alone(published):
    checkpoint = checkpoints.of_note(published.get("checkpoint").content)
    hashes = b"".join(get(published, 0, number) for number in range(4))
    leaves = [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
    frontier = Frontier()
    frontier.extend(leaves)

    def subtree(height, place):
        return fold(leaves[place << height : place + 1 << height])

    assert frontier.root() == checkpoint.root
    proofs.check_inclusion(leaves[777], 777, SIZE, proofs.inclusion(777, SIZE, subtree), checkpoint.root)


def get(published, level, number):
    """The full tile, or the widest there is."""
    for width in range(256, 0, -1):
        found = published.get(Tile(level, number, width).path)
        if found is not None:
            assert found.lasting
            assert found.type == "application/octet-stream"
            return found.content
    raise LookupError(number)


@pytest.mark.parametrize("path", ["tile/0/003", "tile/0/003.p/233", "tile/entries/003.p/233", "tile/2/000.p/1", "x"])
def test_what_is_not_signed_is_not_published(published, path):
    assert published.get(path) is None


def test_before_the_first_checkpoint_there_is_nothing(folder, open_log, arrivals):
    open_log(folder).append(arrivals(300))
    published = Published(folder, lambda: None)

    assert published.get("checkpoint") is None
    assert published.get("tile/0/000") is None


def test_files_are_what_is_served(published, tmp_path):
    target = tmp_path / "public"

    assert export(published, target) == SIZE

    files = [path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()]
    assert sorted(files) == sorted(["checkpoint", *(tile.path for tile in tiles_of(SIZE))])
    for name in files:
        assert (target / name).read_bytes() == published.get(name).content


def test_files_grow_with_the_log_and_full_tiles_replace_partial_ones(
    published, folder, log, arrivals, signer, tmp_path
):
    target = tmp_path / "public"
    export(published, target)
    log.append(arrivals(100, SIZE + 1))
    log.checkpoint(signer.sign)
    newest = Published(folder, lambda: [kept.note for kept in checkpoints.kept(folder)][-1])

    assert export(newest, target) == SIZE + 101

    names = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert "tile/0/003" in names
    assert not any(name.startswith("tile/0/003.p") for name in names)
    assert {tile.path for tile in tiles_of(SIZE + 101)} <= names
    with pytest.raises(FileExistsError):
        export(published, target)
    newest.close()
