"""What unlocks the root key, and what happens when it does not."""

import base64
import json
import os
import resource
import stat
from pathlib import Path

import cryptography_vectors
import pytest
from argon2 import low_level as core
from argon2.low_level import Type, hash_secret_raw
from argon2.profiles import RFC_9106_LOW_MEMORY
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keystead.keyholder import seals
from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.seals import FileSeal, PassphraseSeal

PASSPHRASE = PassphraseSeal(b"correct horse battery staple")


@pytest.fixture(params=[FileSeal(), PASSPHRASE], ids=lambda seal: seal.kind)
def seal(request):
    return request.param


def key_file(folder: Path) -> Path:
    (found,) = folder.glob("seal-*.key")
    return found


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def edit(folder: Path, **changes: object) -> None:
    path = folder / "seal.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_seal_opens_to_the_root_key_it_was_made_with(tmp_path, seal):
    root = seals.write_new(tmp_path, seal)

    assert len(root) == 32
    assert seals.unseal(tmp_path, seal) == (root,)


def test_two_installations_have_different_root_keys(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    assert seals.write_new(tmp_path / "one", PASSPHRASE) != seals.write_new(tmp_path / "two", PASSPHRASE)


def test_every_file_of_a_seal_is_for_its_owner_alone(tmp_path, seal):
    seals.write_new(tmp_path, seal)

    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_the_root_key_is_in_no_file(tmp_path, seal):
    root = seals.write_new(tmp_path, seal)

    for content, _ in snapshot(tmp_path).values():
        assert root not in content
        assert base64.b64encode(root) not in content


def test_the_seal_file_is_what_the_drawing_says(tmp_path):
    root = seals.write_new(tmp_path, FileSeal())
    told = json.loads((tmp_path / "seal.json").read_text())

    secret = (tmp_path / f"seal-{told['id']}.key").read_bytes()
    bound = bytes.fromhex(told["id"].replace("-", "")) + b"\0\0\0\x01"
    sealed, iv = base64.b64decode(told["sealed"]), base64.b64decode(told["iv"])
    assert set(told) == {"version", "id", "kind", "iv", "sealed"}
    assert AESGCM(secret).decrypt(iv, sealed, bound) == root


def test_a_passphrase_seal_keeps_the_parameters_of_rfc_9106(tmp_path):
    seals.write_new(tmp_path, PASSPHRASE)

    told = json.loads((tmp_path / "seal.json").read_text())["argon2"]
    assert (told["time_cost"], told["memory_cost"], told["parallelism"]) == (3, 65536, 4)
    assert RFC_9106_LOW_MEMORY.memory_cost == 65536
    assert len(base64.b64decode(told["salt"])) == 16


def test_a_wrong_passphrase_is_said_clearly_and_changes_nothing(tmp_path):
    seals.write_new(tmp_path, PASSPHRASE)
    before = snapshot(tmp_path)

    with pytest.raises(SealNotOpened, match="passphrase is wrong") as caught:
        seals.unseal(tmp_path, PassphraseSeal(b"tr0ub4dor&3"))

    assert "tr0ub4dor" not in str(caught.value)
    assert snapshot(tmp_path) == before


def test_the_key_file_of_another_installation_is_said_clearly(tmp_path):
    seals.write_new(tmp_path, FileSeal())
    key_file(tmp_path).write_bytes(bytes(32))

    with pytest.raises(SealNotOpened, match="belongs to another installation"):
        seals.unseal(tmp_path, FileSeal())


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_file_of_another_length_is_said_clearly(tmp_path, length):
    seals.write_new(tmp_path, FileSeal())
    key_file(tmp_path).write_bytes(bytes(length))

    with pytest.raises(SealNotOpened, match="does not hold 32 bytes"):
        seals.unseal(tmp_path, FileSeal())


@pytest.fixture(params=["key file", "seal file"])
def part(request, tmp_path):
    """Either file of a file seal."""
    seals.write_new(tmp_path, FileSeal())
    return key_file(tmp_path) if request.param == "key file" else tmp_path / "seal.json"


def test_a_missing_file_is_named(tmp_path, part):
    part.unlink()

    with pytest.raises(SealNotOpened, match=part.name):
        seals.unseal(tmp_path, FileSeal())


def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(tmp_path, part):
    part.unlink()
    os.mkfifo(part, 0o600)

    with pytest.raises(SealNotOpened, match="not what Keystead wrote"):
        seals.unseal(tmp_path, FileSeal())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_that_belongs_to_somebody_else_is_not_used(tmp_path, part):
    os.chown(part, 65534, -1)

    with pytest.raises(SealNotOpened, match="belongs to another user"):
        seals.unseal(tmp_path, FileSeal())


def test_a_truncated_file_does_not_open(tmp_path, part):
    content = part.read_bytes()

    for length in range(len(content) - 1):  # the last byte of the seal file is a line end
        part.write_bytes(content[:length])
        with pytest.raises(SealNotOpened):
            seals.unseal(tmp_path, FileSeal())


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_file_that_others_may_read_is_not_used(tmp_path, part, mode):
    part.chmod(mode)

    with pytest.raises(SealNotOpened, match="may be read by others"):
        seals.unseal(tmp_path, FileSeal())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"version": 2}, "another version"),
        ({"id": "00000000-0000-0000-0000-000000000000"}, "altered"),
        ({"sealed": base64.b64encode(bytes(48)).decode()}, "altered"),
        ({"sealed": ""}, "altered"),
        ({"iv": base64.b64encode(bytes(16)).decode()}, "not a seal file"),
        ({"iv": 5}, "not a seal file"),
        ({"surprise": 1}, "not a seal file"),
        ({"former": [base64.b64encode(bytes(77)).decode()]}, "altered"),
        ({"kind": "passphrase"}, "has a passphrase seal"),
    ],
)
def test_an_altered_seal_file_does_not_open(tmp_path, change, text):
    seals.write_new(tmp_path, FileSeal())
    edit(tmp_path, **change)

    with pytest.raises(SealNotOpened, match=text):
        seals.unseal(tmp_path, FileSeal())


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[]", b"null", b'{"kind": "\xff"}', b"[" * 9999, bytes(64 * 1024 + 1)]
)
def test_what_is_not_a_seal_file_is_said_clearly(tmp_path, content):
    (tmp_path / "seal.json").touch(0o600)
    (tmp_path / "seal.json").write_bytes(content)

    with pytest.raises(SealNotOpened, match="is not"):
        seals.unseal(tmp_path, FileSeal())


