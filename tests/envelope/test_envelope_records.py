"""Records: the format, its binding to a place, nonces that never repeat, data keys that can be wrapped anew."""

import os

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import String, create_engine, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

from keystead.envelope import KeyUnavailable, LimitExceeded, Malformed, NotAuthentic, RawAesKeyring
from keystead.envelope.databases import SealedBytes, SealedText, SqlRecordRows, metadata
from keystead.envelope.records import MemoryRecordRows, RecordKeys, RecordRow, Records
from keystead.envelope.records import records as module

CONTEXT = {"table": "customers", "column": "iban"}


@pytest.fixture(params=["memory", "sqlite"])
def rows(request, tmp_path):
    if request.param == "memory":
        yield MemoryRecordRows()
        return
    engine = create_engine(f"sqlite:///{tmp_path}/rows.db")
    metadata.create_all(engine)
    yield SqlRecordRows(engine)
    engine.dispose()


@pytest.fixture
def keys(rows, keyring):
    return RecordKeys(rows, keyring, ttl=60)


@pytest.fixture
def records(keys):
    return Records(keys, "customers", CONTEXT)


def test_what_was_sealed_opens(records):
    assert records.open(records.seal(b"DE89", b"row 1"), b"row 1") == b"DE89"


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_batches_go_there_and_back(values):
    records = Records(RecordKeys(MemoryRecordRows(), RawAesKeyring("n", "k", bytes(32)), ttl=60), "n", CONTEXT)
    places = [number.to_bytes(8) for number in range(len(values))]

    assert records.open_many(records.seal_many(values, places), places) == values


def test_a_record_has_45_bytes_more_than_its_value(records):
    assert len(records.seal(bytes(64))) == 64 + 45


def test_a_record_is_what_the_format_says(rows, keyring, records):
    record = records.seal(b"DE89", b"row 1")
    ref, nonce = record[1:17], record[17:29]
    row = rows.get(ref)
    from keystead.envelope.records.rows import from_text

    data_key = keyring.unwrap(
        from_text(row.wrapped), 32, {"keystead:record-key": ref.hex(), "keystead:record-name": "customers"}
    )
    key = HKDF(hashes.SHA512(), 32, b"", b"keystead record DERIVEKEY" + ref).derive(data_key)
    covered = record[:17] + b"\0\2\0\6column\0\4iban\0\5table\0\tcustomers" + b"row 1"

    assert AESGCM(key).decrypt(nonce, record[29:], covered) == b"DE89"
    assert row.commitment == HKDF(hashes.SHA512(), 32, b"", b"keystead record COMMITKEY" + ref).derive(data_key)


@pytest.mark.parametrize("place", [b"", b"row 2", b"row 1 "])
def test_a_record_does_not_open_in_another_row(records, place):
    record = records.seal(b"x", b"row 1")

    with pytest.raises(NotAuthentic):
        records.open(record, place)


def test_a_record_does_not_open_in_another_column(keys, records):
    record = records.seal(b"x", b"row 1")

    with pytest.raises(NotAuthentic):
        Records(keys, "customers", {"table": "customers", "column": "name"}).open(record, b"row 1")


def test_a_record_without_a_context_is_not_one_with_an_empty_row(keys):
    record = Records(keys, "customers").seal(b"x", b"\0\0")

    with pytest.raises(NotAuthentic):
        Records(keys, "customers").open(record)


def test_every_bit_and_every_cut_of_a_record_counts(records):
    record = records.seal(b"value")

    for at in range(len(record)):
        changed = bytearray(record)
        changed[at] ^= 1
        with pytest.raises((Malformed, NotAuthentic, KeyUnavailable)):
            records.open(bytes(changed))
        with pytest.raises((Malformed, NotAuthentic)):
            records.open(record[:at])
        with pytest.raises(NotAuthentic):
            records.open_many([record, record[:at]] if at > 17 else [record, record + b"!"], [b"", b""])


