"""Requests that no honest client sends, signed as though one did, and what every answer to them must be."""

import base64
import http.client
import json
import math
import sqlite3
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from defusedxml.ElementTree import fromstring
from structlog.testing import capture_logs

from keystead.testing import Keystead
from keystead.wire.model import Model, Shape
from keystead.wire.patterns import compiled

SECONDS = 20.0
"""No answer may take longer, on a loaded machine either."""

COMMON = {
    #  protocol  codes that every operation may answer      source: AWS's API references, Common Errors; Keystead's own refusal of what it does not serve
    "json": {
        "ValidationException", "SerializationException", "UnknownOperationException", "UnsupportedOperationException",
        "AccessDeniedException", "ThrottlingException", "InvalidSignatureException", "IncompleteSignatureException",
        "MissingAuthenticationTokenException", "UnrecognizedClientException", "RequestEntityTooLargeException",
    },
    "query": {
        "ValidationError", "MalformedQueryString", "InvalidAction", "MissingAction", "UnsupportedOperation", "AccessDenied",
        "Throttling", "SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken", "InvalidClientTokenId",
        "InvalidInput", "RequestEntityTooLargeException",
    },
}  # fmt: skip  # a table

PASSING = (
    "trail_", "rotation_reads", "rotation_folded", "identity_usage", "leases", "sealed_keys", "changes", "alembic", "sqlite_",
)  # fmt: skip
"""Tables that change without a call's asking: the index of the trail, who called last, who does what falls due, the house's own keys."""


@dataclass
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def error(self, protocol: str) -> str:
        """The code, of an answer that a stock client would understand. Fails for one that it would not."""
        if protocol == "json":
            assert self.headers["content-type"] == "application/x-amz-json-1.1", self
            return str(json.loads(self.body)["__type"])
        found = next((one for one in fromstring(self.body).iter() if one.tag.endswith("}Code")), None)
        assert found is not None, self
        return str(found.text)


