"""One service as it is served: its model, its operations, its errors in its own words, and what a call to it comes to."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from keystead.database.errors import DatabaseLost
from keystead.identities.call import Call
from keystead.keyholder.errors import KeyholderLost
from keystead.logs import described
from keystead.services.service import Service, worded
from keystead.trail import redaction
from keystead.trail.errors import RecorderLost
from keystead.wire import binding, findings, model
from keystead.wire.codecs import CODECS
from keystead.wire.errors import Refused
from keystead.wire.http import Request, Response
from keystead.wire.recognise import seems_unsigned
from keystead.wire.restxml import path_style

log = structlog.get_logger("keystead.served")

WINDOWS: Final = {"iam": 15 * 60.0, "sts": 15 * 60.0, "s3": 15 * 60.0}
"""Seconds a signature may be off, where it is not the five minutes of the JSON services (recorded AWS answers)."""
WINDOW: Final = 5 * 60.0
HOMES: Final = {"iam": "us-east-1"}
"""Services without Regions, whatever Region the signature names (IAM user guide, aws:RequestedRegion)."""
OPERATION_NAME: Final = re.compile(r"[A-Za-z0-9]{1,64}")
UNKNOWN: Final = "UnknownOperation"
"""eventName of a call that names no operation."""


AWAY: Final = (DatabaseLost, KeyholderLost, RecorderLost)
"""What comes back by itself."""
COME_BACK: Final = (b"x-amz-retry-after", b"1000")
"""Milliseconds until an SDK tries again (botocore/retries/standard.py, 1.44). Its own pauses begin at 50 ms, so that the
three attempts of its standard mode would be over before anything is back.
"""


class Failure(NamedTuple):
    """What the caller is told, and the record says. `away`: by itself it will be possible again."""

    code: str
    text: str | None
    status: int | None = None
    away: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """What became of a call: an answer or a failure, and the response that says so."""

    response: Response
    arguments: Mapping[str, Any]
    answer: Mapping[str, Any] | None = None
    failure: Failure | None = None


class Undecided(RuntimeError):
    """An operation ended without an access decision: a defect, answered as an internal error."""


class Served:
    """One service, bound to its model."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.model = model.load(service.name)
        self.codec = CODECS[self.model.protocol]
        self.bound = binding.bind(self.model, service.operations, refused=service.refused)
        self.source = f"{service.name}.amazonaws.com"
        self.protocol = self.model.protocol
        self.unsigned = frozenset(name for name, operation in self.model.operations.items() if operation.unsigned)
        self.window = WINDOWS.get(service.name, WINDOW)
        self.home = HOMES.get(service.name)
        self._redactors = {
            name: redaction.compile(service.name, operation.model) for name, operation in self.bound.operations.items()
        }

    def addressed(self, request: Request) -> Request:
        """Once its signature has been checked: a bucket that stood before the host's name stands in the path."""
        return path_style(request, self.service.buckets) if self.service.buckets else request

    def named(self, request: Request) -> tuple[str, binding.Operation | Failure]:
        """The operation that a request names; where it is not served, how it is refused.

        The name is fit for the record: the model's, or what the caller made up if it looks like one.
        """
        name = ""
        try:
            name = self.codec.operation_name(self.model, request)
            return name, self.bound.operation(name)
        except Refused as refused:
            recorded = name if OPERATION_NAME.fullmatch(name) else UNKNOWN
            return recorded, Failure(refused.code, refused.text, refused.status)

    def goes_unsigned(self, request: Request) -> bool:
        """Whether it is one of the few operations that the model lets anybody call without a signature.

        Raises Refused when that is not served: say so, and not that a signature is missing. A signature that came along is not
        looked at: what such an operation believes is what it verifies itself.
        """
        if not self.unsigned or not seems_unsigned(request):
            return False
        name = self.codec.operation_name(self.model, request)
        if name in self.unsigned:
            self.bound.operation(name)
        return name in self.unsigned

    def check_certified(self, request: Request) -> None:
        """Raises Refused for an operation that is not to be signed with the key of a certificate."""
        operation = self.model.operations.get(self.codec.operation_name(self.model, request))
        if operation is None or not operation.certified:
            raise findings.refusal("malformed", self.protocol)

    def redactor(self, name: str) -> redaction.Redactor | None:
        """None for what the model does not know. Operations that are refused get theirs when they are first asked for."""
        if name not in self._redactors and name in self.model.operations:
            self._redactors[name] = redaction.compile(self.service.name, self.model.operations[name])
        return self._redactors.get(name)

    def understood(self, error: Exception, request_id: str) -> Failure:
        """An error as the service names it. Of the unforeseen the caller learns nothing, and the log little."""
        try:
            failure = self._tabled(error)
        except (AttributeError, KeyError, ValueError, IndexError):  # a row whose text its error cannot fill
            failure = None
        if failure is None:
            log.error("unforeseen", service=self.service.name, request_id=request_id, **described(error))
            failure = self.unforeseen
        return failure._replace(away=True) if isinstance(error, AWAY) else failure

    def _tabled(self, error: Exception) -> Failure | None:
        if isinstance(error, Refused):
            return Failure(error.code, error.text, error.status)
        found = worded(self.service.errors, error)
        return Failure(*found) if found is not None else None

    @property
    def unforeseen(self) -> Failure:
        return Failure(self.service.unforeseen, None, 500)

    @property
    def away(self) -> Failure:
        return self.unforeseen._replace(away=True)

    def refuse(self, failure: Failure, request_id: str) -> Response:
        said = self.codec.render_error(self.model, failure.code, failure.text, request_id, status=failure.status)
        return msgspec.structs.replace(said, headers=(*said.headers, COME_BACK)) if failure.away else said


async def run(served: Served, operation: binding.Operation, request: Request, call: Call) -> Outcome:
    """Steps 3, 4 and 6: the response is made now, so that the record says what will be answered."""
    arguments: dict[str, Any] = {}
    try:
        arguments = served.codec.parse(operation, request)
        if served.service.throttle is not None:
            served.service.throttle(served.service.room, call)
        answer = await operation.function(served.service.room, call, **arguments)
        if not call.decided and operation.name not in served.service.exempt:
            raise Undecided(operation.name)  # noqa: TRY301  # the invariant belongs inside the door
        return Outcome(served.codec.render(operation, answer, call.id), arguments, answer)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is recorded, and answered without a word about it
        failure = served.understood(error, call.id)
        try:
            return Outcome(served.refuse(failure, call.id), arguments, failure=failure)
        except UnicodeEncodeError:  # half a surrogate pair in its text: the call is recorded all the same
            return Outcome(served.refuse(served.unforeseen, call.id), arguments, failure=served.unforeseen)
