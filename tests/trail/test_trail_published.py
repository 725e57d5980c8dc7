"""The listener that publishes the tree: C2SP's content types, caching, and nothing but tiles."""

import asyncio
import gzip

import httpx
import pytest

from keystead.published import application
from keystead.trail import checkpoints
from keystead.trail.tiles import Published


@pytest.fixture
def client(folder, open_log, arrivals, signer):
    log = open_log(folder)
    log.append(arrivals(300))
    log.checkpoint(signer.sign)
    published = Published(folder, lambda: next(checkpoints.kept(folder)).note)
    transport = httpx.ASGITransport(application(published))

    def get(path, method="GET", **headers):
        async def ask():
            async with httpx.AsyncClient(transport=transport, base_url="http://log") as asking:
                return await asking.request(method, path, headers=headers)

        return asyncio.run(ask())

    yield get
    published.close()


def test_the_checkpoint_is_text_and_not_kept(client):
    answer = client("/checkpoint")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert checkpoints.of_note(answer.content).size == 300


@pytest.mark.parametrize(
    ("path", "length"), [("/tile/0/000", 8192), ("/tile/0/001.p/44", 44 * 32), ("/tile/1/000.p/1", 32)]
)
def test_tiles_are_octets_that_last(client, path, length):
    answer = client(path, **{"accept-encoding": "gzip"})

    assert answer.headers["content-type"] == "application/octet-stream"
    assert "immutable" in answer.headers["cache-control"]
    assert "content-encoding" not in answer.headers
    assert len(answer.content) == length


def test_entries_are_compressed_for_who_can_read_it(client):
    plain = client("/tile/entries/000", **{"accept-encoding": "identity"})
    packed = client("/tile/entries/000", **{"accept-encoding": "gzip"})

    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.content == plain.content
    assert gzip.decompress(gzip.compress(plain.content)) == plain.content


@pytest.mark.parametrize(
    "path", ["/", "/tile/0/002", "/tile/0/001", "/segments/0", "/tile/0/../../state", "/checkpoint/"]
)
def test_there_is_nothing_else(client, path):
    assert client(path).status_code == 404


def test_nothing_can_be_written(client):
    assert client("/checkpoint", "POST").status_code == 405
    assert client("/checkpoint", "HEAD").status_code == 200


def test_a_log_that_is_damaged_says_nothing_more_than_that(client, folder):
    (folder / "hashes" / "0").write_bytes(b"")

    assert client("/tile/0/000").status_code == 500
