"""The way of one request: the only place where AWS's wire and the domain meet.

1. recognise    the signature's scope names service and Region
2. authenticate signature, session token, clock
3. parse        by the protocol that the model names, and check the model's constraints
4. run          the operation; its domain decides, checks state, acts
5. record       one event per call, and one per forwarded call, durable before the next step
6. answer       domain errors by the service's table; the unforeseen says nothing
"""

import asyncio
import uuid
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from keystead.identities.call import Call, Caller
from keystead.identities.errors import SessionExpired
from keystead.identities.room import Identities
from keystead.services.service import Service
from keystead.trail import event as events
from keystead.trail import redaction
from keystead.trail.client import Recorder, RecorderLost
from keystead.wire import binding, model, sigv4
from keystead.wire.codecs import CODECS
from keystead.wire.errors import Refused
from keystead.wire.http import Request, Response
from keystead.wire.recognise import recognise

log = structlog.get_logger("keystead.gateway")

WINDOWS: Final = {"iam": 15 * 60.0, "sts": 15 * 60.0}
"""Seconds a signature may be off, where it is not the five minutes of the JSON services (recorded AWS answers)."""
WINDOW: Final = 5 * 60.0


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of the connection. `tls` is CloudTrail's tlsDetails."""

    address: str
    secure: bool
    tls: Mapping[str, str] | None = None