def test_nonces_of_restarts_and_threads_never_repeat(rows, keyring):
    from concurrent.futures import ThreadPoolExecutor

    def work(_):
        records = Records(RecordKeys(rows, keyring, ttl=60), "customers", CONTEXT)
        return records.seal_many([b"x"] * 50, [b""] * 50) + [records.seal(b"x") for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        sealed = [one for part in pool.map(work, range(12)) for one in part]

    assert len({one[:29] for one in sealed}) == len(sealed) == 12 * 55


def test_a_forked_process_takes_a_writer_number_of_its_own(keys):
    records = Records(keys, "customers", CONTEXT)
    records.seal(b"x")
    number, generation = records._block.prefix, module._generation

    module._forked()  # what os.fork() calls in the child
    records.seal(b"x")

    assert module._generation != generation
    assert records._block.prefix != number


def test_fork_is_noticed():
    code = "import os, keystead.envelope.records.records as r\nb = r._generation\nif os.fork() == 0: os._exit(int(r._generation == b))\nprint(os.waitstatus_to_exitcode(os.wait()[1]))"
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "0"


def test_a_block_that_is_used_up_gives_way_to_another_number(records, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 10)

    sealed = records.seal_many([b"x"] * 35, [b""] * 35)

    assert [int.from_bytes(one[17:21]) for one in sealed] == [n // 10 for n in range(35)]
    assert records.open_many(sealed, [b""] * 35) == [b"x"] * 35


def test_a_data_key_that_is_used_up_gives_way_to_another(records, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 10)
    monkeypatch.setattr(module, "WRITERS", 2)

    sealed = records.seal_many([b"x"] * 45, [b""] * 45)

    assert len({one[1:17] for one in sealed}) == 3
    assert records.open_many(sealed, [b""] * 45) == [b"x"] * 45


def test_a_data_key_seals_no_more_than_gcm_allows():
    assert module.BLOCK * module.WRITERS == 2**32


def test_a_rotation_leaves_old_records_readable(records):
    old = records.seal(b"x")

    records.rotate()
    new = records.seal(b"x")

    assert old[1:17] != new[1:17]
    assert records.open_many([old, new, old], [b""] * 3) == [b"x"] * 3


def test_rewrapping_changes_no_record(rows, keys, records):
    record = records.seal(b"x")
    target = RawAesKeyring("tests", "second", bytes(range(1, 33)))

    assert keys.rewrap(target) == 1

    assert Records(RecordKeys(rows, target, ttl=60), "customers", CONTEXT).open(record) == b"x"
    with pytest.raises(KeyUnavailable):
        Records(RecordKeys(rows, RawAesKeyring("tests", "first", bytes(range(32))), ttl=60), "n", CONTEXT).open(record)


def test_rewrapping_does_not_undo_what_another_did_meanwhile(rows, keys):
    row = keys.create("customers")

    assert rows.rewrap(row.ref, "something else", "new") is False
    assert rows.get(row.ref) == row


def test_a_row_with_another_data_key_is_refused(rows, keys, keyring):
    from keystead.envelope.records.keys import context_of
    from keystead.envelope.records.rows import to_text

    row = keys.create("customers")
    _, wrapped = keyring.generate(32, context_of(row.ref, row.name))
    rows.rewrap(row.ref, row.wrapped, to_text(wrapped))

    with pytest.raises(NotAuthentic):
        Records(keys, "customers").open(b"\1" + row.ref + bytes(28))


def test_a_damaged_row_is_refused(rows, keys):
    rows.add(RecordRow(bytes(16), "customers", "[not json", bytes(32)))

    with pytest.raises(KeyUnavailable, match="damaged"):
        keys.cipher(bytes(16))


def test_large_values_are_refused(records):
    with pytest.raises(LimitExceeded):
        records.seal(bytes(2**20 + 1))


def test_writer_numbers_end(rows, keys):
    row = keys.create("customers")

    assert [rows.take_writer(row.ref, 3) for _ in range(5)] == [0, 1, 2, None, None]


def test_an_engine_whose_threads_share_a_connection_is_refused():
    engine = create_engine("sqlite://", poolclass=StaticPool)

    with pytest.raises(ValueError, match="share"):
        SqlRecordRows(engine)

    engine.dispose()


def test_columns_seal_what_is_stored(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/rows.db")
    metadata.create_all(engine)
    keys = RecordKeys(SqlRecordRows(engine), RawAesKeyring("n", "k", os.urandom(32)), ttl=60)

    class Base(DeclarativeBase):
        pass

    class Customer(Base):
        __tablename__ = "customers"
        name: Mapped[str] = mapped_column(String(20), primary_key=True)
        iban: Mapped[str | None] = mapped_column(SealedText(Records(keys, "customers", CONTEXT)))
        photo: Mapped[bytes | None] = mapped_column(SealedBytes(Records(keys, "customers", {"column": "photo"})))

    with engine.begin() as connection:
        Base.metadata.create_all(connection)
    with Session(engine) as session:
        session.add_all([Customer(name="a", iban="DE89 ü", photo=b"\1\2"), Customer(name="b")])
        session.commit()
        session.expunge_all()

        found = {one.name: (one.iban, one.photo) for one in session.scalars(select(Customer))}
        stored = session.execute(text("select iban from customers where name = 'a'")).scalar_one()
    engine.dispose()

    assert found == {"a": ("DE89 ü", b"\1\2"), "b": (None, None)}
    assert b"DE89" not in stored
