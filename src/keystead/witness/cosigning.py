"""Decides on one checkpoint, and cosigns it. No network: bytes in, an answer out.

1. the request is one, and so is its checkpoint                              else 400
2. the log is known                                                          else 404
3. one of its keys signed it, and none that it names fails                   else 403
4. the old size is not beyond the new one                                    else 400
5. the old size is that of the tree cosigned last                            else 409, and that size
6. of two trees of one size the roots are the same                           else 409
7. the proof leads from the old tree to the new one                          else 422
8. the new tree is kept, durably
9. it is cosigned
(C2SP tlog-witness 1.0.0, add-checkpoint)
"""

import threading
from http import HTTPStatus
from typing import Final, NamedTuple

import structlog

from keystead.trail import submission
from keystead.trail.checkpoints import Checkpoint, head
from keystead.trail.merkle import EMPTY
from keystead.trail.proofs import ProofInvalid, check_consistency
from keystead.trail.signed_note import NoteInvalid, Signer, verified
from keystead.trail.submission import RequestInvalid, Submission
from keystead.witness.book import Book, BookInvalid, Latest, Log

log = structlog.get_logger("keystead.witness")

TEXT: Final = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """What goes back."""

    status: HTTPStatus
    body: bytes = b""
    type: str = TEXT


class Refused(Exception):
    """One of the steps was not passed."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def refusal(status: HTTPStatus, text: str) -> Refused:
    return Refused(Answer(status, f"{text}\n".encode()))


class Cosigning:
    """Of one witness, and one process: steps 5 to 9 happen for one request at a time.

    Raises BookInvalid when a log's last checkpoint is not as it was kept.
    """

    def __init__(self, book: Book, signer: Signer) -> None:
        self._book = book
        self._signer = signer
        self._turn = threading.Lock()
        self._broken = False
        for known in book.logs():
            known.latest(signer.cosigners)

    @property
    def broken(self) -> bool:
        """A write has failed: nobody knows what is on the disk, so nothing is cosigned before the next start."""
        return self._broken

    def add_checkpoint(self, body: bytes) -> Answer:
        """Raises BookInvalid, OSError: nothing was cosigned."""
        try:
            asked, checkpoint = self._read(body)
            known = self._book.log(checkpoint.origin)  # 2
            if known is None:
                raise refusal(HTTPStatus.NOT_FOUND, "unknown log")
            text, lines = self._signed(known, asked.note)
            with self._turn:
                self._decide(known, asked, checkpoint)
                return Answer(HTTPStatus.OK, self._cosign(known, text, lines))
        except Refused as refused:
            return refused.answer

    def latest(self, name: str) -> bytes | None:
        """The note that was cosigned last, of the log whose origin has this SHA-256 in hexadecimal. Raises BookInvalid."""
        known = self._book.at(name)
        return known.latest(self._signer.cosigners).note or None if known is not None else None

    @staticmethod
    def _read(body: bytes) -> tuple[Submission, Checkpoint]:
        try:
            asked = submission.parse(body)  # 1
            text, empty, _ = asked.note.decode().rpartition("\n\n")
            checkpoint, _ = head(f"{text}\n")
        except (RequestInvalid, ValueError):
            raise refusal(HTTPStatus.BAD_REQUEST, "not a request") from None
        if not empty:
            raise refusal(HTTPStatus.BAD_REQUEST, "not a signed checkpoint")
        return asked, checkpoint

    @staticmethod
    def _signed(known: Log, note: bytes) -> tuple[str, list[str]]:
        """The text, and the log's own signature lines."""
        try:
            text, signatures = verified(note, known.keys)  # 3
        except NoteInvalid as error:
            raise refusal(HTTPStatus.FORBIDDEN, str(error)) from None
        if not signatures:
            raise refusal(HTTPStatus.FORBIDDEN, "not signed by the log")
        return text, [signature.line for signature in signatures]

    def _decide(self, known: Log, asked: Submission, checkpoint: Checkpoint) -> None:
        if self._broken:
            raise refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "the witness could not keep a checkpoint")
        if asked.old > checkpoint.size:  # 4
            raise refusal(HTTPStatus.BAD_REQUEST, "the old size is beyond the new one")
        latest = known.latest(self._signer.cosigners)
        if asked.old != latest.size:  # 5
            raise Refused(Answer(HTTPStatus.CONFLICT, f"{latest.size}\n".encode(), submission.SIZE_TYPE))
        if checkpoint.size == latest.size and checkpoint.root != latest.root and latest.note:  # 6
            self._contradicted(known, checkpoint, asked.note)
            raise refusal(HTTPStatus.CONFLICT, "another root of the same size")
        self._check_proof(known, asked, checkpoint, latest)

    def _check_proof(self, known: Log, asked: Submission, checkpoint: Checkpoint, latest: Latest) -> None:
        try:
            if checkpoint.size == 0 and checkpoint.root != EMPTY:
                raise ProofInvalid("the root of no leaves is another")  # noqa: TRY301  # answered like the others
            check_consistency(latest.size, checkpoint.size, asked.proof, latest.root, checkpoint.root)  # 7
        except ProofInvalid as error:
            self._contradicted(known, checkpoint, asked.note)
            raise refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None

    def _cosign(self, known: Log, text: str, lines: list[str]) -> bytes:
        cosignatures = self._signer.cosign(text)
        signed = "".join(f"{line}\n" for line in lines)
        note = f"{text}\n{signed}".encode() + cosignatures
        self._broken = True
        known.keep(note)  # 8
        self._broken = False
        return cosignatures  # 9

    @staticmethod
    def _contradicted(known: Log, checkpoint: Checkpoint, note: bytes) -> None:
        log.error("a log does not continue what it was", origin=known.origin, size=checkpoint.size)
        try:
            known.contradicted(checkpoint, note)
        except OSError as error:
            log.error("it could not be kept", error=error.strerror)


__all__ = ["Answer", "BookInvalid", "Cosigning"]