@pytest.mark.parametrize(
    "argon2",
    [
        None,
        {"salt": base64.b64encode(bytes(16)).decode(), "time_cost": 3, "memory_cost": 2**40, "parallelism": 4},
        {"salt": base64.b64encode(bytes(16)).decode(), "time_cost": 0, "memory_cost": 65536, "parallelism": 4},
        {"salt": "", "time_cost": 3, "memory_cost": 65536, "parallelism": 4},
    ],
)
def test_unreasonable_argon2_parameters_are_refused_before_they_cost_anything(tmp_path, argon2):
    seals.write_new(tmp_path, PASSPHRASE)
    edit(tmp_path, argon2=argon2)

    with pytest.raises(SealNotOpened, match="no usable argon2 parameters"):
        seals.unseal(tmp_path, PASSPHRASE)


def test_an_existing_seal_is_never_replaced(tmp_path, seal):
    root = seals.write_new(tmp_path, seal)

    with pytest.raises(FileExistsError):
        seals.write_new(tmp_path, seal)
    assert seals.unseal(tmp_path, seal) == (root,)


def test_an_empty_passphrase_is_refused(tmp_path):
    with pytest.raises(SealNotOpened, match="empty"):
        seals.write_new(tmp_path, PassphraseSeal(b""))

    assert not list(tmp_path.iterdir())


