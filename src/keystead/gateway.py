"""The way of one request: the only place where AWS's wire and the domain meet.

1. recognise    the target, else the signature's scope, names the service
2. authenticate signature, session token, clock
3. parse        by the protocol that the model names, and check the model's constraints
4. run          the operation; its domain decides, checks state, acts
5. record       one event per call, and one per forwarded call, durable before the next step
6. answer       domain errors by the service's table; the unforeseen says nothing
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from time import perf_counter
from typing import Any, Final, NamedTuple, Protocol

from keystead.access.request import PrincipalKind
from keystead.failed_signatures import FailedSignatures
from keystead.identities import callers
from keystead.identities.call import Call, Caller
from keystead.identities.callers import Credential
from keystead.identities.errors import SessionExpired
from keystead.identities.presented import Presented
from keystead.identities.room import Identities
from keystead.metrics import meters
from keystead.served import UNKNOWN, Failure, Outcome, Served, run
from keystead.services.service import Service
from keystead.trail import event as events
from keystead.trail.client import Recorder, RecorderLost
from keystead.trail.event import id_at, new_id
from keystead.wire import binding, findings, sigv4, x509
from keystead.wire.errors import Refused, Unreadable
from keystead.wire.http import Request, Response
from keystead.wire.recognise import recognise

NO_OPERATION: Final = "None"
"""In the metrics, the operation of a request that was refused before it was known what it asks."""
ANONYMOUS: Final = PrincipalKind.ANONYMOUS


class Peer(NamedTuple):
    """The other end of the connection. `tls` is CloudTrail's tlsDetails, but for the host header."""

    address: str
    secure: bool
    tls: Mapping[str, str] | None = None


class Authenticated(NamedTuple):
    """Who calls, as far as that is known before the operation begins."""

    caller: Caller
    region: str
    presented: Presented | None = None