@dataclass
class Wire:
    """A connection that is kept, to one service of a house."""

    house: Keystead
    model: Model
    connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def target(self, operation: str) -> dict[str, str]:
        if self.model.protocol == "query":
            return {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        target = f"{self.model.target_prefixes[0]}.{operation}"
        return {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}

    def send(self, body: bytes, headers: Mapping[str, str], method: str = "POST", path: str = "/") -> Answered:
        request = AWSRequest(method, self.house.endpoint_url + path, data=body, headers=dict(headers))
        credentials = Credentials(self.house.access_key_id, self.house.secret_access_key)
        SigV4Auth(credentials, self.model.signing_name, self.house.region).add_auth(request)
        began = time.monotonic()
        if self.connection is None:
            place = urllib.parse.urlsplit(self.house.endpoint_url)
            self.connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
        try:
            self.connection.request(method, path, body, dict(request.headers.items()))
            response = self.connection.getresponse()
            content = response.read()
        except (http.client.HTTPException, OSError):
            self.close()
            raise
        if response.will_close:
            self.close()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answered(response.status, named, content, time.monotonic() - began)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def check(self, answered: Answered, *, refused: bool) -> None:
        """What every answer must be: no failure of the house's own, soon, and an error of the service where it is one."""
        assert answered.status < 500, answered
        assert answered.seconds < SECONDS
        if answered.status == 200:
            assert not refused, answered
            return
        assert answered.error(self.model.protocol) in COMMON[self.model.protocol] | self.model.errors.keys(), answered


def dump(house: Keystead) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the database that calls alone can change."""
    with sqlite3.connect(f"file:{house.data}/keystead.db?mode=ro", uri=True) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)  # noqa: S608  # names of tables
            for name in names
            if not name.startswith(PASSING)
        }


@contextmanager
def complaints() -> Iterator[list[Any]]:
    """What the house logs as an error meanwhile."""
    heard: list[Any] = []
    with capture_logs() as logged:
        yield heard
    heard += [entry for entry in logged if entry["log_level"] in {"error", "critical"}]


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311  # tests that can be repeated


def jsonable(value: Any) -> Any:
    """As a client writes it."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: jsonable(held) for key, held in value.items()}
    if isinstance(value, list):
        return [jsonable(held) for held in value]
    return value


# --- one thing that is wrong with a document ----------------------------------------------------------------------------


@dataclass
class Place:
    """Something in a document, and how to put something else there."""

    shape: Shape
    value: Any
    put: Callable[[Any], None]
    required: bool
    remove: Callable[[], None]


def places(shape: Shape, value: Any, put: Callable[[Any], None], *, required: bool, remove: Any) -> Iterator[Place]:
    yield Place(shape, value, put, required, remove)
    if shape.type == "structure":
        for name, held in list(value.items()):
            yield from places(
                shape.members[name], held, lambda new, n=name: value.__setitem__(n, new),  # type: ignore[misc]  # a default binds the name
                required=name in shape.required, remove=lambda n=name: value.pop(n),
            )  # fmt: skip
    elif shape.type == "list":
        for number, held in enumerate(value):
            yield from places(
                shape.member, held, lambda new, n=number: value.__setitem__(n, new), required=True, remove=None,  # type: ignore[misc]  # likewise
            )  # fmt: skip
    elif shape.type == "map":
        for name, held in list(value.items()):
            yield from places(
                shape.value, held, lambda new, n=name: value.__setitem__(n, new), required=True, remove=None,  # type: ignore[misc]  # likewise
            )  # fmt: skip


WRONG = {
    "structure": ([], "x", 7, True),
    "map": ([], "x", 7, True),
    "list": ({}, "x", 7, True),
    "string": ({}, [], 7, 1.5, True),
    "blob": ({}, [], 7, True, "not base64!", "QQ=", "é"),
    "boolean": ({}, [], "true", 1, 0),
    "integer": ({}, [], "1", True, 1.5, 10**30, -(10**30)),
    "long": ({}, [], "1", True, 1.5, 10**30, -(10**30)),
    "float": ({}, [], "1", True, math.inf),
    "double": ({}, [], "1", True, math.inf),
    "timestamp": ({}, [], True, "yesterday", math.inf, math.nan, 1e300),
}
TEXTS = ("", " ", "\0", "%", "é😀", "a b\n", "\u2028", "../..", "-")


def wrong_type(at: Place, random: Random) -> bool:
    at.put(random.choice(WRONG[at.shape.type]))
    return True


def nothing(at: Place, random: Random) -> bool:
    if at.required:
        at.put(None)
    return at.required


def missing(at: Place, random: Random) -> bool:
    if at.required and at.remove is not None:
        at.remove()
        return True
    return False


def unknown(at: Place, random: Random) -> bool:
    if at.shape.type == "structure":
        at.value[random.choice(("Unheard", "", "keyid", "__class__", "é", "\0"))] = random.choice((1, None, {}, "x"))
        return True
    return False


def too_long(at: Place, random: Random) -> bool:
    most = at.shape.max
    if most is None or most > 100_000 or at.shape.enum or at.shape.type not in {"string", "list", "blob", "map"}:
        return False
    more = int(most) + random.choice((1, 2, 1000))
    if at.shape.type == "string":
        at.put("a" * more)
    elif at.shape.type == "blob":
        at.put(base64.b64encode(bytes(more)).decode())
    elif at.shape.type == "list" and at.value:
        at.put(at.value[:1] * more)
    else:
        return False
    return True


def too_short(at: Place, random: Random) -> bool:
    if not at.shape.min or at.shape.enum or at.shape.type not in {"string", "list", "blob", "map"}:
        return False
    at.put({"string": "", "blob": "", "list": [], "map": {}}[at.shape.type])
    return True


def out_of_range(at: Place, random: Random) -> bool:
    edges = [
        edge
        for edge, given in (((at.shape.min or 0) - 1, at.shape.min), ((at.shape.max or 0) + 1, at.shape.max))
        if given is not None
    ]
    if at.shape.type not in {"integer", "long"} or not edges:
        return False
    at.put(int(random.choice(edges)))
    return True


def off_pattern(at: Place, random: Random) -> bool:
    if at.shape.type != "string" or not at.shape.pattern or at.shape.enum:
        return False
    bad = [text for text in (*TEXTS, "a" * 300) if not compiled(at.shape.pattern).search(text)]
    if not bad:
        return False
    at.put(random.choice(bad))
    return True


def not_of_the_set(at: Place, random: Random) -> bool:
    if not at.shape.enum:
        return False
    bad = {"", "x", at.shape.enum[0].swapcase(), f" {at.shape.enum[0]}", f"{at.shape.enum[0]}\0"} - set(at.shape.enum)
    at.put(random.choice(sorted(bad)))
    return True


FAULTS = (wrong_type, nothing, missing, unknown, too_long, too_short, out_of_range, off_pattern, not_of_the_set)


def spoil(shape: Shape, document: dict[str, Any], fault: Callable[[Place, Random], bool], random: Random) -> bool:
    """Whether there was a place where that fault can be; the document has it now."""
    found = list(places(shape, document, lambda _: None, required=False, remove=None))
    random.shuffle(found)
    top = [one for one in found if one.shape is not shape or fault is unknown]
    return any(fault(one, random) for one in top)


# --- what is wrong with a body or with the request as a whole -----------------------------------------------------------


def bodies(body: bytes) -> dict[str, bytes]:
    """None of these is a JSON document that holds the operation's parameters."""
    return {
        "cut off": body[:-1],
        "something behind": body + b"x",
        "two documents": body + body,
        "a list": b"[" + body + b"]",
        "a text": json.dumps(body.decode()).encode(),
        "a number": b"7",
        "true": b"true",
        "null": b"null",
        "not UTF-8": b'{"\xff\xfe": "\xc0\x80"}',
        "half a character": body[:-1] + b', "x": "\xf0\x9f"}' if len(body) > 2 else b'{"x": "\xf0\x9f"}',
        "UTF-16": body.decode().encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + body,
        "deep lists": b"[" * 100_000 + b"]" * 100_000,
        "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        "not a number": b'{"Limit": NaN}',
        "infinite": b'{"Limit": 1e999}',
        "ever so many digits": b'{"Limit": ' + b"9" * 50_000 + b"}",
        "half a surrogate pair": b'{"KeyId": "", "Limit": 0, "x": "\\ud800"}',
        "a comment": b"/* */" + body,
        "single quotes": body.replace(b'"', b"'") if b'"' in body else b"{'a': 1}",
        "zeros": bytes(100),
        "a form": b"Action=ListKeys&Version=2014-11-01",
    }