def test_the_seal_in_use_is_found_by_its_file(tmp_path, seal):
    seals.write_new(tmp_path, seal)

    passphrase = None if seal == FileSeal() else b"correct horse battery staple"
    assert seals.given(tmp_path, passphrase) == seal


def test_a_passphrase_seal_asks_for_its_passphrase(tmp_path):
    seals.write_new(tmp_path, PASSPHRASE)

    with pytest.raises(SealNotOpened, match="--passphrase-file"):
        seals.given(tmp_path, None)


def test_a_passphrase_for_a_file_seal_is_refused_and_not_ignored(tmp_path):
    seals.write_new(tmp_path, FileSeal())

    with pytest.raises(SealNotOpened, match="file seal"):
        seals.given(tmp_path, b"correct horse battery staple")


def test_no_passphrase_is_in_a_repr():
    assert "horse" not in repr(PASSPHRASE)


def test_two_libraries_derive_the_same_from_a_passphrase(tmp_path):
    seals.write_new(tmp_path, PASSPHRASE)
    kept = seals.load(tmp_path).argon2

    reference = Argon2id(
        salt=kept.salt, length=32, iterations=kept.time_cost, lanes=kept.parallelism, memory_cost=kept.memory_cost
    )
    assert reference.derive(PASSPHRASE.passphrase) == kept.derive(PASSPHRASE.passphrase)


def test_a_machine_without_the_memory_for_argon2_is_told_so(tmp_path):
    seals.write_new(tmp_path, PASSPHRASE)
    kept = json.loads((tmp_path / "seal.json").read_text())["argon2"]
    edit(tmp_path, argon2={**kept, "memory_cost": 4 * 1024 * 1024})
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (3 * 1024**3, before[1]))

    try:
        with pytest.raises(SealNotOpened, match="KiB of memory"):
            seals.unseal(tmp_path, PASSPHRASE)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_rfc_9106_s_own_vector():
    """Section 5.3. It uses a secret and associated data, which only the lowest level of the library takes."""
    given = (b"\x01" * 32, b"\x02" * 16, b"\x03" * 8, b"\x04" * 12)
    password, salt, secret, data = (core.ffi.new("uint8_t[]", one) for one in given)
    out = core.ffi.new("uint8_t[]", 32)
    context = core.ffi.new("argon2_context *", {
        "version": 0x13, "out": out, "outlen": 32, "pwd": password, "pwdlen": 32, "salt": salt, "saltlen": 16,
        "secret": secret, "secretlen": 8, "ad": data, "adlen": 12, "t_cost": 3, "m_cost": 32, "lanes": 4, "threads": 4,
        "allocate_cbk": core.ffi.NULL, "free_cbk": core.ffi.NULL, "flags": 0,
    })  # fmt: skip  # as the RFC lists them

    assert core.core(context, Type.ID.value) == 0
    assert bytes(core.ffi.buffer(out, 32)).hex() == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"


def test_the_argon2_library_gives_the_published_answers():
    path = Path(cryptography_vectors.__file__).parent / "KDF" / "argon2id.txt"
    tried = 0
    for block in path.read_text().split("\n\n"):
        case = dict(line.split(" =", 1) for line in block.splitlines() if " =" in line)
        if "output" not in case or "secret" in case or "ad" in case:
            continue  # the seal uses neither secret nor associated data
        case = {name.strip(): value.strip() for name, value in case.items()}
        made = hash_secret_raw(
            bytes.fromhex(case["pass"]),
            bytes.fromhex(case["salt"]),
            int(case["iter"]),
            int(case["memcost"]),
            int(case["lanes"]),
            int(case["length"]),
            Type.ID,
        )
        assert made.hex() == case["output"]
        tried += 1

    assert tried >= 2