class Feed(Protocol):
    """The part of database.feed.Feed that every call asks: may the caches be believed?"""

    def current(self) -> bool: ...
    async def catch_up(self) -> None: ...


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
        self._targets = {
            prefix.encode(): name for name, served in self._services.items() for prefix in served.model.target_prefixes
        }
        self._actions = actions(self._services.values())
        self._identities = identities
        self._recorder = recorder
        self._feed = feed
        self._clock = clock
        self._regions = regions
        self._anonymous = callers.anonymous(account)
        self._region = region
        self._failures = FailedSignatures(account, region)

    async def answer(self, request: Request, peer: Peer) -> Response:
        """Raises nothing: whatever happens becomes an AWS answer."""
        began = perf_counter()
        request_id = id_at(self._clock())
        name = recognise(request, self._targets, self._actions)
        served = self._services.get(name or "")
        if served is None:
            served = self._closest(request)
            if name is not None:
                failure = Failure(binding.UNSUPPORTED[served.protocol], f"{name} is not served here.")
                return self._refuse(served, failure, request_id)
        try:
            return await self._answer(served, request, request_id, peer, began)
        except Unreadable:
            return Response(400, ())
        except RecorderLost:  # its client has said so in the log
            return self._refuse(served, served.away, request_id)
        except Exception as error:  # noqa: BLE001  # the outermost door: the unforeseen says nothing
            return self._refuse(served, served.understood(error, request_id), request_id)

    def _refuse(self, served: Served, failure: Failure, request_id: str) -> Response:
        """A request that did not come to a call."""
        meters.REQUESTS.count(served.service.name, NO_OPERATION, failure.code)
        return served.refuse(failure, request_id)

    def too_large(self, request: Request, limit: int) -> Response:
        """What to say to a request whose body is not even read."""
        served = self._services.get(recognise(request, self._targets, self._actions) or "") or self._closest(request)
        text = f"The request body is larger than {limit} bytes."  # ours
        return served.refuse(Failure("RequestEntityTooLargeException", text, 413), id_at(self._clock()))

    def _closest(self, request: Request) -> Served:
        """Who names no service that we serve is answered in the protocol that the request seems to speak."""
        spoken = "json" if b"x-amz-target" in request.named else "query"
        served = list(self._services.values())
        return next((one for one in served if one.protocol == spoken), served[0])

    async def _answer(self, served: Served, request: Request, request_id: str, peer: Peer, began: float) -> Response:
        if not self._recorder.healthy:
            await self._recorder.ready()
        if not self._feed.current():
            await self._feed.catch_up()
        at = self._clock()
        caller, region, presented = await self._authenticate(served, request, at, peer)
        request = served.addressed(request)
        name, operation = served.named(request)
        agent = request.named.get(b"user-agent")
        call = Call(
            request_id,
            served.service.name,
            name,
            served.home or region,
            caller,
            at,
            peer.address,
            agent.decode("latin-1") if agent else "",
            peer.secure,
            presented=presented,
        )
        if isinstance(operation, Failure):
            outcome = Outcome(served.refuse(operation, call.id), {}, failure=operation)
        else:
            outcome = await run(served, operation, request, call)
        if outcome.failure is None or call.caller.principal.kind is not ANONYMOUS or self._failures.admit(call):
            await self._record(served, call, outcome, tls_details(request, peer))
        measure(served, name, outcome, began)
        return outcome.response

    async def _authenticate(self, served: Served, request: Request, at: float, peer: Peer) -> Authenticated:
        """Step 2. An unknown access key costs what a known one costs, and gets no further."""
        signed: sigv4.Signed | None = None
        try:
            if served.goes_unsigned(request):
                return Authenticated(self._anonymous, self._region)
            if x509.is_certified(request):
                return self._certified(served, request, at)
            signed = sigv4.read(
                request,
                now=at,
                service=served.model.signing_name,
                protocol=served.protocol,
                window=served.window,
                regions=self._regions,
            )
            return Authenticated((await self._verify(signed, served.protocol)).caller, signed.region)
        except Refused as refused:
            who = signed.access_key_id if signed else None
            await self._failures.record(self._recorder, at, served.source, refused, peer.address, who)
            raise

    def _certified(self, served: Served, request: Request, at: float) -> Authenticated:
        """Signed with the key of a certificate. Whether it may be believed is for the operation to find out."""
        served.check_certified(request)
        signed = x509.read(
            request,
            now=at,
            service=served.model.signing_name,
            protocol=served.protocol,
            window=served.window,
            regions=self._regions,
        )
        presented = Presented(
            signed.algorithm, signed.serial, signed.certificates, signed.string_to_sign, signed.signature
        )
        return Authenticated(self._anonymous, signed.region, presented)

    async def _verify(self, signed: sigv4.Signed, protocol: str) -> Credential:
        try:
            credential = await self._identities.authenticate(signed.access_key_id, signed.token)
        except SessionExpired:
            raise findings.refusal("expired_token", protocol) from None
        key = await self._identities.signing_key(credential, signed.date, signed.region, signed.service)
        verified = sigv4.verify(signed, key)
        if credential is None:
            raise findings.refusal("unknown_key", protocol)
        if not verified:
            raise findings.refusal("wrong_signature", protocol)
        return credential

    async def _record(self, served: Served, call: Call, outcome: Outcome, tls: Mapping[str, str] | None) -> None:
        """Step 5. Raises RecorderLost when the record cannot be made durable; then nothing is answered."""
        made: list[bytes] = []
        for one in every(call):
            made += self._events(served, call, one, outcome, tls)
        if len(made) == 1:
            await self._recorder.record(made[0])
        else:
            await self._recorder.record_all(made)

    def _events(
        self, served: Served, call: Call, one: Call, outcome: Outcome, tls: Mapping[str, str] | None
    ) -> list[bytes]:
        """Of the call itself or of one made on its behalf: the caller's copy, and the copies of other accounts whose resources
        were used.
        """
        through = self._services.get(one.service) if one is not call else served
        redactor = through.redactor(one.action) if through else None
        failure, answer = outcome.failure, outcome.answer
        arguments: Mapping[str, Any] | None = outcome.arguments
        if one is not call:
            failure, answer, arguments = self._failure(one, through, outcome), None, one.arguments
        owners = one.notes.owners() - {one.account} if failure is None else set()
        shared = new_id() if owners else None
        made = []
        for recipient in (one.account, *sorted(owners)):
            event = events.event(
                request_id=one.id,
                at=self._clock(),
                source=f"{one.service}.amazonaws.com",
                name=one.action,
                region=one.region,
                identity=one.caller.identity,
                invoked_by=one.source_ip if one.via else None,
                source_ip=one.source_ip,
                user_agent=one.user_agent,
                error=(failure.code, failure.text) if failure else None,
                parameters=redactor.parameters(arguments) if redactor else None,
                response=redactor.response(answer) if redactor and answer is not None else None,
                notes=one.notes,
                read_only=redactor.read_only if redactor else False,
                recipient_account=recipient,
                tls=tls,
                shared_id=shared,
            )
            made.append(event)
        return made

    def _failure(self, one: Call, through: Served | None, outcome: Outcome) -> Failure | None:
        """What became of a call that was made on behalf of another, in its own service's words. One that nobody ended, or of a
        service that is not served, failed when the other did.
        """
        if not one.ended or through is None:
            return outcome.failure
        return through.understood(one.error, one.id) if one.error is not None else None


def actions(services: Iterable[Served]) -> Mapping[bytes, str]:
    """What a form may ask for, and of which service."""
    return {
        name.encode(): served.service.name
        for served in services
        if served.protocol == "query"
        for name in served.model.operations
    }


def measure(served: Served, name: str, outcome: Outcome, began: float) -> None:
    """Step 6 is over but for the writing. A name that is not the model's was made up by the caller, and is not told."""
    operation = name if name in served.model.operations else UNKNOWN
    meters.REQUESTS.count(served.service.name, operation, outcome.failure.code if outcome.failure else "OK")
    meters.REQUEST_TIME.observe(perf_counter() - began, served.service.name, operation)


def every(call: Call) -> list[Call]:
    """The call, and what it forwarded, and what that forwarded."""
    found = [call]
    for further in call.forwarded:
        found += every(further)
    return found


def tls_details(request: Request, peer: Peer) -> Mapping[str, str] | None:
    if peer.tls is None:
        return None
    host = request.named.get(b"host", b"")
    return {**peer.tls, "clientProvidedHostHeader": host[:255].decode("latin-1")}
