"""Asks the witnesses of a log for their cosignatures, and keeps them (C2SP tlog-witness 1.0.0, the client's side).

1. the newest checkpoint that the log has signed
2. each witness that has not cosigned it, or not for REFRESH_SECONDS, is asked, all at once: a dead one delays nobody
3. a 409 with a size says where the witness stands: ask again from there, once
4. an answer counts when it is a cosignature of this checkpoint by the key that the policy names
5. when the policy's quorum has cosigned it, the note is kept

A log at rest is asked for again and again too: a fresh cosignature says that nothing newer has been seen, so a tail that was
cut off shows as a cosignature that grows old.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx
import structlog

from keystead.metrics import meters
from keystead.trail import cosigned, proofs, submission
from keystead.trail.checkpoints import Checkpoint, of_note
from keystead.trail.cosigned import Standing, Standings
from keystead.trail.hashes import Hashes, HashesMissing
from keystead.trail.merkle import Subtree
from keystead.trail.policy import Party, Policy
from keystead.trail.signed_note import NoteInvalid, Signature, verified
from keystead.trail.submission import SIZE_TYPE, RequestInvalid, Submission

log = structlog.get_logger("keystead.trail.asking")

TIMEOUT: Final = httpx.Timeout(5.0)
REFRESH_SECONDS: Final = 60.0
"""How old the cosignature of a log at rest becomes."""
FUTURE_SECONDS: Final = 300
"""By how much a witness's clock may be ahead."""
ANSWER_LIMIT: Final = 64 * 1024
UNREACHABLE: Final = "unreachable"
REFUSED: Final = "refused"
AHEAD: Final = "it has cosigned more records than this log has"
CONTRADICTED: Final = "it has cosigned a tree that this log contradicts"


class NotCosigned(Exception):
    """Why, as Standing says it."""


@dataclass(slots=True)
class Witness:
    """One of the policy. `line` is its cosignature of the checkpoint that `size` and `at` are of."""

    name: str
    party: Party
    size: int = 0
    at: int = 0
    asked: float = float("-inf")
    line: str = ""
    text: str = ""
    error: str = ""

    @property
    def standing(self) -> Standing:
        return Standing(self.size, self.at, self.error)

    @property
    def address(self) -> str:
        return f"{self.party.url.rstrip('/')}/{submission.PATH}"


