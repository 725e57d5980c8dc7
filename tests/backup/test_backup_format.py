"""The file: what was written comes back, and whatever was done to it is noticed."""

import io
import os
import zlib

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keystead.backup import format as backups
from keystead.backup.format import (
    BackupDamaged,
    End,
    File,
    Head,
    Piece,
    Rows,
    Summing,
    Table,
    Writer,
    encode,
    opening,
    read_head,
)
from keystead.config import Installation
from keystead.keyholder import setup
from keystead.keyholder.backups import TAG_LENGTH, Altered, OpenedSeal
from keystead.keyholder.seals import FileSeal

CHUNK = 64
CONTENT = os.urandom(600)
PROPERTY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def seal_in(folder):
    folder.mkdir(mode=0o700)
    setup.create(folder, FileSeal())
    return OpenedSeal.of(folder, None)


@pytest.fixture(scope="module")
def seal(tmp_path_factory):
    return seal_in(tmp_path_factory.mktemp("seal") / "data")


def head(seal, chunk=CHUNK):
    installation = Installation(id="i", region="us-east-1", account="111122223333", created=0.0, node="00")
    return Head(
        id="b", made=0.0, keystead="1", schema="0001", installation=installation, nonce=os.urandom(16),
        seal=seal.content, chunk=chunk,
    )  # fmt: skip  # an argument and its value stand together


def end(table_rows, file_data):
    rows, data = Summing(), Summing()
    for row in table_rows:
        rows.add(row, 1)
    data.add(file_data, len(file_data))
    return End({"t": rows.sum()}, {"former/00/f": data.sum()})


def written(seal, rows=((1, "a", b"b", None),), data=CONTENT, chunk=CHUNK, last=None):
    raw = [msgspec.Raw(encode(row)) for row in rows]
    file = io.BytesIO()
    writer = Writer(file, head(seal, chunk), seal)
    records = [Table("t", ["a"]), Rows(raw), File("former/00/f"), Piece(data), last or end(raw, data)]
    for record in records:
        writer.write(record)
    writer.close()
    return file.getvalue(), records


def read(content, seal):
    file = io.BytesIO(content)
    found, clear = read_head(file)
    return list(opening(file, found, clear, seal))


def chunks(content):
    """(the head, the chunks) of a file."""
    file = io.BytesIO(content)
    _, clear = read_head(file)
    rest = content[len(clear) :]
    size = CHUNK + TAG_LENGTH
    return clear, [rest[at : at + size] for at in range(0, len(rest), size)]


def refused(content, seal):
    with pytest.raises((BackupDamaged, Altered)):
        read(content, seal)


@PROPERTY
@given(
    st.integers(1, 200),
    st.binary(max_size=400),
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.text(), st.binary())),
)
def test_what_was_written_comes_back(seal, chunk, data, rows):
    content, records = written(seal, rows, data, chunk)

    assert encode(read(content, seal)) == encode(records)


@pytest.mark.parametrize("kept", range(6))
def test_a_file_cut_off_between_chunks_is_refused(seal, kept):
    clear, parts = chunks(written(seal)[0])
    assert len(parts) > 6

    refused(clear + b"".join(parts[:kept]), seal)


@PROPERTY
@given(st.data())
def test_a_file_cut_off_anywhere_is_refused(seal, data):
    content, _ = written(seal)

    refused(content[: data.draw(st.integers(0, len(content) - 1))], seal)


@PROPERTY
@given(st.data())
def test_a_changed_bit_is_refused(seal, data):
    content = bytearray(written(seal)[0])
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8

    refused(bytes(content), seal)


@pytest.mark.parametrize(
    "rearranged",
    [
        lambda parts: [parts[1], parts[0], *parts[2:]],
        lambda parts: [parts[0], *parts],
        lambda parts: [parts[0], *parts[2:]],
        lambda parts: [*parts, parts[-1]],
        lambda parts: [*parts[:-1], parts[1], parts[-1]],
        lambda parts: [*parts, b"x"],
    ],
    ids=["exchanged", "repeated", "left out", "last one twice", "inserted", "added to"],
)
def test_chunks_in_another_order_or_number_are_refused(seal, rearranged):
    clear, parts = chunks(written(seal)[0])

    refused(clear + b"".join(rearranged(parts)), seal)


def test_a_chunk_of_another_backup_under_the_same_root_is_refused(seal):
    clear, parts = chunks(written(seal)[0])
    _, others = chunks(written(seal)[0])

    refused(clear + b"".join([parts[0], others[1], *parts[2:]]), seal)


def test_another_installations_seal_does_not_open_it(seal, tmp_path):
    other = seal_in(tmp_path / "other")

    with pytest.raises(Altered):
        read(written(seal)[0], other)


def test_an_end_that_says_something_else_is_refused(seal):
    refused(written(seal, last=end([], CONTENT))[0], seal)


def test_nothing_may_follow_the_end(seal):
    content, _ = written(seal, last=Piece(b"x"))

    with pytest.raises(BackupDamaged, match="no end"):
        read(content, seal)


def test_what_is_kept_is_not_to_be_seen_in_the_file(seal):
    marker = b"MARKER" * 20
    content, _ = written(seal, data=marker)
    stored = zlib.compress(marker)[2:-4]

    assert marker not in content
    assert stored not in content


@pytest.mark.parametrize("content", [b"", b"KSBACKUP", b"SQLite format 3\x00" * 9, backups.MAGIC + b"\xff" * 40])
def test_what_is_no_backup_is_refused(content):
    with pytest.raises(BackupDamaged):
        read_head(io.BytesIO(content))


def test_a_later_format_is_refused_by_name(seal):
    encoded = msgspec.json.encode({"version": 2, "anything": "else"})

    with pytest.raises(BackupDamaged, match="another version"):
        read_head(io.BytesIO(backups.MAGIC + len(encoded).to_bytes(4, "big") + encoded))