class Feed(Protocol):
    """The part of database.feed.Feed that every call asks: may the caches be believed?"""

    def current(self) -> bool: ...
    async def catch_up(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Failure:
    """What the caller is told, and the record says."""

    code: str
    text: str | None
    status: int | None = None


class Undecided(RuntimeError):
    """An operation ended without an access decision: a defect, answered as an internal error."""


class Served:
    """One service, bound to its model."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.model = model.load(service.name)
        self.codec = CODECS[self.model.protocol]
        self.bound = binding.bind(self.model, service.operations, refused=service.refused)
        self.redactors = {
            name: redaction.compile(service.name, operation.model) for name, operation in self.bound.operations.items()
        }
        self.source = f"{service.name}.amazonaws.com"
        self.window = WINDOWS.get(service.name, WINDOW)
        self.known: tuple[type[Exception], ...] = tuple(service.errors)

    def failure(self, error: Exception) -> Failure:
        for kind in type(error).__mro__:
            if kind in self.service.errors:
                code, text = self.service.errors[kind]
                return Failure(code, text and text.format_map(Facts(error)))
        raise error

    def answer_failure(self, failure: Failure, request_id: str) -> Response:
        return self.codec.render_error(self.model, failure.code, failure.text, request_id, status=failure.status)


class Facts(dict[str, Any]):
    """An error's attributes, for the text of its row."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def __missing__(self, name: str) -> object:
        return getattr(self._error, name)


class Gateway:
    """Every request of one worker comes through `answer`."""

    def __init__(
        self,
        services: Sequence[Service],
        *,
        identities: Identities,
        recorder: Recorder,
        feed: Feed,
        clock: Callable[[], float],
        regions: Container[str],
        account: str,
        region: str,
    ) -> None:
        self._services = {service.name: Served(service) for service in services}
        self._identities = identities
        self._recorder = recorder
        self._feed = feed
        self._clock = clock
        self._regions = regions
        self._failures = FailedSignatures(account, region)

    async def answer(self, request: Request, peer: Peer) -> Response:
        """Raises nothing: whatever happens becomes an AWS answer."""
        request_id = str(uuid.uuid4())
        served = self._recognise(request)
        try:
            return await self._answer(served, request, request_id, peer)
        except Refused as refused:
            return served.answer_failure(Failure(refused.code, refused.text, refused.status), request_id)
        except Exception as error:  # the outermost door: the unforeseen says nothing
            log.error("unforeseen", request_id=request_id, error=type(error).__name__, exc_info=safe(error))
            return served.answer_failure(Failure(served.service.unforeseen, None, 500), request_id)

    def _recognise(self, request: Request) -> Served:
        """Step 1. Who names no service we serve is answered in the protocol that the request seems to speak."""
        name = recognise(request)
        if name in self._services:
            return self._services[name]
        return self._services["kms" if request.header(b"x-amz-target") is not None else "sts"]

    async def _answer(self, served: Served, request: Request, request_id: str, peer: Peer) -> Response:
        if not self._recorder.healthy:
            raise RecorderLost
        if not self._feed.current():
            await self._feed.catch_up()
        at = self._clock()
        caller, region = await self._authenticate(served, request, at, peer)
        name = served.codec.operation_name(request)
        operation = served.bound.operation(name)
        agent = request.header(b"user-agent")
        call = Call(
            request_id,
            served.service.name,
            name,
            region,
            caller,
            at,
            peer.address,
            agent.decode("latin-1") if agent else "",
            peer.secure,
        )
        return await self._run(served, operation, request, call, peer)

    async def _authenticate(self, served: Served, request: Request, at: float, peer: Peer) -> tuple[Caller, str]:
        """Step 2. An unknown access key costs what a known one costs, and gets no further."""
        protocol = served.model.protocol
        try:
            signed = sigv4.read(
                request,
                now=at,
                service=served.model.signing_name,
                protocol=protocol,
                window=served.window,
                regions=self._regions,
            )
            try:
                credential = await self._identities.authenticate(signed.access_key_id, signed.token)
            except SessionExpired:
                raise sigv4.refusal("expired_token", protocol) from None
            key = await self._identities.signing_key(credential, signed.date, signed.region, signed.service)
            verified = sigv4.verify(signed, key)
            if credential is None:
                raise sigv4.refusal("unknown_key", protocol)
            if not verified:
                raise sigv4.refusal("wrong_signature", protocol)
        except Refused as refused:
            await self._failures.record(self._recorder, at, served.source, refused, peer)
            raise
        return credential.caller, signed.region

    async def _run(
        self, served: Served, operation: binding.Operation, request: Request, call: Call, peer: Peer
    ) -> Response:
        """Steps 3 to 6. Whatever the operation comes to, it is recorded before it is answered."""
        arguments: dict[str, Any] = {}
        answer: Mapping[str, Any] | None = None
        failure: Failure | None = None
        try:
            arguments = served.codec.parse(operation, request)
            answer = await operation.function(served.service.room, call, **arguments)
            if not call.decided and operation.name not in served.service.exempt:
                raise Undecided(operation.name)  # noqa: TRY301  # the invariant belongs inside the door
        except Refused as refused:
            failure = Failure(refused.code, refused.text, refused.status)
        except served.known as error:
            failure = served.failure(error)
        except Exception as error:  # recorded and answered below without a word about it
            log.error("unforeseen", request_id=call.id, operation=call.action, exc_info=safe(error))
            failure = Failure(served.service.unforeseen, None, 500)
        await self._record(served, call, arguments, answer, failure, peer)
        if failure is not None:
            return served.answer_failure(failure, call.id)
        return served.codec.render(operation, answer, call.id)

    async def _record(
        self,
        served: Served,
        call: Call,
        arguments: Mapping[str, Any],
        answer: Mapping[str, Any] | None,
        failure: Failure | None,
        peer: Peer,
    ) -> None:
        """Step 5. Raises RecorderLost when the record cannot be made durable; then nothing is answered."""
        redactor = served.redactors[call.action]
        owners = {resource.account for resource in call.notes.resources} - {call.account} if failure is None else set()
        shared = str(uuid.uuid4()) if owners else None
        finished = [
            events.event(
                request_id=call.id,
                at=self._clock(),
                source=served.source,
                name=call.action,
                region=call.region,
                identity=call.caller.identity,
                invoked_by=None,
                source_ip=call.source_ip,
                user_agent=call.user_agent,
                error=(failure.code, failure.text) if failure else None,
                parameters=redactor.parameters(arguments),
                response=redactor.response(answer) if answer is not None else None,
                notes=call.notes,
                read_only=redactor.read_only,
                recipient_account=recipient,
                tls=peer.tls,
                shared_id=shared,
            )
            for recipient in (call.account, *sorted(owners))
        ]
        if len(finished) == 1:
            await self._recorder.record(finished[0])
        else:
            await asyncio.gather(*(self._recorder.record(event) for event in finished))


class FailedSignatures:
    """Records requests that failed authentication, at most ten a second: the rest is counted, not written.

    Anybody can send such requests; without the bound, anybody could fill the disk.
    """

    PER_SECOND: Final = 10

    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self._region = region
        self._second = 0
        self._written = 0
        self._left_out = 0

    async def record(self, recorder: Recorder, at: float, source: str, refused: Refused, peer: Peer) -> None:
        if int(at) != self._second:
            self._second, self._written = int(at), 0
        if self._written >= self.PER_SECOND:
            self._left_out += 1
            return
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        details: dict[str, object] = {"service": source, "errorCode": refused.code, "sourceIPAddress": peer.address}
        if left_out:
            details["notRecorded"] = left_out
        await recorder.record(
            events.internal_event(
                "AuthenticationFailure", account=self._account, region=self._region, at=at, details=details
            )
        )


def safe(error: BaseException) -> BaseException:
    """The error with its place but without its words, which may hold what the caller sent."""
    return type("Withheld", (Exception,), {"__module__": type(error).__module__})(type(error).__name__).with_traceback(
        error.__traceback__
    )
