"""An S3-compatible store for tests: what the trail's bucket asks of one, and no more. It checks signatures as this project does.

PUT with If-None-Match, GET, HEAD, DELETE, ListObjectsV2 in short pages; errors as S3's. `answers_with` makes it ill.
"""

import hashlib
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from keystead.wire import sigv4
from keystead.wire.http import Request

KEY_ID, SECRET, REGION = "AKIDEXAMPLEEXAMPLE00", "a secret of the store's", "eu-west-1"
PAGE = 3


def signing_key(date):
    import hmac

    key = f"AWS4{SECRET}".encode()
    for part in (date, REGION, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_method(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.answers_with:
            self.answer(self.server.answers_with, b"<Error><Code>SlowDown</Code></Error>")
        elif not self.signed(body):
            self.answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        else:
            parts = urlsplit(self.path)
            _, bucket, key = [*unquote(parts.path).split("/", 2), ""][:3]
            assert bucket == "a-bucket"
            getattr(self, f"on_{self.command}")(key, parse_qs(parts.query), body)

    do_GET = do_PUT = do_HEAD = do_DELETE = handle_method  # noqa: N815  # http.server's names

    def signed(self, body):
        parts = urlsplit(self.path)
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        request = Request(self.command, parts.path.encode(), parts.query.encode(), headers, body)
        found = sigv4.read(request, now=time.time(), service="s3", protocol="rest-xml", window=900.0, regions={REGION})
        return found.access_key_id == KEY_ID and sigv4.verify(found, signing_key(found.date))

    def on_PUT(self, key, query, body):  # noqa: N802
        with self.server.lock:
            if self.headers.get("If-None-Match") == "*" and key in self.server.objects:
                self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                return
            metadata = {name: value for name, value in self.headers.items() if name.lower().startswith("x-amz-meta-")}
            self.server.objects[key] = (body, metadata, time.time())
        self.answer(200, b"", ETag=tag(body))

    def on_GET(self, key, query, body):  # noqa: N802
        if "list-type" in query:
            self.answer(200, self.listing(query))
        elif key not in self.server.objects:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            content, metadata, at = self.server.objects[key]
            self.answer(200, content, ETag=tag(content), **{"Last-Modified": formatdate(at, usegmt=True)}, **metadata)

    on_HEAD = on_GET  # noqa: N815

    def on_DELETE(self, key, query, body):  # noqa: N802
        self.server.objects.pop(key, None)
        self.answer(204, b"")

    def listing(self, query):
        prefix = query.get("prefix", [""])[0]
        after = query.get("continuation-token", query.get("start-after", [""]))[0]
        keys = sorted(key for key in self.server.objects if key.startswith(prefix) and key > after)
        page, more = keys[:PAGE], len(keys) > PAGE
        told = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.server.objects[key][0])}</Size>"
            f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{tag(self.server.objects[key][0])}</ETag></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
        return (
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{told}{token}</ListBucketResult>".encode()
        )

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def tag(content):
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


@contextmanager
def serving():
    """The server, whose `url` the store's address names."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.objects, server.lock, server.answers_with = {}, threading.Lock(), None
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
