"""A log that grows and signs, its witnesses under their own host names, and a clock that tests set."""

from pathlib import Path

import httpx

from keystead.trail import cosigned
from keystead.trail import log as logs
from keystead.trail.asking import Asking
from keystead.trail.checkpoints import of_note
from keystead.trail.log import Log
from keystead.trail.policy import Policy, read
from keystead.trail.signed_note import Signer
from keystead.witness import book
from keystead.witness.book import Book
from keystead.witness.cosigning import Cosigning
from keystead.witness.serving import application

ORIGIN = "keystead.invalid/test"
SEEDS = (bytes(range(32)), bytes(range(32, 64)))
NOW = 1_750_000_000


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


class Party:
    """A witness with a host name of its own."""

    def __init__(self, folder: Path, name: str, clock: Clock, keys) -> None:
        self.name = name
        self.data = folder / name
        self.clock = clock
        book.create(self.data, f"{name}.example/w")
        Book(self.data).add(list(keys))
        self.up = True
        self.answer = None
        self.start()

    def start(self) -> None:
        found = Book(self.data)
        self.signer = Signer(found.name, found.seeds(), clock=self.clock)
        self.app = application(Cosigning(found, self.signer))


class Town(httpx.AsyncBaseTransport):
    """Where each witness answers under its own name; some are down, and some say what they should not."""

    def __init__(self, parties) -> None:
        self.parties = {f"{party.name}.example": party for party in parties}
        self.asked = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        party = self.parties[request.url.host]
        self.asked.append(party.name)
        if not party.up:
            raise httpx.ConnectError("down")
        if party.answer is not None:
            return party.answer
        return await httpx.ASGITransport(party.app).handle_async_request(request)


class Scene:
    """A log that grows and signs, three witnesses of which two suffice, and who asks them."""

    def __init__(self, folder: Path, quorum: str = "group G 2 a b c\nquorum G") -> None:
        self.clock = Clock()
        self.signer = Signer(ORIGIN, SEEDS, clock=self.clock)
        self.folder = folder / "trail"
        logs.create(self.folder)
        self.log = Log(self.folder, lambda name, **_: name.encode())
        self.parties = [Party(folder, name, self.clock, self.signer.verifiers) for name in "abc"]
        self.a, self.b, self.c = self.parties
        lines = "".join(
            f"witness {party.name} {party.signer.cosigners[number % 2]} http://{party.name}.example/\n"
            for number, party in enumerate(self.parties)
        )
        logged = "".join(f"log {key}\n" for key in self.signer.verifiers)
        self.policy: Policy = read(f"{logged}{lines}{quorum}\n".encode())
        self.town = Town(self.parties)
        self.number = 0
        self.again()

    def again(self) -> None:
        """The asking process started anew."""
        self.asking = Asking(self.folder, self.policy, self.clock, httpx.AsyncClient(transport=self.town))

    def grow(self, count: int = 5) -> None:
        self.log.append([(7, self.number + place + 1, b"{}") for place in range(count)])
        self.number += count
        self.log.checkpoint(self.signer.sign)

    @property
    def size(self) -> int | None:
        note = cosigned.newest(self.folder)
        return of_note(note).size if note is not None else None

    @property
    def errors(self):
        found = cosigned.standings(self.folder)
        return {name: one.error for name, one in found.witnesses.items() if one.error}