@dataclass(slots=True)
class Asking:
    """Of one node's log. `clock`: seconds since the epoch."""

    folder: Path
    policy: Policy
    clock: Callable[[], float]
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=TIMEOUT))
    _witnesses: list[Witness] = field(default_factory=list)
    _kept: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self._witnesses = [Witness(name, party) for name, party in self.policy.witnesses.items() if party.url]
        note = cosigned.newest(self.folder)
        if note is not None:
            self._kept = of_note(note).size, max(self.policy.cosigned(note).values(), default=0)

    async def run(self) -> None:
        """Ask whoever is due. Raises OSError when what was cosigned cannot be kept."""
        note = cosigned.last_signed(self.folder)  # 1
        if note is None or not self._witnesses:
            return
        checkpoint = of_note(note)
        text = checkpoint.text()
        due = [one for one in self._witnesses if one.text != text or self.clock() - one.asked > REFRESH_SECONDS]
        if due:
            hashes = Hashes.read_only(self.folder)
            try:
                await asyncio.gather(*(self._ask(one, checkpoint, note, hashes.subtree) for one in due))  # 2
            finally:
                hashes.close()
            self._keep(checkpoint, note)
        self._tell()

    async def close(self) -> None:
        await self.client.aclose()

    async def _ask(self, witness: Witness, checkpoint: Checkpoint, note: bytes, subtree: Subtree) -> None:
        """Raises nothing: what goes wrong is in the witness's standing."""
        witness.asked = self.clock()
        before = witness.error
        try:
            cosignature = await self._cosignature(witness, checkpoint, note, subtree)
        except NotCosigned as error:
            witness.error = str(error)
            meters.WITNESS_FAILURES.count(witness.name)
            if witness.error != before:
                log.error("not cosigned", witness=witness.name, reason=witness.error, size=checkpoint.size)
            return
        witness.error = ""
        witness.text, witness.line = checkpoint.text(), cosignature.line
        witness.size, witness.at = checkpoint.size, cosignature.at

    async def _cosignature(self, witness: Witness, checkpoint: Checkpoint, note: bytes, subtree: Subtree) -> Signature:
        try:
            answer = await self._submit(witness, witness.size, checkpoint, note, subtree)
            if answer.status_code == HTTPStatus.CONFLICT and answer.headers.get("content-type") == SIZE_TYPE:
                witness.size = stands_at(answer)  # 3
                if witness.size > checkpoint.size:
                    raise NotCosigned(AHEAD)
                answer = await self._submit(witness, witness.size, checkpoint, note, subtree)
        except (httpx.HTTPError, httpx.InvalidURL):
            raise NotCosigned(UNREACHABLE) from None
        if answer.status_code in {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT}:
            raise NotCosigned(CONTRADICTED)
        if answer.status_code != HTTPStatus.OK:
            raise NotCosigned(f"{REFUSED} ({answer.status_code})")
        return self._believed(witness, note, answer.content)

    async def _submit(
        self, witness: Witness, old: int, checkpoint: Checkpoint, note: bytes, subtree: Subtree
    ) -> httpx.Response:
        """Raises httpx.HTTPError, NotCosigned."""
        old = min(old, checkpoint.size)
        try:
            proof = proofs.consistency(old, checkpoint.size, subtree)
        except HashesMissing:
            raise NotCosigned("the tree's hashes cannot be read") from None
        request = self.client.build_request("POST", witness.address, content=Submission(old, proof, note).encode())
        answer = await self.client.send(request, stream=True)
        try:
            content = b""
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > ANSWER_LIMIT:
                    raise NotCosigned(f"{REFUSED} (an answer without end)")
        finally:
            await answer.aclose()
        return httpx.Response(
            answer.status_code, headers={"content-type": answer.headers.get("content-type", "")}, content=content
        )

    def _believed(self, witness: Witness, note: bytes, lines: bytes) -> Signature:
        """Step 4. Lines of other keys are passed over."""
        try:
            _, signatures = verified(note + lines, [witness.party.key])
        except NoteInvalid:
            raise NotCosigned(f"{REFUSED} (a bad cosignature)") from None
        latest = max(signatures, key=lambda signature: signature.at, default=None)
        if latest is None or not 0 < latest.at < self.clock() + FUTURE_SECONDS:
            raise NotCosigned(f"{REFUSED} (no cosignature of its key)")
        return latest

    def _keep(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Step 5."""
        text = checkpoint.text()
        lines = {one.name: one.line for one in self._witnesses if one.text == text}
        if not lines or not self.policy.satisfied(lines):
            return
        at = max(one.at for one in self._witnesses if one.name in lines)
        if (checkpoint.size, at) <= self._kept:
            return
        cosigned.keep(self.folder, note + "".join(f"{line}\n" for line in lines.values()).encode(), at)
        self._kept = checkpoint.size, at

    def _tell(self) -> None:
        size, at = self._kept
        meters.COSIGNED_SIZE.set(size)
        meters.COSIGNED_AT.set(at)
        for one in self._witnesses:
            meters.WITNESS_SIZE.set(one.size, one.name)
            meters.WITNESS_AT.set(one.at, one.name)
        standing = {one.name: one.standing for one in self._witnesses}
        cosigned.tell(self.folder, Standings(size, at, self.clock(), standing))


def stands_at(answer: httpx.Response) -> int:
    """Raises NotCosigned."""
    try:
        return submission.parse_size(answer.content.decode("ascii").removesuffix("\n"))
    except (UnicodeDecodeError, RequestInvalid):
        raise NotCosigned(f"{REFUSED} (not a size)") from None
